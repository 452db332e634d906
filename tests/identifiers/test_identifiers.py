"""Identifiers on the bundled model, whose words have known meanings: known ones are found out, rare ones are not."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL.Image import Image
from torch import Tensor
from torch.nn.functional import normalize

from dbexp.family.base import Family
from dbexp.family.sd import SDSource
from dbexp.generate.draw import Picture, draw
from dbexp.generate.sampling import Sampler
from dbexp.identifiers.__main__ import main
from dbexp.identifiers.measure import picture_measures, text_distances, together
from dbexp.identifiers.strength import Scale
from dbexp.identifiers.words import candidates, controls, everyday, token_id
from dbexp.mini.pretrain.tokens import RARE_WORDS, world_tokenizer
from dbexp.subject import IDENTIFIERS, KNOWN_BAD_IDENTIFIERS, Subject

MINI = ["model=mini_sd15", "trainer=cpu", "evaluation=none"]
CONTROLS, KNOWN = ["ohwx", "hta", "uer"], ["car", "blue"]


@pytest.fixture(scope="module")
def mini() -> Family:
    import dbexp

    return SDSource(str(Path(dbexp.__file__).parent / "mini" / "weights" / "mini_sd15")).load()


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main([*MINI, "json=true", *words]) == 0
    return dict(json.loads(capsys.readouterr().out))


def test_candidates_are_rare_short_single_tokens_and_none_is_known_to_be_bad() -> None:
    tokenizers = [world_tokenizer(), world_tokenizer("!")]
    found = candidates(tokenizers, 30)
    ids = [token_id(tokenizers, word) for word in found]
    assert None not in ids and ids == sorted(ids, key=lambda number: -(number or 0))
    assert all(2 <= len(word) <= 3 and word.isalpha() for word in found) and len(set(found)) == 30
    assert not set(found) & set(KNOWN_BAD_IDENTIFIERS)
    assert set(controls(tokenizers)) <= set(IDENTIFIERS) and "dog" not in everyday(tokenizers, "dog")


def test_text_states_know_a_known_word_from_one_never_seen(capsys: pytest.CaptureFixture[str]) -> None:
    never = [word for word in RARE_WORDS if word not in KNOWN_BAD_IDENTIFIERS]
    known = ["red", "cat", "man", "robot", "hat", "desert"]
    told = asked(capsys, f"identifiers=[{','.join((*never, *known))}]", "subject.class_noun=backpack")
    verdicts = {row["word"]: row["verdict"] for row in told["words"]}
    assert {verdicts[word] for word in never} == {"blank"}
    assert {verdicts[word] for word in known} == {"taken"}
    strengths = [row["strength"] for row in told["words"]]
    assert strengths == sorted(strengths)


def test_a_list_holds_the_blankest_words(capsys: pytest.CaptureFixture[str]) -> None:
    told = asked(capsys, "num_candidates=10")
    words = [row["word"] for row in told["words"]]
    assert len(words) == 10 and {row["verdict"] for row in told["words"]} == {"blank"}
    assert not set(words) & {"red", "cat", "man", "car", "hat", "sky", "sea"}


def test_words_that_will_not_do_are_named_and_come_last(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*MINI, "identifiers=[sks,qzxv,ohwx]"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split()[0]: line for line in lines[1:4]}
    assert next(iter(rows)) == "ohwx" and rows["ohwx"].endswith("blank")
    assert rows["sks"].endswith("known: a rifle")
    assert "tokens (" in rows["qzxv"]
    assert any("text states alone" in line and "evaluation=none" in line for line in lines)


def pixels(pictures: Sequence[Image]) -> Tensor:
    """A judge that sees colours and where they are."""
    small = [np.array(picture.resize((8, 8)), np.float32).ravel() / 255 - 0.5 for picture in pictures]
    return normalize(torch.from_numpy(np.stack(small)), dim=-1)


def test_pictures_know_a_known_word_from_one_never_seen(mini: Family) -> None:
    def drawn(pictures: Sequence[Picture]) -> Mapping[str, Image]:
        sampler = Sampler(num_steps=6)
        batches = [pictures[start : start + 12] for start in range(0, len(pictures), 12)]
        images = [image for batch in batches for image in draw(mini, batch, sampler, 64)]
        return {picture.name: image for picture, image in zip(pictures, images, strict=True)}

    subject, never, known = Subject(photos=".", class_noun="backpack"), ["oue", "mwf"], ["red", "robot"]
    measures = picture_measures([*CONTROLS, *KNOWN, *never, *known], subject, 3, drawn, pixels)
    scale = Scale.of(measures["in_class"], CONTROLS, KNOWN)
    assert scale.tells
    assert {scale.verdict(measures["in_class"][word]) for word in never} == {"blank"}
    assert {scale.verdict(measures["in_class"][word]) for word in known} == {"taken"}


def test_pictures_alone_are_alike_where_the_word_decides_them() -> None:
    from PIL import Image as pillow

    def drawn(pictures: Sequence[Picture]) -> Mapping[str, Image]:
        """Red for the word red, noise of its own for every seed else."""

        def one(picture: Picture) -> Image:
            chance = np.random.default_rng(picture.generator_seed)
            if "red" in picture.prompt:
                return pillow.new("RGB", (8, 8), (255, 0, 0))
            return pillow.fromarray(chance.integers(0, 255, (8, 8, 3), dtype=np.uint8))

        return {picture.name: one(picture) for picture in pictures}

    judge = together([pixels, pixels])
    measures = picture_measures(["red", "uer"], Subject(photos=".", class_noun="dog"), 3, drawn, judge)
    assert measures["alone"]["red"] == pytest.approx(1, abs=1e-5) and measures["alone"]["uer"] < 0.5
    assert measures["in_class"]["uer"] == pytest.approx(0, abs=1e-5)  # the same noise with the word and without


def test_a_class_that_needs_an_an_is_asked_for_rightly(mini: Family) -> None:
    assert text_distances(mini, ["uer"], Subject(photos=".", class_noun="orange"))["uer"] > 0


def test_judges_are_asked_where_there_are_some(
    tiny_sd: Path, judged: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*judged, f"model.checkpoint={tiny_sd}", "trainer=cpu", "identifiers=[ohwx,dog]", "file=told.json"]
    assert main([*words, "sampling.num_steps=1", "sampling.num_images=2", "sampling.batch_size=8"]) == 0
    told = json.loads(Path("told.json").read_text())
    assert told["measures"] == ["words", "in_class", "alone"] and len(told["judges"]) == 2
    assert all(row["verdict"] in ("blank", "faint", "taken", "unclear") for row in told["words"])
    assert "in class" in capsys.readouterr().out.splitlines()[0]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["identifiers=[]"], "identifiers needs one word or more"),
        (["num_candidates=many"], "num_candidates"),
        (["identifiers=['two words']"], "'two words', which is not one word"),
        (["sampling.num_stepz=3"], "sampling.num_stepz"),
        (["sampling.num_steps=0"], "sampling.num_steps=0 must be at least 1"),
        (["model.checkpoint=/nowhere"], "/nowhere"),
        (["model=sd16"], "there is no model called 'sd16'"),
    ],
)
def test_a_mistake_is_one_message(
    words: list[str], told: str, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*MINI, *words]) == 2
    message = capsys.readouterr().err
    assert told in message and "Traceback" not in message
    assert list(elsewhere.iterdir()) == []
