"""Redrawing finds the figure and puts small words right; what it cannot see it leaves to the reader."""

from dataclasses import replace
from math import log

import numpy as np
import pytest
from PIL import Image

from dbexp.mini.oracle import WORDS, truth
from dbexp.mini.redraw import LARGEST, QUIET, choose, fit, placed, polish, redrawn, resembling, values, with_values
from dbexp.mini.sketch import Sketch, levels, with_word
from dbexp.mini.world import STYLES, Scene, draw, sample_scene

UNSURE = {name: dict.fromkeys(words, log(1 / len(words))) for name, words in WORDS.items()}


def words_of_truth(scene: Scene) -> dict[str, str]:
    return {name: word or WORDS[name][0] for name, word in truth(scene).items()}


@pytest.mark.parametrize(("name", "noun"), [("accent", "dog"), ("badge", "robot"), ("second", "sneaker")])
def test_a_wrong_small_word_is_put_right(name: str, noun: str) -> None:
    right = []
    for seed in range(5):
        scene = sample_scene(seed, class_noun=noun, style="photo", place="desert")
        words = words_of_truth(scene)
        wrong = next(word for word in WORDS[name] if word not in words.values())
        right.append(redrawn(draw(scene, 64), words | {name: wrong}, UNSURE)[name] == words[name])
    assert sum(right) >= 4


def test_class_place_style_and_what_the_class_lacks_stay_the_readers() -> None:
    scene = sample_scene(1, class_noun="cat", style="photo")
    words = words_of_truth(scene) | {"beard": "full", "hat": "cap", "badge": "moon"}
    told = redrawn(draw(scene, 64), words, UNSURE)
    assert told.keys() == words.keys()
    assert all(told[name] == words[name] for name in ("class", "place", "style", "beard", "hat", "badge"))


def test_a_picture_of_nothing_leaves_a_sure_reader_its_words() -> None:
    words = words_of_truth(sample_scene(5, class_noun="teapot", style="photo"))
    sure = {name: {word: log(0.999 if word == words[name] else 1e-4) for word in WORDS[name]} for name in WORDS}
    assert redrawn(Image.new("RGB", (64, 64), (120, 120, 120)), words, sure) == words


def test_a_word_the_reader_rules_out_is_not_taken() -> None:
    scene = sample_scene(2, class_noun="vase", style="photo", place="city")
    seen, other = levels(draw(scene, 64), 64), "red" if scene.identity.main != "red" else "blue"
    never = {"main": {word: log(1e-6) for word in WORDS["main"]} | {other: 0.0}}
    assert choose(seen, with_word(scene, "main", other), never).identity.main == other
    assert choose(seen, with_word(scene, "main", other), {}).identity.main == scene.identity.main


def test_a_figure_is_found_where_it_stands() -> None:
    scene = sample_scene(4, class_noun="car", style="photo", place="beach")
    pose = scene.pose
    elsewhere = replace(scene, pose=replace(pose, x=0.5, y=0.9))
    found = placed(levels(draw(scene, 64), 48), elsewhere)[1].pose
    assert abs(found.x - pose.x) < 1.5 / 48 and abs(found.y - pose.y) < 1.5 / 48


def test_fitting_comes_nearer_and_never_goes_away() -> None:
    for seed, noun in enumerate(("dog", "woman", "teapot")):
        scene = sample_scene(seed, class_noun=noun, style="photo", close_up=False)
        seen = levels(draw(scene, 64), 64)
        moved = with_values(scene, values(scene) + np.array([0.008, -0.006, 0.006, 0.5, 0.0]))
        fitted = fit(seen, moved, rounds=8)
        assert Sketch.of(fitted, 64).misfit(seen) < Sketch.of(moved, 64).misfit(seen)
        assert np.abs(values(fitted) - values(scene))[:3].max() < 0.015
        assert Sketch.of(fit(seen, scene), 64).misfit(seen) <= Sketch.of(scene, 64).misfit(seen)


def test_a_search_finds_a_larger_figure_where_slopes_lead_astray() -> None:
    for seed, noun in enumerate(("man", "woman", "bird")):
        scene = sample_scene(seed, class_noun=noun, style="photo", close_up=False)
        seen = levels(draw(scene, 64), 64)
        moved = with_values(scene, values(scene) + np.array([0.015, 0.02, 0.04, 1.5, 0.5]))
        found = polish(seen, moved, halvings=4)
        assert Sketch.of(found, 64).noise(seen) < 0.5 * Sketch.of(moved, 64).noise(seen)
        assert Sketch.of(polish(seen, scene), 64).misfit(seen) <= Sketch.of(scene, 64).misfit(seen)


def test_shapes_in_a_picture_that_no_drawing_explains_stay_the_readers_and_colours_do_not() -> None:
    scene = sample_scene(2, class_noun="man", style="photo", place="desert", close_up=False)
    scene = replace(scene, identity=replace(scene.identity, glasses="none", main="blue"))
    believed = {"glasses": {"round": log(0.6), "none": log(0.4), "square": log(1e-5)}}
    clear = levels(draw(scene, 64), 64)
    noise = np.random.default_rng(0).normal(0, 60, clear.shape).astype(np.float32)
    for seen, glasses in ((clear, "none"), (clear + noise, "round")):
        assert choose(seen, with_word(scene, "glasses", "round"), believed).identity.glasses == glasses
        assert choose(seen, with_word(scene, "main", "yellow"), {}).identity.main == "blue"


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("side", [64, 96])
def test_a_drawing_of_either_size_is_quiet_and_a_larger_look_at_it_is_not_taken(side: int, style: str) -> None:
    scene = sample_scene(3, class_noun="robot", style=style, place="desert")
    drawn = draw(scene, side)
    assert Sketch.of(scene, side).noise(levels(drawn, side)) < QUIET / 3
    found = resembling(drawn, words_of_truth(scene), UNSURE)
    assert Sketch.of(found, side).noise(levels(drawn, side)) < QUIET


def test_a_tilt_at_its_bound_is_left_by_its_slope() -> None:
    scene = sample_scene(3, class_noun="robot", style="photo", place="desert")
    seen = levels(draw(scene, 64), 64)
    leaning = replace(scene, pose=replace(scene.pose, tilt=LARGEST[3]))
    assert fit(seen, leaning, rounds=8).pose.tilt < LARGEST[3] / 2


def test_a_whole_figure_stays_whole_and_a_close_up_near() -> None:
    for close_up in (False, True):
        scene = sample_scene(5, class_noun="man", close_up=close_up)
        for y in (-1.0, 1.0):
            assert with_values(scene, values(scene) + np.array([0, y, 0, 0, 0])).pose.close_up is close_up
