"""python -m dbexp.store: lists, verifies, prunes; a dry run and a refused request change no byte."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dbexp.store import MANIFEST, Entry, Store
from dbexp.store.__main__ import main

DAY = 86400


class Told:
    """Calls the command on one store; returns its exit code and what it said."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self.capsys = root, capsys

    def __call__(self, *words: str) -> tuple[int, str]:
        code = main([*words, "--cache", str(self.root)])
        captured = self.capsys.readouterr()
        assert (captured.err == "") == (code != 2)
        assert code != 2 or (captured.out == "" and captured.err.count("\n") == 1)
        return code, captured.out + captured.err


@pytest.fixture
def tell(root: Path, capsys: pytest.CaptureFixture[str]) -> Told:
    return Told(root, capsys)


@pytest.fixture
def old(root: Path) -> Entry:
    """Latents last used 40 days ago."""
    entry = Store(root).entry("latents", {"base": "hub:someone/some-model@" + 40 * "a", "resolution": 512})
    entry.put("a.safetensors", bytes(3 * 2**20))
    os.utime(entry.path(MANIFEST), (time.time() - 40 * DAY, time.time() - 40 * DAY))
    return entry


def state(root: Path) -> dict[Path, tuple[bytes, int]]:
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in root.rglob("*") if path.is_file()}


def test_a_missing_and_an_empty_store_say_so(tell: Told, root: Path) -> None:
    for command in ([], ["list"], ["verify"], ["prune", "--older-than", "1"]):
        code, told = tell(*command)
        assert code == 0 and f"{root} is not there yet" in told
    assert not root.exists()
    root.mkdir()
    assert tell("list") == (0, f"the store {root} is empty\n")


def test_the_list_tells_entries_apart_and_changes_nothing(tell: Told, root: Path, entry: Entry, old: Entry) -> None:
    before = state(root)
    code, told = tell("list")
    first, second = told.splitlines()[1:3]
    assert code == 0 and state(root) == before
    assert first.split()[:3] == ["class_images", entry.folder.name[:10], "2"]
    assert "just now" in first and '"a photo of a dog", base sha256:11111111, steps 50' in first
    assert second.split()[:5] == ["latents", old.folder.name[:10], "1", "3.0", "MiB"]
    assert "40 days ago" in second and "hub:someone/some-model@aaaaaaaa" in second
    assert tell() == (code, told)


def test_verify_names_damage_and_a_run_mends_it(tell: Told, entry: Entry, old: Entry) -> None:
    assert tell("verify") == (0, "3 items are whole, 0 files damaged or gone\n")
    content = entry.path("0.png").read_bytes()
    entry.path("0.png").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    code, told = tell("verify")
    assert code == 1 and f"{entry.path('0.png')} is damaged" in told and "2 items are whole, 1 files" in told
    assert not entry.path("0.png").exists()
    assert tell("verify")[0] == 0
    assert entry.missing(["0.png", "1.png"]) == ["0.png"]
    entry.put("0.png", content)
    assert tell("verify") == (0, "3 items are whole, 0 files damaged or gone\n")


def test_verify_names_what_killed_writers_left_which_is_no_damage(tell: Told, entry: Entry) -> None:
    entry.path("2.png").write_bytes(b"two")
    (entry.folder / f".3.png.{2**22 + 1}.tmp").write_bytes(b"thr")
    code, told = tell("verify")
    assert code == 0 and f"{entry.path('2.png')} is not recorded" in told and "1 temporary files" in told


def test_verify_leaves_a_job_alone(tell: Told, entry: Entry) -> None:
    entry.path("0.png").write_bytes(b"half")
    with entry.lock():
        code, told = tell("verify")
    assert code == 0 and f"class_images/{entry.folder.name[:10]} is in use" in told
    assert entry.path("0.png").exists()


@pytest.mark.parametrize(
    ("filters", "goes"),
    [
        (["--older-than", "30"], ["latents"]),
        (["--older-than", "41"], []),
        (["--older-than", "0"], ["class_images", "latents"]),
        (["--kind", "class_images"], ["class_images"]),
        (["--kind", "class_images", "--older-than", "30"], []),
        (["--kind", "nothing"], []),
        (["LATENTS"], ["latents"]),
        (["LATENTS", "--kind", "class_images"], []),
    ],
)
def test_prune_deletes_what_passes_every_filter_and_a_dry_run_only_tells(
    tell: Told, root: Path, entry: Entry, old: Entry, filters: list[str], goes: list[str]
) -> None:
    filters = [old.folder.name[:6] if word == "LATENTS" else word for word in filters]
    before = state(root)
    code, would = tell("prune", *filters, "--dry-run")
    assert code == 0 and state(root) == before
    code, did = tell("prune", *filters)
    assert code == 0 and would.replace("would be", "is").replace("is freed", "freed") == did
    assert [kind for kind in ("class_images", "latents") if f"{kind}/" in did] == goes
    assert ("3.0 MiB freed" in did) == ("latents" in goes)
    left = {found.kind for found in Store(root).entries()}
    assert left == {"class_images", "latents"} - set(goes)
    assert {path: content for path, content in before.items() if path.relative_to(root).parts[0] in left} == state(root)


def test_prune_leaves_a_job_alone_and_names_it(tell: Told, root: Path, entry: Entry, old: Entry) -> None:
    with old.lock():
        before = state(root)
        would = tell("prune", "--kind", "latents", "--dry-run")
        did = tell("prune", "--kind", "latents")
        assert state(root)[old.path("a.safetensors")] == before[old.path("a.safetensors")]
    for code, told in (would, did):
        assert code == 0 and f"latents/{old.folder.name[:10]} is in use" in told and "0 of 2 entries" in told
    assert old.missing(["a.safetensors"]) == []


def test_prune_removes_temporary_files_of_the_dead_from_entries_it_leaves(tell: Told, entry: Entry, old: Entry) -> None:
    left = entry.folder / f".3.png.{2**22 + 1}.tmp"
    mine = entry.folder / f".3.png.{os.getpid()}.tmp"
    left.write_bytes(bytes(2**20))
    mine.write_bytes(b"thr")
    assert "killed writers: 1\n4.0 MiB would be freed" in tell("prune", "--older-than", "30", "--dry-run")[1]
    assert left.exists()
    assert "killed writers: 1\n4.0 MiB freed" in tell("prune", "--older-than", "30")[1]
    assert not left.exists() and mine.exists()
    assert entry.missing(["0.png", "1.png"]) == []


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["prune"], "give --older-than DAYS, --kind KIND or the start of a digest"),
        (["prune", "--dry-run"], "deletes nothing unasked"),
        (["prune", "--older-than", "-1"], "no number of days"),
        (["prune", "--older-than", "nan"], "no number of days"),
        (["prune", "--older-than", "soon"], "no number of days"),
        (["prune", "*"], "not the start of a digest"),
        (["prune", ""], "not the start of a digest"),
        (["purge"], "invalid choice: 'purge'"),
        (["list", "--kind", "latents"], "unrecognized arguments"),
    ],
)
def test_what_will_not_do_is_refused_in_one_sentence(
    tell: Told, root: Path, entry: Entry, words: list[str], why: str
) -> None:
    before = state(root)
    code, told = tell(*words)
    assert code == 2 and why in told
    assert state(root) == before


def test_a_file_is_no_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["--cache", str(tmp_path / "file")]) == 2
    assert "is not a folder" in capsys.readouterr().err


def test_a_folder_that_refuses_is_named(tell: Told, entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    (entry.folder / "lock").mkdir()
    code, told = tell("verify")
    assert code == 2 and f"{entry.folder / 'lock'} cannot be used" in told


def test_it_starts_as_a_program_on_the_store_that_runs_use(root: Path, entry: Entry) -> None:
    entry.path("1.png").write_bytes(b"onf")
    command = [sys.executable, "-X", "importtime", "-m", "dbexp.store", "verify"]
    environment = {**os.environ, "DBEXP_CACHE": str(root)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1 and "1.png is damaged" in done.stdout
    assert not [line for line in done.stderr.splitlines() if line.endswith(" torch")]
