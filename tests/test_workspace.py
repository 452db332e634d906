"""The dashboard: its panels by name, of names that are really reported, built without a network."""

import importlib.util
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from dbexp import workspace
from dbexp.errors import UserError
from dbexp.tracking import LOSSES, PICTURES, SHEETS, STEP, flat_summary, named
from dbexp.vocabulary import choices

WORDS = ["entity=me", "project=dbexp"]


def panels(**words: str) -> dict[str, list[Any]]:
    """Section -> its panels, as W&B is sent them."""
    pytest.importorskip("wandb_workspaces")
    axes = workspace.sweep_axes(words.get("sweep", workspace.SWEEP))
    model = workspace.build_workspace("me", "dbexp", "mine", axes)._to_model()
    assert (model.entity, model.project, model.display_name) == ("me", "dbexp", "mine")
    return {section.name: section.panels for section in model.spec.section.panel_bank_config.sections}


def test_the_panels_are_there_by_name() -> None:
    pytest.importorskip("wandb_workspaces")
    built = workspace.build_workspace("me", "dbexp", "mine", {"prior.weight": False})
    titles = {section.name: workspace.titles(section) for section in built.sections}
    assert titles["Scores against the axes"] == [
        f"{score} against prior.weight" for score in ("dino", "clip_t", "pres")
    ]
    assert titles["Between the corners"] == ["dino against clip_t", "axes and scores"]
    curves = ("loss", "instance_loss", "prior_loss", "panel/dino", "panel/clip_t", "panel/pres")
    assert titles["Curves over steps"] == [f"{name} over steps" for name in curves]
    assert titles["Curves over seconds"] == [f"{name} over seconds" for name in curves]
    assert titles["Pictures"] == ["table pictures", "sheets, run by run"]


def test_every_panel_shows_what_is_reported() -> None:
    found = panels(sweep="[prior_weight,lr_steps]")
    metric = {"value": 0.5, "low": 0.4, "high": 0.6}
    told = set(flat_summary({"status": "done", "metrics": dict.fromkeys(workspace.SCORES, metric)}))
    ats = {panel.config.x_axis: panel.config.x_axis_log_scale for panel in found["Scores against the axes"]}
    assert ats == {"config:prior.value.weight": None, "config:optimizer.value.lr": True}
    values = {panel.config.y_axis for panel in found["Scores against the axes"]}
    assert values == {f"summary:{score}" for score in workspace.SCORES} and set(workspace.SCORES) <= told
    plane, parallel = found["Between the corners"]
    assert (plane.config.x_axis, plane.config.y_axis) == ("summary:clip_t", "summary:dino")
    assert [column.accessor for column in parallel.config.columns] == [
        *ats,
        *(f"summary:{s}" for s in workspace.SCORES),
    ]
    over_steps = {panel.config.metrics[0]: panel.config.x_axis for panel in found["Curves over steps"]}
    assert over_steps == dict.fromkeys([*LOSSES, *map(named, workspace.SCORES)], STEP)
    over_time = {panel.config.metrics[0]: panel.config.x_axis for panel in found["Curves over seconds"]}
    assert over_time["loss"] == "_runtime" and over_time["panel/dino"] == "panel/seconds"
    table, sheets = found["Pictures"]
    assert f"'val': '{PICTURES}'" in str(table.config) and sheets.config.media_keys == [SHEETS]


@pytest.mark.parametrize("name", sorted(choices("sweep")))
def test_every_sweep_has_a_dashboard(name: str) -> None:
    axes = workspace.sweep_axes(name)
    assert axes and len(panels(sweep=name)["Scores against the axes"]) == 3 * len(axes)


def test_an_axis_is_a_value_that_runs_report_and_no_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert workspace.sweep_axes("base") == workspace.sweep_axes("mini_base") == {"model.checkpoint": False}
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf" / "sweep").mkdir(parents=True)
    mine = "hydra: {sweeper: {params: {prior: 'images,none', seed: '0,1'}}}"
    (tmp_path / "conf" / "sweep" / "mine.yaml").write_text(mine)
    assert workspace.sweep_axes("mine") == {"seed": False}
    assert capsys.readouterr().err.startswith("prior is a folder of choices")


@pytest.mark.parametrize("content", ["", "seed: 0", "hydra: {sweeper: {params: null}}", "- a", "hydra: {"])
def test_a_sweep_of_ones_own_that_asks_about_nothing_is_named(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf" / "sweep").mkdir(parents=True)
    (tmp_path / "conf" / "sweep" / "mine.yaml").write_text(content)
    with pytest.raises(UserError, match=r"conf/sweep/mine\.yaml"):
        workspace.sweep_axes("mine")


def test_a_dry_run_tells_the_panels(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("wandb_workspaces")
    assert workspace.main([*WORDS, "name=my sweeps", "sweep=seeds", "dry_run=true"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[:2] == ["Dry run: nothing was saved.", "me/dbexp: my sweeps"] and "  dino against seed" in told


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["entity=me"], "project= is not given"),
        ([*WORDS, "porject=x"], "porject=x is not known"),
        ([*WORDS, "sweep=sedes"], "did you mean seeds?"),
        ([*WORDS, "dry_run=maybe"], "dry_run=maybe will not do"),
        (WORDS, "there is no key: run `wandb login`"),
    ],
)
def test_what_cannot_be_saved_is_one_sentence(
    words: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    pytest.importorskip("wandb_workspaces")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    assert workspace.main(words) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert sentence in told


def test_without_the_package_one_sentence_says_what_to_install(capsys: pytest.CaptureFixture[str]) -> None:
    find = importlib.util.find_spec
    hidden = "wandb_workspaces"
    with patch("importlib.util.find_spec", side_effect=lambda name: None if name == hidden else find(name)):
        assert workspace.main(WORDS) == 2
    assert capsys.readouterr().err == "a dashboard needs wandb-workspaces: pip install 'dbexp[dashboard]'\n"
