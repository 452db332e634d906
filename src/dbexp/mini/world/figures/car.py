"""Cars from the side. The pen's origin is on the road under the middle, its unit the height: they are twice as long."""

from dbexp.mini.world.canvas import Pen, Point, smooth
from dbexp.mini.world.colour import INK, RGB, clear, darker, lighter
from dbexp.mini.world.figures.cloth import badge, paints, patterned
from dbexp.mini.world.scene import Identity, Pose

GLASS: RGB = (168, 214, 232)
HULLS: dict[str, list[Point]] = {
    "beetle": [
        (-0.94, -0.2),
        (-0.96, -0.42),
        (-0.8, -0.6),
        (-0.4, -0.66),
        (0.4, -0.66),
        (0.84, -0.54),
        (0.98, -0.36),
        (0.94, -0.2),
    ],
    "van": [
        (-0.94, -0.2),
        (-0.97, -0.6),
        (-0.9, -0.72),
        (0.2, -0.72),
        (0.62, -0.6),
        (0.9, -0.5),
        (0.96, -0.34),
        (0.94, -0.2),
    ],
    "sport": [
        (-0.98, -0.2),
        (-1.02, -0.44),
        (-0.9, -0.56),
        (-0.3, -0.56),
        (0.3, -0.54),
        (0.8, -0.44),
        (1.0, -0.32),
        (0.98, -0.2),
    ],
}
CABINS: dict[str, list[Point]] = {
    "beetle": [(-0.66, -0.6), (-0.56, -0.82), (-0.28, -0.98), (0.12, -0.98), (0.38, -0.82), (0.5, -0.6)],
    "van": [(-0.94, -0.62), (-0.9, -0.92), (-0.8, -0.98), (0.2, -0.98), (0.36, -0.9), (0.62, -0.62)],
    "sport": [(-0.56, -0.54), (-0.34, -0.78), (-0.1, -0.82), (0.06, -0.8), (0.36, -0.54)],
}
PANES: dict[str, list[list[Point]]] = {
    "beetle": [
        [(-0.5, -0.62), (-0.44, -0.78), (-0.12, -0.9), (-0.12, -0.62)],
        [(-0.04, -0.62), (-0.04, -0.9), (0.1, -0.9), (0.28, -0.78), (0.36, -0.62)],
    ],
    "van": [
        [(-0.82, -0.64), (-0.82, -0.88), (-0.5, -0.88), (-0.5, -0.64)],
        [(-0.42, -0.64), (-0.42, -0.88), (-0.1, -0.88), (-0.1, -0.64)],
        [(-0.02, -0.64), (-0.02, -0.88), (0.2, -0.88), (0.46, -0.64)],
    ],
    "sport": [
        [(-0.38, -0.56), (-0.28, -0.72), (-0.06, -0.74), (-0.06, -0.56)],
        [(0.0, -0.56), (0.0, -0.74), (0.06, -0.73), (0.24, -0.56)],
    ],
}


def car(pen: Pen, who: Identity, pose: Pose) -> None:
    main, second, accent = paints(who)
    tall = 1 + 0.08 * who.build
    shape = who.shape
    hull = [(x, y * tall) for x, y in HULLS[shape]]
    cabin = [(x, y * tall) for x, y in CABINS[shape]]
    pen.polygon(smooth(cabin, 4), second)
    patterned(pen, smooth(hull, 4), who, 0.22, upright=who.pattern == "striped")
    for pane in PANES[shape]:
        raised = [(x, y * tall) for x, y in pane]
        pen.polygon(raised, GLASS)
        left, top = min(x for x, _ in raised), min(y for _, y in raised)
        pen.polygon(
            [
                (left + 0.05, -0.66 * tall),
                (left + 0.15, top + 0.02),
                (left + 0.22, top + 0.02),
                (left + 0.12, -0.66 * tall),
            ],
            clear((255, 255, 255), 150),
        )
    pen.polygon([(-0.96, -0.26), (0.97, -0.26), (0.94, -0.14), (-0.92, -0.14)], darker(main, 0.32))
    pen.line([(-0.05, -0.56), (-0.05, -0.28)], 0.022, darker(main, 0.3), caps=False)
    pen.round_box(-0.26, -0.5, -0.13, -0.455, 0.02, lighter(main, 0.5))
    badge(pen, who, 0.16, -0.41, 0.115)
    pen.ellipse(0.92, -0.4, 0.065, 0.085, (255, 240, 170))
    pen.ellipse(-0.95, -0.42, 0.045, 0.07, (222, 52, 52))
    for x in (0.98, -0.96):
        pen.round_box(x - 0.08, -0.26, x + 0.08, -0.17, 0.03, (206, 210, 218))
    for x in (-0.56, 0.58):
        pen.dot(x, -0.2, 0.25, darker(main, 0.5))
        pen.dot(x, -0.2, 0.205, INK)
        pen.dot(x, -0.2, 0.115, lighter(accent, 0.2))
        pen.dot(x - 0.03, -0.23, 0.045, lighter(accent, 0.7))
