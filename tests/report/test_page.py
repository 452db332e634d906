"""The page of a run: what is there stands on it once, what is missing is named, and it needs no other file."""

import ast
import base64
import itertools
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from dbexp.errors import UserError
from dbexp.report import build, write_report

PageOf = Callable[[Path], Any]
PicturesIn = Callable[[Any], list[tuple[int, ...]]]
PARTS = ("manifest.json", "summary.json", "metrics.csv", "scores.csv", "samples/index.jsonl", "weights")
SIGNS = {  # what the page says where a part is missing
    "manifest.json": "There is no manifest.json",
    "metrics.csv": "There is no metrics.csv",
    "samples/index.jsonl": "No picture of a prompt has been drawn yet",
    "summary.json": "There are no scores",
}


def remove(part: Path) -> None:
    shutil.rmtree(part) if part.is_dir() else part.unlink()


@pytest.mark.parametrize("num_missing", range(len(PARTS) + 1))
def test_every_combination_of_missing_parts_is_a_page_that_says_so(
    run: Any, page_of: PageOf, num_missing: int, tmp_path: Path
) -> None:
    for missing in itertools.combinations(PARTS, num_missing):
        folder = Path(shutil.copytree(run.folder, tmp_path / "-".join(["run_without", *missing]).replace("/", "_")))
        for part in missing:
            remove(folder / part)
        text = page_of(folder).text
        assert {part for part, sign in SIGNS.items() if sign in text} == set(missing) & set(SIGNS), missing
        assert ("Load the weights in diffusers" in text) == ("weights" not in missing)
        assert f"python -m dbexp.report {folder}" in text


def test_all_pictures_gone_from_the_disk_leave_their_places_and_words(run: Any, page_of: PageOf) -> None:
    shutil.rmtree(run.photos)
    for row in run.rows:
        (run.folder / row["file"]).unlink()
    gone = page_of(run.folder).all("div", class_="gone")
    assert [node.text for node in gone] == ["the file is gone"] * len(run.colours)
    assert len({node.attributes["aria-label"] for node in gone}) == len(run.colours)


def test_every_picture_stands_on_the_page_once(run: Any, page_of: PageOf, pictures_in: PicturesIn) -> None:
    assert sorted(pictures_in(page_of(run.folder))) == sorted(run.colours.values())


def test_every_picture_of_a_prompt_stands_in_its_line_and_column(
    run: Any, page_of: PageOf, pictures_in: PicturesIn
) -> None:
    (section,) = page_of(run.folder).all("section", id="pictures")
    strips = section.all("table", class_="strip")
    assert [strip.attributes["aria-label"] for strip in strips] == ["a ohwx backpack in snow", "a ohwx backpack at sea"]
    for strip in strips:
        columns = [head.text for head in strip.all("th", scope="col")]
        assert columns == ["untrained, without the identifier", "before training", "step 10", "final, step 20"]
        for seed, line in enumerate(strip.all("tbody")[0].all("tr")):
            place = strip.attributes["aria-label"].removeprefix("a ohwx backpack ")
            mine = [row for row in run.rows if row["prompt"].endswith(place) and row["seed"] == seed]
            order = {
                role: [row["file"] for row in mine if row["role"] == role]
                for role in ("ignorer", "base", "step", "final")
            }
            assert [pictures_in(cell) for cell in line.all("td")] == [
                [run.colours[file] for file in files] for files in order.values()
            ]


def test_the_class_the_photos_and_the_panel_have_their_own_places(
    run: Any, page_of: PageOf, pictures_in: PicturesIn
) -> None:
    page = page_of(run.folder)
    sections = {node.attributes["id"]: pictures_in(node) for node in page.all("section") if "id" in node.attributes}
    of = {
        role: [run.colours[row["file"]] for row in run.rows if row["role"] == role]
        for role in {row["role"] for row in run.rows}
    }
    assert sections["photos"] == [run.colours["0.png"], run.colours["1.png"]]
    assert sections["class"] == [*of["class_base"], *of["class"]]
    assert sections["loss"] == [*of["panel_base"], *of["panel"]]


def test_alternative_texts_tell_all_pictures_apart(run: Any, page_of: PageOf) -> None:
    texts = [image.attributes["alt"] for image in page_of(run.folder).all("img") if "src" in image.attributes]
    assert len(set(texts)) == len(texts) == len(run.colours)


def test_scores_stand_there_as_the_file_has_them(run: Any, page_of: PageOf) -> None:
    page, summary = page_of(run.folder), run.summary()
    cards = {card.attributes["data-metric"]: card for card in page.all("article", class_="card")}
    assert list(cards) == ["dino", "clip_t", "pres", "strange"]
    for key, measured in summary["metrics"].items():
        (shown,) = cards[key].all("data")
        assert float(shown.attributes["value"]) == measured["value"]
        assert shown.text == f"{measured['value']:.3f}"
        around = "no interval" if measured["low"] is None else f"{measured['low']:.3f} to {measured['high']:.3f}"
        assert around in cards[key].text
        assert f"n = {measured['n']}" in cards[key].text and measured["covers"] in cards[key].text
    corners = {key: [item.text.split()[0] for item in card.all("li")] for key, card in cards.items()}
    assert corners == {
        "dino": ["0.404", "0.778"],
        "clip_t": ["0.303", "0.212"],
        "pres": ["0.333", "0.778"],
        "strange": [],
    }


def test_scores_by_step_and_the_protocol_stand_there(run: Any, page_of: PageOf) -> None:
    (section,) = page_of(run.folder).all("section", id="scores")
    (table,) = section.all("table", class_="numbers")
    assert [cell.text for cell in table.all("tbody")[0].all("td")] == ["0.511", "", "", ""]
    assert "judge: a/judge" in section.text and "crop: 224" in section.text


def test_every_value_of_the_tables_can_be_pointed_at(run: Any, page_of: PageOf) -> None:
    told = {title.text for title in page_of(run.folder).all("title")}
    assert {
        "optimizer step 10: loss 0.25",
        "optimizer step 20: loss 0.1875",
        "optimizer step 20: prior_loss 0.0975",
        "optimizer step 10: the panel's prompts 0.4375",
        "optimizer step 10: the run's prompts 0.5111 (0.4611 to 0.5611)",
        "optimizer step 20: the run's prompts 0.6123 (0.5823 to 0.6423)",
        "optimizer step 20: cosine -0.125",
        "optimizer step 20: of the prior term 1.75",
    } <= told


def test_what_users_write_is_text_and_never_markup(run: Any, page_of: PageOf) -> None:
    evil = "\"><script>alert('x')</script><img src=http://e.x/ onerror=alert(1)>&amp; {{ 7 * 7 }} ]]>"
    before = page_of(run.folder)
    run.config["name"] = run.config["subject"]["class_noun"] = run.config["extra"] = evil
    run.config["subject"] |= {"identifier": evil, "prompts": [evil]}
    run.config["model"]["checkpoint"] = evil
    for row in run.rows:
        row["prompt"] += evil
        row["sampling"]["sampler"] = evil
    summary = run.summary() | {"status": evil, "message": evil, "protocol": {evil: evil}, "seconds": {evil: 1.0}}
    summary["metrics"] = {evil: summary["metrics"]["dino"] | {"covers": evil}}
    run.write()
    (run.folder / "summary.json").write_text(json.dumps(summary))
    (run.folder / "metrics.csv").write_text("step,loss,lr_<b>bold</b>\n1,0.5,0.1\n2,0.25,0.2\n")
    page = page_of(run.folder)
    for tag in ("script", "b", "link", "meta"):
        assert len(page.all(tag)) <= len(before.all(tag)), tag
    assert not [node for node in page.walk() if any(name.startswith("on") for name in node.attributes)]
    assert all(image.attributes.get("src", "data:").startswith("data:") for image in page.all("img"))
    assert page.all("h1")[0].text == " ".join(evil.split())
    assert page.all("figcaption", class_="prompt")[0].text.endswith(" ".join(evil.split()))
    assert "49" not in page.all("h1")[0].text


def test_the_page_needs_no_other_file(run: Any) -> None:
    text = write_report(run.folder, {}).read_text(encoding="utf-8")
    assert re.findall(r"(?:src|srcset|poster|data|action)=\"(?!data:image/)([^\"]*)\"", text) == []
    assert {link for link in re.findall(r"href=\"([^\"]*)\"", text) if link[0] != "#"} == {"data:,"}
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|WebSocket", text)
    assert "default-src 'none'; img-src data:;" in text


def test_what_differs_from_the_defaults_is_marked(run: Any) -> None:
    defaults = {
        "name": "???",
        "seed": 0,
        "prior": "???",
        "trainer": {"max_steps": 20},
        "sampling": {"num_steps": 50, "guidance_scale": 7.5, "num_images": 2},
    }
    from_text = write_report(run.folder, defaults).read_text(encoding="utf-8")
    marks = {key: mark for mark, key in re.findall(r'<tr class="(\w+)" data-key="([\w.]+)"', from_text)}
    assert {key for key, mark in marks.items() if mark == "same"} == {
        "trainer.max_steps",
        "sampling.guidance_scale",
        "sampling.num_images",
    }
    assert {key for key, mark in marks.items() if mark == "changed"} == {"seed", "sampling.num_steps"}
    assert marks["name"] == marks["prior.weight"] == marks["model.checkpoint"] == "chosen"


def test_a_write_that_fails_leaves_the_page_that_was_there(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    page = write_report(run.folder, {})
    before = page.read_bytes()
    run.config["name"] = "other"
    run.write()

    def full(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_report(run.folder, {})
    assert page.read_bytes() == before
    assert [path.name for path in run.folder.iterdir() if path.name.endswith(".tmp")] == []


def test_the_same_files_make_the_same_page_and_nothing_else_is_written(run: Any) -> None:
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    first = write_report(run.folder, {}).read_bytes()
    assert write_report(run.folder, {}).read_bytes() == first
    (run.folder / build.NAME).unlink()
    assert {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()} == before


def test_pictures_keep_to_the_budget(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8))
    del run.rows[4:]
    run.write()
    for file in [run.photos / "0.png", run.photos / "1.png", *(run.folder / row["file"] for row in run.rows)]:
        noise.save(file)
    for budget in (build.BUDGET, 6 * 27000, 6 * 8000):
        monkeypatch.setattr(build, "BUDGET", budget)
        pictures = re.findall(r"base64,([^\"]*)", write_report(run.folder, {}).read_text(encoding="utf-8"))
        assert len(pictures) == 6
        assert sum(len(base64.b64decode(picture)) for picture in pictures) <= budget


def test_a_photo_that_has_changed_since_is_said_to(run: Any, page_of: PageOf) -> None:
    assert "have changed since the run" not in page_of(run.folder).text
    shutil.copy(run.photos / "1.png", run.photos / "0.png")
    assert "have changed since the run" in page_of(run.folder).text


def test_commands_name_the_folder_and_the_python_is_python(run: Any, page_of: PageOf) -> None:
    run.rows[3]["prompt"] = awkward = 'it\'s a "ohwx" \\ {backpack}'
    run.write()
    (section,) = page_of(run.folder).all("section", id="commands")
    python, *shell = [code.raw for code in section.all("pre")]
    constants = [node.value for node in ast.walk(ast.parse(python)) if isinstance(node, ast.Constant)]
    assert run.rows[3]["role"] == "final" and awkward in constants and run.rows[3]["generator_seed"] in constants
    assert str(run.folder / "weights") in constants
    assert all(str(run.folder) in text for text in shell) and len(shell) == 3


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UserError, match="name the folder of a run"):
            write_report(folder, {})
    assert list(tmp_path.iterdir()) == []


def test_sparse_requests_are_pages_too(tmp_path: Path, page_of: PageOf) -> None:
    for config in ({"name": None}, {"subject": None, "trainer": None, "model": {}}, {"prior": []}):
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
        assert page_of(tmp_path).all("h1")[0].text == tmp_path.name
