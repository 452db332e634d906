"""python -m dbexp.mini.judging OUT RUN [RUN ...]: do the scores rank pictures as the truth does?

The runs are scored ones of one bundled subject. The oracle reads from each of their pictures, the base model's among
them, how much of the individual it shows (identity) and how much of its prompt (fidelity); a score that is worth its
name ranks the pictures so too. Writes OUT/ranking.csv and prints a table: Spearman's ρ over pictures, ρ over the means
of settings (λ and step), and the chance that a picture of the individual scores above one that is none of it. Each is
taken within a training seed; the interval is over the seeds. It reads pictures and records, no weights.
"""

import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchmetrics.functional.classification import binary_auroc
from torchmetrics.functional.regression import spearman_corrcoef

from dbexp.evaluation.intervals import Interval, Scores, mean_interval
from dbexp.folder import RunFolder, Sample
from dbexp.mini.lesson import ORACLE, READ_AS, identity_words, place_in, subject_of
from dbexp.mini.oracle import Oracle
from dbexp.mini.world import Subject
from dbexp.mini.world.captions import LEADS

SCORES = ("dino", "clip_i", "clip_t")
TRUTHS = ("identity", "fidelity")
BEFORE = ("base", 0)  # the setting of the base model's pictures


@dataclass(frozen=True)
class Judged:
    """A picture with its truth and its scores.

    Attributes:
        seed: of the training run.
        setting: λ and step, ("base", 0) for the base model's.
        identity: share of the individual's attributes that the picture shows right.
        fidelity: share of class, place and style that are as the prompt says.
        is_subject: whether it shows all that tells the individual from others.
        scores: name -> what the judges say.
    """

    seed: int
    setting: tuple[str, int]
    identity: float
    fidelity: float
    is_subject: bool
    scores: dict[str, float]


def style_in(prompt: str) -> str | None:
    """The style whose words open the prompt; the longest words win, and a bare film still may have any."""
    found = [(len(lead), style) for style, leads in LEADS.items() for lead in leads if prompt.startswith(f"{lead} of")]
    style = max(found)[1] if found else None
    return None if style == "movie" else style


def judged(sample: Sample, seen: dict[str, str], subject: Subject, seed: int, weight: str) -> Judged:
    """One picture, given what the oracle sees in it."""
    words = identity_words(subject)
    traits = [seen[name] == word for name, word in words.items() if name != "class"]
    asked = {"class": subject.class_noun, "place": place_in(sample.prompt), "style": style_in(sample.prompt)}
    kept = [seen[name] == word for name, word in asked.items() if word is not None]
    return Judged(
        seed=seed,
        setting=BEFORE if sample.step == 0 else (weight, sample.step),
        identity=sum(traits) / len(traits),
        fidelity=sum(kept) / len(kept),
        is_subject=all(seen[READ_AS.get(name, name)] == words[READ_AS.get(name, name)] for name in subject.tells),
        scores={name: float(sample.scores[name]) for name in SCORES},
    )


def read_run(folder: Path, oracle: Oracle) -> tuple[Subject, list[Judged]]:
    """The scored pictures of a run's prompts, drawn before, amid and after training.

    Raises:
        ValueError: it holds no scored pictures.
    """
    run = RunFolder(folder)
    config, samples = run.read_config(), [each for each in run.samples() if each.scores.keys() >= set(SCORES)]
    if config is None or not samples:
        raise ValueError(f"{folder} holds no scored pictures of a run: ask it for evaluation=mini")
    subject = subject_of(config)
    read = oracle.read([Image.open(folder / sample.file).convert("RGB") for sample in samples])
    seed, weight = config["seed"], str(config["prior"].get("weight", 0.0))
    return subject, [judged(*each, subject, seed, weight) for each in zip(samples, read, strict=True)]


def base_once(runs: list[list[Judged]]) -> list[Judged]:
    """All pictures; the base model's, which every run of a training seed repeats, once for each seed."""
    kept: list[Judged] = []
    seeds_with_base: set[int] = set()
    for pictures in runs:
        seeds = {each.seed for each in pictures}
        kept += [each for each in pictures if each.setting != BEFORE or each.seed not in seeds_with_base]
        seeds_with_base |= seeds
    return kept


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """ρ, ties with their mean rank; nan where one of them never changes."""
    if len(set(one)) < 2 or len(set(other)) < 2:
        return float("nan")
    return float(spearman_corrcoef(torch.tensor(one, dtype=torch.float64), torch.tensor(other, dtype=torch.float64)))


def over_pictures(pictures: list[Judged], score: str, truth: str) -> float:
    """ρ of a score and a truth over pictures."""
    return spearman([each.scores[score] for each in pictures], [getattr(each, truth) for each in pictures])


def over_trained(pictures: list[Judged], score: str, truth: str) -> float:
    """The same without the base model's, which all lack the individual."""
    return over_pictures([each for each in pictures if each.setting != BEFORE], score, truth)


def over_settings(pictures: list[Judged], score: str, truth: str) -> float:
    """The same over the means of settings."""
    groups = [[each for each in pictures if each.setting == key] for key in dict.fromkeys(p.setting for p in pictures)]
    scores = [float(np.mean([each.scores[score] for each in group])) for group in groups]
    return spearman(scores, [float(np.mean([getattr(each, truth) for each in group])) for group in groups])


def tells_apart(pictures: list[Judged], score: str, truth: str) -> float:
    """Chance that a picture with the truth scores above one without: the individual's, or all that was asked for."""
    has = [each.is_subject if truth == "identity" else each.fidelity == 1 for each in pictures]
    if len(set(has)) < 2:
        return float("nan")
    return float(binary_auroc(torch.tensor([each.scores[score] for each in pictures]), torch.tensor(has).long()))


MEASURES = (over_pictures, over_trained, over_settings, tells_apart)


def over_seeds(values: dict[int, float]) -> Interval:
    """The mean over training seeds with its interval."""
    seeds, zeros = np.array(list(values)), np.zeros(len(values), np.int64)
    return mean_interval(Scores(np.array(list(values.values()), np.float64), seeds, zeros, zeros))


def rankings(pictures: list[Judged]) -> list[dict[str, object]]:
    """A row for each truth and score: its measures, each with value, low and high.

    Raises:
        ValueError: a score or a truth is the same in all pictures of a seed.
    """
    rows = []
    for truth in TRUTHS:
        for score in SCORES:
            row: dict[str, object] = {"truth": truth, "score": score}
            for measure in MEASURES:
                by_seed = {
                    seed: measure([each for each in pictures if each.seed == seed], score, truth)
                    for seed in sorted({each.seed for each in pictures})
                }
                if any(np.isnan(value) for value in by_seed.values()):
                    raise ValueError(f"{measure.__name__}: {score} or {truth} never changes among a seed's pictures")
                told = over_seeds(by_seed)
                row |= {measure.__name__: told.value, f"{measure.__name__}_low": told.low}
                row[f"{measure.__name__}_high"] = told.high
            rows.append(row)
    return rows


def sentences(pictures: list[Judged]) -> list[str]:
    """DINO beside CLIP-I as a judge of identity, paired by training seed; and how much there is to rank."""
    seeds = sorted({each.seed for each in pictures})
    by_seed = {seed: [each for each in pictures if each.seed == seed] for seed in seeds}
    ahead = {
        seed: over_pictures(mine, "dino", "identity") - over_pictures(mine, "clip_i", "identity")
        for seed, mine in by_seed.items()
    }
    lead = over_seeds(ahead)
    whole = sum(each.fidelity == 1 for each in pictures) / len(pictures)
    shown = sum(each.is_subject for each in pictures) / len(pictures)
    return [
        f"DINO's ρ with identity over pictures less CLIP-I's: {lead.value:+.2f} ({lead.low:+.2f} to {lead.high:+.2f}).",
        f"Of {len(pictures)} pictures {whole:.1%} show all that was asked for, {shown:.1%} the individual.",
    ]


def table(rows: list[dict[str, object]]) -> str:
    """The rankings as Markdown."""
    names = [measure.__name__ for measure in MEASURES]
    heads = ["truth", "score", "ρ over pictures", "ρ over trained ones", "ρ over settings", "tells apart (AUC)"]
    lines = [f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|"]
    for row in rows:
        cells = [f"{row[name]:.2f} ({row[f'{name}_low']:.2f} to {row[f'{name}_high']:.2f})" for name in names]
        lines.append(f"| {row['truth']} | {row['score']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(words: list[str]) -> None:
    """Rank.

    Raises:
        ValueError: a folder is no scored run, or of another subject than the others.
    """
    if len(words) < 2 or "--help" in words:
        return print(__doc__)
    out, oracle = Path(words[0]), Oracle(ORACLE)
    runs = [read_run(Path(word), oracle) for word in words[1:]]
    if len({subject.class_noun for subject, _ in runs}) > 1:
        raise ValueError("the runs are of several subjects: rank those of one at a time")
    pictures = base_once([pictures for _, pictures in runs])
    rows = rankings(pictures)
    out.mkdir(parents=True, exist_ok=True)
    with (out / "ranking.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    print(table(rows), "", *sentences(pictures), sep="\n")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ValueError as problem:
        print(problem, file=sys.stderr)
        raise SystemExit(2) from None
