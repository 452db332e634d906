"""Judges against plain transformers, and where they are found: a folder, the Hub's cache, a small server, nowhere."""

import json
import math
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import huggingface_hub.hf_api
import pytest
import torch
from huggingface_hub import constants
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import normalize
from transformers import CLIPModel, CLIPTokenizer, ViTModel

from dbexp.errors import NotHereError, UserError
from dbexp.evaluation.encoders import ClipEncoder, DinoEncoder, Encoder

SIDE = 32
TEXTS = [
    "a photo of a dog",
    "a",
    "a photo of a backpack in the snow in front of the beach in the city and in the night",
]
SIZE: dict[str, Any] = {"resize": SIDE, "crop": SIDE}
COMMIT, CONVERTED = "0" * 39 + "1", "0" * 39 + "2"
REPO = "someone/judge"
NOWHERE = "http://127.0.0.1:9"  # nobody listens on the discard port


@pytest.fixture(scope="module")
def dino(dino_folder: Path) -> DinoEncoder:
    return DinoEncoder(str(dino_folder), **SIZE)


@pytest.fixture(scope="module")
def clip(clip_folder: Path) -> ClipEncoder:
    return ClipEncoder(str(clip_folder), **SIZE)


Look = Callable[[DinoEncoder, ClipEncoder, list[Image.Image], int], Tensor]
LOOKS: dict[str, Look] = {
    "dino": lambda dino, clip, pictures, size: dino.embed(pictures, size),
    "patches": lambda dino, clip, pictures, size: dino.patch_statistics(pictures, size),
    "clip": lambda dino, clip, pictures, size: clip.embed(pictures, size),
    "texts": lambda dino, clip, pictures, size: clip.embed_texts(TEXTS, size),
}


@pytest.fixture(params=list(LOOKS))
def look(request: pytest.FixtureRequest, dino: DinoEncoder, clip: ClipEncoder, pictures: list[Image.Image]) -> Any:
    """One of the ways to look, by batch size."""
    return lambda batch_size=3: LOOKS[request.param](dino, clip, pictures, batch_size)


def test_dino_is_the_first_token_of_plain_transformers(
    dino: DinoEncoder, dino_folder: Path, pictures: list[Image.Image]
) -> None:
    network = ViTModel.from_pretrained(dino_folder).eval()
    with torch.no_grad():
        tokens = network(pixel_values=dino.preprocessing(pictures)).last_hidden_state
    first = tokens[:, 0]
    assert torch.allclose(dino.embed(pictures), first / first.norm(dim=1, keepdim=True), atol=1e-6)
    patches = tokens[:, 1:]
    mean = patches.sum(1) / 16
    deviation = ((patches - mean[:, None]).square().sum(1) / 16).sqrt()
    both = torch.cat([mean, deviation], 1)
    assert torch.allclose(dino.patch_statistics(pictures), both / both.norm(dim=1, keepdim=True), atol=1e-6)


def test_dino_has_no_pooler(dino: DinoEncoder) -> None:
    assert dino.network().pooler is None


def test_patch_statistics_do_not_ask_where_a_feature_is(
    dino: DinoEncoder, monkeypatch: pytest.MonkeyPatch, pictures: list[Image.Image]
) -> None:
    tokens = torch.randn(1, 17, 8)
    order = torch.cat([torch.tensor([0]), 1 + torch.randperm(16)])
    said = {}
    for name, shown in (("one", tokens), ("other", tokens[:, order]), ("scaled", tokens * 3)):
        monkeypatch.setattr(dino, "_tokens", lambda batch, shown=shown: shown.clone())
        said[name] = dino.patch_statistics(pictures[:1])
    assert torch.allclose(said["one"], said["other"], atol=1e-6) and torch.allclose(
        said["one"], said["scaled"], atol=1e-6
    )


def test_clip_is_the_projection_of_plain_transformers(
    clip: ClipEncoder, clip_folder: Path, pictures: list[Image.Image]
) -> None:
    network = CLIPModel.from_pretrained(clip_folder, dtype=torch.float32).eval()
    words = CLIPTokenizer.from_pretrained(clip_folder)
    with torch.no_grad():
        seen = network.vision_model(pixel_values=clip.preprocessing(pictures)).pooler_output
        seen = network.visual_projection(seen)
        # one text at a time and unpadded: padding must not show
        read = [words([text], truncation=True, max_length=16, return_tensors="pt").input_ids for text in TEXTS]
        told = [network.text_projection(network.text_model(input_ids=ids).last_hidden_state[:, -1]) for ids in read]
    assert torch.allclose(clip.embed(pictures), normalize(seen, dim=1), atol=1e-6)
    assert torch.allclose(clip.embed_texts(TEXTS), normalize(torch.cat(told), dim=1), atol=1e-6)


def test_a_text_ends_at_its_end_token_although_an_added_one_has_a_higher_id(clip: ClipEncoder) -> None:
    words, network = clip.tokenizer(), clip.network()
    added = network.config.text_config.vocab_size - 1
    assert added > words.eos_token_id
    input_ids = torch.tensor([[words.bos_token_id, added, 5, words.eos_token_id, words.eos_token_id]])
    with torch.no_grad():
        states = network.text_model(input_ids=input_ids)
    assert torch.equal(states.pooler_output[0], states.last_hidden_state[0, 3])


def test_what_is_too_long_is_named_and_cut(clip: ClipEncoder) -> None:
    assert clip.too_long(TEXTS) == [TEXTS[2]]
    assert clip.too_long(["a " * 14]) == [] and clip.too_long(["a " * 15]) != []
    assert torch.allclose(clip.embed_texts([TEXTS[2]]), clip.embed_texts([TEXTS[2] + " and a dog"]), atol=1e-6)
    assert not torch.allclose(clip.embed_texts(["a"]), clip.embed_texts(["a dog"]), atol=1e-3)


def test_a_tokenizer_without_a_limit_takes_the_networks(clip_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(clip_folder, tmp_path / "clip")
    told = json.loads((folder / "tokenizer_config.json").read_text())
    told.pop("model_max_length")
    (folder / "tokenizer_config.json").write_text(json.dumps(told))
    judge = ClipEncoder(str(folder), **SIZE)
    assert judge.tokenizer().model_max_length > 1e9
    assert judge.too_long(TEXTS) == [TEXTS[2]]
    judge.embed_texts(TEXTS)


def test_vectors_have_length_one_and_are_ordinary_float32(look: Callable[..., Tensor]) -> None:
    vectors = look()
    assert vectors.dtype == torch.float32 and vectors.device.type == "cpu"
    assert torch.allclose(vectors.norm(dim=1), torch.ones(len(vectors)), atol=1e-6)
    weight = torch.ones(vectors.shape[1], requires_grad=True)
    (vectors @ weight).sum().backward()  # an inference tensor would refuse
    assert weight.grad is not None and not vectors.requires_grad


def test_batch_size_and_the_callers_modes_do_not_matter(look: Callable[..., Tensor]) -> None:
    vectors = look(100)
    assert torch.allclose(look(1), vectors, atol=1e-6) and torch.allclose(look(2), vectors, atol=1e-6)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        under = look()
    assert not under.is_inference() and torch.allclose(under, vectors, atol=1e-6)


def test_a_judge_is_still_and_computes_in_float32(dino: DinoEncoder, clip: ClipEncoder) -> None:
    for judge in (dino, clip):
        network = judge.to("cpu").network()
        assert not network.training and not any(weight.requires_grad for weight in network.parameters())
        assert {weight.dtype for weight in network.parameters()} == {torch.float32}


def test_it_moves_before_loading_and_after(dino_folder: Path) -> None:
    for is_loaded in (False, True):
        judge = DinoEncoder(str(dino_folder), **SIZE)
        if is_loaded:
            judge.network()
        assert judge.to("meta").network().device.type == "meta"


def test_nothing_to_look_at_is_refused(dino: DinoEncoder, clip: ClipEncoder, pictures: list[Image.Image]) -> None:
    for act in (lambda: dino.embed([]), lambda: clip.embed_texts([]), lambda: dino.embed(pictures, 0)):
        with pytest.raises(ValueError, match="nothing can be encoded"):
            act()


def test_weights_that_are_not_numbers_are_refused(
    dino_folder: Path, tmp_path: Path, pictures: list[Image.Image]
) -> None:
    folder = shutil.copytree(dino_folder, tmp_path / "dino")
    weights = load_file(folder / "model.safetensors")
    save_file({name: weight * math.nan for name, weight in weights.items()}, folder / "model.safetensors")
    with pytest.raises(UserError, match=r"evaluation.dino.checkpoint=.* gives inf or NaN"):
        DinoEncoder(str(folder), **SIZE).embed(pictures)


# where it is found


def test_the_id_of_a_folder_is_of_what_is_in_it_not_of_where_it_is(clip_folder: Path, tmp_path: Path) -> None:
    def identity(folder: Path) -> str:
        return ClipEncoder(str(folder), **SIZE).identity()

    first = identity(clip_folder)
    assert first.startswith("sha256:") and len(first) == 71
    folder = shutil.copytree(clip_folder, tmp_path / "copy")
    (folder / "README.md").write_text("unread")
    assert identity(folder) == first
    for name in ("model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content.replace(b"}", b" }", 1))
        assert identity(folder) != first, name
        (folder / name).write_bytes(content)


def broken(folder: Path, kind: str) -> None:
    """Damage a copy of a judge's folder."""
    config = json.loads((folder / "config.json").read_text())
    if kind.startswith("no "):
        (folder / kind.removeprefix("no ")).unlink()
    if kind == "only .bin":
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    if kind == "another type":
        (folder / "config.json").write_text(json.dumps({**config, "model_type": "dinov2"}))
    if kind == "config torn":
        (folder / "config.json").write_text("{")
    if kind == "config a list":
        (folder / "config.json").write_text("[]")
    if kind == "config nonsense":
        (folder / "config.json").write_text(json.dumps({**config, "projection_dim": "?", "hidden_size": "?"}))
    if kind == "weights torn":
        (folder / "model.safetensors").write_bytes(b"0")
    if kind == "weight gone":
        weights = load_file(folder / "model.safetensors")
        weights.pop(next(name for name in weights if "layernorm" in name or "layer_norm" in name))
        save_file(weights, folder / "model.safetensors")


@pytest.mark.parametrize("kind", [DinoEncoder, ClipEncoder])
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("no config.json", "has no config.json"),
        ("no model.safetensors", "has no model.safetensors"),
        ("only .bin", "only safetensors are read"),
        ("another type", "'dinov2'"),
        ("config torn", "cannot be read"),
        ("config a list", "type None"),
        ("config nonsense", "cannot be read"),
        ("weights torn", "cannot be loaded"),
        ("weight gone", "lacks 1 weights"),
    ],
)
def test_a_wrong_folder_is_one_sentence_that_names_the_key(
    kind: type[Encoder], damage: str, words: str, dino_folder: Path, clip_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(dino_folder if kind is DinoEncoder else clip_folder, tmp_path / "judge")
    broken(folder, damage)
    judge = kind(str(folder), **SIZE)
    with pytest.raises(UserError) as refused:
        judge.network()
    sentence = str(refused.value)
    assert words in sentence and f"{kind.key}.checkpoint={folder}" in sentence and "\n" not in sentence
    # all but the weights' own content is found without loading them
    assert judge.missing() == (None if damage.startswith("weight") else sentence)


def test_clip_without_a_vocabulary_is_refused(clip_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(clip_folder, tmp_path / "judge")
    (folder / "tokenizer.json").unlink()
    assert "has no tokenizer.json" in (ClipEncoder(str(folder), **SIZE).missing() or "")


def test_one_judge_in_the_place_of_the_other_is_refused(dino_folder: Path, clip_folder: Path) -> None:
    assert "evaluation.clip.checkpoint" in (ClipEncoder(str(dino_folder)).missing() or "")
    assert "'clip'" in (DinoEncoder(str(clip_folder)).missing() or "")


def test_pictures_of_another_size_than_the_networks_are_refused(dino_folder: Path, clip_folder: Path) -> None:
    for judge in (DinoEncoder(str(dino_folder)), ClipEncoder(str(clip_folder))):
        assert f"set {judge.key}.crop=32" in (judge.missing() or "")


def test_making_one_touches_nothing_and_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    for judge in (DinoEncoder(str(tmp_path / "none")), ClipEncoder("./none"), ClipEncoder("a/b/c")):
        assert f"{judge.key}.checkpoint={judge.checkpoint} is not there" in (judge.missing() or "")
        with pytest.raises(NotHereError):
            judge.network()
    with pytest.raises(ValueError, match="does not fit"):
        DinoEncoder("x", resize=32, crop=64)


def test_a_folder_has_no_revision(dino_folder: Path) -> None:
    assert "evaluation.dino.revision=main" in (DinoEncoder(str(dino_folder), "main", **SIZE).missing() or "")


class SmallHub:
    """Serves one repository of two commits: its branch, and a pull request with safetensors; remembers what it gave."""

    def __init__(self, folder: Path) -> None:
        whole = {path.name: path.read_bytes() for path in folder.iterdir()}
        self.model_type = json.loads(whole["config.json"])["model_type"]
        self.commits = {COMMIT: dict(whole, **{"README.md": b"hello"}), CONVERTED: whole}
        self.refs = {"main": COMMIT, "refs/pr/7": CONVERTED}
        self.authors = ["stranger", "SFconvertbot"]
        self.given: list[str] = []

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        route = path.split("?")[0].replace("%2F", "/")
        self.given.append(route)
        if route == f"/api/models/{REPO}/discussions":
            return 200, {}, json.dumps(self.discussions()).encode()
        for start in (f"/api/models/{REPO}", f"/{REPO}/resolve"):
            if route == start or route.startswith(f"{start}/"):
                return self.about(start, route.removeprefix(start).strip("/"))
        return 401, {"X-Error-Code": "RepoNotFound"}, b"{}"

    def discussions(self) -> dict[str, Any]:
        told = {"title": "Adding safetensors", "createdAt": "2024-01-01T00:00:00.000Z", "status": "open"}
        told |= {"repo": {"name": REPO, "type": "model"}, "isPullRequest": True}
        rows = [{**told, "num": 6 + row, "author": {"name": name}} for row, name in enumerate(self.authors)]
        return {"count": len(rows), "start": 0, "discussions": rows}

    def about(self, start: str, what: str) -> tuple[int, dict[str, str], bytes]:
        what = what.removeprefix("revision/").removeprefix("tree/") or "main"
        names = {**self.refs, **{commit: commit for commit in self.commits}}
        ref = next((name for name in names if what == name or what.startswith(f"{name}/")), None)
        if ref is None:
            return 404, {"X-Error-Code": "RevisionNotFound"}, b"{}"
        commit = names[ref]
        files = self.commits[commit]
        if start.endswith("resolve"):
            return self.file(commit, what.removeprefix(f"{ref}/"))
        if "/tree/" in self.given[-1]:
            rows = [
                {"type": "file", "path": name, "size": len(files[name]), "oid": digest(files[name])} for name in files
            ]
            return 200, {}, json.dumps(rows).encode()
        siblings = [{"rfilename": name} for name in files]
        told = {"id": REPO, "sha": commit, "siblings": siblings, "tags": [], "config": {"model_type": self.model_type}}
        return 200, {}, json.dumps(told).encode()

    def file(self, commit: str, name: str) -> tuple[int, dict[str, str], bytes]:
        content = self.commits[commit].get(name)
        if content is None:
            return 404, {"X-Error-Code": "EntryNotFound"}, b""
        return 200, {"ETag": f'"{digest(content)}"', "X-Repo-Commit": commit}, content

    def without_safetensors(self) -> None:
        self.commits[COMMIT]["pytorch_model.bin"] = self.commits[COMMIT].pop("model.safetensors")


def digest(content: bytes) -> str:
    return sha1(content).hexdigest()


@contextmanager
def serving(hub: SmallHub) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = hub.answer(self.path)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
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
    # a token of the machine's must not go to the server
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_IMPLICIT_TOKEN", True)
    return folder


@pytest.fixture
def hub(cache: Path, monkeypatch: pytest.MonkeyPatch, clip_folder: Path) -> Iterator[SmallHub]:
    small = SmallHub(clip_folder)
    with serving(small) as endpoint:
        use(monkeypatch, endpoint)
        yield small


def judge(repo: str = REPO, revision: str | None = None) -> ClipEncoder:
    return ClipEncoder(repo, revision, **SIZE)


def test_out_of_reach_is_one_sentence_within_seconds_and_nothing_is_written(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, NOWHERE)
    started = time.monotonic()
    sentence = judge().missing()
    assert time.monotonic() - started < 10
    assert sentence is not None and "\n" not in sentence
    assert all(word in sentence for word in (REPO, NOWHERE, str(cache), "evaluation.clip.checkpoint")), sentence
    with pytest.raises(NotHereError):
        judge().identity()
    assert not cache.exists()


def test_a_hub_that_takes_the_call_and_says_nothing_is_not_waited_for(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dbexp.evaluation.encoders.TIMEOUT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        use(monkeypatch, f"http://127.0.0.1:{silent.getsockname()[1]}")
        started = time.monotonic()
        assert "does not answer" in (judge().missing() or "")
    assert time.monotonic() - started < 3


def test_what_the_hub_has_is_not_missing_and_asking_writes_nothing(hub: SmallHub, cache: Path) -> None:
    assert judge().missing() is None
    assert not cache.exists() and not any("/resolve/" in route for route in hub.given)


def test_it_is_fetched_once_and_then_found_without_the_hub(
    hub: SmallHub, clip: ClipEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = judge()
    assert first.identity() == f"{REPO}@{COMMIT}"
    expected = clip.embed_texts(TEXTS)
    assert torch.equal(first.embed_texts(TEXTS), expected)
    assert not any(route.endswith("README.md") for route in hub.given)
    hub.given.clear()
    again = judge()
    assert again.missing() is None and again.identity() == first.identity()
    assert hub.given == []
    use(monkeypatch, NOWHERE)
    assert torch.equal(judge().embed_texts(TEXTS), expected)


def test_a_branch_that_moves_on_does_not_change_a_cached_judge(hub: SmallHub) -> None:
    judge().network()
    hub.refs["main"] = CONVERTED
    assert judge().identity() == f"{REPO}@{COMMIT}"
    assert judge(revision=CONVERTED).identity() == f"{REPO}@{CONVERTED}"


def test_half_a_download_is_not_taken_for_a_judge(hub: SmallHub, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judge().network()
    (weights,) = cache.glob("models--*/snapshots/*/model.safetensors")
    weights.unlink()
    assert judge().missing() is None and hub.given  # the Hub was asked
    use(monkeypatch, NOWHERE)
    assert "not whole" in (judge().missing() or "")


def test_without_safetensors_the_hubs_own_conversion_is_used_and_named(
    hub: SmallHub, clip: ClipEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.without_safetensors()
    assert judge().missing() is None
    assert judge().identity() == f"{REPO}@{CONVERTED}"
    assert torch.equal(judge().embed_texts(TEXTS), clip.embed_texts(TEXTS))
    assert not any(route.endswith(".bin") for route in hub.given)
    use(monkeypatch, NOWHERE)
    assert judge().identity() == f"{REPO}@{CONVERTED}"


def test_nobody_elses_conversion_is_used_and_none_where_a_revision_is_named(hub: SmallHub) -> None:
    hub.without_safetensors()
    assert "has no model.safetensors" in (judge(revision="main").missing() or "")
    hub.authors = ["stranger", "stranger"]
    assert "has no model.safetensors" in (judge().missing() or "")


def test_a_pull_request_can_be_named(hub: SmallHub) -> None:
    assert judge(revision="refs/pr/7").identity() == f"{REPO}@{CONVERTED}"


@pytest.mark.parametrize(
    ("repo", "revision", "words"),
    [
        ("someone/else", None, ["someone/else"]),
        (REPO, "no-such", [REPO, "no-such"]),
        ("not a/name", None, ["not a/name"]),
    ],
)
def test_what_the_hub_refuses_is_one_sentence(
    hub: SmallHub, cache: Path, repo: str, revision: str | None, words: list[str]
) -> None:
    sentence = judge(repo, revision).missing()
    assert sentence is not None and "\n" not in sentence and "the Hub refuses" in sentence
    assert all(word in sentence for word in [*words, "evaluation.clip.checkpoint"]), sentence
    assert not cache.exists()


def test_another_kind_of_model_is_refused_before_it_is_fetched(hub: SmallHub, cache: Path) -> None:
    hub.model_type = "siglip"
    with pytest.raises(UserError, match="'siglip'"):
        judge().network()
    assert not cache.exists()
