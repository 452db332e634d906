"""The schema: what may be asked, as Hydra and OmegaConf see it."""

import subprocess
import sys
from dataclasses import fields

import pytest
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dbexp.config import Config, Crop, LoggerKind, Schedule, Stage, Weighting
from dbexp.diffusion.loss import WEIGHTINGS


def test_every_weighting_of_the_loss_can_be_asked_for() -> None:
    assert {weighting.value for weighting in Weighting} == set(WEIGHTINGS)


def test_every_schedule_is_one_of_diffusers() -> None:
    from diffusers.optimization import SchedulerType

    assert {schedule.value for schedule in Schedule} <= {kind.value for kind in SchedulerType}


def test_all_stages_are_the_default_in_their_order() -> None:
    assert OmegaConf.structured(Config).stages == list(Stage)
    assert [stage.value for stage in Stage] == ["prior", "encode", "train", "generate", "evaluate", "report"]


@pytest.mark.parametrize(
    ("key", "value"),
    [("trainer.max_steps", "many"), ("data.crop", "side"), ("loss.weightng", "snr"), ("stages", ["trian"]), ("sed", 1)],
)
def test_a_wrong_key_or_type_is_refused(key: str, value: object) -> None:
    with pytest.raises(OmegaConfBaseException):
        OmegaConf.update(OmegaConf.structured(Config), key, value)


def test_names_in_yaml_become_members() -> None:
    cfg = OmegaConf.merge(OmegaConf.structured(Config), {"data": {"crop": "random"}, "logger": {"kind": "none"}})
    assert (cfg.data.crop, cfg.logger.kind) == (Crop.random, LoggerKind.none)


def test_the_cache_follows_its_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBEXP_CACHE", "/elsewhere")
    assert OmegaConf.structured(Config).cache == "/elsewhere"
    monkeypatch.delenv("DBEXP_CACHE")
    assert OmegaConf.structured(Config).cache == "~/.cache/dbexp"


def test_every_field_is_described() -> None:
    described = (Config.__doc__ or "").split("Attributes:")[1]
    nodes = {
        "model",
        "subject",
        "dreambench",
        "data",
        "prior",
        "tune",
        "loss",
        "optimizer",
        "lr_scheduler",
        "sampling",
        "evaluation",
        "trainer",
        "logger",
    }
    assert all(f"{field.name}:" in described for field in fields(Config) if field.name not in nodes)


def test_neither_schema_nor_help_loads_torch() -> None:
    code = "import sys, dbexp.config, dbexp.__main__ as m; m.main(['--help']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
