"""Captions: true, short, in a known vocabulary."""

import pytest

from dbexp.mini.world import MAX_WORDS, SUBJECTS, VOCABULARY, Scene, captions, instance_scenes, sample_scene
from dbexp.mini.world.captions import TONED, length
from dbexp.mini.world.colour import COLOURS


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    chance = [sample_scene(seed) for seed in range(4000)]
    return chance + [scene for name in SUBJECTS for scene in instance_scenes(name)]


def words(caption: str) -> list[str]:
    return caption.replace(",", " ").split()


def test_every_word_is_known_and_every_known_word_is_used(scenes: list[Scene]) -> None:
    used = {word for scene in scenes for caption in captions(scene) for word in words(caption)}
    assert used == set(VOCABULARY)
    assert len(VOCABULARY) <= 150


def test_captions_are_short_lower_case_and_several(scenes: list[Scene]) -> None:
    for scene in scenes:
        told = captions(scene)
        assert len(told) >= 8 and len(set(told)) == len(told), told
        for caption in told:
            assert length(caption) <= MAX_WORDS
            assert caption == caption.lower() and "  " not in caption and not caption.endswith(","), caption


def test_the_first_caption_is_bare(scenes: list[Scene]) -> None:
    assert captions(sample_scene(5, class_noun="dog", style="photo"))[0] == "a photo of a dog"
    assert captions(sample_scene(5, class_noun="dog", style="watercolour"))[0] == "a watercolour of a dog"


def test_what_is_said_is_true(scenes: list[Scene]) -> None:
    for scene in scenes:
        who = scene.identity
        own = {who.main, who.second, who.accent, who.hair_colour}
        for caption in captions(scene):
            said = caption.replace("black and white", "")
            if scene.style in TONED:
                own = {who.hair_colour} if who.hair_colour not in COLOURS else set()
            assert {word for word in words(said) if word in COLOURS} <= own, (caption, scene)
            assert ("trophy" in caption) <= (scene.pose.holding == "trophy")
            assert ("glasses" in caption) <= (who.glasses != "none")
            assert ("not smiling" in caption) <= (scene.pose.expression == "neutral")
            assert ("camels" in caption) <= ("camels" in scene.setting.extras)
            assert ("close up" in caption) <= scene.pose.close_up


def test_a_full_caption_names_most_of_what_shows() -> None:
    scene = sample_scene(1, class_noun="backpack", place="beach", style="photo")
    longest = max(captions(scene), key=length)
    assert scene.identity.main in longest and scene.identity.second in longest and "beach" in longest


def test_held_out_places_and_styles_have_no_name() -> None:
    assert not {"windmill", "movie"} & set(VOCABULARY)
    told = " ".join(caption for scene in instance_scenes("mini_style") for caption in captions(scene))
    assert "a film still of a" in told and "photo" not in told
