"""What to type next: to do a run again, to go on with it, to use its weights. It runs nothing."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbexp.report.record import Record
from dbexp.subject import name_in_prompts

PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+@~%")


@dataclass(frozen=True)
class Command:
    """Something to copy.

    Attributes:
        title: what it does.
        why: what to know before, "" where there is nothing.
        text: of one line or several.
        language: "shell" or "python".
    """

    title: str
    why: str
    text: str
    language: str = "shell"


def shown(path: Path) -> str:
    """A path as one would type it: relative where it lies below the working directory."""
    path = path.absolute()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def go_on(folder: Path, *words: str) -> str:
    """The command that goes on with a run, quoted for the shell and for Hydra's grammar."""
    path = shown(folder)
    if not PLAIN.issuperset(path):
        path = "'" + path.replace("'", "\\'") + "'"
    return shlex.join(["python", "-m", "dbexp", f"run_dir={path}", *words])


def name_of(config: Mapping[str, Any]) -> str:
    """The words that mean the subject in a prompt."""
    subject: Mapping[str, Any] = config.get("subject") or {}
    identifier, class_noun = (str(subject.get(key) or "") for key in ("identifier", "class_noun"))
    return name_in_prompts(identifier, class_noun, subject.get("prompt_noun"))


def load(record: Record) -> Command:
    """How other programs take the weights."""
    why = "weights/README.md has the sampler, too, with which the very pictures of this page come out again."
    return Command("Load the weights in diffusers", why, snippet(record), "python")


def snippet(record: Record) -> str:
    """Python that draws a picture with the run's weights."""
    sampling: Mapping[str, Any] = record.config.get("sampling") or {}
    final = [row for row in record.samples if row["role"] == "final"]
    prompt = final[0]["prompt"] if final else name_of(record.config)
    seed = final[0].get("generator_seed", 0) if final else 0
    settings = {"num_inference_steps": sampling.get("num_steps"), "guidance_scale": sampling.get("guidance_scale")}
    lines = [
        "import torch",
        "from diffusers import DiffusionPipeline",
        "",
        *opening(record.folder / "weights"),
        'pipeline.to("cuda" if torch.cuda.is_available() else "cpu")',
        "image = pipeline(",
        f"    {prompt!r},",
        *(f"    {name}={value!r}," for name, value in settings.items() if value is not None),
        f"    generator=torch.Generator().manual_seed({seed!r}),",
        ").images[0]",
        'image.save("picture.png")',
    ]
    return "\n".join(lines)


def opening(weights: Path) -> list[str]:
    """Python lines that make a `pipeline` with a run's weights: one where they are a whole one, else the lines of their
    card, which puts them onto the base.
    """
    whole = [f"pipeline = DiffusionPipeline.from_pretrained({shown(weights)!r})"]
    card = weights / "README.md"
    if (weights / "model_index.json").is_file() or not card.is_file():
        return whole
    code = card.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0].splitlines()
    first = [number for number, line in enumerate(code) if line.startswith("pipeline = ")]
    last = [number for number, line in enumerate(code) if line.startswith("pipeline.scheduler = ")]
    if not first or not last:
        return whole
    return [line.replace("path/to/this/folder", shown(weights)) for line in code[first[0] : last[0]]]


def again(record: Record) -> Command:
    """The same request in a new folder: its manifest comes along, so that other photos or weights are refused."""
    folder, new = record.folder, record.folder.with_name(f"{record.folder.absolute().name}_again")
    commit = record.manifest.get("commit")
    source = f"dbexp {record.manifest.get('dbexp', '')}" if commit is None else f"commit {commit}"
    files = [shlex.quote(shown(folder / name)) for name in ("config.yaml", "manifest.json")]
    target = shlex.quote(shown(new))
    text = f"mkdir {target}\ncp {' '.join(files)} {target}/\n{go_on(new)}"
    why = f"This one was made with {source}. Other photos or base weights are refused."
    return Command("Do the same run again", why, text)


def page_again(record: Record) -> Command:
    """This page, from the files as they are then."""
    return Command("Make this page again", "", f"python -m dbexp.report {shlex.quote(shown(record.folder))}")
