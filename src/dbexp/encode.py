"""Encodes once what training would encode at every step: posteriors of pictures, states of prompts.

It knows a family and how each piece is made and packed, not where the pieces are kept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from safetensors.torch import load_file, save
from torch.utils.data import DataLoader, Dataset

from dbexp.data.draws import hashed
from dbexp.data.latents import Latents
from dbexp.data.samples import View
from dbexp.family.base import Family
from dbexp.family.states import TextStates

LATENTS, TEXT_STATES = "latents", "text_states"
RECIPE = 1  # raise it when a change to the code changes what is made


@dataclass(frozen=True)
class Piece:
    """Something to encode.

    Attributes:
        name: to keep it under.
        make: the bytes to keep; asked on the device that the family is on.
    """

    name: str
    make: Callable[[], bytes]


def latents_key(base: str, resolution: int, background: str) -> dict[str, Any]:
    """Everything that makes a posterior what it is beside the picture and its crop; the VAE is always float32."""
    return {"recipe": RECIPE, "base": base, "resolution": resolution, "background": background}


def text_states_key(base: str, precision: str) -> dict[str, Any]:
    """Everything that makes a prompt's states what they are beside the prompt."""
    return {"recipe": RECIPE, "base": base, "precision": precision}


def view_name(view: View) -> str:
    """The name that a view's posterior is kept under."""
    return f"{view.content}.safetensors"


def latent_pieces(family: Family, views: Sequence[View]) -> list[Piece]:
    """A piece for every different view."""

    def make(view: View) -> bytes:
        pixel_values, sizes = view.show()
        posterior = family.posterior(pixel_values[None].to(family.device), [view.name])[0]
        return save({"posterior": posterior.cpu(), "sizes": sizes})

    different = {view_name(view): view for view in views}
    return [Piece(name, partial(make, view)) for name, view in different.items()]


def read_latents(views: Sequence[View], path: Callable[[str], Path]) -> Latents:
    """The posteriors of all views, in order; `path` says where what is kept under a name lies."""
    kept = [load_file(path(view_name(view))) for view in views]
    return Latents.stack([Latents(each["posterior"], each["sizes"]) for each in kept])


def prompt_name(prompt: str) -> str:
    """The name that a prompt's states are kept under."""
    return f"{hashed(160, prompt):040x}.safetensors"


def text_pieces(family: Family, prompts: Sequence[str]) -> list[Piece]:
    """A piece for every prompt, each encoded by itself."""

    def make(prompt: str) -> bytes:
        states = family.encode_text([prompt])
        pooled = {} if states.pooled is None else {"pooled": states.pooled.cpu()}
        return save({"hidden_states": states.hidden_states.cpu().contiguous(), **pooled})

    return [Piece(prompt_name(prompt), partial(make, prompt)) for prompt in dict.fromkeys(prompts)]


def read_texts(prompts: Sequence[str], path: Callable[[str], Path]) -> dict[str, TextStates]:
    """The states of every prompt, one row each; `path` says where what is kept under a name lies."""
    kept = {prompt: load_file(path(prompt_name(prompt))) for prompt in prompts}
    return {prompt: TextStates(each["hidden_states"], each.get("pooled")) for prompt, each in kept.items()}


class PieceModule(LightningModule):
    """Makes pieces under `Trainer.predict`, which owns ranks, devices and precision.

    Args:
        family: on whose device they are made.
        keep: called with (name, bytes) as soon as a piece is made.
    """

    def __init__(self, family: Family, keep: Callable[[str, bytes], None]) -> None:
        super().__init__()
        self.family, self.keep = family, keep
        self.allow_zero_length_dataloader_with_multiple_devices = True

    def transfer_batch_to_device(self, batch: list[Piece], device: torch.device, dataloader_idx: int) -> list[Piece]:
        """A piece finds the device itself."""
        return batch

    def predict_step(self, batch: list[Piece], batch_idx: int) -> list[str]:
        for piece in batch:
            self.keep(piece.name, piece.make())
        return [piece.name for piece in batch]


def encode_all(
    make_trainer: Callable[..., Trainer],
    family: Family,
    pieces: Sequence[Piece],
    keep: Callable[[str, bytes], None],
    progress: Callback,
) -> None:
    """Make every piece once, over all devices, each by itself, so that none depends on its neighbours.

    Args:
        make_trainer: makes a Lightning Trainer from the arguments that this room adds to the run's own.
        keep: called with (name, bytes) as soon as a piece is made.
        progress: shows how far it is.
    """
    family.eval()
    # Lightning's own sampler refuses a list that is shorter than there are ranks
    trainer = make_trainer(callbacks=[progress], use_distributed_sampler=False)
    mine = cast("Dataset[Piece]", list(pieces)[trainer.global_rank :: trainer.world_size])
    loader = DataLoader(mine, batch_size=1, collate_fn=list)
    trainer.predict(PieceModule(family, keep), loader, return_predictions=False)
    trainer.strategy.barrier("everything is encoded")
