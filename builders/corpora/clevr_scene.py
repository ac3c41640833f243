"""The scenes of CLEVR: objects on a plane, the words that state them exactly, and which stand left of and before which.

    facts(scene)        "2 objects, from left to right:\\n1. large brown rubber cylinder at (119, 131)\\n…", which
                        parse_facts reads back

The corpus has no order from left to right: an object stands left of another only where it does so by more than a small
margin (0.2 in its coordinates), so that two may be level. The facts therefore name, of each object, those left of it
and those in front of it; right and behind are the reverse of these.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from perceptdata.errors import Rejected

SIZES = ("large", "small")
COLOURS = ("blue", "brown", "cyan", "gray", "green", "purple", "red", "yellow")
MATERIALS = ("metal", "rubber")
SHAPES = ("cube", "cylinder", "sphere")
PROPERTIES: Mapping[str, tuple[str, ...]] = {
    "size": SIZES,
    "color": COLOURS,
    "material": MATERIALS,
    "shape": SHAPES,
}
RELATIONS = ("left", "right", "front", "behind")


class Thing(NamedTuple):
    """One object; (x, y) is the pixel of its centre, from the picture's upper left corner."""

    x: int
    y: int
    size: str
    color: str
    material: str
    shape: str

    def __str__(self) -> str:
        return f"{self.size} {self.color} {self.material} {self.shape}"


class Scene(NamedTuple):
    """Things from left to right. `left[i]` are the numbers (from 0) of the things left of thing i, `front[i]` of those
    in front of it.
    """

    things: tuple[Thing, ...]
    left: tuple[frozenset[int], ...]
    front: tuple[frozenset[int], ...]

    def related(self, relation: str, number: int) -> frozenset[int]:
        """The things that stand in a relation (one of RELATIONS) to this one."""
        table = self.left if relation in ("left", "right") else self.front
        if relation in ("left", "front"):
            return table[number]
        return frozenset(other for other, before in enumerate(table) if number in before)


def read_scene(record: Mapping[str, Any]) -> tuple[Scene, tuple[int, ...]]:
    """The scene of a record of a scenes file, and the place of each of its objects among the things.

    Raises Rejected `field.invalid` for objects or relations that are not as CLEVR has them.
    """
    try:
        objects = [_thing(each) for each in record["objects"]]
        order = sorted(range(len(objects)), key=lambda number: (objects[number], number))
        place = {number: at for at, number in enumerate(order)}
        tables = {
            name: [frozenset(place[other] for other in record["relationships"][name][number]) for number in order]
            for name in RELATIONS
        }
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise Rejected("field.invalid", f"the scene's objects or relationships cannot be read ({error!r})") from None
    scene = Scene(tuple(objects[number] for number in order), tuple(tables["left"]), tuple(tables["front"]))
    for name in ("right", "behind"):
        if any(scene.related(name, at) != tables[name][at] for at in range(len(order))):
            raise Rejected("field.invalid", f"the scene's relation {name} is not the reverse of its opposite")
    return scene, tuple(place[number] for number in range(len(objects)))


def _thing(each: Mapping[str, Any]) -> Thing:
    x, y = (round(float(value)) for value in each["pixel_coords"][:2])
    values = {name: str(each[name]) for name in PROPERTIES}
    for name, known in PROPERTIES.items():
        if values[name] not in known:
            raise ValueError(f"{name} {values[name]}")
    return Thing(x, y, **values)


# --- words ------------------------------------------------------------------------------------------------------------

_HEADER = re.compile(r"(\d+) objects?, from left to right:")
_LINE = re.compile(
    rf"(\d+)\. ({'|'.join(SIZES)}) ({'|'.join(COLOURS)}) ({'|'.join(MATERIALS)}) ({'|'.join(SHAPES)}) "
    r"at \((\d+), (\d+)\)"
)
_BEFORE = re.compile(r"(Left|In front) of (\d+): (none|\d+(?:, \d+)*)")


def facts(scene: Scene) -> str:
    """The canonical perception text: the objects with their places, then what stands left of and in front of each."""
    count = len(scene.things)
    lines = [f"{count} object{'' if count == 1 else 's'}, from left to right:"]
    lines += [f"{at}. {thing} at ({thing.x}, {thing.y})" for at, thing in enumerate(scene.things, 1)]
    for name, table in (("Left", scene.left), ("In front", scene.front)):
        lines += [f"{name} of {at}: {_numbers(others)}" for at, others in enumerate(table, 1)]
    return "\n".join(lines)


def _numbers(others: frozenset[int]) -> str:
    return ", ".join(str(other + 1) for other in sorted(others)) or "none"


def parse_facts(text: str) -> Scene | None:
    """The scene that `facts` states, or None where a line, a number or a count does not fit."""
    lines = list(filter(None, map(str.strip, text.splitlines())))
    header = _HEADER.fullmatch(lines[0]) if lines else None
    if header is None or len(lines) != 1 + 3 * int(header[1]):
        return None
    count = int(header[1])
    things: list[Thing] = []
    tables: dict[str, list[frozenset[int]]] = {"Left": [], "In front": []}
    for line in lines[1:]:
        if found := _LINE.fullmatch(line):
            things.append(Thing(int(found[6]), int(found[7]), found[2], found[3], found[4], found[5]))
            if int(found[1]) != len(things):
                return None
        elif found := _BEFORE.fullmatch(line):
            others = frozenset() if found[3] == "none" else frozenset(int(one) - 1 for one in found[3].split(", "))
            tables[found[1]].append(others)
            if int(found[2]) != len(tables[found[1]]) or not others <= set(range(count)):
                return None
        else:
            return None
    if not len(things) == len(tables["Left"]) == len(tables["In front"]) == count:
        return None
    return Scene(tuple(things), tuple(tables["Left"]), tuple(tables["In front"]))


def objects_of(scene: Scene, wanted: Sequence[tuple[str, str]]) -> list[int]:
    """The numbers of the things that have all these properties."""
    return [at for at, thing in enumerate(scene.things) if all(getattr(thing, name) == value for name, value in wanted)]
