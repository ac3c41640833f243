"""Things that everybody knows how many legs, which colour or what shape they have, and how they can be otherwise.

THINGS["spider"].values        ("8", "6", "7", "10"): the usual one, then three that nobody would guess
THINGS["spider"].fact("7")     "7 legs"
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

COLOURS = ("red", "orange", "yellow", "green", "blue", "purple")
SHAPES = ("octagon", "triangle", "square", "circle")
LETTERS = ("N", "E", "S", "W")
MOST = 12
"""A part that is counted is there once at least, and so often at most."""


class Seen(NamedTuple):
    """A thing and the value it is shown with."""

    thing: str
    value: str


class Still(NamedTuple):
    """One large thing, and small ones beside it, by name; no thing twice."""

    main: Seen
    beside: tuple[Seen, ...]


@dataclass(frozen=True, slots=True)
class Thing:
    """`says` is its fact with a place for the value, `asks` the question. `domain` are all values it can be drawn with.

    `part` is what is counted, in the singular, where it is a count; `plural` the thing more than once.
    """

    name: str
    values: tuple[str, str, str, str]
    says: str
    asks: str
    domain: tuple[str, ...]
    part: str | None = None
    plural: str = ""

    @property
    def usual(self) -> str:
        """What one would guess."""
        return self.values[0]

    def fact(self, value: str) -> str:
        """What is to be seen of it."""
        return f"{value} {parts(self.part, value)}" if self.part else self.says.format(value)

    def told(self, subject: str, value: str) -> str:
        """The same as a sentence."""
        return f"{subject} {'has' if self.part else 'shows' if ' ' in self.says else 'is'} {self.fact(value)}."


def parts(part: str, value: str) -> str:
    """`leg` once, else `legs`."""
    return part if value == "1" else f"{part}s"


def _counted(name: str, part: str, values: tuple[str, str, str, str], plural: str = "") -> Thing:
    asks = f"How many {part}s does the {name} have?"
    counts = tuple(str(count) for count in range(1, MOST + 1))
    return Thing(name, values, "", asks, counts, part, plural or f"{name}s")


def _coloured(name: str, values: tuple[str, str, str, str]) -> Thing:
    return Thing(name, values, "{}", f"What colour is the {name}?", COLOURS)


THINGS: dict[str, Thing] = {
    each.name: each
    for each in (
        _counted("spider", "leg", ("8", "6", "7", "10")),
        _counted("beetle", "leg", ("6", "4", "5", "8")),
        _counted("dog", "leg", ("4", "3", "5", "6")),
        _counted("starfish", "arm", ("5", "4", "6", "7"), "starfish"),
        _counted("snowflake", "arm", ("6", "4", "5", "8")),
        _counted("clover", "leaflet", ("3", "2", "5", "6")),
        _counted("guitar", "string", ("6", "3", "4", "8")),
        _counted("bicycle", "wheel", ("2", "1", "3", "4")),
        _counted("windmill", "sail", ("4", "3", "5", "6")),
        _counted("face", "eye", ("2", "1", "3", "4")),
        _counted("Olympic emblem", "ring", ("5", "3", "4", "7")),
        Thing(
            "chess board",
            ("8", "5", "6", "7"),
            "{} squares along a side",
            "How many squares stand along a side of the chess board?",
            tuple(str(count) for count in range(2, MOST + 1)),
        ),
        _coloured("banana", ("yellow", "blue", "red", "purple")),
        _coloured("carrot", ("orange", "blue", "green", "purple")),
        _coloured("tomato", ("red", "blue", "purple", "yellow")),
        _coloured("leaf", ("green", "blue", "purple", "red")),
        _coloured("heart", ("red", "green", "blue", "yellow")),
        _coloured("water drop", ("blue", "red", "green", "orange")),
        _coloured("school bus", ("yellow", "green", "purple", "blue")),
        Thing(
            "clock",
            ("12", "3", "6", "8"),
            "{} at the top",
            "Which number stands at the top of the clock?",
            tuple(str(hour) for hour in range(1, 13)),
        ),
        Thing(
            "compass", ("N", "E", "S", "W"), "{} at the top", "Which letter stands at the top of the compass?", LETTERS
        ),
        Thing(
            "traffic light",
            ("red", "green", "blue", "purple"),
            "{} at the top",
            "What colour is the lamp at the top of the traffic light?",
            COLOURS,
        ),
        Thing("stop sign", SHAPES, "{}", "What shape is the stop sign?", SHAPES),
        Thing(
            "rainbow",
            ("red", "green", "blue", "purple"),
            "{} outermost",
            "What colour is the outermost band of the rainbow?",
            COLOURS,
        ),
    )
}
NAMES = tuple(THINGS)
