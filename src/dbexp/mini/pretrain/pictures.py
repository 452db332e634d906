"""Drawings made beforehand, so that no training waits for the pencil: uint8 arrays on disk with captions and truth.

Picture n is scene n of the seed, except that odd pictures show the individual of the even one before them in another
place and pose ("twins", in the same style). It knows the world and files, no model.
"""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dbexp.mini.oracle import labels
from dbexp.mini.pretrain.tokens import MAX_TOKENS, token_ids
from dbexp.mini.world import Scene, captions, draw, sample_scene

SIZES = (64, 128)  # pixels of a side
NUM_CAPTIONS = 14  # a picture; shorter lists repeat from their beginning
CHUNK = 64  # pictures a worker draws at a time
IN_MEMORY_BYTES = 16e9  # larger arrays stay on disk


@dataclass(frozen=True)
class DrawOptions:
    """What to draw.

    Attributes:
        num: pictures; even.
        seed: of the scenes; fresh drawings for scores have seeds far above.
        processes: workers; 0 is one for each core, 1 none beside this process.
    """

    num: int = 100_000
    seed: int = 0
    processes: int = 0


def scene_number(n: int, seed: int) -> Scene:
    """The scene of picture n."""
    start = seed * 100_000_000
    if n % 2 == 0:
        return sample_scene(start + n)
    twin = sample_scene(start + n - 1)
    return sample_scene(start + n, identity=twin.identity, style=twin.style)


def told(scene: Scene) -> list[str]:
    """The scene's captions, 14 of them."""
    own = captions(scene)
    return [own[k % len(own)] for k in range(NUM_CAPTIONS)]


def draw_chunk(first: int, num: int, seed: int) -> tuple[list[NDArray[np.uint8]], list[str], list[list[int]]]:
    """Pictures `first` to `first + CHUNK` (or `num`): arrays by size, JSON lines, labels."""
    scenes = [scene_number(n, seed) for n in range(first, min(first + CHUNK, num))]
    arrays = [np.stack([np.asarray(draw(scene, size)) for scene in scenes]) for size in SIZES]
    lines = [json.dumps({"captions": told(scene), "scene": json.loads(scene.to_json())}) for scene in scenes]
    return arrays, lines, [labels(scene) for scene in scenes]


def draw_pictures(folder: Path, options: DrawOptions) -> str:
    """Write pictures_64.npy, pictures_128.npy, tokens.npy, labels.npy, scenes.jsonl, and manifest.json last.

    A folder that has its manifest is left alone if it was made by the same options.

    Raises:
        ValueError: num is odd, or the folder was made with other options.
    """
    made = {"num": options.num, "seed": options.seed, "sizes": list(SIZES)}
    if (folder / "manifest.json").is_file():
        if json.loads((folder / "manifest.json").read_text()) != made:
            raise ValueError(f"{folder} was drawn with other options: remove it, or name another folder")
        return f"{folder} has its {options.num} pictures"
    if options.num % 2:
        raise ValueError(f"num={options.num} is odd: pictures come in twins")
    folder.mkdir(parents=True, exist_ok=True)
    work, starts = partial(draw_chunk, num=options.num, seed=options.seed), range(0, options.num, CHUNK)
    if options.processes == 1:
        write_all(folder, options.num, map(work, starts))
    else:
        with ProcessPoolExecutor(options.processes or os.cpu_count()) as workers:
            write_all(folder, options.num, workers.map(work, starts))
    (folder / "manifest.json").write_text(json.dumps(made))
    return f"drew {options.num} pictures into {folder}"


def write_all(
    folder: Path, num: int, chunks: Iterator[tuple[list[NDArray[np.uint8]], list[str], list[list[int]]]]
) -> None:
    """Put the chunks into the arrays as they come."""
    arrays = [
        np.lib.format.open_memmap(folder / f"pictures_{size}.npy", "w+", np.uint8, (num, size, size, 3))
        for size in SIZES
    ]
    tokens = np.lib.format.open_memmap(folder / "tokens.npy", "w+", np.int16, (num, NUM_CAPTIONS, MAX_TOKENS))
    truths, at = [], 0
    with (folder / "scenes.jsonl").open("w", encoding="utf-8") as stream:
        for parts, lines, found in chunks:
            rows = slice(at, at + len(lines))
            for array, part in zip(arrays, parts, strict=True):
                array[rows] = part
            for row, line in enumerate(lines):
                tokens[at + row] = token_ids(json.loads(line)["captions"])
            stream.writelines(line + "\n" for line in lines)
            truths += found
            at += len(lines)
            if at // 5000 != (at - len(lines)) // 5000:
                print(f"pictures {at}/{num}", flush=True)
    np.save(folder / "labels.npy", np.array(truths, np.int8))
    for array in (*arrays, tokens):
        array.flush()


class Pictures:
    """The drawings of a folder, on a device if they fit there.

    Attributes:
        num: how many.
    """

    def __init__(self, folder: Path, device: torch.device) -> None:
        if not (folder / "manifest.json").is_file():
            raise ValueError(f"{folder} has no pictures: run `python -m dbexp.mini.pretrain pictures` first")
        self.folder, self.device = folder, device
        self.num: int = json.loads((folder / "manifest.json").read_text())["num"]
        self._arrays: dict[str, Tensor] = {}

    def array(self, name: str) -> Tensor:
        """A whole array: on the GPU where there is one and it fits, else mapped from disk."""
        if name not in self._arrays:
            # written to by nobody: torch only wants to be able to
            mapped = torch.from_numpy(np.load(self.folder / f"{name}.npy", mmap_mode="c"))
            fits = self.device.type == "cuda" and mapped.nbytes < IN_MEMORY_BYTES
            self._arrays[name] = mapped.to(self.device) if fits else mapped
        return self._arrays[name]

    def rows(self, name: str, numbers: Tensor) -> Tensor:
        """Rows of an array, on the device."""
        array = self.array(name)
        return array[numbers.to(array.device)].to(self.device)

    def pixel_values(self, numbers: Tensor, size: int) -> Tensor:
        """These pictures in [-1, 1], float32, shape (B, 3, size, size)."""
        return self.rows(f"pictures_{size}", numbers).permute(0, 3, 1, 2).float() / 127.5 - 1

    def input_ids(self, numbers: Tensor, which: Tensor) -> Tensor:
        """Token ids of caption `which` (0 to 13) of each picture, int64, shape (B, 24)."""
        array = self.array("tokens")
        return array[numbers.to(array.device), which.to(array.device)].to(self.device).long()

    def scenes(self, numbers: list[int]) -> list[Scene]:
        """The truth behind these pictures."""
        wanted = set(numbers)
        with (self.folder / "scenes.jsonl").open(encoding="utf-8") as stream:
            lines = {n: line for n, line in enumerate(stream) if n in wanted}
        return [Scene.from_json(json.dumps(json.loads(lines[n])["scene"])) for n in numbers]


def some(pictures: Pictures) -> Tensor:
    """The first 2,048 drawings, fewer where there are fewer, at the small size, in [-1, 1]."""
    return pictures.pixel_values(torch.arange(min(2048, pictures.num), device=pictures.device), SIZES[0])
