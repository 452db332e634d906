"""The Pareto front: what nothing else beats in everything. It knows points, no score."""

from collections.abc import Sequence


def pareto_front(points: Sequence[tuple[float, ...]]) -> list[int]:
    """Which points are not dominated, more being better in every coordinate; their places, in the order given.

    One point dominates another that it is at least equal to everywhere, and above somewhere. Equal points stand or
    fall together.
    """
    return [
        place
        for place, point in enumerate(points)
        if not any(other != point and all(o >= p for o, p in zip(other, point, strict=True)) for other in points)
    ]
