"""What a comparison says in a terminal, as Markdown: the page's sentences and a line for each setting."""

from collections.abc import Sequence

from dbexp.compare.claims import Difference, against, estimate
from dbexp.compare.design import Design, Setting
from dbexp.compare.entries import BALANCE
from dbexp.compare.parts import SHORT
from dbexp.compare.question import has_score
from dbexp.compare.words import HEADLINES, Lede, around
from dbexp.report.build import duration
from dbexp.report.meanings import metric_of


def sentences(lede: Lede) -> str:
    """Verdict, answer and caution, each a paragraph."""
    return "\n\n".join(each for each in (lede.verdict, lede.answer, lede.caution) if each)


def table(design: Design) -> str:
    """A line for each setting; "" where nothing has been scored."""
    names = [name for name in (*SHORT, BALANCE) if has_score(design, name)]
    if not names:
        return ""
    heads = ["setting", f"{design.unit}s", *(name if name == BALANCE else metric_of(name).short for name in names)]
    lines = [_line([*heads, "training"]), _line(["---"] * (len(heads) + 1))]
    return "\n".join([*lines, *(_line(_cells(setting, names, design)) for setting in design.settings)])


def differences(design: Design, reference: Setting | None) -> str:
    """Every other setting less the reference, paired, with a word for each; "" where there is nothing to pair."""
    names = [name for name in HEADLINES if has_score(design, name)]
    if reference is None or len(design.settings) < 2 or not names:
        return ""
    found = {name: against(reference, name, design) for name in names}
    heads = [f"less {reference.label}", *(metric_of(name).short for name in names)]
    lines = [_line(heads), _line(["---"] * len(heads))]
    others = [setting for setting in design.settings if setting is not reference]
    return "\n".join(
        [*lines, *(_line([each.label, *(_difference(found[n][each.number]) for n in names)]) for each in others)]
    )


def _difference(found: Difference) -> str:
    return "nothing to pair" if found.interval is None else f"{around(found.interval, signed=True)} {found.word}"


def _cells(setting: Setting, names: Sequence[str], design: Design) -> list[str]:
    found = [estimate(setting, name, design) for name in names]
    scores = ["" if interval is None else around(interval) for interval in found]
    units = len({design.unit_of(entry) for entry in setting.entries})
    seconds = setting.train_seconds
    return [setting.label, str(units), *scores, "" if seconds is None else duration(seconds)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
