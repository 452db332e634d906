"""The contact sheet and its command."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from dbexp.mini.world.__main__ import main
from dbexp.mini.world.sheet import contact_sheet


def test_a_sheet_has_a_row_for_everything() -> None:
    sheet = contact_sheet(16)
    assert sheet.mode == "RGB"
    assert sheet.width > 13 * 128 and sheet.height > 29 * 128


def test_the_command_writes_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["world", str(tmp_path / "world.png"), "--size", "16"])
    main()
    with Image.open(tmp_path / "world.png") as picture:
        assert picture.width > 1000


@pytest.mark.parametrize("arguments", [["world.jpg"], ["missing/world.png"], ["world.png", "--size", "4"]])
def test_a_request_that_cannot_be_met_ends_with_2(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["world", *arguments])
    with pytest.raises(SystemExit) as error:
        main()
    assert error.value.code == 2
    assert not list(tmp_path.iterdir())


def test_the_world_needs_no_torch() -> None:
    program = "import sys, dbexp.mini.world; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
