"""How sweeps, their jobs and folders are called. It knows neither Hydra nor what a job does.

A folder's name must pass unquoted through a shell and through Hydra's grammar, so that run_dir=<folder> can be typed.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

MOST = 80  # characters of a slug; the hash behind it tells jobs apart


def sweep_name(experiment: str, files: Sequence[str], keys: Sequence[str]) -> str:
    """<experiment>-<files>-<keys>: what is asked of which experiment.

    Args:
        files: the chosen files of conf/sweep.
        keys: swept keys that no such file names.
    """
    return "-".join([experiment, *files, *map(_safe, keys)])


def slug(axes: Mapping[str, str]) -> str:
    """A job's place on the axes, as in weight_0.1+seed_1; "" where there are none."""
    return "+".join(f"{_safe(name)}_{_safe(value)}" for name, value in zip(short(axes), axes.values(), strict=True))[
        :MOST
    ].rstrip("+-_.")


def label(axes: Mapping[str, str]) -> str:
    """The same for people: prior.weight=0.1, seed=1."""
    return ", ".join(f"{key}={value}" for key, value in axes.items()) or "the only job"


def short(keys: Iterable[str]) -> list[str]:
    """The last word of each dotted key, as far as these differ."""
    keys = list(keys)
    last = [re.split(r"[./]", key)[-1] for key in keys]
    return [word if last.count(word) == 1 else key for key, word in zip(keys, last, strict=True)]


def _safe(text: str) -> str:
    """Letters, digits, dots and dashes; the empty word is told as "empty"."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", text).strip("-" if text[:1] != "-" else "") or "empty"
