"""The page's parts as its template takes them: plain values by name. It writes nothing."""

from pathlib import Path
from typing import Any

from dbexp.compare import words
from dbexp.compare.axes import Axis, shown, token
from dbexp.compare.best import Choice
from dbexp.compare.claims import against, seeds_for
from dbexp.compare.cost import overhead
from dbexp.compare.design import Design, Setting, bookkeeping
from dbexp.compare.entries import BALANCE, STEPS
from dbexp.compare.planes import corner_plane, price_plane, rails
from dbexp.compare.plots import axis_plots, heats
from dbexp.compare.question import Question, as_pairs, has_score, reference_of, study_of
from dbexp.compare.table import path_from
from dbexp.report.build import duration
from dbexp.report.meanings import metric_of
from dbexp.report.view import shown_charts

SHORT = ("dino", "clip_t", "pres", "clip_i", "dino_patches", "div_dino")  # of the tables; compare.csv has all
MOST_REFERENCES = 12
STEADY = {"constant", "constant_with_warmup", None}  # schedules that a run's length does not bend


def lede(design: Design, choice: Choice | None, question: Question) -> dict[str, Any]:
    """The top of the page: what may be said, what to take, what that leaves out."""
    reference, study = reference_of(design, question.reference), study_of(design, question)
    if study is not None:
        said = words.study_verdict(study, design)
    else:
        names = [name for name in words.HEADLINES if has_score(design, name)] if reference is not None else []
        found = {name: against(reference, name, design) for name in names if reference is not None}
        said = words.verdict(design, reference, found)
    names, smallest = list(dict.fromkeys(entry.name for entry in design.runs)), question.smallest_dino
    cautious = words.caution(design, smallest, seeds_for(smallest, "dino", design))
    return {
        "name": ", ".join(names) if len(names) <= 3 else f"{len(design.runs)} runs",
        "lede": words.Lede(said, words.answer(choice, design), cautious),
        "facts": _facts(design) | ({"Only where": as_pairs(question.where)} if question.where else {}),
        "best": None if choice is None else choice.setting,
        "study": study,
        "unit": design.unit,
        "settings": design.settings,
        "axes_count": len(design.axes),
    }


def runs_table(design: Design, out: Path) -> dict[str, Any]:
    """A line for each entry, with a link where the run has a page."""
    rows = [
        {
            "entry": entry,
            "setting": design.setting_of(entry),
            "folder": path_from(out, entry.folder),
            "has_page": (entry.folder / "report.html").is_file(),
        }
        for entry in design.entries
    ]
    names = [name for name in SHORT if any(entry.value(name) is not None for entry in design.entries)]
    has_balance = any(entry.balance is not None for entry in design.entries)
    return {
        "rows": rows,
        "columns": design.columns,
        "metrics": [*names, *([BALANCE] if has_balance else [])],
        "short": {name: BALANCE if name == BALANCE else metric_of(name).short for name in (*SHORT, BALANCE)},
        "repeated": design.repeated,
    }


def charts(design: Design, choice: Choice | None) -> dict[str, Any]:
    """Everything that is drawn."""
    by = dict.fromkeys(["dino", "clip_t", *([choice.metric] if choice is not None else [])])
    schedules = {entry.settings.get("lr_scheduler.name") for entry in design.entries if entry.is_read_off}
    return {
        "along_axes": [(plots, shown_charts(plots.charts)) for plots in axis_plots(design)],
        "heats": heats(design, [name for name in by if has_score(design, name)]),
        "planes": [each for each in (corner_plane(design, choice), price_plane(design, choice)) if each is not None],
        "rails": rails(design, choice),
        "read_off": any(axis.key == STEPS for axis in design.axes) and bool(schedules),
        "is_schedule_bent": bool(schedules - STEADY),
    }


def differences(design: Design, choice: Choice | None, question: Question) -> dict[str, Any]:
    """A table for each setting that may be the reference."""
    reference = reference_of(design, question.reference)
    first = [each for each in (reference, None if choice is None else choice.setting) if each is not None]
    offered = list(dict.fromkeys([*first, *design.settings]))[:MOST_REFERENCES]
    names = [name for name in (*SHORT, BALANCE) if has_score(design, name)]
    tables = []
    for setting in sorted(offered, key=lambda each: each.number) if names and len(design.settings) > 1 else []:
        found = {name: against(setting, name, design) for name in names}
        others = [other for other in design.settings if other is not setting]
        tables.append((setting, [(other, [found[name][other.number] for name in names]) for other in others]))
    return {"difference_metrics": names, "tables": tables, "reference": reference}


def what_differs(design: Design) -> dict[str, Any]:
    """Key by key, with the values of each setting."""
    read = [entry.record.manifest for entry in design.runs if not entry.problem]
    commits = dict.fromkeys(str(manifest.get("commit") or "not known") for manifest in read)
    devices = dict.fromkeys(str((manifest.get("hardware") or {}).get("device") or "not known") for manifest in read)
    keys = []
    for key, values in design.keys.items():
        own = [_value_in(setting, key) for setting in design.settings]
        keys.append({"key": key, "role": _role(key, design), "all": values, "own": own})
    made_with = {"commit": list(commits), "device": list(devices)}
    return {"keys": keys, "kept": list(bookkeeping(design).items()), "made_with": made_with}


def _facts(design: Design) -> dict[str, str]:
    runs = design.runs
    statuses = dict.fromkeys(entry.status for entry in runs)
    told = ", ".join(f"{sum(entry.status == status for entry in runs)} {status}" for status in statuses)
    seconds = sum(entry.train_seconds or 0.0 for entry in runs)
    facts = {
        "Runs": f"{len(runs)} ({told})",
        "Settings": str(len(design.settings) or ""),
        f"{design.unit.capitalize()}s each": str(design.most_replicates or ""),
        "Axes": ", ".join(axis.key for axis in design.axes or design.columns),
        "Training, together": duration(seconds) if seconds else "",
        "The whole sweep": "; ".join(filter(None, map(overhead, dict.fromkeys(entry.folder.parent for entry in runs)))),
    }
    return {name: text for name, text in facts.items() if text}


def _role(key: str, design: Design) -> str:
    if key in design.subjects:
        return "tells subjects apart"
    axis: Axis | None = next((each for each in design.columns if key in (each.key, *each.moves_with)), None)
    if axis is None:
        return ""
    return "axis" if axis.key == key else f"goes with {axis.key}"


def _value_in(setting: Setting, key: str) -> str:
    values = {token(entry.settings.get(key)): entry.settings.get(key) for entry in setting.entries}
    return " | ".join(shown(value) for value in values.values())
