"""Composes a picture: the place, a shadow, the lit figure, what lies before it, and the style's finish.

The figure is drawn on a layer of its own, so its exact mask is known; what light does (volume, rim, the place's
tint) is laid over that mask at once. Everything is drawn four times larger and averaged down.
"""

from functools import cache
from random import Random

from PIL import Image, ImageChops

from dbexp.mini.world.canvas import Pen
from dbexp.mini.world.colour import RGB
from dbexp.mini.world.figures import FIGURES
from dbexp.mini.world.places import PLACE_PAINTERS, Light
from dbexp.mini.world.scene import Scene
from dbexp.mini.world.style import finish

SUPERSAMPLING = 4
KEY: RGB = (255, 0, 255)  # marks the empty part of the figure's layer; nothing in the world has this colour


def draw(scene: Scene, size: int) -> Image.Image:
    """The scene as an RGB picture of size x size pixels; the same scene always gives the same picture."""
    large, mask = compose(scene, size * SUPERSAMPLING)
    return finish(large, mask, scene, size)


def subject_mask(scene: Scene, size: int) -> Image.Image:
    """Where the subject is: an L picture of size x size pixels, 255 where it fills the pixel."""
    _, mask = compose(scene, size * SUPERSAMPLING)
    return mask.reduce(SUPERSAMPLING)


def compose(scene: Scene, side: int) -> tuple[Image.Image, Image.Image]:
    """The unfinished picture and the subject's mask, side x side pixels."""
    painter = PLACE_PAINTERS[scene.setting.place]
    picture = Image.new("RGB", (side, side))
    canvas = Pen(picture)
    painter.behind(canvas, Random(scene.setting.variation), scene.setting)
    shadow(canvas, scene, painter.light)
    layer, mask = figure(scene, side)
    light_up(picture, layer, mask, painter.light)
    if painter.before:
        painter.before(canvas, Random(scene.setting.variation), scene.pose)
    return picture, mask


def figure(scene: Scene, side: int) -> tuple[Image.Image, Image.Image]:
    """The figure alone, and its mask (0 or 255)."""
    layer = Image.new("RGB", (side, side), KEY)
    pose = scene.pose
    pen = Pen(layer).moved(pose.x, pose.y, pose.size, pose.tilt, flip=pose.facing == "left")
    FIGURES[scene.identity.class_noun].draw(pen, scene.identity, pose)
    unlike = ImageChops.difference(layer, Image.new("RGB", (side, side), KEY)).split()
    # red and blue are full in the key: one of the bands differs in every painted pixel
    return layer, ImageChops.lighter(ImageChops.lighter(*unlike[:2]), unlike[2]).point([0] + [255] * 255)


def shadow(canvas: Pen, scene: Scene, light: Light) -> None:
    """A soft dark ellipse on the ground under the figure; fainter and lower under one that flies."""
    pose, reach = scene.pose, FIGURES[scene.identity.class_noun].reach[0]
    if pose.close_up or not light.shadow:
        return
    flying = pose.stance == "flying"
    y = min(pose.y + (0.12 if flying else 0), 0.97)
    wide = pose.size * reach * (0.45 if flying else 0.68)
    for k in range(4):
        share = 1.12 - 0.22 * k
        alpha = light.shadow // (2 if flying else 1)
        canvas.ellipse(pose.x + 0.02, y - 0.004, wide * share, 0.062 * share * pose.size + 0.01, (22, 16, 44, alpha))


@cache
def tint(light: Light) -> list[int]:
    """A table of the three bands' 256 levels under the place's light."""
    scales = [1 - light.amount * (1 - band / 255) for band in light.tint]
    return [round(level * scale) for scale in scales for level in range(256)]


@cache
def ramps() -> tuple[Image.Image, Image.Image]:
    """How much shade lies over a figure, growing to the lower right, and how much light, growing to the upper left."""
    ramp = Image.linear_gradient("L").rotate(32, Image.Resampling.BILINEAR).crop((48, 48, 208, 208)).resize((64, 64))
    return ramp.point([max(0, (k - 100) // 2) for k in range(256)]), ramp.point(
        [max(0, (96 - k) // 2) for k in range(256)]
    )


def light_up(picture: Image.Image, layer: Image.Image, mask: Image.Image, light: Light) -> None:
    """Put the figure into the picture: lit from the upper left, rimmed against the ground, tinted by the place."""
    box = mask.getbbox()
    if box is None:
        return
    left, top, right, bottom = box
    size = (right - left, bottom - top)
    part, shape = layer.crop(box), mask.crop(box)
    part = part.point(tint(light))
    dusk, dawn = ramps()
    part.paste((30, 18, 60), (0, 0), dusk.resize(size, Image.Resampling.BILINEAR))
    part.paste((255, 246, 224), (0, 0), dawn.resize(size, Image.Resampling.BILINEAR))
    step = max(1, picture.width // 150)
    picture.paste(light.rim, (left - step, top - step), shape)
    picture.paste((34, 22, 48), (left + step, top + step // 2), shape)
    picture.paste(part, (left, top), shape)
