"""Reads small things by redrawing: finds the figure that a picture shows, then asks of each word whether another one
would look more like the picture (analysis by synthesis).

A reader's first guess says what to draw; where it stands nobody says, so that is searched: on a grid of sizes with all
shifts at once, then by trying position, size, tilt and build one by one and by Gauss-Newton steps on all of them. Words
and pose take turns, coarse pictures first. A word wins by the reader's log-probability and the likelihood of the
picture under its drawing, whose noise is what the best drawing leaves unexplained: a clear picture is decided by its
pixels, a poor one by the reader.
It knows the world, no model; class, place and style it takes as they are.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import log

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dbexp.mini.sketch import KNEE, Array, Sketch, first_guess, levels, with_word, word_of, words_of
from dbexp.mini.world.figures import FIGURES
from dbexp.mini.world.scene import PEOPLE, SHAPES, Pose, Scene

COARSE, MIDDLE, FINE, FINEST = 32, 48, 64, 96  # pixels of a side
# from what changes most of the picture to what changes least
NAMES = (
    *("main", "second", "pattern", "shape", "skin", "hair", "hat", "facing", "stance", "holding"),
    *("accent", "badge", "glasses", "beard", "expression"),
)
LEAST = log(1e-3)  # a word that the reader finds less likely is not drawn
TEMPER = 0.1  # neighbouring pixels err together: a pixel counts as a tenth of one
LEAST_NOISE = 10.0  # levels²
# levels²; with more than that unexplained, as in painted pictures, a badge or glasses a little aside look like none,
# and what pixels say of shapes soon counts nothing; colours fill areas and can still be told
QUIET = 300.0
SHAPES_OF_THINGS = (
    *("pattern", "shape", "hat", "facing", "stance", "holding"),
    *("badge", "glasses", "beard", "expression"),
)
LARGEST = np.array([np.inf, np.inf, np.inf, 6.0, 1.0])  # of x, y, size, tilt in degrees and build
STEPS = np.array([0.01, 0.01, 0.015, 1.5, 0.4])  # of the same, to take a slope over
# the ways tried one by one: the same five, and a larger figure whose head stays where it is
WAYS = np.array([[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]])
WAYS = WAYS * np.array([0.02, 0.02, 0.02, 2.0, 0.5])
LogProbs = Mapping[str, Mapping[str, float]]


def redrawn(picture: Image.Image, words: dict[str, str], log_probs: LogProbs) -> dict[str, str]:
    """The reader's words, with those that a redrawing of the picture decides otherwise; arguments as of `resembling`.

    Returns:
        A word for each attribute that was given one.
    """
    scene = resembling(picture, words, log_probs)
    return words | {name: word_of(scene, name) for name in NAMES if name in words and words_of(scene, name)}


def resembling(picture: Image.Image, words: dict[str, str], log_probs: LogProbs) -> Scene:
    """The scene whose figure looks most like the picture's.

    Args:
        picture: RGB, square.
        words: the reader's, of all its attributes.
        log_probs: attribute -> word -> the reader's log-probability; an attribute that is absent has none to go by.
    """
    # never larger than it is: a drawing would be sharper
    middle, fine, finest = (levels(picture, min(side, picture.width)) for side in (MIDDLE, FINE, FINEST))
    scene = place(levels(picture, COARSE), first_guess(words))
    scene = choose(middle, polish(middle, scene), log_probs)
    for seen in (middle, fine):
        scene = choose(seen, fit(seen, polish(seen, scene)), log_probs)
    return choose(finest, fit(finest, scene), log_probs)


def place(seen: Array, guess: Scene) -> Scene:
    """Where on the grid the guess is nearest to the picture; shape, side, distance and tilt are found with it."""
    _, scene = min((placed(seen, each) for each in grid(guess)), key=lambda found: found[0])
    leaning = [replace(scene, pose=replace(scene.pose, tilt=tilt)) for tilt in (-3.0, 0.0, 3.0)]
    return min(leaning, key=lambda each: Sketch.of(each, len(seen)).misfit(seen))


def grid(guess: Scene) -> Iterator[Scene]:
    """The guess in all shapes, facing both ways, in a few sizes; people also as close-ups."""
    noun = guess.identity.class_noun
    figure = FIGURES[noun]
    largest = min(figure.largest, 0.9 / figure.reach[1])
    poses = [Pose(y=0.9, size=figure.smallest + (largest - figure.smallest) * k / 8) for k in (1, 3, 5, 7)]
    if noun in PEOPLE:
        # the chin stands 0.85 from the top at the lowest
        chin, crown = (0.465 if noun == "child" else 0.565), (1.06, figure.reach[1])
        near = [(0.78 * k / (top - chin), top) for top in crown for k in (0.83, 0.97)]
        poses += [Pose(y=0.055 + size * top, size=size) for size, top in near]
    for shape in SHAPES[noun]:
        who = replace(guess.identity, shape=shape)
        for pose in poses:
            holding = "none" if pose.close_up else guess.pose.holding
            stance = "standing" if pose.close_up else guess.pose.stance
            for facing in ("left", "right"):
                here = replace(pose, facing=facing, stance=stance, holding=holding, expression=guess.pose.expression)
                yield replace(guess, identity=who, pose=here)


def placed(seen: Array, scene: Scene) -> tuple[float, Scene]:
    """The shift at which the scene's figure is nearest to the picture (squared errors, by Fourier transform).

    Returns:
        The mean error of a pixel of the figure, levels², and the scene so shifted.
    """
    side, sketch = len(seen), Sketch.of(scene, len(seen))
    mask, shape = sketch.mask, (side, side)
    spectrum = np.fft.rfft2(mask).conj()
    squares = np.fft.irfft2(np.fft.rfft2((seen**2).sum(2)) * spectrum, shape)
    inked = np.fft.rfft2(sketch.pixels * mask[..., None], axes=(0, 1)).conj()
    products = np.fft.irfft2((np.fft.rfft2(seen, axes=(0, 1)) * inked).sum(2), shape)
    errors = (squares - 2 * products + (mask[..., None] * sketch.pixels**2).sum()) / 3
    errors = np.where(shifts_allowed(mask, scene.pose.close_up), errors, np.inf)
    down, across = np.unravel_index(errors.argmin(), shape)
    offsets = np.fft.fftfreq(side)
    pose = replace(scene.pose, x=scene.pose.x + offsets[across], y=scene.pose.y + offsets[down])
    return float(errors[down, across] / max(mask.sum(), 1)), replace(scene, pose=pose)


def shifts_allowed(mask: Array, near: bool) -> NDArray[np.bool_]:
    """Which shifts, in the transform's order, leave the figure whole; of a close-up, the small ones."""
    side = len(mask)
    offsets = np.fft.fftfreq(side, 1 / side)
    down = across = np.abs(offsets) <= side / 10
    if not near:
        rows, columns = (np.flatnonzero(mask.max(axis) > 0.5) for axis in (1, 0))
        down, across = ((offsets + part[0] >= 0) & (offsets + part[-1] < side) for part in (rows, columns))
    allowed: NDArray[np.bool_] = down[:, None] & across
    return allowed


def values(scene: Scene) -> NDArray[np.float64]:
    """x, y, size, tilt and build."""
    pose = scene.pose
    return np.array([pose.x, pose.y, pose.size, pose.tilt, scene.identity.build])


def with_values(scene: Scene, told: NDArray[np.float64]) -> Scene:
    """The scene so placed and built; tilt and build stay within what the world draws, a close-up one, and the whole
    figure whole.
    """
    x, y, size, tilt, build = map(float, np.clip(told, -LARGEST, LARGEST))
    y = max(y, 1.001) if scene.pose.close_up else min(y, 1.0)
    pose = replace(scene.pose, x=x, y=y, size=max(size, 0.1), tilt=tilt)
    return replace(scene, identity=replace(scene.identity, build=build), pose=pose)


def polish(seen: Array, scene: Scene, halvings: int = 3) -> Scene:
    """Pose and build nearer to the picture: each of WAYS in turn is gone, there or back, as long as it gets nearer, at
    most two steps; then half as far (pattern search; unlike slopes it sees what enters or leaves the figure).
    """
    side, cost = len(seen), Sketch.of(scene, len(seen)).misfit(seen)
    for halving in range(halvings):
        for way in WAYS / 2**halving:
            before = cost
            for step in (way, -way):
                for _ in range(2):
                    moved = with_values(scene, values(scene) + step)
                    if (found := Sketch.of(moved, side).misfit(seen)) >= cost:
                        break
                    scene, cost = moved, found
                if cost < before:
                    break
    return scene


def fit(seen: Array, scene: Scene, rounds: int = 4) -> Scene:
    """Pose and build that draw the figure nearest to the picture: Gauss-Newton (Levenberg-Marquardt) with the slopes
    taken by drawing; errors beyond KNEE weigh less (Huber).
    """
    side, damping = len(seen), 1e-2
    sketch = Sketch.of(scene, side)
    cost = sketch.misfit(seen)
    for _ in range(rounds):
        slopes, at = [], values(scene)
        for k in range(len(STEPS)):
            step = np.where(np.arange(len(STEPS)) == k, STEPS, 0)
            step = -step if at[k] + step[k] > LARGEST[k] else step
            moved = Sketch.of(with_values(scene, at + step), side).pixels
            slopes.append((moved - sketch.pixels) * np.sign(step.sum()))
        errors = seen - sketch.pixels
        weights = sketch.mask[..., None] * np.minimum(1, KNEE / np.maximum(np.abs(errors), 1))
        slope = np.stack(slopes, -1).reshape(-1, len(STEPS))
        weighted = (slope * weights.reshape(-1, 1)).T
        bend, pull = weighted @ slope, weighted @ errors.reshape(-1)
        for _ in range(3):
            eased = bend + damping * np.diag(np.diag(bend)) + 1e-6 * np.eye(len(STEPS))
            nearer = with_values(scene, at + np.linalg.solve(eased, pull) * STEPS)
            tried = Sketch.of(nearer, side)
            if (found := tried.misfit(seen)) < cost:
                break
            damping = max(damping * 10, 0.1)
        else:
            return scene
        gain, scene, sketch, cost = cost - found, nearer, tried, found
        damping /= 10
        if gain < 1e-3 * cost:
            break
    return scene


def choose(seen: Array, scene: Scene, log_probs: LogProbs) -> Scene:
    """Each attribute in turn gets the word that reader and picture together find likeliest, the others as they are."""
    sketch = Sketch.of(scene, len(seen))
    cost, noise = sketch.misfit(seen), max(LEAST_NOISE, sketch.noise(seen))
    area = TEMPER * len(seen) ** 2 / (2 * noise)
    for name in NAMES:
        weight = area * min(1.0, QUIET / noise) ** 2 if name in SHAPES_OF_THINGS else area
        told, now, words = log_probs.get(name, {}), word_of(scene, name), words_of(scene, name)
        costs = {now: cost}
        for word in words:
            if word != now and told.get(word, 0.0) >= LEAST:
                costs[word] = Sketch.of(with_word(scene, name, word), len(seen)).misfit(seen)
        best = max(costs, key=lambda word: told.get(word, 0.0) - weight * costs[word])
        if best != now:
            scene, cost = with_word(scene, name, best), costs[best]
    return scene
