"""The docs tell of what is there: files they name exist, and a family has what it may say."""

import re
from pathlib import Path

import pytest

import dbexp
from dbexp.family.base import Family
from dbexp.family.published import PUBLISHED

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
PLACES = (ROOT, ROOT / "src" / "dbexp", ROOT / "tests", Path(dbexp.__file__).parent)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_files_that_a_page_names_exist(page: Path) -> None:
    named = set(re.findall(r"`((?:\w+/)*\w+\.(?:py|yaml|md)|(?:\w+/)+)`", page.read_text()))
    assert named, "a page about nothing"
    assert [
        name for name in named if not any((place / name).exists() for place in (*PLACES, ROOT / "src/dbexp/family"))
    ] == []


def test_the_page_on_families_tells_all_that_a_family_may_say() -> None:
    page = (ROOT / "docs" / "new_family.md").read_text()
    rows = [row.split("|")[1].split(":")[0] for row in page.splitlines() if row.startswith("| `")]
    told = {name for row in rows for name in re.findall(r"`(\w+)", row)}
    declared = {name for name in Family.__annotations__ if not name.startswith("_")}
    assert declared <= told and told <= declared | set(vars(Family))
    assert all(f"{kind.choice.upper()}" in page for kind in PUBLISHED)
