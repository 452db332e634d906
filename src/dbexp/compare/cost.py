"""What a sweep took beside what its jobs were for: training, sampling and scoring. It reads what the sweep noted."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dbexp.compare.find import find_runs
from dbexp.report.build import duration

STARTS = "starts.jsonl"  # in a sweep's folder: a line for each start that began with nothing and finished all it began


def costs(folders: Sequence[Path]) -> list[str]:
    """One sentence for each sweep that these runs are of and that noted what it took.

    Raises:
        UserError: a folder holds no run.
    """
    homes = dict.fromkeys(run.absolute().parent for run in find_runs(folders))
    told = ((home, overhead(home)) for home in homes)
    return [f"{home.name}: {sentence}" for home, sentence in told if sentence]


def overhead(home: Path) -> str:
    """A sweep's seconds against those of its jobs' stages; "" where nothing was noted.

    Jobs beside each other can bring the factor below 1.
    """
    starts = list(_starts(home / STARTS))
    jobs, seconds, stages = (sum(start[key] for start in starts) for key in ("jobs", "seconds", "stage_seconds"))
    if not stages:
        return ""
    took = f"{jobs} job{'s' if jobs > 1 else ''} in {duration(seconds)}"
    return f"{took}, {seconds / stages:.2f} × their training, sampling and scoring ({duration(stages)})"


def _starts(file: Path) -> Iterator[Mapping[str, float]]:
    """What was noted, less a line that a kill cut short."""
    for line in file.read_text().splitlines() if file.is_file() else ():
        with contextlib.suppress(json.JSONDecodeError):
            yield json.loads(line)
