"""The words one can use, as the help tells them."""

import time
from pathlib import Path

import pytest

from dbexp.vocabulary import choices, conf_dir, groups, headline, help_text, own_conf_dir


def test_the_help_names_every_experiment_with_its_question_and_every_choice() -> None:
    text = help_text()
    for name, file in choices("experiment").items():
        assert any(line.split()[:1] == [name] and headline(file) in line for line in text.splitlines())
    for name, file in choices("sweep").items():
        assert any(line.split()[:1] == [name] and headline(file) in line for line in text.splitlines())
    for group in groups():
        row = next(line for line in text.partition("Choices")[2].splitlines() if line.split()[:1] == [group])
        assert row.split()[1:] == sorted(choices(group))


def test_the_help_is_quick_and_fits_a_screen() -> None:
    started = time.perf_counter()
    text = help_text()
    assert time.perf_counter() - started < 0.5
    assert max(map(len, text.splitlines())) <= 160


def test_files_of_ones_own_stand_beside_the_shipped_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "conf" / "experiment" / "mine.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("# @package _global_\n# My cat. Question: why?\n")
    monkeypatch.chdir(tmp_path)
    assert own_conf_dir() == tmp_path / "conf"
    assert choices("experiment")["mine"] == file
    assert "My cat. Question: why?" in help_text()


def test_the_shipped_folder_is_nobodys_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert own_conf_dir() is None
    (tmp_path / "conf").symlink_to(conf_dir())
    assert own_conf_dir() is None


def test_a_file_without_comment_has_no_headline(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("# @package _global_\nname: a\n")
    assert headline(file) == ""
