"""Embeddings files: the vectors of a new word, as diffusers, A1111 and ComfyUI read them. They know no network."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from dbexp.errors import UserError
from dbexp.export.lora import read_tensors

FILE = "learned_embeds.safetensors"  # the name that load_textual_inversion looks for


def embeddings(token: str, keys: Sequence[str | None], vectors: Sequence[Tensor]) -> dict[str, Tensor]:
    """{word: (N, D)} for one encoder; {"clip_l": (N, D), "clip_g": (N, D')} for two.

    Args:
        keys: the family's name of each encoder's vectors; None is the word itself.
        vectors: of each encoder, shape (N, D).
    """
    return {key or token: own.detach().cpu().float().clone() for key, own in zip(keys, vectors, strict=True)}


def save_embeddings(folder: Path, named: Mapping[str, Tensor]) -> None:
    """Write the file."""
    save_file(dict(named), folder / FILE, {"format": "pt"})


def load_embeddings(folder: Path, token: str, keys: Sequence[str | None]) -> list[Tensor]:
    """Each encoder's vectors.

    Raises:
        UserError: the file is not there, damaged, or of another word or family.
    """
    named = read_tensors(folder / FILE)
    wanted = [key or token for key in keys]
    if named.keys() != set(wanted):
        raise UserError(f"{folder / FILE} holds {', '.join(sorted(named))}, not {', '.join(wanted)}")
    return [named[key] for key in wanted]


def loading_lines(token: str, keys: Sequence[str | None]) -> list[str]:
    """Python that puts the file into a diffusers `pipeline`."""
    if len(keys) == 1:
        return ['pipeline.load_textual_inversion("path/to/this/folder")']
    lines = ["from safetensors.torch import load_file", f'vectors = load_file("path/to/this/folder/{FILE}")']
    for number, key in enumerate(keys):
        end = "" if number == 0 else f"_{number + 1}"
        parts = f"text_encoder=pipeline.text_encoder{end}, tokenizer=pipeline.tokenizer{end}"
        lines.append(f"pipeline.load_textual_inversion(vectors[{key!r}], token={token!r}, {parts})")
    last = f"_{len(keys)}"
    # with the id 2 of the published config the encoder would pool at the new word
    lines.append(f"pipeline.text_encoder{last}.text_model.eos_token_id = pipeline.tokenizer{last}.eos_token_id")
    return lines
