"""Where the vertices of a graph are drawn: far enough apart, and never on an edge that is not theirs.

Half of the sparse graphs are laid out by springs (Fruchterman and Reingold 1991), the rest on a circle in random order,
where no vertex can lie on a foreign edge. Each layout is stretched to its own box, so that pictures are 427 to 466
pixels wide and high with the margin, as those of the paper are.
"""

from __future__ import annotations

import cmath
import math
import random
from collections.abc import Sequence
from typing import NamedTuple

MARGIN = 24
SIDES = (427, 466)
MAX_VERTICES = 12

_SPRING_STEPS = 25
_SPRING_TRIES = 2


class Layout(NamedTuple):
    """A picture's size and its vertices' centres, in pixels."""

    width: int
    height: int
    centres: tuple[tuple[int, int], ...]
    radius: int


def radius(vertices: int) -> int:
    """A vertex's radius in pixels: smaller where the circle is crowded."""
    return 20 if vertices <= 9 else 15


def clearance(vertices: int) -> int:
    """The least distance from a vertex's centre to a foreign edge, in pixels."""
    return radius(vertices) + 7


def least_distance(vertices: int) -> int:
    """The least distance between two vertices' centres, in pixels."""
    return 3 * radius(vertices)


def place(vertices: int, edges: Sequence[tuple[int, int]], rng: random.Random) -> Layout:
    """A random layout that keeps `least_distance` and `clearance`."""
    size = [rng.randint(*SIDES) for _ in range(2)]
    if len(edges) <= 1.5 * vertices and rng.random() < 0.5:
        for _ in range(_SPRING_TRIES):
            layout = _fit(_springs(vertices, edges, rng), size)
            if is_clear(layout, edges):
                return layout
    while True:
        layout = _fit(_circle(vertices, rng), size)
        if is_clear(layout, edges):
            return layout


def is_clear(layout: Layout, edges: Sequence[tuple[int, int]]) -> bool:
    """Do the distances hold?"""
    centres = layout.centres
    apart, clear = least_distance(len(centres)), clearance(len(centres))
    for at, (x, y) in enumerate(centres):
        for other_x, other_y in centres[:at]:
            if (x - other_x) ** 2 + (y - other_y) ** 2 < apart * apart:
                return False
    for u, w in edges:
        (ux, uy), (wx, wy) = centres[u], centres[w]
        along_x, along_y = wx - ux, wy - uy
        length = math.hypot(along_x, along_y)
        for at, (x, y) in enumerate(centres):
            if at in (u, w) or abs(along_x * (y - uy) - along_y * (x - ux)) >= clear * length:
                continue
            # Near the line: clear only beyond an end, and there the distance of the centres already holds.
            if 0 < along_x * (x - ux) + along_y * (y - uy) < length * length:
                return False
    return True


def _circle(vertices: int, rng: random.Random) -> list[complex]:
    turn, jitter = rng.random() * math.tau, 0.1 * math.tau / vertices
    places = [cmath.rect(1, turn + math.tau * at / vertices + rng.uniform(-jitter, jitter)) for at in range(vertices)]
    rng.shuffle(places)
    return places


def _springs(vertices: int, edges: Sequence[tuple[int, int]], rng: random.Random) -> list[complex]:
    """Edges pull with d² / k, all pairs push with k² / d, in a unit square with k = 1 / sqrt(vertices)."""
    places = [0.4 * place for place in _circle(vertices, rng)]
    push = 1 / vertices
    pull = math.sqrt(vertices)
    for step in range(_SPRING_STEPS):
        force = [0j] * vertices
        for at in range(vertices):
            here = places[at]
            for other in range(at):
                apart = here - places[other]
                away = apart * (push / (apart.real * apart.real + apart.imag * apart.imag + 1e-9))
                force[at] += away
                force[other] -= away
        for u, w in edges:
            apart = places[u] - places[w]
            together = apart * (abs(apart) * pull)
            force[u] -= together
            force[w] += together
        heat = 0.1 * (1 - step / _SPRING_STEPS)
        for at in range(vertices):
            strength = abs(force[at])
            if strength:
                places[at] += force[at] * (min(strength, heat) / strength)
    return places


def _fit(places: Sequence[complex], size: Sequence[int]) -> Layout:
    """Stretched, each axis on its own, so that the margin is the same on all sides."""
    stretched = []
    for values, length in (([p.real for p in places], size[0]), ([p.imag for p in places], size[1])):
        low, high = min(values), max(values)
        scale = (length - 1 - 2 * MARGIN) / (high - low)
        stretched.append([round(MARGIN + (value - low) * scale) for value in values])
    return Layout(size[0], size[1], tuple(zip(*stretched, strict=True)), radius(len(places)))
