"""python -m dbexp.bench [--steps N] [--rounds N] [--json FILE] [--random SIDE] [override ...]: times a training step.

Three ways take the same steps on the same UNet, in turn, round after round; each round gives each way's mean time of a
step, and the table tells medians and the medians of the rounds' own ratios:

    dbexp   the stage train as it is: Lightning, callbacks, counted draws, latents and text states made before
    bare    a loop of a dozen lines: the same batches ready on the device, the same loss, optimizer, clipping, precision
    plain   what public recipes do: pictures read, VAE and text encoders asked at every step

Overrides are those of `python -m dbexp`; the default is +experiment=mini_backpack. `--random SIDE` takes random weights
of the published checkpoint's sizes and random pictures of SIDE pixels, so nothing is downloaded.
"""

import argparse
import importlib
import json
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BEGUN = time.perf_counter()


class Startup:
    """Seconds of each part of what comes before the first step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time one part."""
        started = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - started, 3)


def import_all(startup: Startup) -> None:
    """Import the libraries one after the other, the slow ones timed apart."""
    for name, module in (
        ("import torch", "torch"),
        ("import lightning", "pytorch_lightning"),
        ("import diffusers and transformers", "diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion"),
        ("import hydra", "hydra"),
        ("import dbexp", "dbexp.bench.ways"),
    ):
        with startup.part(name):
            importlib.import_module(module)


def measure(ways: dict[str, Callable[[int], float]], steps: int, rounds: int) -> dict[str, list[float]]:
    """Milliseconds a step of each way in each round; the order turns from round to round."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    names = list(ways)
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            found[name].append(ways[name](steps))
    return found


def ratio(above: list[float], below: list[float]) -> dict[str, float]:
    """Median, least and greatest of the rounds' own ratios."""
    each = [one / other for one, other in zip(above, below, strict=True)]
    return {name: round(of(each), 3) for name, of in (("median", statistics.median), ("least", min), ("most", max))}


def table(report: dict[str, Any]) -> str:
    """The report for people, in Markdown."""
    lines = ["| way | ms a step, median (least to most) | images/s | peak memory, GiB |", "| --- | --- | --- | --- |"]
    for name, row in report["ways"].items():
        memory = "not a GPU" if row["peak_memory_gib"] is None else f"{row['peak_memory_gib']:.1f}"
        spread = f"{row['ms']:.1f} ({row['least']:.1f} to {row['most']:.1f})"
        lines.append(f"| {name} | {spread} | {row['images_per_second']:.1f} | {memory} |")
    lines += ["", "| ratio of medians of rounds | median | least | most |", "| --- | --- | --- | --- |"]
    lines += [f"| {name} | {r['median']} | {r['least']} | {r['most']} |" for name, r in report["ratios"].items()]
    lines += ["", "| before the first step | seconds |", "| --- | --- |"]
    lines += [f"| {name} | {seconds:.2f} |" for name, seconds in report["startup"].items()]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Time, print, and write the report."""
    parser = argparse.ArgumentParser(prog="python -m dbexp.bench", description=(__doc__ or "").split(":", 1)[1])
    parser.add_argument("--steps", type=int, default=20, help="timed steps a round, after three untimed")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the report here")
    parser.add_argument("--random", type=int, metavar="SIDE", help="random weights of the published sizes")
    parser.add_argument("overrides", nargs="*", default=["+experiment=mini_backpack"])
    asked = parser.parse_args(argv)
    startup = Startup()
    import_all(startup)
    from dbexp.bench.ways import Ways
    from dbexp.errors import UserError
    from dbexp.folder import make_manifest

    try:
        with tempfile.TemporaryDirectory(prefix="dbexp-bench-") as folder:
            ways = Ways(asked.overrides or ["+experiment=mini_backpack"], Path(folder), asked.random, startup)
            startup.seconds["all before the first step"] = round(time.perf_counter() - BEGUN, 3)
            found = measure(ways.all(), asked.steps, asked.rounds)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    manifest = make_manifest(0, {}, "")
    report = {
        "hardware": {**manifest["hardware"], "processor": platform.processor(), "threads": ways.threads},
        "versions": manifest["versions"],
        "commit": manifest.get("commit"),
        "overrides": asked.overrides,
        "random": asked.random,
        "steps": asked.steps,
        "rounds": asked.rounds,
        "ways": {
            name: {
                "ms": round(statistics.median(values), 3),
                "least": round(min(values), 3),
                "most": round(max(values), 3),
                "images_per_second": round(ways.samples_a_step / statistics.median(values) * 1000, 2),
                "peak_memory_gib": ways.peaks.get(name),
            }
            for name, values in found.items()
        },
        "ratios": {
            "dbexp / bare": ratio(found["dbexp"], found["bare"]),
            "plain / dbexp": ratio(found["plain"], found["dbexp"]),
        },
        "startup": startup.seconds,
    }
    print(table(report))
    if asked.json:
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
