"""The wheel, in an empty environment and another folder: the experiments travel with it, and a dry run leaves nothing
behind.
"""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.ci
ROOT = Path(__file__).parents[2]


def call(*command: str | Path, cwd: Path, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=280,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new virtual environment that holds the wheel; its libraries are this environment's, which saves gigabytes."""
    folder = tmp_path_factory.mktemp("wheel")
    call(sys.executable, "-m", "build", "--wheel", "--outdir", folder / "dist", cwd=ROOT)
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    wheel = next((folder / "dist").glob("*.whl"))
    call(python, "-m", "pip", "install", "--quiet", "--no-deps", wheel, cwd=folder)
    libraries = next(Path(path) for path in sys.path if path.endswith("site-packages"))
    site = next((folder / "venv" / "lib").glob("python*/site-packages"))
    # this environment also holds dbexp, as a link to the checkout: a path file sorts after the wheel's own package
    (site / "zz_libraries.pth").write_text(f"{libraries}\n")
    return folder / "venv" / "bin" / "dbexp"


def test_a_dry_run_from_another_folder_plans_and_leaves_nothing(installed: Path, tmp_path: Path) -> None:
    home, cwd = tmp_path / "home", tmp_path / "cwd"
    home.mkdir()
    cwd.mkdir()
    places = {"HOME": str(home), "HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    python = installed.parent / "python"
    where = call(python, "-c", "import dbexp; print(dbexp.__file__)", cwd=cwd, **places).stdout
    assert str(installed.parents[1]) in where
    told = call(installed, "+experiment=rory_sd15", "dry_run=true", cwd=cwd, **places)
    assert "859,520,964" in told.stdout
    assert list(home.iterdir()) == [] and list(cwd.iterdir()) == []


def test_without_hub_and_photos_one_message_says_what_to_do(installed: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    refused = call(installed, "+experiment=rory_sdxl", cwd=tmp_path, code=2, HOME=str(home), HF_HUB_OFFLINE="1")
    assert "Traceback" not in refused.stderr
    assert "photos/rory" in refused.stderr and "model.checkpoint=" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["home"] and list(home.iterdir()) == []
