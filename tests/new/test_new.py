"""python -m dbexp.new: two YAML files that the front door can use at once."""

from pathlib import Path

import pytest
import yaml

from dbexp.__main__ import main as dbexp
from dbexp.new.__main__ import main


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_it_writes_runs(tiny_sd: Path, photos: Path, elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["my_cat", str(photos), "--kind", "live"]) == 0
    assert "python -m dbexp +experiment=my_cat" in capsys.readouterr().out
    written = sorted(str(path.relative_to(elsewhere)) for path in elsewhere.rglob("*.yaml"))
    assert written == ["conf/experiment/my_cat.yaml", "conf/subject/my_cat.yaml"]
    assert dbexp(["+experiment=my_cat", "dry_run=true", "trainer=cpu", f"model.checkpoint={tiny_sd}"]) == 0
    assert "ohwx cat" in capsys.readouterr().out


def test_options_reach_the_subject(photos: Path, elsewhere: Path) -> None:
    assert main(["x", str(photos), "--class-noun", "film still", "--kind", "style", "--identifier", "wiv"]) == 0
    subject = yaml.safe_load((elsewhere / "conf/subject/x.yaml").read_text())
    assert subject == {"photos": str(photos), "class_noun": "film still", "identifier": "wiv", "kind": "style"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rory"], "is there already"),
        (["a/b"], "cannot name"),
        (["mine", "--identifier", "sks"], "a rifle"),
    ],
)
def test_names_that_will_not_do_are_refused(
    arguments: list[str], words: str, photos: Path, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([arguments[0], str(photos), *arguments[1:]]) == 2
    assert words in capsys.readouterr().err
    assert list(elsewhere.iterdir()) == []


def test_nothing_is_overwritten(photos: Path, elsewhere: Path) -> None:
    (elsewhere / "conf/experiment").mkdir(parents=True)
    (elsewhere / "conf/experiment/mine.yaml").write_text("precious")
    assert main(["mine", str(photos)]) == 2
    assert [path.read_text() for path in elsewhere.rglob("*.yaml")] == ["precious"]


def test_a_folder_without_photos_is_refused(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mine", str(elsewhere / "nothing")]) == 2
    assert "nothing is not there" in capsys.readouterr().err
    assert list(elsewhere.iterdir()) == []
