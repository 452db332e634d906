"""The command line: every run its page, one sentence for what is no run, help without the wait."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dbexp.report.__main__ import main


def test_each_run_gets_its_page(run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = Path(shutil.copytree(run.folder, tmp_path / "other"))
    assert main([str(run.folder), str(other)]) == 0
    pages = [run.folder / "report.html", other / "report.html"]
    assert capsys.readouterr().out.split() == [str(page) for page in pages]
    assert all(page.stat().st_size > 1000 for page in pages)


def test_the_schema_gives_the_defaults(run: Any) -> None:
    main([str(run.folder)])
    assert '<tr class="changed" data-key="trainer.max_steps">' in (run.folder / "report.html").read_text()


def test_what_is_no_run_is_one_sentence_and_the_others_get_theirs(
    run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path), str(run.folder)]) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and str(tmp_path) in said.err and "name the folder of a run" in said.err
    assert (run.folder / "report.html").is_file() and not (tmp_path / "report.html").exists()


def test_a_place_that_cannot_be_written_to_is_one_sentence(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    (run.folder / "report.html").mkdir()
    assert main([str(run.folder)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["--nonsense"]])
def test_what_cannot_be_understood_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    assert refused.value.code == 2


def test_help_waits_for_no_heavy_library() -> None:
    told = "import sys, dbexp.report.__main__ as m\ntry: m.main(['--help'])\nfinally: print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, timeout=60, check=False)
    loaded = {name.strip("[]', ").split(".")[0] for name in done.stdout.splitlines()[-1].split(",")}
    assert "RUN_DIR" in done.stdout and not {"torch", "hydra", "omegaconf", "numpy"} & loaded
