"""The Pareto front: nobody on it is beaten, everybody off it is."""

import random

from dbexp.compare.front import pareto_front


def beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a >= b for a, b in zip(one, other, strict=True))


def test_what_is_on_the_front_is_beaten_by_nothing_and_what_is_off_it_by_something_on_it() -> None:
    chance = random.Random(0)
    for _ in range(50):
        points = [(chance.randint(0, 9), chance.randint(0, 9)) for _ in range(20)]
        front = set(pareto_front(points))
        for place, point in enumerate(points):
            assert any(beats(points[other], point) for other in front) != (place in front)


def test_order_changes_nothing_and_equals_stand_together() -> None:
    points = [(1.0, 3.0), (2.0, 2.0), (2.0, 2.0), (1.0, 2.0), (3.0, 0.0)]
    assert pareto_front(points) == [0, 1, 2, 4]
    assert sorted(4 - place for place in pareto_front(points[::-1])) == [0, 1, 2, 4]
    assert pareto_front([]) == []
