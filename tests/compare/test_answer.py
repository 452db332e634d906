"""The answer's file composes to the very settings of the run, whatever was chosen there."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dbexp.compare.answer import experiment_file, file_name
from dbexp.compare.axes import is_bookkeeping
from dbexp.errors import UserError
from dbexp.folder import flat
from dbexp.provenance import Request

pytestmark = pytest.mark.usefixtures("hydra")
MINE = ["subject=photos", "subject.photos=/my/cat", "subject.class_noun=cat"]


def resolved(*words: str, config_dir: Path | None = None) -> dict[str, Any]:
    return flat(Request(list(words), None if config_dir is None else str(config_dir)).resolved())


@pytest.mark.parametrize(
    "words",
    [
        ["+experiment=mini_backpack", "prior.weight=0.3", "trainer.max_steps=200", "seed=4"],
        [
            "+experiment=mini_rory",
            "evaluation=mini",
            "evaluation.panel.every_n_steps=50",
            "loss=min_snr",
            "loss.snr_gamma=3",
        ],
        [
            "+experiment=rory_sd15",
            "tune.text_encoder=false",
            "optimizer.text_encoder_stop_step=100",
            "sampling=euler_a",
        ],
        [*MINE, "prior=none", "lr_scheduler=cosine", "trainer=cpu", "evaluation=none", "data=random_crop"],
        [*MINE, "subject.prompts=['a {subject}: here','100% {subject}']", "optimizer=adamw_8bit", "optimizer.lr=3e-7"],
    ],
)
def test_it_composes_to_the_same_settings(words: list[str], tmp_path: Path) -> None:
    settings = resolved(*words)
    text = experiment_file(
        "answer_best", ["One. Question: which?", "python -m dbexp +experiment=answer_best"], settings
    )
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "answer_best.yaml").write_text(text)
    composed = resolved("+experiment=answer_best", config_dir=tmp_path)
    differs = {key for key in settings if composed.get(key, "absent") != settings[key]}
    assert {key for key in differs if not is_bookkeeping(key)} <= {"seed"}
    assert composed.keys() == settings.keys() and composed["name"] == "answer_best"


def test_it_is_a_delta_with_its_header(tmp_path: Path) -> None:
    settings = resolved("+experiment=mini_backpack", "sweeps=studies")
    text = experiment_file("a_best", ["What. Question: which?", "word " * 60], settings)
    lines = text.splitlines()
    assert lines[:2] == ["# @package _global_", "# What. Question: which?"] and max(map(len, lines)) <= 120
    content = yaml.safe_load(text)
    assert {"override /model": "mini_sd15"} in content["defaults"] and content["trainer"] == {"max_steps": 300}
    assert not {"cache", "seed", "sweeps"} & content.keys()


def test_what_conf_cannot_say_is_refused_with_its_name() -> None:
    settings = resolved(*MINE)
    with pytest.raises(UserError, match=r"conf/prior has no file.*some\.Other"):
        experiment_file("a_best", [], {**settings, "prior._target_": "some.Other"})
    with pytest.raises(UserError, match=r"the run has no loss\.noise_offset"):
        experiment_file("a_best", [], {key: value for key, value in settings.items() if key != "loss.noise_offset"})


def test_a_run_of_another_machine_has_the_same_bundled_model() -> None:
    settings = resolved("+experiment=mini_backpack")
    far = {
        key: f"/far/dbexp/mini/{settings[key].rpartition('/mini/')[2]}"
        for key in ("model.checkpoint", "subject.photos")
    }
    elsewhere = {**settings, **far}
    text = experiment_file("a_best", [], elsewhere)
    assert "/far" not in text and "override /subject: mini_backpack" in text


def test_names_are_made_fit_for_files() -> None:
    assert file_name("mini_backpack") == file_name("mini_backpack_best") == "mini_backpack_best"
    assert file_name("../a b") == "a_b_best"
