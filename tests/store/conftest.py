"""One entry with two items in a store of its own."""

from pathlib import Path

import pytest

from dbexp.store import Entry, Store

KEY = {"base": "sha256:" + 64 * "1", "prompt": "a photo of a dog", "steps": 50}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def entry(root: Path) -> Entry:
    """class_images with 0.png and 1.png."""
    entry = Store(root).entry("class_images", KEY)
    entry.put("0.png", b"zero")
    entry.put("1.png", b"one")
    return entry
