"""What the lesson's reader makes of pictures whose readings are known."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from dbexp.mini import lesson
from dbexp.mini.lesson import Drawn, identity_words, learned, main, place_in, table
from dbexp.mini.world import SUBJECTS, TEST_PLACES
from dbexp.mini.world.captions import PLACE_WORDS

WORDS = identity_words(SUBJECTS["mini_backpack"])
OTHER = {**WORDS, "main": "red", "second": "blue"}


def config(
    weight: float = 1.0, seed: int = 0, stages: tuple[str, ...] = ("prior", "train", "generate")
) -> dict[str, Any]:
    photos = {"photos": "anywhere/mini_backpack", "identifier": "ohwx", "class_noun": "backpack"}
    return {"subject": photos, "prior": {"weight": weight}, "seed": seed, "stages": list(stages)}


def drawn(of_subject: bool, seen: dict[str, str], place: str | None = "desert", where: str = "desert") -> Drawn:
    return Drawn("a prompt", of_subject, place, Path("x.png"), {**seen, "place": where})


@pytest.mark.parametrize("place", TEST_PLACES)
def test_a_place_is_found_by_each_of_its_words(place: str) -> None:
    for words in PLACE_WORDS[place][:2]:
        assert place_in(f"a photo of a ohwx backpack {words}") == place


def test_a_prompt_without_a_place_names_none() -> None:
    assert place_in("a photo of a ohwx backpack") is None


def test_an_individual_is_known_by_what_shows() -> None:
    assert WORDS["main"] == "purple" and WORDS["second"] == "yellow" and WORDS["class"] == "backpack"
    assert {"glasses", "beard", "hair"} <= identity_words(SUBJECTS["mini_rory"]).keys()
    assert "place" not in WORDS and "expression" not in identity_words(SUBJECTS["mini_rory"])


def test_the_shares_are_counted_over_the_right_pictures() -> None:
    pictures = [
        drawn(True, WORDS),
        drawn(True, {**WORDS, "main": "red"}),
        drawn(True, {**WORDS, "class": "dog"}, where="beach"),
        drawn(True, WORDS, place=None, where="beach"),
        drawn(False, OTHER),
        drawn(False, WORDS, where="beach"),
    ]
    row = learned(config(weight=0.3, seed=7), pictures)
    assert (row.prior_weight, row.seed) == (0.3, 7)
    assert (row.subject_class, row.subject_place, row.subject_tells) == (0.75, 0.6667, 0.75)
    traits = len(WORDS) - 1
    assert row.subject_traits == pytest.approx(1 - 1 / (4 * traits), abs=1e-4)
    assert (row.class_class, row.class_place, row.class_is_subject, row.class_colours) == (1.0, 0.5, 0.5, 2)


def test_a_run_that_was_not_trained_is_the_model_before() -> None:
    row = learned(config(stages=("generate",)), [drawn(True, OTHER), drawn(False, OTHER)])
    assert (row.prior_weight, row.seed) == (None, None)
    assert table([row]).splitlines()[2].startswith("| before | 1 |")


def test_looks_and_places_are_refused() -> None:
    about = {"subject": {"photos": "x/mini_style"}}
    with pytest.raises(ValueError, match="mini_style"):
        lesson.subject_of(about)


class Reader:
    """Reads red pictures as another backpack and purple ones as the subject."""

    def __init__(self, folder: Path) -> None:
        pass

    def read(self, pictures: list[Image.Image]) -> list[dict[str, str]]:
        return [
            {**(OTHER if picture.getpixel((0, 0)) == (255, 0, 0) else WORDS), "place": "desert"} for picture in pictures
        ]


def write_run(folder: Path, cfg: dict[str, Any], of_subject: str, of_class: str) -> Path:
    (folder / "samples").mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(cfg))
    rows = []
    for step, colour, prompt in (
        (1, "blue", "a photo of a ohwx backpack in the desert"),  # drawn amid training: not the end
        (5, of_subject, "a photo of a ohwx backpack in the desert"),
        (5, of_class, "a photo of a backpack in the desert"),
    ):
        file = f"samples/{len(rows)}.png"
        Image.new("RGB", (64, 64), colour).save(folder / file)
        rows.append(json.dumps({"prompt": prompt, "step": step, "file": file, "role": "final"}))
    (folder / "samples" / "index.jsonl").write_text("\n".join(rows))
    return folder


def test_the_page_sorts_runs_and_writes_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lesson, "Oracle", Reader)
    runs = [
        write_run(tmp_path / "one", config(1.0), "purple", "red"),
        write_run(tmp_path / "zero", config(0.0), "purple", "purple"),
        write_run(tmp_path / "before", config(stages=("generate",)), "red", "red"),
    ]
    main([str(tmp_path / "out"), *map(str, runs)])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["before", "λ = 0", "λ = 1"]
    drift = [line.split("|")[9].strip() for line in lines[2:]]
    assert drift == ["0.00", "1.00", "0.00"]
    assert len((tmp_path / "out" / "results.csv").read_text().splitlines()) == 4
    assert Image.open(tmp_path / "out" / "sheet.png").height > 6 * 128


def test_the_class_before_is_taken_from_a_trained_run_where_the_model_before_was_not_asked_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lesson, "Oracle", Reader)
    trained = write_run(tmp_path / "one", config(1.0), "purple", "purple")
    file = "samples/base.png"
    Image.new("RGB", (64, 64), "red").save(trained / file)
    base = json.dumps({"prompt": "a photo of a backpack", "step": 0, "file": file, "role": "class_base"})
    with (trained / "samples" / "index.jsonl").open("a") as stream:
        stream.write(f"\n{base}")
    before = write_run(tmp_path / "before", config(stages=("generate",)), "red", "red")
    rows = (before / "samples" / "index.jsonl").read_text().splitlines()
    (before / "samples" / "index.jsonl").write_text("\n".join(rows[:2]))  # its own prompt alone
    main([str(tmp_path / "out"), str(before), str(trained)])
    cells = [line.split("|") for line in capsys.readouterr().out.splitlines()[2:]]
    assert [(row[1].strip(), row[9].strip(), row[8].strip()) for row in cells] == [
        ("before", "0.00", ""),
        ("λ = 1", "1.00", "1.00"),
    ]


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no pictures"):
        main([str(tmp_path / "out"), str(tmp_path)])


def test_a_folder_without_a_config_is_refused(tmp_path: Path) -> None:
    (write_run(tmp_path / "one", config(), "purple", "red") / "config.yaml").unlink()
    with pytest.raises(ValueError, match=r"one holds no .*config\.yaml"):
        main([str(tmp_path / "out"), str(tmp_path / "one")])


def test_runs_of_several_subjects_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lesson, "Oracle", Reader)
    about = config()
    about["subject"] = {**about["subject"], "photos": "anywhere/mini_rory"}
    runs = [write_run(tmp_path / name, each, "purple", "red") for name, each in (("one", config()), ("other", about))]
    with pytest.raises(ValueError, match="several subjects"):
        main([str(tmp_path / "out"), *map(str, runs)])
    assert not (tmp_path / "out").exists()
