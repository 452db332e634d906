"""A hash changes with all that a result depends on, and with nothing else."""

import pytest

from dbexp.answers import WITHOUT_EFFECT, answer, config_hash, is_answered
from dbexp.folder import is_free

CONFIG = {"seed": 0, "prior": {"weight": 1.0}, "sampling": {"num_steps": 50}, "logger": {"kind": "csv"}, "runs": "runs"}
STAGES = ["train", "generate"]


@pytest.mark.parametrize("change", [{"seed": 1}, {"prior": {"weight": 0.5}}, {"sampling": {"num_steps": 25}}, {"x": 0}])
def test_what_decides_a_result_decides_the_hash(change: dict[str, object]) -> None:
    assert config_hash({**CONFIG, **change}) != config_hash(CONFIG)


@pytest.mark.parametrize(
    "change", [{"runs": "r"}, {"logger": {"kind": "none"}}, {"prior": {"weight": 1}}, {"cache": "c"}]
)
def test_where_a_run_lies_and_how_a_number_is_written_does_not(change: dict[str, object]) -> None:
    assert config_hash({**CONFIG, **change}) == config_hash(CONFIG)


def test_what_more_a_result_depends_on_counts() -> None:
    assert len({config_hash(CONFIG), config_hash(CONFIG, "a"), config_hash(CONFIG, "b")}) == 3


def test_a_folder_takes_every_start_that_bears_its_hash() -> None:
    assert all(is_free(key.rstrip(".")) for key in WITHOUT_EFFECT)


def test_stages_add_up_while_the_request_is_the_same() -> None:
    first = answer({}, CONFIG, ["prior"], is_trained=False)
    second = answer({"answers": first}, CONFIG, ["train"], is_trained=False)
    assert second["stages"] == ["prior", "train"]
    summary = {"status": "done", "answers": second}
    assert is_answered(summary, CONFIG, ["train"])
    assert not is_answered(summary, CONFIG, STAGES)
    assert not is_answered({**summary, "status": "running"}, CONFIG, ["train"])
    assert not is_answered({}, CONFIG, ["train"])


def test_another_request_keeps_the_training_alone() -> None:
    first = answer({}, CONFIG, [*STAGES, "evaluate"], is_trained=True)
    other = {**CONFIG, "sampling": {"num_steps": 10}}
    assert answer({"answers": first}, other, ["generate"], is_trained=True)["stages"] == [
        *("encode", "generate", "prior", "train"),
    ]
