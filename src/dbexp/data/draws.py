"""All randomness of the data, as functions of (seed, set, number, purpose).

A sample's number is its place in its set's endless stream: the n-th instance sample or the n-th prior sample since the
run began. A draw depends on nothing else, so it is the same whatever the batch size, the accumulation, the ranks, the
workers or the other set, and after a resume. This file does not know what the draws are used for.
"""

import hashlib
import json

import torch
from torch import Tensor


def hashed(bits: int, *parts: str | int) -> int:
    """An integer in [0, 2**bits) from blake2b of the parts, the same everywhere; `bits` is 8, 16, .. 512."""
    digest = hashlib.blake2b(json.dumps(parts).encode(), digest_size=bits // 8).digest()
    return int.from_bytes(digest, "big")


def generator(seed: int, set_name: str, number: int, purpose: str) -> torch.Generator:
    """A fresh CPU generator for one draw.

    It is seeded with 64 bits, of which torch's CPU generator (MT19937) keeps the lower 32: among 4000 draws of one
    purpose, two are the same with probability 0.2 %, which leaves every sample's distribution as it is.

    Args:
        seed: the run's seed.
        set_name: "instance" or "prior".
        number: the sample's number, or the number of a pass.
        purpose: what is drawn, e.g. "noise"; different purposes are independent.
    """
    return torch.Generator().manual_seed(hashed(64, seed, set_name, number, purpose))


def pick(seed: int, set_name: str, number: int, num_items: int) -> int:
    """Which item a sample shows, in [0, num_items): a fresh permutation each pass, so every item once per pass."""
    pass_number, position = divmod(number, num_items)
    order = torch.randperm(num_items, generator=generator(seed, set_name, pass_number, "order"))
    return int(order[position])


def normal(seed: int, set_name: str, number: int, purpose: str, shape: tuple[int, ...]) -> Tensor:
    """Standard normal values, float32, of this shape."""
    return torch.randn(shape, generator=generator(seed, set_name, number, purpose))


def uniform_int(seed: int, set_name: str, number: int, purpose: str, count: int) -> int:
    """An integer in [0, count), each as likely; count >= 1."""
    return int(torch.randint(count, (), generator=generator(seed, set_name, number, purpose)))


def coin(seed: int, set_name: str, number: int, purpose: str) -> bool:
    """True half of the time."""
    return uniform_int(seed, set_name, number, purpose, 2) == 1


def timestep(seed: int, set_name: str, number: int, num_train_timesteps: int) -> int:
    """A diffusion timestep in [0, num_train_timesteps), each as likely (DDPM Algorithm 1, arXiv 2006.11239)."""
    return uniform_int(seed, set_name, number, "timestep", num_train_timesteps)


def numbers(micro_step: int, batch_size: int, rank: int, world_size: int) -> range:
    """The sample numbers of one rank's micro-batch: n = (micro_step · world_size + rank) · batch_size + i.

    Consecutive micro-steps and ranks take consecutive blocks, so that an optimizer step covers the same numbers however
    a batch is split.
    """
    first = (micro_step * world_size + rank) * batch_size
    return range(first, first + batch_size)


def picture_seed(template: str, seed: int) -> int:
    """The seed of one sampled picture's generator, 32 bits, from its prompt template and its seed index."""
    return hashed(32, template, seed)
