"""The command line: three files, one sentence for what will not do, no torch."""

import html
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from dbexp.compare.__main__ import main
from dbexp.provenance import Request

SCORES = {"dino": 0.6, "clip_t": 0.28}


def test_it_writes_page_table_and_answer_beside_the_runs(
    runs: Any, hydra: None, capsys: pytest.CaptureFixture[str]
) -> None:
    config = Request(["+experiment=mini_backpack", "evaluation=mini"], None).resolved()
    for weight in (0.3, 1.0):
        runs.add({"name": "mini_backpack", "prior.weight": weight}, SCORES, config=config)
    assert main([str(runs.home)]) == 0
    files = [runs.home / name for name in ("compare.html", "compare.csv", "mini_backpack_best.yaml")]
    said = capsys.readouterr().out
    assert said.split()[-3:] == [str(file.absolute()) for file in files]
    page = html.unescape(files[0].read_text())
    sentences, table = said.split("\n| ", 1)
    assert all(sentence in page for sentence in sentences.strip().split("\n\n"))
    assert "No verdict across runs" in sentences
    rows = [line for line in table.split("\n\n")[0].splitlines() if line.startswith("| prior.weight = ")]
    assert [row.split(" | ")[:2] for row in rows] == [["| prior.weight = 0.3", "1"], ["| prior.weight = 1", "1"]]
    assert all("(no interval)" not in row and " to " in row for row in rows)
    text = files[2].read_text()
    assert "Question: which prior.weight?" in text and "python -m dbexp +experiment=mini_backpack_best" in text
    assert "on two cores" in text and "balance between the two corners" in " ".join(text.replace("#", "").split())
    assert yaml.safe_load(text)["prior"]["weight"] in (0.3, 1.0)


@pytest.mark.parametrize("rate_asked", ["0.0001", "1e-4"])
def test_where_leaves_all_else_out(rate_asked: str, runs: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for weight in (0.3, 1.0):
        for rate in (1e-5, 1e-4):
            runs.add({"prior.weight": weight, "optimizer.lr": rate}, SCORES)
    assert main([str(runs.home), "--where", f"optimizer.lr={rate_asked}"]) == 0
    told = capsys.readouterr().out
    rows = [line.split(" | ")[0] for line in told.splitlines() if line.startswith("| prior.weight = ")]
    assert rows == ["| prior.weight = 0.3", "| prior.weight = 1", "| prior.weight = 1"] and "lr = " not in told
    page = (runs.home / "compare.html").read_text().replace("<wbr>", "")
    assert f"<dt>Only where</dt><dd>optimizer.lr={rate_asked}<" in page


def test_the_differences_are_those_from_the_reference(runs: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for weight, dino in ((0.3, 0.5), (1.0, 0.6)):
        for seed in (0, 1, 2):
            runs.add({"prior.weight": weight, "seed": seed}, {"dino": dino + 0.01 * seed, "clip_t": 0.28})
    for reference, other, told in (("0.3", "1", "+0.100"), ("1e0", "0.3", "\u22120.100")):
        assert main([str(runs.home), "--reference", f"prior.weight={reference}"]) == 0
        lines = capsys.readouterr().out.splitlines()
        head = lines.index(f"| less prior.weight = {float(reference):g} | DINO | CLIP-T |")
        assert lines[head + 2].startswith(f"| prior.weight = {other} | {told} ({told} to {told})")


def test_another_place_can_be_named(runs: Any, tmp_path: Path) -> None:
    runs.add({}, SCORES)
    assert main([str(runs.home), "--out", str(tmp_path / "a" / "b")]) == 0
    assert (tmp_path / "a" / "b" / "compare.html").is_file() and not (runs.home / "compare.html").exists()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--expect", "dino decreases"], "--expect needs --axis"),
        (["--axis", "prior.weight", "--expect", "dino wobbles"], "--expect 'dino wobbles' cannot be read"),
        (["--smallest", "0"], "--smallest 0.0 is no size"),
        (["--reference", "prior.weight"], "--reference 'prior.weight' cannot be read"),
        (["--where", "prior.weight=2"], "--where prior.weight=2: none of the runs is so"),
        (["--where", "prior.wieght=1"], "--where prior.wieght: no run has this key; did you mean prior.weight?"),
        (["--best-by", "nearest"], "--best-by nearest chooses nothing"),
    ],
)
def test_what_will_not_do_is_one_sentence(
    words: list[str], named: str, runs: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for weight in (0.3, 1.0):
        runs.add({"prior.weight": weight}, SCORES)
    assert main([str(runs.home), *words]) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and named in said.err and not (runs.home / "compare.html").exists()


def test_a_folder_without_runs_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert "holds no run" in capsys.readouterr().err


def test_it_needs_no_torch() -> None:
    told = "import sys, dbexp.compare, dbexp.compare.__main__; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, timeout=60, check=True)
    loaded = {name.strip("[]', ").split(".")[0] for name in done.stdout.split(",")}
    assert "jinja2" in loaded and not {"torch", "pytorch_lightning", "diffusers", "transformers", "hydra"} & loaded


def test_comparing_loads_no_torch_either(runs: Any, hydra: None) -> None:
    config = Request(["+experiment=mini_backpack"], None).resolved()
    runs.add({}, SCORES, config=config)
    told = f"import sys, dbexp.compare.__main__ as m; m.main([{str(runs.home)!r}]); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, timeout=60, check=True)
    assert "_best.yaml" in done.stdout and done.stdout.split()[-1] == "False"


def test_help_waits_for_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert left.value.code == 0 and "FOLDER" in capsys.readouterr().out
