"""True values of a construction: whole degrees, and lengths from right triangles and from ratios."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from functools import cache

from .geometry_figures import SHAPES, Value, relations
from .geometry_proof import close, marked_only

LEAST, MOST = 22, 140  # degrees of an angle, so that it can be drawn and labelled
TRIPLES = ((3, 4, 5), (5, 12, 13), (8, 15, 17), (20, 21, 29))
# Right triangles with a common leg: the leg, and the other leg of each.
ALTITUDES = ((12, 5, 9), (12, 5, 16), (12, 9, 16), (8, 6, 15), (15, 8, 20), (24, 10, 18), (24, 10, 32), (24, 18, 32))
RATIOS = ((1, 2), (2, 3), (3, 4), (3, 5), (2, 5))


def values(kind: str, marks: tuple[str, ...], rng: random.Random) -> dict[str, Value] | None:
    """All angles, or all lengths with areas, of one random figure; None where an angle becomes too small or large."""
    lengths = _lengths(kind, marks, rng) if rng.random() < 0.5 else None
    return lengths or _angles(kind, marks, rng)


@cache
def angle_names(kind: str) -> Sequence[str]:
    """The angles of a construction."""
    shape = SHAPES[kind]
    pairs = [
        (vertex, rays[one][0], rays[other][0])
        for vertex, rays in shape.rays.items()
        for one in range(len(rays))
        for other in range(one + 1, len(rays))
    ]
    straight = {frozenset(("A", "B")), frozenset(("C", "D"))} if kind == "cross" else set()
    names = [f"{one}{vertex}{other}" for vertex, one, other in pairs]
    return [
        name
        for name in names
        if not (name[1] == "O" and frozenset((name[0], name[2])) in straight)
        and not (name[1] == "D" and kind == "cevian" and {name[0], name[2]} == {"A", "B"})
        and not (name[1] == "O" and kind == "circle" and {name[0], name[2]} == {"A", "B"})
        and not (kind == "parallel" and (name[1], {name[0], name[2]}) in (("D", {"C", "A"}), ("E", {"C", "B"})))
    ]


def _angles(kind: str, marks: tuple[str, ...], rng: random.Random) -> dict[str, Value] | None:
    names = angle_names(kind)
    found = {name: step.value for name, step in marked_only(kind, marks).items()}
    for name in rng.sample(names, len(names)):
        if name not in found:
            given = found | {name: rng.randint(LEAST, MOST - 30)}
            found = {each: step.value for each, step in close(kind, marks, given).items()}
    truth = {name: found[name] for name in names}
    return truth if all(LEAST <= value <= MOST for value in truth.values()) and consistent(kind, marks, truth) else None


def consistent(kind: str, marks: tuple[str, ...], truth: dict[str, Value]) -> bool:
    """Whether all theorems on angles hold of these values, as near as floats can say."""
    for relation in relations(kind, marks):
        if relation.how == "sum" and all(name in truth for name in relation.quantities):
            total = sum(sign * truth[name] for sign, name in zip(relation.signs, relation.quantities, strict=True))
            if abs(total - relation.total) > 1e-6:
                return False
    return True


def contradicts(kind: str, marks: tuple[str, ...], found: Collection[str]) -> bool:
    """Whether a theorem on angles lacks one value only and yet gives none: it would not be positive."""
    sums = (relation.quantities for relation in relations(kind, marks) if relation.how == "sum")
    return any(
        len(quantities[0]) == 3 and sum(name not in found for name in set(quantities)) == 1 for quantities in sums
    )


def _lengths(kind: str, marks: tuple[str, ...], rng: random.Random) -> dict[str, Value] | None:
    given = _sides(kind, marks, rng)
    if given is None:
        return None
    found = close(kind, marks, dict(given))
    return {name: step.value for name, step in found.items() if len(name) != 3}


def _sides(kind: str, marks: tuple[str, ...], rng: random.Random) -> dict[str, int] | None:
    shape = SHAPES[kind]
    scale = rng.choice((1, 1, 2, 3))
    if kind == "circle" or (kind == "triangle" and marks and marks[0].startswith("right")):
        one, two, long = (2 * scale * side if kind == "circle" else scale * side for side in rng.choice(TRIPLES))
        at = "C" if kind == "circle" else marks[0].split()[1][1]
        others = [point for point in "ABC" if point != at]
        legs = rng.sample((one, two), 2)
        named = {others[0] + at: legs[0], others[1] + at: legs[1], others[0] + others[1]: long}
        return {str(shape.length(name)): value for name, value in named.items()}
    if kind == "cevian" and marks == ("right ADC",):
        height, one, two = rng.choice(ALTITUDES)
        one, two = rng.sample((one, two), 2)
        return {"CD": height * scale, "AD": one * scale, "DB": two * scale}
    if kind == "parallel" or (kind == "cross" and marks):
        small, large = rng.choice(RATIOS)
        first, second, third = (rng.randint(3, 8) for _ in range(3))
        longest = max(first, second, third)
        if 2 * longest >= 0.92 * (first + second + third) or min(first, second, third) < 0.5 * longest:
            return None
        if kind == "cross":
            small, large = rng.sample((small, large), 2)
        names = (
            (("CD", "CA"), ("CE", "BC"), ("DE", "AB"))
            if kind == "parallel"
            else (("OA", "OB"), ("OC", "OD"), ("AC", "BD"))
        )
        sides = zip(names, (first, second, third), strict=True)
        return {name: part * side for pair, side in sides for name, part in zip(pair, (small, large), strict=True)}
    return None
