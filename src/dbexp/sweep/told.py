"""What a sweep tells its user: the plan, and what has come of its jobs. It decides nothing."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbexp.config import Stage
from dbexp.preflight.estimate import GIB
from dbexp.sweep.check import Checked, told_once
from dbexp.sweep.names import label
from dbexp.sweep.plan import Sweep
from dbexp.tracking import OFFLINE_RUNS

if TYPE_CHECKING:
    from dbexp.sweep.study import Trial

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
    lines = [job_line(one, codes[one.job.number]) for one in checked]
    lines.append(f"{len(done)} of {len(checked)} jobs done: {sweep.folder}")
    if len(done) < len(checked):
        lines.append("The same command goes on with the others, and does nothing twice.")
    return "\n".join(lines)


def search_headline(sweep: Sweep, num_done: int) -> str:
    """How much there is to do."""
    number = sweep.num_jobs
    return f"{sweep.name}: {number} trial{'s' if number > 1 else ''}, {min(num_done, number)} done already"


def dry_search(sweep: Sweep, journal: Path, ends: Sequence[Checked], num_done: int) -> str:
    """What would be searched, for `dry_run=true`.

    Args:
        ends: of the space.
        num_done: trials that the journal has scores of.
    """
    search = sweep.search
    assert search is not None
    space = [f"{key.lstrip('+')}: {axis}" for key, axis in search.space.items()]
    lacking = max(0, search.num_trials - num_done)
    rows = [("search", search_headline(sweep, num_done))]
    rows += [("space" if number == 0 else "", text) for number, text in enumerate(space)]
    rows.append(("scores", ", ".join(f"{way} {name}" for name, way in search.objectives.items())))
    rows.append(("sampler", f"TPE of Optuna, seed {search.seed}"))
    if sweep.weights_of is not None:
        rows.append(("weights", f"those of {sweep.weights_of}"))
    rows.append(("optimizer steps", f"{lacking * max(_steps(one) for one in ends):,} in all at most"))
    rows.append(("disk estimate", f"{lacking * max(one.disk for one in ends) / GIB:.1f} GiB at most"))
    rows.append(("journal", str(journal)))
    lines = ["Dry run: nothing was written.", "", *(f"{name:<17}{text}" for name, text in rows)]
    missing = told_once({one.job: one.findings.missing for one in ends if one.findings is not None}, len(ends))
    return "\n".join([*lines, *(["", "Before a real run:", *(f"- {entry}" for entry in missing)] if missing else [])])


def front_lines(sweep: Sweep, done: "Sequence[Trial]", front: "Sequence[Trial]", num_failed: int) -> str:
    """What has come of a search: how many trials, and those that no other beats."""
    search = sweep.search
    assert search is not None
    failed = f", {num_failed} failed" if num_failed else ""
    lines = [f"{len(done)} of {search.num_trials} trials done{failed}: {sweep.folder}"]
    if len(done) < search.num_trials:
        lines.append("The same command goes on with the others, and does nothing twice.")
    if front:
        names = " and ".join(search.objectives)
        lines.append(f"best in {names}:" if len(search.objectives) == 1 else f"the Pareto front of {names}:")
    for trial in front:
        scores = "".join(f"  {name} {value:.3f}" for name, value in zip(search.objectives, trial.scores, strict=True))
        lines.append(f"  trial {trial.number}: {label(trial.place)}:{scores}  ({sweep.folder / trial.folder})")
    return "\n".join(lines)


def to_sync(sweep: Sweep, folders: Sequence[Path]) -> str | None:
    """How the runs among these that W&B has not seen are sent there, all at once; None where there are none."""
    offline = [run for folder in folders for run in sorted(folder.glob(OFFLINE_RUNS))]
    if not offline:
        return None
    are_here = all(folder.parent == sweep.folder for folder in folders)
    where = f"{sweep.folder}/*/{OFFLINE_RUNS}" if are_here else " ".join(map(str, offline))
    return f"W&B ran offline; upload all {len(offline)} with: wandb sync {where}"


def job_line(checked: Checked, code: int | None) -> str:
    """What has come of one job."""
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


def _steps(checked: Checked) -> int:
    config = checked.experiment.config
    return config.trainer.max_steps if Stage.train in config.stages else 0


def _axes(sweep: Sweep) -> list[tuple[str, str]]:
    keys = list(sweep.jobs[0].axes)
    values = [f"{key}: {', '.join(dict.fromkeys(job.axes[key] for job in sweep.jobs))}" for key in keys]
    return [("axes" if number == 0 else "", text) for number, text in enumerate(values)]
