"""Writes what other tools load into a folder, whole or not at all. It does not know how the weights were made."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from dbexp.export.card import model_card
from dbexp.family.base import Family

__all__ = ["export_folder", "export_pipeline", "model_card", "save_pipeline"]


def export_pipeline(family: Family, folder: Path, card: str) -> None:
    """Save what `DiffusionPipeline.from_pretrained(folder)` opens: float32 safetensors, and a README.md.

    Args:
        family: the model in memory; the checkpoint's own scheduler goes with it.
        folder: where; a folder of that name is replaced.
        card: text of README.md.
    """
    export_folder(folder, card, lambda partial: save_pipeline(family, partial))


def save_pipeline(family: Family, folder: Path) -> None:
    """Write a family as a diffusers pipeline: float32 safetensors."""
    for tokenizer in family.tokenizers:  # whose file would tell how it was last used
        tokenizer.backend_tokenizer.no_truncation()
        tokenizer.backend_tokenizer.no_padding()
    family.pipeline().save_pretrained(folder, safe_serialization=True)


def export_folder(folder: Path, card: str, save: Callable[[Path], None]) -> None:
    """Write a folder and its README.md beside its place under another name, and rename it at the end: a killed export
    leaves no folder with that name, or the one that was there before.

    Args:
        folder: where; a folder of that name is replaced.
        card: text of README.md.
        save: writes everything else into the folder that it is given.
    """
    partial, former = (folder.with_name(f".{folder.name}.{state}") for state in ("partial", "former"))
    # what an export that was killed left
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    save(partial)
    (partial / "README.md").write_text(card, encoding="utf-8")
    settle(partial)
    replace_folder(partial, folder, former)


def settle(place: Path) -> None:
    """Bring a file, or every file of a folder, to the disk, readable to whoever may read the folder: safetensors writes
    for its owner only.
    """
    folder = place.parent if place.is_file() else place
    for path in [place, *place.rglob("*")]:
        if path.is_file():
            path.chmod(0o666 & folder.stat().st_mode)
            with path.open("rb") as stream:
                os.fsync(stream.fileno())


def replace_folder(new: Path, folder: Path, former: Path) -> None:
    """Give `new` the name `folder`; what had the name goes by way of `former`, and is gone at the end."""
    if folder.exists():
        shutil.rmtree(former, ignore_errors=True)
        folder.rename(former)
    new.rename(folder)
    shutil.rmtree(former, ignore_errors=True)
