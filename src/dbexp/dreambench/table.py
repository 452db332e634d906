"""The table of DreamBench: each subject's means, their mean with its interval over subjects, the paper's beside it.

It knows no folder of runs.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dbexp.dreambench.runs import BenchRun
from dbexp.evaluation.intervals import Interval, Scores, mean_interval

# Table 1 of DreamBooth (Ruiz et al., arXiv 2208.12242), 30 subjects; CLIP-T of photos is not told
PAPER: dict[str, dict[str, float]] = {
    "real images": {"dino": 0.774, "clip_i": 0.885},
    "DreamBooth, Imagen": {"dino": 0.696, "clip_i": 0.812, "clip_t": 0.306},
    "DreamBooth, SD": {"dino": 0.668, "clip_i": 0.803, "clip_t": 0.305},
    "Textual Inversion, SD": {"dino": 0.569, "clip_i": 0.780, "clip_t": 0.255},
}
NUM_SUBJECTS = 30  # of the paper
SCORES = ("dino", "clip_i", "clip_t")
WIDTH = 26  # characters of a score's column


@dataclass(frozen=True)
class Row:
    """One subject, or all of them.

    Attributes:
        name: the subject's, or what is meant over subjects.
        class_noun: "" for all.
        num_runs, num_pictures: what the means are of.
        scores: name -> mean; with an interval over subjects only where several were meant.
    """

    name: str
    class_noun: str
    num_runs: int
    num_pictures: int
    scores: dict[str, Interval]


def rows_of(runs: Sequence[BenchRun]) -> list[Row]:
    """A row a subject, by name, and the row over all of them."""
    subjects = sorted({run.subject for run in runs})
    parts = [(name, [run for run in runs if run.subject == name]) for name in subjects]
    rows = [_row(name, of_one[0].class_noun, of_one) for name, of_one in parts]
    return [*rows, _row("all", "", runs)]


def _row(name: str, class_noun: str, runs: Sequence[BenchRun]) -> Row:
    scores = {score: mean_over_subjects(runs, score) for score in SCORES if _is_known(runs, score)}
    return Row(name, class_noun, len(runs), sum(len(run.pictures) for run in runs), scores)


def mean_over_subjects(runs: Sequence[BenchRun], score: str) -> Interval:
    """Mean of subjects' means, a subject's being that of its prompts', a prompt's that of its pictures by all training
    seeds. With two subjects or more the interval is about other subjects: the subject is what was repeated.
    """
    cells = [(run, picture) for run in runs for picture in run.pictures]
    values = np.array([picture.scores[score] for _, picture in cells], np.float64)
    subject = np.array([run.subject for run, _ in cells])
    prompt = np.array([picture.prompt for _, picture in cells])
    seed = np.array([f"{run.seed}/{picture.seed}" for run, picture in cells])
    return mean_interval(Scores(values, run=subject, prompt=prompt, seed=seed))


def _is_known(runs: Sequence[BenchRun], score: str) -> bool:
    return all(score in picture.scores for run in runs for picture in run.pictures)


def text(rows: Sequence[Row], missing: Sequence[str]) -> str:
    """The table for the terminal.

    Args:
        missing: subjects without a run.
    """
    *subjects, whole = rows
    lines = [_line("subject", "class", "runs", "pictures", SCORES)]
    for row in subjects:
        told = [_number(row.scores[score].value if score in row.scores else None) for score in SCORES]
        lines.append(_line(row.name, row.class_noun, str(row.num_runs), str(row.num_pictures), told))
    label = "mean of subjects" if len(subjects) > 1 else "this subject"
    told = [_with_interval(whole.scores.get(score), len(subjects)) for score in SCORES]
    lines += ["", _line(label, f"{len(subjects)}", str(whole.num_runs), str(whole.num_pictures), told)]
    lines += [_line(f"paper: {name}", "", "", "", [_number(row.get(s)) for s in SCORES]) for name, row in PAPER.items()]
    return "\n".join([*lines, "", *_remarks(len(subjects), missing)])


def _remarks(num_subjects: int, missing: Sequence[str]) -> Iterator[str]:
    if num_subjects > 1:
        yield "Intervals: 95 %, over subjects; what other subjects would give. The paper tells none."
    else:
        yield "One subject has no interval over subjects."
    if missing:
        yield f"{len(missing)} of {num_subjects + len(missing)} subjects have no run: {', '.join(missing)}"
    if num_subjects < NUM_SUBJECTS:
        yield f"The paper's rows are means of {NUM_SUBJECTS} subjects, so they do not stand beside {num_subjects}."


def csv_text(rows: Sequence[Row]) -> str:
    """The same for programs: value, low and high of each score; the row "all" is the mean of subjects."""
    file = io.StringIO()
    names = [f"{score}{end}" for score in SCORES for end in ("", "_low", "_high")]
    writer = csv.DictWriter(file, ["subject", "class_noun", "runs", "pictures", *names], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        told = {"subject": row.name, "class_noun": row.class_noun, "runs": row.num_runs, "pictures": row.num_pictures}
        for score, interval in row.scores.items():
            is_over_subjects = row is rows[-1] and len(rows) > 2
            told |= {score: f"{interval.value:.6f}"}
            if is_over_subjects:
                told |= {f"{score}_low": f"{interval.low:.6f}", f"{score}_high": f"{interval.high:.6f}"}
        writer.writerow(told)
    return file.getvalue()


def _line(name: str, noun: str, runs: str, pictures: str, scores: Sequence[str]) -> str:
    cells = "".join(f"{score:<{WIDTH}}" for score in scores)
    return f"{name:<30}{noun:<16}{runs:>4}{pictures:>10}  {cells}".rstrip()


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _with_interval(interval: Interval | None, num_subjects: int) -> str:
    if interval is None or num_subjects < 2:
        return _number(None if interval is None else interval.value)
    return f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"
