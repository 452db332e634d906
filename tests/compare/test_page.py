"""The page: everything is on it, nothing loads from elsewhere, and what users wrote is text."""

import re
from pathlib import Path
from typing import Any

import pytest
from page_tree import Node, read_page

from dbexp.compare.build import write_comparison
from dbexp.compare.question import Question
from dbexp.errors import UserError

HOSTILE = "<script>alert('x')</script>&\"'"


@pytest.fixture
def study(runs: Any) -> Any:
    for seed in (0, 1, 2):
        for weight in (0.3, 1.0):
            scores = {"dino": 0.7 - 0.1 * weight + 0.01 * seed * weight, "clip_t": 0.28}
            runs.add({"prior.weight": weight}, scores, seed=seed, at_steps={50: {"dino": 0.5, "clip_t": 0.29}})
    runs.add({"prior.weight": 3.0}, status="failed", message=f"ValueError: {HOSTILE}")
    return runs


def page_of(runs: Any, question: Question | None = None) -> Node:
    file = write_comparison([runs.home], runs.home, question or Question())
    return read_page(file.read_text())


def rows_of(page: Node) -> list[Node]:
    (table,) = page.all("table", id="table")
    return [row for row in table.all("tr") if "data-status" in row.attributes]


def test_every_run_has_its_row_and_a_failed_one_its_message(study: Any) -> None:
    rows = rows_of(page_of(study))
    assert len(rows) == 13
    (failed,) = [row for row in rows if row.attributes["data-status"] == "failed"]
    assert HOSTILE in failed.raw and failed.all("td", class_="message") and not failed.all("script")


def test_rows_have_a_cell_for_every_column(study: Any) -> None:
    page = page_of(study)
    (table,) = page.all("table", id="table")
    (head,) = [row for row in table.all("tr") if "data-status" not in row.attributes]
    for row in rows_of(page):
        cells = [node for node in row.walk() if node.tag in ("td", "th")]
        assert sum(int(cell.attributes.get("colspan", 1)) for cell in cells) == len(head.all("th"))


def test_nothing_is_loaded_from_elsewhere(study: Any) -> None:
    page = page_of(study)
    for node in page.walk():
        for name in ("src", "href", "data", "action", "poster", "srcset"):
            assert not re.match(r"(https?:)?//", node.attributes.get(name, "")), node.attributes
        assert node.tag not in ("iframe", "object", "embed") and not (
            node.tag == "link" and node.attributes["href"] != "data:,"
        )
    text = (study.home / "compare.html").read_text()
    assert "@import" not in text and not re.search(r"url\(\s*['\"]?(https?:)?//", text)


@pytest.mark.parametrize("place", ["name", "subject.class_noun", "loss.weighting", "optimizer.name"])
def test_what_users_wrote_is_text(place: str, runs: Any) -> None:
    for value in (HOSTILE, f"{HOSTILE}2"):
        folder = runs.add({place: value}, {"dino": 0.6, "clip_t": 0.28})
        index = folder / "samples" / "index.jsonl"
        index.write_text(index.read_text().replace("in snow", "<b>in</b> snow"))
    page = page_of(runs)
    assert len(page.all("script")) == 2 and not [b for b in page.all("b") if b.text == "in"]
    assert HOSTILE in page.raw and "<b>in</b> snow" in page.raw


def test_a_run_on_its_way_is_no_run_of_its_own_in_the_words(study: Any) -> None:
    page = page_of(study)
    (verdict,) = page.all("p", class_="verdict")
    facts = {node.all("dt")[0].text: node.all("dd")[0].text for node in page.all("dl", class_="facts")[0].all("div")}
    assert facts["Runs"] == "7 (6 done, 1 failed)" and facts["Settings"] == "4"
    assert facts["Training seeds each"] == "3"
    assert "Beside setting 2 (prior.weight = 0.3, max_steps = 100)" in verdict.text


def test_every_offered_reference_has_its_table_and_one_shows(study: Any) -> None:
    page = page_of(study)
    options = [option.attributes["value"] for option in page.all("select", id="reference")[0].all("option")]
    tables = page.all("div", class_="against")
    assert [table.attributes["data-reference"] for table in tables] == options == ["1", "2", "3", "4"]
    assert [table.attributes["data-reference"] for table in tables if "hidden" not in table.attributes] == ["2"]
    (shown,) = [table for table in tables if table.attributes["data-reference"] == "2"]
    (other,) = [row for row in shown.all("tr") if row.attributes.get("data-setting") == "4"]
    assert "−0.063" in other.text and "worse" in other.text


def test_the_reference_can_be_named(study: Any) -> None:
    page = page_of(study, Question(reference={"prior.weight": "1.0", "trainer.max_steps": "50"}))
    (chosen,) = [each for each in page.all("option") if "selected" in each.attributes]
    assert chosen.attributes["value"] == "3"


def test_a_study_says_what_was_expected_and_found(study: Any) -> None:
    verdict = page_of(study, Question("prior.weight", "dino", -1, 0.02)).all("p", class_="verdict")[0].text
    assert verdict.startswith("Confirmed: that likeness (DINO) falls by 0.02 or more along prior.weight.")
    assert "3 training seeds" in verdict
    verdict = page_of(study, Question("prior.weight", "dino", 1, 0.02)).all("p", class_="verdict")[0].text
    assert verdict.startswith("Opposite:")


def test_with_one_seed_the_page_gives_no_verdict_and_says_how_many_it_takes(runs: Any) -> None:
    for weight in (0.3, 1.0):
        runs.add({"prior.weight": weight}, {"dino": 0.8 - 0.3 * weight, "clip_t": 0.28})
    page = page_of(runs)
    assert page.all("p", class_="verdict")[0].text.startswith(
        "No verdict across runs: each setting was trained with one"
    )
    caution = page.all("p", class_="caution")[0].text
    assert "sampling noise only" in caution and re.search(r"0\.03 in DINO takes about \d+ training seeds", caution)
    words = [node.text for node in page.all("span", class_="word")]
    assert words and set(words) == {"no verdict"}


def test_runs_that_all_failed_still_make_a_page(runs: Any) -> None:
    runs.add({}, status="failed", message="one")
    runs.add({}, status="interrupted", message="two")
    page = page_of(runs)
    assert "None of the 2 runs is finished" in page.all("p", class_="verdict")[0].text
    assert "one" in rows_of(page)[0].text and not page.all("select")


def test_runs_without_scores_are_compared_by_their_pictures(runs: Any) -> None:
    for weight in (0.3, 1.0):
        runs.add({"prior.weight": weight})
    page = page_of(runs)
    assert "the pictures are all there is" in page.all("p", class_="verdict")[0].text
    assert len(page.all("table", class_="wall")[0].all("img")) == 12
    assert not page.all("select") and not page.all("p", class_="answer")


def test_a_lone_run_makes_a_page(runs: Any) -> None:
    runs.add({}, {"dino": 0.6, "clip_t": 0.28})
    assert "nothing to compare it with" in page_of(runs).all("p", class_="verdict")[0].text


def test_the_same_runs_make_the_same_page(study: Any) -> None:
    pages = [write_comparison([study.home], study.home).read_bytes() for _ in range(2)]
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    ("question", "named"),
    [
        (Question(axis="loss.weighting"), "--axis loss.weighting does not differ.*prior.weight"),
        (Question(axis="prior.weight", metric="lpips", direction=1), "--expect lpips: no finished run.*dino"),
        (Question(reference={"prior.weight": "7"}), "--reference prior.weight=7: no finished run"),
        (Question(reference={"seed": "0"}), "--reference seed is no axis"),
    ],
)
def test_a_question_that_does_not_fit_is_refused_and_nothing_is_written(
    question: Question, named: str, study: Any, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=named):
        write_comparison([study.home], tmp_path / "out", question)
    assert not (tmp_path / "out").exists()
