"""Contact sheets: labelled grids of drawings, to look at."""

from random import Random

from PIL import Image, ImageDraw, ImageFont

from dbexp.mini.world import scene as world
from dbexp.mini.world.colour import INK, RGB
from dbexp.mini.world.picture import draw
from dbexp.mini.world.sample import instance_scenes, sample_identity, sample_scene
from dbexp.mini.world.scene import Scene
from dbexp.mini.world.subjects import SUBJECTS

PAPER: RGB = (250, 246, 238)
GAP = 4  # pixels between pictures
Row = tuple[str, list[tuple[str, Scene]]]


def contact_sheet(size: int, seed: int = 0) -> Image.Image:
    """Classes x places, individuals across places, styles and the held-out subjects, with labels.

    Args:
        size: pixels of a picture's side; small ones are shown enlarged to about 128.
        seed: of everything that is left to chance.
    """
    rows = [*classes_by_places(seed), *individuals(seed), *styles(seed), *subjects(seed)]
    shown = size * max(1, 128 // size)
    margin, step, line = 110, shown + GAP, 14
    width = margin + step * max(len(cells) for _, cells in rows)
    sheet = Image.new("RGB", (width, (step + line) * len(rows) + GAP), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for number, (title, cells) in enumerate(rows):
        top = GAP + number * (step + line)
        for k, word in enumerate(title.split("\n")):
            pen.text((6, top + line + 14 * k), word, INK, font)
        for column, (label, scene) in enumerate(cells):
            left = margin + column * step
            pen.text((left + 1, top), label, INK, font)
            picture = draw(scene, size).resize((shown, shown), Image.Resampling.NEAREST)
            sheet.paste(picture, (left, top + line))
    return sheet


def classes_by_places(seed: int) -> list[Row]:
    """A row for each class, a column for each place; always another individual."""
    rows = []
    for number, noun in enumerate(world.CLASSES):
        scenes = [
            sample_scene(seed + 100 * number + k, class_noun=noun, place=place, style="photo")
            for k, place in enumerate(world.PLACES)
        ]
        rows.append((noun, list(zip(world.PLACES, scenes, strict=True))))
    return rows


def individuals(seed: int) -> list[Row]:
    """One individual a row, across places and poses."""
    rows = []
    for number, noun in enumerate(("man", "woman", "dog", "cat", "robot", "backpack")):
        who = sample_identity(Random(f"{seed}/{noun}"), noun)
        scenes = [
            sample_scene(seed + 31 * number + k, place=place, style="photo", identity=who)
            for k, place in enumerate(world.PLACES)
        ]
        rows.append((f"one {noun}", list(zip(world.PLACES, scenes, strict=True))))
    return rows


def styles(seed: int) -> list[Row]:
    """A row for each style, the held-out one last."""
    rows = []
    for style in (*world.STYLES, world.HELD_OUT_STYLE):
        scenes = [sample_scene(seed + 7 * k, place=place, style=style) for k, place in enumerate(world.PLACES)]
        rows.append((style.replace(" ", "\n"), [(scene.identity.class_noun, scene) for scene in scenes]))
    return rows


def subjects(seed: int) -> list[Row]:
    """Instance pictures of what is held out."""
    rows = []
    for name in SUBJECTS:
        scenes = instance_scenes(name, 6, seed)
        rows.append((f"{name}\nheld out", [(scene.setting.place, scene) for scene in scenes]))
    return rows
