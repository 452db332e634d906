"""A sketch shows what a drawing shows of its figure, and every word can be put into a scene and read back."""

import numpy as np
import pytest

from dbexp.mini.oracle import WORDS, truth
from dbexp.mini.redraw import NAMES
from dbexp.mini.sketch import BEHIND, Sketch, first_guess, huber, with_word, word_of, words_of
from dbexp.mini.world import CLASSES, STYLES, draw, sample_scene


@pytest.mark.parametrize("style", STYLES)
def test_a_sketch_is_the_drawing_where_the_figure_is(style: str) -> None:
    for seed in range(4):
        scene = sample_scene(seed, style=style, place="city")
        sketch, drawn = Sketch.of(scene, 64), np.asarray(draw(scene, 64), np.float32)
        inside = sketch.mask == 1
        # a style's glow and grain come from all of the picture
        assert np.abs(sketch.pixels - drawn)[inside].mean() < (3 if style in ("photo", "black and white") else 16)
        assert sketch.noise(drawn) < BEHIND / 2


def test_another_word_costs_more_than_the_truth() -> None:
    scene = sample_scene(3, class_noun="backpack", style="photo")
    drawn = np.asarray(draw(scene, 64), np.float32)
    for name in ("main", "second", "accent"):
        costs = {word: Sketch.of(with_word(scene, name, word), 64).misfit(drawn) for word in words_of(scene, name)}
        assert min(costs, key=costs.__getitem__) == word_of(scene, name)


@pytest.mark.parametrize("noun", CLASSES)
def test_every_word_can_be_put_in_and_read_back(noun: str) -> None:
    scene = sample_scene(1, class_noun=noun, close_up=False)
    for name in NAMES:
        for word in words_of(scene, name):
            assert word_of(with_word(scene, name, word), name) == word


@pytest.mark.parametrize("noun", CLASSES)
def test_the_first_guess_has_the_words_that_its_class_can_have(noun: str) -> None:
    scene = sample_scene(2, class_noun=noun, close_up=False)
    words = {name: word or WORDS[name][0] for name, word in truth(scene).items()}
    guess = first_guess(words)
    assert {name: word for name, word in truth(guess).items() if word and truth(scene)[name]} == {
        name: word for name, word in truth(scene).items() if word and truth(guess)[name]
    }


def test_words_that_a_class_cannot_have_are_left_out() -> None:
    words = {name: choices[-1] for name, choices in WORDS.items()} | {"class": "cat"}
    assert first_guess(words).identity.beard == "none" and first_guess(words).identity.badge == "none"


def test_large_errors_count_as_their_size() -> None:
    errors = np.array([[1.0], [2.0], [100.0], [200.0]], np.float32)
    one, two, hundred, more = huber(errors)
    assert two == 4 * one and 1.9 < more / hundred < 2.3
