"""Seen in ai-toolkit, OneTrainer, sd-scripts: a misspelt setting is ignored, and the run trains with a default."""

from pathlib import Path

import pytest

from dbexp.__main__ import main

HEADER = "# @package _global_\n# Mine. Question: why?\ndefaults:\n  - override /subject: rory\n"


@pytest.mark.parametrize(
    ("body", "key", "meant"),
    [
        ("trainer: {max_stps: 3}\n", "trainer.max_stps", "max_steps"),
        ("tune: {text_encodr: true}\n", "tune.text_encodr", "text_encoder"),
        ("prior: {sampling: {num_step: 3}}\n", "prior.sampling.num_step", "num_steps"),
        ("optimizer: {algorithm: {weight_deccay: 0.0}}\n", "optimizer.algorithm.weight_deccay", "weight_decay"),
        ("max_steps: 3\n", "max_steps", "trainer.max_steps"),
    ],
)
def test_a_misspelt_key_is_named_with_its_file_and_the_nearest_key(
    body: str, key: str, meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "conf" / "experiment" / "mine.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(HEADER + body)
    monkeypatch.chdir(tmp_path)
    assert main(["+experiment=mine"]) == 2
    message = capsys.readouterr().err
    assert f"{key} (conf/experiment/mine.yaml)" in message
    assert f"did you mean {meant}?" in message
    assert "Traceback" not in message
