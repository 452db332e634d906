"""Makes compare.csv, compare.html and the answer's experiment file: reads the runs, has each part made, writes them whole."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

import dbexp.report
from dbexp.compare import words
from dbexp.compare.answer import experiment_file, file_name
from dbexp.compare.axes import is_number, shown, token
from dbexp.compare.best import Choice, choose
from dbexp.compare.claims import SMALLEST, Expectation, against, along, seeds_for
from dbexp.compare.design import Design, Setting, arrange, bookkeeping
from dbexp.compare.entries import BALANCE, STEPS, read_entries
from dbexp.compare.find import find_runs
from dbexp.compare.planes import corner_plane, price_plane, rails
from dbexp.compare.plots import axis_plots, heats
from dbexp.compare.table import NAME as TABLE
from dbexp.compare.table import as_csv, metrics_of, path_from
from dbexp.compare.wall import make_wall
from dbexp.errors import UserError
from dbexp.report.build import duration
from dbexp.report.meanings import metric_of
from dbexp.report.view import shown_charts
from dbexp.store.whole import write_whole

NAME = "compare.html"
MOST_REFERENCES = 12
SHORT = ("dino", "clip_t", "pres", "clip_i", "div_dino")  # scores of the page's tables; compare.csv has all


@dataclass(frozen=True)
class Question:
    """What the comparison is asked.

    Attributes:
        axis: key along which a study goes; None is no study.
        metric, direction: the score that was expected to rise (+1) or fall (-1) along it; None expects nothing.
        smallest: effect of interest, in DINO's unit, or in that of `metric`, > 0.
        by: score to choose by; None is the balance.
        reference: {key: value as text} of the setting that others are compared with; None is the first.
    """

    axis: str | None = None
    metric: str | None = None
    direction: int | None = None
    smallest: float = SMALLEST
    by: str | None = None
    reference: Mapping[str, str] | None = None


def write_comparison(folders: Sequence[Path], out: Path, question: Question = Question()) -> Path:
    """Compare runs, and write what comes of it; the end of a multirun may call this.

    Args:
        folders: run folders, or folders that hold some.
        out: where compare.csv, compare.html and <name>_best.yaml go; made if it is not there.
        question: what is asked beyond that.
    Returns:
        The page, <out>/compare.html.
    Raises:
        UserError: a folder holds no run, or the question does not fit the runs.
    """
    return write_all(folders, out, question)[0]


def write_all(folders: Sequence[Path], out: Path, question: Question) -> list[Path]:
    """The same; returns the page, the table, and the answer's experiment file where there is one.

    What is there of an earlier comparison is replaced.
    """
    entries = [entry for folder in find_runs(folders) for entry in read_entries(folder)]
    design = arrange(entries)
    choice = choose(design, question.by, question.smallest)
    answered = _answer(design, choice)
    files = {out / NAME: _render(design, choice, question, answered, out), out / TABLE: as_csv(design, out)}
    if answered is not None and answered.text:
        files[out / f"{answered.name}.yaml"] = answered.text
    out.mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        write_whole(file, text.encode())
    return list(files)


@dataclass(frozen=True)
class Answer:
    """The answer's experiment file; or why there is none."""

    name: str
    text: str
    problem: str = ""


def _answer(design: Design, choice: Choice | None) -> Answer | None:
    if choice is None:
        return None
    entry = choice.setting.entries[0]
    name = file_name(entry.name)
    asked = " and ".join(axis.key for axis in design.axes) or "what does it score?"
    device = (entry.record.manifest.get("hardware") or {}).get("device")
    seconds, memory = choice.setting.train_seconds, (entry.record.summary.get("train") or {}).get("peak_memory_gib")
    cost = [f"{duration(seconds)} of training" if seconds else "", f"on {device}" if device else ""]
    cost += [f"{memory:.1f} GiB of its memory" if is_number(memory) else ""]
    header = [
        f"The best of {words.count(len(design.runs), 'run')} of {entry.name}. Question: which {asked}?",
        f"python -m dbexp +experiment={name}",
        f"Measured: {', '.join(filter(None, cost)) or 'nothing'}.",
        words.answer(choice, design),
    ]
    if entry.is_read_off and entry.settings.get("lr_scheduler.name") not in ("constant", "constant_with_warmup", None):
        header.append("Its steps were read off a longer run, whose learning rate was on another way.")
    try:
        return Answer(name, experiment_file(name, [" ".join(line.split()) for line in header], entry.settings))
    except UserError as error:
        return Answer(name, "", str(error))


def _render(design: Design, choice: Choice | None, question: Question, answered: Answer | None, out: Path) -> str:
    reference = reference_of(design, question.reference)
    parts = _lede(design, choice, question, reference, answered) | _table(design, choice, out)
    parts |= _plots(design, choice) | _differences(design, reference, choice) | _settings(design)
    home = {entry: path_from(out, entry.folder) for entry in design.entries}
    return _template().render(parts | {"wall": make_wall(design, choice, home)})


@functools.cache
def _template() -> Template:
    folders = [Path(__file__).parent / "page", Path(dbexp.report.__file__).parent / "page"]
    environment = Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": words.number, "shown": shown, "duration": duration, "around": words.around}
    return environment.get_template("compare.html")


def reference_of(design: Design, asked: Mapping[str, str] | None) -> Setting | None:
    """The setting that the others are compared with: the first, or the first that has these values.

    Raises:
        UserError: none has them.
    """
    if not asked:
        return design.settings[0] if design.settings else None
    known = {axis.key: axis for axis in design.axes}
    if strange := [key for key in asked if key not in known]:
        raise UserError(f"--reference {strange[0]} is no axis of these runs: take {', '.join(known) or 'none'}")
    for setting in design.settings:
        values = dict(zip(known, setting.values, strict=True))
        if all(known[key].label(values[key]) == text or shown(values[key]) == text for key, text in asked.items()):
            return setting
    told = ",".join(f"{key}={value}" for key, value in asked.items())
    raise UserError(f"--reference {told}: no finished run has these values; compare.csv lists those that are there")


def _lede(
    design: Design, choice: Choice | None, question: Question, reference: Setting | None, answered: Answer | None
) -> dict[str, Any]:
    needed = seeds_for(question.smallest, "dino", design)
    found = (
        {}
        if reference is None
        else {name: against(reference, name, design) for name in words.HEADLINES if _has(design, name)}
    )
    study = _study(design, question)
    said = words.verdict(design, reference, found) if study is None else words.study_verdict(study, design)
    names = dict.fromkeys(entry.name for entry in design.runs)
    lede = words.Lede(said, words.answer(choice, design), words.caution(design, question.smallest, needed))
    return {
        "name": ", ".join(names) if len(names) <= 3 else f"{len(design.runs)} runs",
        "lede": lede,
        "facts": _facts(design),
        "answered": answered,
        "best": None if choice is None else choice.setting,
        "study": study,
        "unit": design.unit,
    }


def _study(design: Design, question: Question) -> words.Study | None:
    """The question along an axis.

    Raises:
        UserError: the axis is none of these runs, or the score was not taken.
    """
    if question.axis is None:
        return None
    axis = next((each for each in design.axes if question.axis in (each.key, *each.moves_with)), None)
    if axis is None:
        known = ", ".join(each.key for each in design.axes) or "none: all runs are alike"
        raise UserError(f"--axis {question.axis} does not differ among these runs; what does: {known}")
    metric = question.metric or ("dino" if _has(design, "dino") else BALANCE)
    if not _has(design, metric):
        raise UserError(
            f"--expect {metric}: no finished run has that score; there are {', '.join(metrics_of(design.entries))}"
        )
    expectation = None
    if question.direction is not None:
        expectation = Expectation(metric, question.direction, question.smallest)
    return words.Study(axis, metric, expectation, along(axis, metric, design, expectation))


def _has(design: Design, metric: str) -> bool:
    return any(entry.value(metric) is not None for setting in design.settings for entry in setting.entries)


def _facts(design: Design) -> dict[str, str]:
    runs = design.runs
    statuses = dict.fromkeys(entry.status for entry in runs)
    told = ", ".join(f"{sum(entry.status == status for entry in runs)} {status}" for status in statuses)
    seconds = sum(entry.train_seconds or 0.0 for entry in runs)
    steps = sum(entry.is_read_off for entry in design.entries)
    facts = {
        "Runs": f"{len(runs)} ({told})",
        "Settings": str(len(design.settings)),
        f"{design.unit.capitalize()}s each": str(design.most_replicates or ""),
        "Axes": ", ".join(axis.key for axis in design.axes),
        "Read off on the way": f"{steps} scorings" if steps else "",
        "Training": duration(seconds) if seconds else "",
    }
    return {name: text for name, text in facts.items() if text}


def _table(design: Design, choice: Choice | None, out: Path) -> dict[str, Any]:
    rows = []
    for entry in design.entries:
        setting = design.setting_of(entry)
        folder = path_from(out, entry.folder)
        has_page = (entry.folder / "report.html").is_file()
        rows.append({"entry": entry, "setting": setting, "folder": folder, "has_page": has_page})
    names = [name for name in SHORT if any(entry.value(name) is not None for entry in design.entries)]
    has_balance = any(entry.balance is not None for entry in design.entries)
    return {
        "rows": rows,
        "axes": design.axes,
        "metrics": [*names, *([BALANCE] if has_balance else [])],
        "short": {name: BALANCE if name == BALANCE else metric_of(name).short for name in (*names, BALANCE)},
        "repeated": design.repeated,
    }


def _plots(design: Design, choice: Choice | None) -> dict[str, Any]:
    along_axes = [(plots, shown_charts(plots.charts)) for plots in axis_plots(design)]
    by = ["dino", "clip_t", *([choice.metric] if choice is not None else [])]
    schedules = {entry.settings.get("lr_scheduler.name") for entry in design.entries if entry.is_read_off}
    return {
        "along_axes": along_axes,
        "heats": heats(design, [name for name in dict.fromkeys(by) if _has(design, name)]),
        "planes": [each for each in (corner_plane(design, choice), price_plane(design, choice)) if each is not None],
        "rails": rails(design, choice),
        "read_off": any(axis.key == STEPS for axis in design.axes) and bool(schedules),
        "is_schedule_bent": bool(schedules - {"constant", "constant_with_warmup", None}),
    }


def _differences(design: Design, reference: Setting | None, choice: Choice | None) -> dict[str, Any]:
    """A table for each setting that may be the reference, the chosen one first."""
    first = [each for each in (reference, None if choice is None else choice.setting) if each is not None]
    offered = list(dict.fromkeys([*first, *design.settings]))[:MOST_REFERENCES]
    offered = sorted(offered, key=lambda setting: setting.number)
    names = [name for name in (*SHORT, BALANCE) if _has(design, name)]
    tables = []
    for setting in offered if len(design.settings) > 1 else []:
        found = {name: against(setting, name, design) for name in names}
        others = [other for other in design.settings if other is not setting]
        tables.append((setting, [(other, [found[name][other.number] for name in names]) for other in others]))
    return {"difference_metrics": names, "tables": tables, "reference": reference, "settings": design.settings}


def _settings(design: Design) -> dict[str, Any]:
    """What differs, key by key, and the values of each setting."""
    keys = []
    for key, values in design.keys.items():
        axis = next((each for each in design.axes if key == each.key or key in each.moves_with), None)
        role = "axis" if axis is not None and axis.key == key else f"goes with {axis.key}" if axis is not None else ""
        own = [_value_in(setting, key) for setting in design.settings]
        keys.append({"key": key, "role": role or "told apart by subject", "values": values, "own": own})
    kept = [(key, values) for key, values in bookkeeping(design).items()]
    commits = dict.fromkeys(str(entry.record.manifest.get("commit")) for entry in design.runs if not entry.problem)
    devices = dict.fromkeys(
        str((entry.record.manifest.get("hardware") or {}).get("device")) for entry in design.runs if not entry.problem
    )
    return {"keys": keys, "kept": kept, "made_with": {"commit": list(commits), "device": list(devices)}}


def _value_in(setting: Setting, key: str) -> str:
    values = {token(entry.settings.get(key)): entry.settings.get(key) for entry in setting.entries}
    return " | ".join(shown(value) for value in values.values())
