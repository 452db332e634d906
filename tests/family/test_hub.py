"""The Hub, its cache, and neither: against a small server that answers as the Hub does. No test asks the real one."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub.hf_api
import pytest
import torch
from huggingface_hub import constants

from dbexp.errors import UserError
from dbexp.family.checkpoint import ModelSource
from dbexp.family.sd import SDSource
from dbexp.family.sdxl import SDXLSource

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPO = "someone/tiny"
NOWHERE = "http://127.0.0.1:9"  # nobody listens on the discard port


class FakeHub:
    """Serves one repository; counts the bytes of weights it gave."""

    def __init__(self, folder: Path) -> None:
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        self.files = files
        self.given: list[str] = []

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for a request."""
        route = path.split("?")[0]
        if route.startswith(f"/api/models/{REPO}"):
            return self.describe(route.removeprefix(f"/api/models/{REPO}").strip("/").split("/"))
        if route.startswith("/api/models/someone/gated"):
            return 403, {"X-Error-Code": "GatedRepo"}, b"{}"
        if not route.startswith(f"/{REPO}/resolve/"):
            return 401, {"X-Error-Code": "RepoNotFound"}, b"{}"
        name = route.removeprefix(f"/{REPO}/resolve/").split("/", 1)[1]
        if name not in self.files:
            return 404, {"X-Error-Code": "EntryNotFound"}, b""
        return 200, {"ETag": f'"{sha1(self.files[name]).hexdigest()}"', "X-Repo-Commit": COMMIT}, self.files[name]

    def describe(self, what: list[str]) -> tuple[int, dict[str, str], bytes]:
        if what[0] == "tree":
            entries = [
                {"type": "file", "path": name, "size": len(content), "oid": sha1(content).hexdigest()}
                for name, content in self.files.items()
            ]
            return 200, {}, json.dumps(entries).encode()
        if what[0] == "revision" and what[1] not in ("main", COMMIT):
            return 404, {"X-Error-Code": "RevisionNotFound"}, b"{}"
        siblings = [{"rfilename": name} for name in self.files]
        return 200, {}, json.dumps({"id": REPO, "sha": COMMIT, "siblings": siblings, "tags": []}).encode()


@contextmanager
def serving(hub: FakeHub) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = hub.answer(self.path)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                hub.given.append(self.path)
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def use(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(huggingface_hub.hf_api.api, "endpoint", endpoint)
    template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "hub"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    # a token of the machine's must not go to the server, and no proxy be asked for it
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_IMPLICIT_TOKEN", True)
    return folder


@pytest.fixture
def away(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No Hub, and nothing cached."""
    use(monkeypatch, NOWHERE)
    return cache


@pytest.fixture
def hub(cache: Path, monkeypatch: pytest.MonkeyPatch, tiny_sd: Path) -> Iterator[FakeHub]:
    fake = FakeHub(tiny_sd)
    with serving(fake) as endpoint:
        use(monkeypatch, endpoint)
        yield fake


def weights_given(hub: FakeHub) -> bool:
    return any(path.endswith(".safetensors") for path in hub.given)


@pytest.mark.parametrize("kind", [SDSource, SDXLSource])
def test_out_of_reach_is_one_sentence_within_seconds(away: Path, kind: type[ModelSource]) -> None:
    started = time.monotonic()
    for ask in (kind(REPO).facts, kind(REPO).identity, kind(REPO).load, kind(kind.published.repo).load):
        with pytest.raises(UserError) as refused:
            ask()
        sentence = str(refused.value)
        assert "\n" not in sentence
        assert all(word in sentence for word in (NOWHERE, str(away), "model.checkpoint=/path/to/folder")), sentence
    assert time.monotonic() - started < 10
    assert not away.exists()


@pytest.mark.parametrize("kind", [SDSource, SDXLSource])
def test_the_published_checkpoint_out_of_reach_still_has_facts(away: Path, kind: type[ModelSource]) -> None:
    source = kind(kind.published.repo)
    facts = source.facts(dry=True)
    assert facts.published and facts.missing is not None and kind.published.repo in facts.missing
    assert facts.parameter_counts["unet"] > 8e8
    assert source.tokenizers(dry=True) == []


def test_facts_download_no_weights(hub: FakeHub, cache: Path) -> None:
    facts = SDSource(REPO).facts()
    assert facts.default_resolution == 64 and not facts.published and facts.missing is None
    assert not weights_given(hub)
    assert cache.exists()


def test_a_dry_look_leaves_nothing(hub: FakeHub, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    source = SDSource(REPO)
    assert source.facts(dry=True).default_resolution == 64
    assert len(source.tokenizers(dry=True)) == 1
    del source
    assert not cache.exists() and list(scratch.iterdir()) == []


def test_a_dry_look_uses_what_is_cached(hub: FakeHub) -> None:
    SDSource(REPO).facts()
    hub.given.clear()
    assert SDSource(REPO).facts(dry=True).default_resolution == 64
    assert not any("/resolve/" in path for path in hub.given)


def test_load_identity_and_a_later_offline_run(hub: FakeHub, tiny_sd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = SDSource(REPO)
    assert source.identity() == f"{REPO}@{COMMIT}"
    weight = source.load().unet.conv_in.weight
    assert torch.equal(weight, SDSource(str(tiny_sd)).load().unet.conv_in.weight)
    use(monkeypatch, NOWHERE)
    offline = SDSource(REPO)
    assert offline.facts().missing is None
    assert offline.identity() == f"{REPO}@{COMMIT}"
    assert torch.equal(offline.load().unet.conv_in.weight, weight)


def test_a_cache_without_weights_is_missing_something(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    SDSource(REPO).facts()
    use(monkeypatch, NOWHERE)
    facts = SDSource(REPO).facts()
    assert facts.missing is not None and REPO in facts.missing and "only a part" in facts.missing
    with pytest.raises(UserError, match="only a part"):
        SDSource(REPO).load()


def test_weights_that_are_only_bin_are_refused_before_download(hub: FakeHub) -> None:
    name = "unet/diffusion_pytorch_model"
    hub.files[f"{name}.bin"] = hub.files.pop(f"{name}.safetensors")
    with pytest.raises(UserError, match=r"only \.bin"):
        SDSource(REPO).facts()
    assert not any(path.endswith(".bin") for path in hub.given)


@pytest.mark.parametrize(
    ("repo", "revision", "words"),
    [
        ("someone/else", None, ["someone/else", "neither a folder here nor a model on the Hub"]),
        ("someone/gated", None, ["someone/gated", "accept its terms"]),
        (REPO, "no-such", [REPO, "'no-such'", "model.revision"]),
        ("not a/name", None, ["not a/name", "neither"]),
    ],
)
def test_what_the_hub_refuses(hub: FakeHub, repo: str, revision: str | None, words: list[str]) -> None:
    with pytest.raises(UserError) as refused:
        SDSource(repo, revision).facts()
    assert "\n" not in str(refused.value)
    assert all(word in str(refused.value) for word in words), refused.value
