"""Every vertex can be told from every edge that is not its own."""

import math
import random
from itertools import combinations

import pytest

from perceptdata.builders.synthetic.layout import (
    MARGIN,
    SIDES,
    Layout,
    clearance,
    is_clear,
    least_distance,
    place,
    radius,
)


def distance_to_segment(point: tuple[int, int], start: tuple[int, int], end: tuple[int, int]) -> float:
    along = (end[0] - start[0], end[1] - start[1])
    squared = along[0] ** 2 + along[1] ** 2
    share = ((point[0] - start[0]) * along[0] + (point[1] - start[1]) * along[1]) / squared
    share = min(1.0, max(0.0, share))
    return math.dist(point, (start[0] + share * along[0], start[1] + share * along[1]))


@pytest.mark.parametrize("vertices", [4, 5, 6, 7, 8, 9, 10, 11, 12])
def test_distances_hold(vertices: int) -> None:
    rng = random.Random(vertices)
    pairs = list(combinations(range(vertices), 2))
    for _ in range(60):
        edges = sorted(rng.sample(pairs, rng.randint(vertices - 1, len(pairs))))
        layout = place(vertices, edges, rng)
        assert SIDES[0] <= layout.width <= SIDES[1]
        assert SIDES[0] <= layout.height <= SIDES[1]
        for a, b in combinations(layout.centres, 2):
            assert math.dist(a, b) >= least_distance(vertices) > 2 * radius(vertices)
        for u, w in edges:
            for other in set(range(vertices)) - {u, w}:
                gap = distance_to_segment(layout.centres[other], layout.centres[u], layout.centres[w])
                assert gap >= clearance(vertices) > radius(vertices)


def test_the_box_is_tight() -> None:
    layout = place(7, [(at, at + 1) for at in range(6)], random.Random(3))
    for values, length in zip(zip(*layout.centres, strict=True), (layout.width, layout.height), strict=True):
        assert (min(values), max(values)) == (MARGIN, length - 1 - MARGIN)
    assert radius(7) < MARGIN


def test_a_vertex_on_a_foreign_edge_is_seen() -> None:
    centres = ((30, 200), (400, 200), (200, 210), (200, 400))
    assert not is_clear(Layout(430, 430, centres, 20), [(0, 1)])
    assert is_clear(Layout(430, 430, centres, 20), [(0, 2), (2, 1)])


def test_vertices_that_touch_are_seen() -> None:
    assert not is_clear(Layout(430, 430, ((30, 30), (80, 30)), 20), [])


def test_layouts_differ() -> None:
    rng = random.Random(0)
    assert len({place(7, [(0, 1)], rng).centres for _ in range(20)}) == 20
