"""python -m dbexp.mini.lesson OUT RUN [RUN ...]: what runs of a bundled subject have learned, read by the oracle.

Writes OUT/results.csv, a row a run, and OUT/sheet.png, and prints the table by λ. The runs are ordinary run folders of
one subject; those that only drew (`stages=[generate]`) are the model before. It reads pictures and records, no weights.

Each picture is judged by its own prompt: one with the identifier should show the subject, one with the class noun
alone any of its class, and where a prompt names a place, it should be that place.
"""

import csv
import json
import math
import sys
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

from dbexp.generate.grid import contact_sheet
from dbexp.mini.oracle import WORDS, Oracle, truth
from dbexp.mini.world import SUBJECTS, Identity, Subject, instance_scenes
from dbexp.mini.world.captions import PLACE_WORDS

ORACLE = Path(__file__).parent / "weights" / "oracle"
CLASS_BEFORE = "class_base"  # role of the bare class prompt's pictures before training
READ_AS = {"class_noun": "class", "hair_colour": "hair"}  # fields of an identity that the oracle calls otherwise


@dataclass(frozen=True)
class Drawn:
    """A picture, what was asked for and what the oracle sees.

    Attributes:
        prompt: as the model read it.
        of_subject: whether the prompt has the identifier.
        place: the place that the prompt names; None if it names none.
        file: the picture.
        seen: attribute -> word.
    """

    prompt: str
    of_subject: bool
    place: str | None
    file: Path
    seen: dict[str, str]


@dataclass(frozen=True)
class Learned:
    """What one run shows, in shares of its pictures.

    Attributes:
        prior_weight: λ; None before training.
        seed: the run's; None before training.
        subject_class, subject_place: prompts with the identifier whose class and place are right.
        subject_tells: those that show all that tells the individual from others of its class.
        subject_traits: right attributes of the individual, among all that show.
        class_class, class_place: prompts with the bare class noun whose class and place are right.
        class_is_subject: those that show the individual instead of any of its class: language drift.
        class_colours: different main colours among them.
    """

    prior_weight: float | None
    seed: int | None
    subject_class: float
    subject_place: float
    subject_tells: float
    subject_traits: float
    class_class: float
    class_place: float
    class_is_subject: float
    class_colours: int


def subject_of(config: dict[str, Any]) -> Subject:
    """The bundled subject that a run was about.

    Raises:
        ValueError: it was about something else, or about a look or a place.
    """
    name = Path(config["subject"]["photos"]).name
    if name not in SUBJECTS or SUBJECTS[name].identity is None:
        known = ", ".join(name for name, subject in SUBJECTS.items() if subject.identity)
        raise ValueError(f"the photos {config['subject']['photos']} show none of {known}")
    return SUBJECTS[name]


def place_in(prompt: str) -> str | None:
    """The place whose words are in the prompt; the longest words win."""
    found = [(len(words), place) for place, ways in PLACE_WORDS.items() for words in ways[:2] if words in prompt]
    return max(found)[1] if found else None


def identity_words(subject: Subject) -> dict[str, str]:
    """attribute -> word, of all that the oracle can read of the individual in a picture that shows it whole."""
    shown: dict[str, str] = {}
    for scene in instance_scenes(next(name for name, each in SUBJECTS.items() if each is subject)):
        shown |= {name: word for name, word in truth(scene).items() if word is not None}
    fixed = {READ_AS.get(field.name, field.name) for field in fields(Identity)}
    return {name: word for name, word in shown.items() if name in fixed and name in WORDS}


def read_run(folder: Path, oracle: Oracle, role: str | None = None) -> tuple[dict[str, Any], list[Drawn]]:
    """A run's configuration, and its last pictures as the oracle sees them, or those of a role."""
    config = yaml.safe_load((folder / "config.yaml").read_text())
    rows = [json.loads(line) for line in (folder / "samples" / "index.jsonl").read_text().splitlines()]
    last = max(row["step"] for row in rows)
    rows = [row for row in rows if (row["step"] == last if role is None else row["role"] == role)]
    read = oracle.read([Image.open(folder / row["file"]).convert("RGB") for row in rows])
    identifier = config["subject"]["identifier"]
    return config, [
        Drawn(
            row["prompt"],
            identifier in row["prompt"].split(),
            place_in(row["prompt"]),
            folder / row["file"],
            seen,
        )
        for row, seen in zip(rows, read, strict=True)
    ]


def with_class_before(runs: list[tuple[Path, dict[str, Any], list[Drawn]]], oracle: Oracle) -> None:
    """A run that drew its own prompts alone shows no bare class; a trained one has drawn it before it learned."""
    trained = [folder for folder, config, _ in runs if "train" in config["stages"]]
    for _, config, pictures in runs:
        if trained and "train" not in config["stages"] and all(each.of_subject for each in pictures):
            pictures += read_run(trained[0], oracle, role=CLASS_BEFORE)[1]


def share(hits: list[bool]) -> float:
    return round(sum(hits) / len(hits), 4) if hits else float("nan")


def learned(config: dict[str, Any], pictures: list[Drawn]) -> Learned:
    """The shares of one run."""
    subject = subject_of(config)
    words, noun = identity_words(subject), subject.class_noun
    tells = [READ_AS.get(name, name) for name in subject.tells]
    traits = [name for name in words if name != "class"]
    asked, bare = ([each for each in pictures if each.of_subject is flag] for flag in (True, False))
    was_trained = "train" in config["stages"]

    def is_subject(each: Drawn) -> bool:
        return all(each.seen[name] == words[name] for name in tells)

    return Learned(
        prior_weight=float(config["prior"].get("weight", 0.0)) if was_trained else None,
        seed=config["seed"] if was_trained else None,
        subject_class=share([each.seen["class"] == noun for each in asked]),
        subject_place=share([each.seen["place"] == each.place for each in asked if each.place]),
        subject_tells=share([is_subject(each) for each in asked]),
        subject_traits=share([each.seen[name] == words[name] for each in asked for name in traits]),
        class_class=share([each.seen["class"] == noun for each in bare]),
        class_place=share([each.seen["place"] == each.place for each in bare if each.place]),
        class_is_subject=share([is_subject(each) for each in bare]),
        class_colours=len({each.seen["main"] for each in bare}),
    )


def label(row: Learned) -> str:
    return "before" if row.prior_weight is None else f"λ = {row.prior_weight:g}"


def table(rows: list[Learned]) -> str:
    """Markdown: a row for each λ, the mean over its runs and the least and most where there are several."""
    names = [field.name for field in fields(Learned) if field.name not in ("prior_weight", "seed")]
    lines = ["| | runs | " + " | ".join(name.replace("_", " ") for name in names) + " |"]
    lines.append("| --- " * (len(names) + 2) + "|")
    for each in dict.fromkeys(map(label, rows)):
        group = [row for row in rows if label(row) == each]
        cells = []
        for name in names:
            values = [getattr(row, name) for row in group]
            mean, spread = sum(values) / len(values), f" ({min(values):.3g} to {max(values):.3g})"
            cells.append("" if math.isnan(mean) else f"{mean:.2f}" + (spread if len(values) > 1 else ""))
        lines.append(f"| {each} | {len(group)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def sheet(runs: list[tuple[Learned, list[Drawn]]]) -> Image.Image:
    """The first run of each λ: the subject in each place, first picture of each; below, as many of the bare class."""
    firsts = list({label(row): (row, pictures) for row, pictures in reversed(runs)}.values())[::-1]
    columns = sorted({each.place for _, pictures in firsts for each in pictures if each.of_subject and each.place})
    rows, words = [], []
    for of_subject in (True, False):
        for row, pictures in firsts:
            asked = [each for each in pictures if each.of_subject is of_subject]
            by_place = {each.place: each for each in reversed(asked)}
            shown = [by_place[place] for place in columns] if of_subject else asked[: len(columns)]
            if len(shown) == len(columns):  # a model before that drew its own prompts alone has no class
                rows.append([Image.open(each.file).convert("RGB") for each in shown])
                # the sheet's font has no Greek
                words.append(
                    f"{label(row).replace('λ =', 'prior.weight')}: "
                    + ("the subject" if of_subject else "the bare class, anywhere")
                )
    return contact_sheet(rows, words, columns, cell=128)


def main(words: list[str]) -> None:
    """Read the runs.

    Raises:
        ValueError: a folder is no run with pictures, or of another subject than the others.
    """
    if len(words) < 2 or "--help" in words:
        return print(__doc__)
    out, folders = Path(words[0]), [Path(word) for word in words[1:]]
    for folder in folders:
        if not all((folder / file).is_file() for file in ("config.yaml", "samples/index.jsonl")):
            raise ValueError(f"{folder} holds no pictures of a run, or no config.yaml")
    oracle = Oracle(ORACLE)
    read = [(folder, *read_run(folder, oracle)) for folder in folders]
    if len(subjects := {subject_of(config).class_noun for _, config, _ in read}) > 1:
        raise ValueError(f"the runs are of several subjects ({', '.join(sorted(subjects))}): read one's at a time")
    with_class_before(read, oracle)
    runs = [(learned(config, pictures), pictures) for _, config, pictures in read]
    runs.sort(key=lambda run: (run[0].prior_weight is not None, run[0].prior_weight or 0.0, run[0].seed or 0))
    out.mkdir(parents=True, exist_ok=True)
    with (out / "results.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(Learned)])
        writer.writeheader()
        writer.writerows(asdict(row) for row, _ in runs)
    sheet(runs).quantize(256, dither=Image.Dither.NONE).save(out / "sheet.png", optimize=True)
    print(table([row for row, _ in runs]))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ValueError as problem:
        print(problem, file=sys.stderr)
        raise SystemExit(2) from None
