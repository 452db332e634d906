"""Makes compare.html, compare.csv and the answer: reads the runs, has each part made, writes the files whole."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

import dbexp.report
from dbexp.compare import parts, told, words
from dbexp.compare.answer import experiment_file, file_name
from dbexp.compare.axes import is_number, shown
from dbexp.compare.best import Choice, choose
from dbexp.compare.design import Design, arrange
from dbexp.compare.entries import read_entries
from dbexp.compare.find import find_runs
from dbexp.compare.question import Question, kept, reference_of
from dbexp.compare.table import NAME as TABLE
from dbexp.compare.table import as_csv, path_from
from dbexp.compare.wall import make_wall
from dbexp.errors import UserError
from dbexp.report.build import duration
from dbexp.store.whole import write_whole

NAME = "compare.html"
NOTHING_MORE = Question()


@dataclass(frozen=True)
class Comparison:
    """What came of a comparison.

    Attributes:
        files: the page, the table, and the answer's experiment file where there is one.
        sentences: verdict, answer and caution.
        tables: the settings, and how each differs from the reference, as Markdown; () where nothing was scored.
    """

    files: tuple[Path, ...]
    sentences: str
    tables: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """The answer's experiment file; or why there is none."""

    name: str
    text: str
    problem: str = ""


def write_comparison(folders: Sequence[Path], out: Path, question: Question = NOTHING_MORE) -> Path:
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
    return write_all(folders, out, question).files[0]


def write_all(folders: Sequence[Path], out: Path, question: Question = NOTHING_MORE) -> Comparison:
    """The same, with all that came of it. What is there of an earlier comparison is replaced."""
    found = [entry for folder in find_runs(folders) for entry in read_entries(folder)]
    design = arrange(kept(found, question.where))
    choice = choose(design, question.by, question.smallest_dino)
    answer = None if choice is None else _answer(design, choice)
    files = {out / NAME: _render(design, choice, question, answer, out), out / TABLE: as_csv(design, out)}
    if answer is not None and answer.text:
        files[out / f"{answer.name}.yaml"] = answer.text
    out.mkdir(parents=True, exist_ok=True)
    for file, text in files.items():
        write_whole(file, text.encode())
    lede = parts.lede(design, choice, question)["lede"]
    tables = (told.table(design), told.differences(design, reference_of(design, question.reference)))
    return Comparison(tuple(files), told.sentences(lede), tuple(filter(None, tables)))


def _answer(design: Design, choice: Choice) -> Answer:
    """The experiment file of what was chosen; its header tells question, command, cost and what was found."""
    entry, seconds = choice.setting.entries[0], choice.setting.train_seconds
    name = file_name(entry.name)
    asked = words.joined([axis.key for axis in design.axes])
    manifest, train = entry.record.manifest, entry.record.summary.get("train") or {}
    device, memory = (manifest.get("hardware") or {}).get("device"), train.get("peak_memory_gib")
    cost = [f"{duration(seconds)} of training" if seconds else "", f"on {device}" if device else ""]
    cost += [f"{memory:.1f} GiB of its memory" if is_number(memory) else ""]
    header = [
        f"The best of {words.count(len(design.runs), 'run')} of {entry.name}. Question: which {asked or 'setting'}?",
        f"python -m dbexp +experiment={name}",
        f"Measured: {' '.join(filter(None, cost)) or 'nothing of its cost'}.",
        words.answer(choice, design),
    ]
    if entry.is_read_off and entry.settings.get("lr_scheduler.name") not in parts.STEADY:
        header.append("Its steps were read off a longer run, whose learning rate was on its way to the end of that.")
    try:
        return Answer(name, experiment_file(name, [" ".join(line.split()) for line in header], entry.settings))
    except UserError as error:
        return Answer(name, "", str(error))


def _render(design: Design, choice: Choice | None, question: Question, answer: Answer | None, out: Path) -> str:
    """The page as text; everything that a user wrote is escaped."""
    places = {entry: path_from(out, entry.folder) for entry in design.entries}
    told = parts.lede(design, choice, question) | parts.runs_table(design, out) | parts.charts(design, choice)
    told |= parts.differences(design, choice, question) | parts.what_differs(design)
    return _template().render(told | {"answered": answer, "wall": make_wall(design, choice, places)})


@functools.cache
def _template() -> Template:
    folders = [Path(__file__).parent / "page", Path(dbexp.report.__file__).parent / "page"]
    loader = FileSystemLoader(folders)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"number": words.number, "shown": shown, "duration": duration, "around": words.around}
    return environment.get_template("compare.html")
