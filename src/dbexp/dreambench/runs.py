"""Finished runs of DreamBench: found in folders, read, and refused where they are not of one kind. It averages nothing.

One kind is: trained alike from the same base weights, drawn alike, judged alike. Subject, photos and training seed may
differ, and what changes neither weights nor scores.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbexp.errors import UserError
from dbexp.folder import RunFolder, Sample, flat, is_free

# keys of a request that may differ from run to run of one table; the weights' identity stands for the model's
MAY_DIFFER = (
    *("name.", "seed.", "dreambench.", "model.", "subject.photos.", "subject.class_noun.", "subject.kind."),
    *("evaluation.at_steps.", "trainer.devices.", "trainer.strategy.", "trainer.num_nodes."),
)
# parts of a protocol that may: the subject's number of photos, and where a judge lies whose identity is told
OF_THE_SUBJECT = ("photos", "dino.judge", "clip.judge")


@dataclass(frozen=True)
class BenchRun:
    """One finished and scored run.

    Attributes:
        path: its folder.
        subject, class_noun: what it learned.
        seed: of the training.
        root: where its photos came from.
        kind: dotted name -> value of all that must be the same in runs of one table.
        pictures: the final ones, each with its scores.
    """

    path: Path
    subject: str
    class_noun: str
    seed: int
    root: str
    kind: dict[str, Any]
    pictures: list[Sample]


def find(folders: Sequence[Path]) -> list[RunFolder]:
    """Every run folder at or below these, sorted by path.

    Raises:
        UserError: a folder is not there, or holds no run.
    """
    found: dict[Path, RunFolder] = {}
    for folder in folders:
        # W&B's own folders hold a config.yaml too, and entries of a store a manifest.json, but never both
        here = [path.parent for path in folder.rglob("manifest.json") if path.with_name("config.yaml").is_file()]
        if not here:
            raise UserError(f"{folder} {'holds no run' if folder.is_dir() else 'is not there'}; name a folder of runs")
        found |= {path.resolve(): RunFolder(path) for path in here}
    return [found[path] for path in sorted(found)]


def read_run(folder: RunFolder, defaults: Mapping[str, Any]) -> BenchRun | str:
    """A run as the table takes it, or why it is left out.

    Args:
        defaults: what a key says that the run was not asked.
    Raises:
        UserError: its config.yaml cannot be read.
    """
    config, summary = flat(defaults) | flat(folder.read_config() or {}), folder.read_summary()
    if config["dreambench.subject"] is None:
        return "no run of DreamBench"
    if summary.get("status") != "done":
        return f"{summary.get('status', 'not begun')}; python -m dbexp run_dir={folder.path} goes on with it"
    if not summary.get("metrics"):
        return f"not scored; python -m dbexp run_dir={folder.path} 'stages=[generate,evaluate,report]' scores it"
    pictures = scored_pictures(folder, summary)
    if len(pictures) != summary["protocol"]["pictures"]:
        again = f"python -m dbexp run_dir={folder.path} 'stages=[generate,evaluate,report]'"
        return f"its pictures are not those that were scored; {again} draws and scores them again"
    protocol = {key: value for key, value in flat(summary["protocol"]).items() if key not in OF_THE_SUBJECT}
    trained = {key: config[key] for key in config if not is_free(key) and not f"{key}.".startswith(MAY_DIFFER)}
    base = json.loads((folder.path / "manifest.json").read_text(encoding="utf-8"))["base"]
    told = {f"protocol.{key}": value for key, value in protocol.items()}
    drawn = {f"sampling.{key}": value for key, value in pictures[0].sampling.items()}
    return BenchRun(
        path=folder.path,
        subject=config["dreambench.subject"],
        class_noun=config["subject.class_noun"],
        seed=config["seed"],
        root=config["dreambench.root"],
        kind={"the base weights": base, **trained, **drawn, **told},
        pictures=pictures,
    )


def scored_pictures(folder: RunFolder, summary: Mapping[str, Any]) -> list[Sample]:
    """The final pictures that the summary's scores are of: the index may have more, of an earlier and larger wish."""
    rows = [row for row in folder.samples() if (row.role, row.step) == ("final", summary["train"]["steps"])]
    prompts = len({row.prompt for row in rows})
    return [row for row in rows if row.scores and row.seed * prompts < summary["protocol"]["pictures"]]


def refuse_mixture(runs: Sequence[BenchRun]) -> None:
    """Stop at runs that do not belong into one table.

    Raises:
        UserError: names two runs and all that differs between them, or two of one subject and seed.
    """
    for run in runs[1:]:
        if different := [*differences(runs[0].kind, run.kind)]:
            pair = f"{runs[0].path} and {run.path} do not belong into one table"
            raise UserError(f"{pair}: {'; '.join(different)}. Name the folders of one kind of run")
    seen: dict[tuple[str, int], Path] = {}
    for run in runs:
        if (other := seen.setdefault((run.subject, run.seed), run.path)) != run.path:
            twice = f"{run.subject} is there twice with seed={run.seed}: {other} and {run.path}"
            raise UserError(f"{twice}; name the folders that are to count, or train with another seed")


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    """What two kinds of run say differently, a few words each."""
    for key in dict.fromkeys((*one, *other)):
        if one.get(key) != other.get(key):
            yield f"{key} is {one.get(key)} and {other.get(key)}"
