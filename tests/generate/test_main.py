"""python -m dbexp.generate: a run's own picture, a prompt without the identifier, several runs' LoRAs together."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dbexp.__main__ import main as run
from dbexp.generate.__main__ import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, photos: Path, tiny_sd: Path) -> Path:
    """A LoRA of two steps without a prior."""
    place = tmp_path_factory.mktemp("runs") / "run"
    words = [
        *("+experiment=demo", f"model.checkpoint={tiny_sd}", f"subject.photos={photos}", "subject.identifier=qzx"),
        *("prior=none", "~prior.num_images", "~prior.sampling", "trainer.max_steps=2", "optimizer.lr=1e-1"),
        *("tune=lora", "sampling.num_steps=2", "sampling.num_images=1", "subject.prompts=['a {subject}']"),
        *(f"run_dir={place}", f"cache={place.parent / 'cache'}", "logger=none"),
    ]
    assert run(words) == 0
    return place


@pytest.fixture(scope="module")
def differs(folder: Path) -> Callable[[Path], float]:
    """How far a drawing of seed 0 is from the run's own picture, in 255ths."""
    (row,) = [json.loads(line) for line in (folder / "samples" / "index.jsonl").read_text().splitlines()]

    def measure(out: Path) -> float:
        drawn = next(out.glob("*/0.png"))
        first, second = (np.asarray(Image.open(file), dtype=float) for file in (folder / row["file"], drawn))
        return float(np.abs(first - second).mean())

    return measure


def test_a_runs_own_prompt_and_seed_draw_its_own_picture(
    folder: Path, differs: Callable[[Path], float], tmp_path: Path
) -> None:
    assert main([f"run_dir={folder}", "prompts=a {subject}", "seeds=2", f"out={tmp_path}"]) == 0
    assert differs(tmp_path) < 1
    assert len(list(tmp_path.glob("*/*.png"))) == 2 and (tmp_path / "grid.png").is_file()


@pytest.mark.parametrize(("weights", "same"), [("[0.5,0.5]", True), ("[0,0]", False)])
def test_loras_add_up_by_their_weights(
    weights: str, same: bool, folder: Path, differs: Callable[[Path], float], tmp_path: Path
) -> None:
    asked = [f"run_dir=[{folder},{folder}]", f"weights={weights}", "prompts=a {subject}", "seeds=1", f"out={tmp_path}"]
    assert main(asked) == 0
    assert (differs(tmp_path) < 1) is same


def test_a_prompt_without_the_identifier_is_warned_of(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([f"run_dir={folder}", "prompts=[a dog]", "seeds=1", f"out={tmp_path}"]) == 0
    assert 'the prompt "a dog" does not name qzx' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run_dir={run}"], "prompts= is not given"),
        (["run_dir={run}", "prompts=a", "seeds=none"], "seeds=none will not do"),
        (["run_dir={run}", "prompts=a", "weights=[1,2]"], "as many as the runs"),
        (["run_dir=/nowhere", "prompts=a"], "holds no run"),
    ],
)
def test_what_will_not_do_is_one_sentence(
    words: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([word.replace("{run}", str(folder)) for word in words]) == 2
    told = capsys.readouterr().err.strip()
    assert said in told and len(told.splitlines()) == 1
