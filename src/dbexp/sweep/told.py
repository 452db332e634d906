"""What a sweep tells its user: the plan, and what has come of its jobs. It decides nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from dbexp.config import Stage
from dbexp.preflight.estimate import GIB
from dbexp.sweep.check import Checked, told_once
from dbexp.sweep.names import label
from dbexp.sweep.plan import Sweep

SHOWN = ("dino", "clip_i", "clip_t", "pres")  # scores in a line; the page has all


def dry_plan(sweep: Sweep, checked: Sequence[Checked]) -> str:
    """What would be done, for `dry_run=true`."""
    to_do = [one for one in checked if not one.is_done]
    lacking = {one.job: one.findings.missing for one in to_do if one.findings is not None}
    missing = told_once(lacking, len(to_do))
    rows = [("sweep", headline(sweep, checked)), *_axes(sweep)]
    if sweep.weights_of is not None:
        rows.append(("weights", f"those of {sweep.weights_of}"))
    if stages := list(dict.fromkeys(stage for one in checked for stage in one.experiment.config.stages)):
        rows.append(("stages", " -> ".join(stage.value for stage in Stage if stage in stages)))
    rows.append(("optimizer steps", f"{sum(one.steps for one in to_do):,} in all"))
    rows.append(("disk estimate", f"{sum(one.disk for one in to_do) / GIB:.1f} GiB for what is not there yet"))
    lines = ["Dry run: nothing was written.", "", *(f"{name:<17}{text}" for name, text in rows), "", "jobs"]
    width = max(len(one.job.label) for one in checked)
    lines += [f"  {one.job.label:<{width}}  {state(one):<10}  {one.folder.path}" for one in checked]
    if missing:
        lines += ["", "Before a real run:", *(f"- {entry}" for entry in missing)]
    return "\n".join(lines)


def headline(sweep: Sweep, checked: Sequence[Checked]) -> str:
    """How much there is to do."""
    done, number = sum(one.is_done for one in checked), len(checked)
    return f"{sweep.name}: {number} job{'s' if number > 1 else ''}, {done} done already"


def state(checked: Checked) -> str:
    """What a job's folder says before a start."""
    if checked.is_done:
        return "done"
    before = checked.folder.read_summary().get("status")
    return "new" if before is None else "interrupted" if before == "running" else str(before)


def results(sweep: Sweep, checked: Sequence[Checked], codes: Mapping[int, int | None]) -> str:
    """What has come of every job, and how what is lacking can be had.

    Args:
        codes: number of a job -> its exit code, None where it did not come to its end.
    """
    done = [one for one in checked if codes[one.job.number] == 0]
    lines = [_line(one, codes[one.job.number]) for one in checked]
    lines.append(f"{len(done)} of {len(checked)} jobs done: {sweep.folder}")
    if len(done) < len(checked):
        lines.append("The same command goes on with the others, and does nothing twice.")
    return "\n".join(lines)


def _line(checked: Checked, code: int | None) -> str:
    summary, where = checked.folder.read_summary(), f"{label(checked.job.axes)}: "
    if code == 0:
        return f"  {where}done{_scores(summary)}"
    if code is None:
        return f"  {where}not finished, in {checked.folder.path}"
    message = str(summary.get("message", "")).split("\n")[0]
    return f"  {where}failed, {message} (in {checked.folder.path})"


def _scores(summary: Mapping[str, Any]) -> str:
    metrics: Mapping[str, Any] = summary.get("metrics") or {}
    return "".join(f"  {name} {metrics[name]['value']:.3f}" for name in SHOWN if name in metrics)


def _axes(sweep: Sweep) -> list[tuple[str, str]]:
    keys = list(sweep.jobs[0].axes)
    values = [f"{key}: {', '.join(dict.fromkeys(job.axes[key] for job in sweep.jobs))}" for key in keys]
    return [("axes" if number == 0 else "", text) for number, text in enumerate(values)]
