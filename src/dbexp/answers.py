"""What a finished run is the answer to: a hash of all that its result depends on, and the stages that it was asked for.

It does not know how a run comes to its result.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from dbexp.folder import flat

# where a run lies, who is told of it, how fast it goes: nothing of this changes a number or a picture, rounding apart.
# Which stages are asked for is remembered beside the hash, so that they may be asked for one after the other.
WITHOUT_EFFECT = (
    *("stages.", "run_dir.", "runs.", "sweeps.", "cache.", "dry_run.", "logger.", "data.num_workers."),
    *("trainer.accelerator.", "trainer.log_every_n_steps.", "trainer.checkpoint_every_n_steps."),
    *("trainer.cuda_graphs.", "trainer.deterministic."),
    *("sampling.batch_size.", "prior.sampling.batch_size."),
)
ANSWERS = "answers"  # part of summary.json


def config_hash(config: Mapping[str, Any], *more: str) -> str:
    """Eight hex digits over a resolved request.

    Args:
        config: plain containers; 1 and 1.0 are one value.
        more: what else the result depends on.
    """
    leaves = {key: _plain(value) for key, value in flat(config).items() if not f"{key}.".startswith(WITHOUT_EFFECT)}
    return hashlib.sha256(json.dumps([leaves, *more], sort_keys=True).encode()).hexdigest()[:8]


def answer(
    earlier: Mapping[str, Any], config: Mapping[str, Any], stages: Sequence[str], is_trained: bool
) -> dict[str, Any]:
    """What a run that is done now answers: {"hash", "stages"}.

    Args:
        earlier: summary.json before this start, whose stages still count where it answered the same.
        config: the resolved request of this start.
        stages: those of this start.
        is_trained: whether the weights are there, which no other request could have made.
    """
    digest, before = config_hash(config), earlier.get(ANSWERS, {})
    done = set(before["stages"]) if before.get("hash") == digest else set()
    done |= {"prior", "encode", "train"} if is_trained else set()
    return {"hash": digest, "stages": sorted(done | set(stages))}


def is_answered(summary: Mapping[str, Any], config: Mapping[str, Any], stages: Sequence[str]) -> bool:
    """Whether a run is done with all that is asked for."""
    given = summary.get(ANSWERS, {})
    is_same = given.get("hash") == config_hash(config)
    return summary.get("status") == "done" and is_same and set(stages) <= set(given["stages"])


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
