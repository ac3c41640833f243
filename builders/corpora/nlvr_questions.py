"""Questions about single objects and boxes of an NLVR scene, that looking alone answers.

An object is named by what makes it the only one of its kind in its box: its shape, its colour and shape, or that it
stands highest by a clear margin. A property that all objects of the picture share is not asked for.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from perceptdata.example import Answer

from .nlvr_scene import NAMES, SHAPES, SIZES, Boxes, Thing

COLOUR_WORDS = ("black", "blue", "yellow")
CLEARLY_HIGHER = 8  # pixels

Property = Literal["colour", "shape", "size"]


class Asked(NamedTuple):
    """A question with its answer; `twin` names it within the picture."""

    twin: str
    text: str
    answer: Answer
    choices: tuple[str, ...] = ()


def ask(boxes: Boxes, seed: str) -> list[Asked]:
    """One question of each kind that the scene allows, chosen by `seed` alone."""
    kinds: tuple[Callable[[Boxes], Iterator[Asked]], ...] = (_colours, _shapes, _sizes, _counts, _colour_counts)
    found = ((kind.__name__, list(kind(boxes))) for kind in kinds)
    return [random.Random(f"{seed}/{name}").choice(asked) for name, asked in found if asked]


def _colours(boxes: Boxes) -> Iterator[Asked]:
    for name, box in zip(NAMES, boxes, strict=True):
        for thing in box:
            if sum(other.shape == thing.shape for other in box) == 1:
                yield _property(boxes, "colour", f"What colour is the {thing.shape} in the {name} box?", thing)
        if top := _highest(box):
            yield _property(boxes, "colour", f"What colour is the highest object in the {name} box?", top)


def _shapes(boxes: Boxes) -> Iterator[Asked]:
    if _all_same(boxes, "shape"):
        return
    for name, box in zip(NAMES, boxes, strict=True):
        for thing in box:
            if sum(other.colour == thing.colour for other in box) == 1:
                yield _property(boxes, "shape", f"What shape is the {thing.colour} object in the {name} box?", thing)
        if top := _highest(box):
            yield _property(boxes, "shape", f"What shape is the highest object in the {name} box?", top)


def _sizes(boxes: Boxes) -> Iterator[Asked]:
    if _all_same(boxes, "size"):
        return
    for name, box in zip(NAMES, boxes, strict=True):
        for thing in box:
            if sum((other.colour, other.shape) == (thing.colour, thing.shape) for other in box) == 1:
                what = f"the {thing.colour} {thing.shape} in the {name} box"
                text = f"There are objects of three sizes. How large is {what}?"
                yield _property(boxes, "size", text, thing)


def _counts(boxes: Boxes) -> Iterator[Asked]:
    for name, box in zip(NAMES, boxes, strict=True):
        yield Asked("count", f"How many objects are in the {name} box?", Answer(text=str(len(box)), kind="number"))


def _colour_counts(boxes: Boxes) -> Iterator[Asked]:
    for colour in COLOUR_WORDS:
        count = sum(thing.colour == colour for box in boxes for thing in box)
        text = f"How many {colour} objects are in the three boxes together?"
        yield Asked("count-colour", text, Answer(text=str(count), kind="number"))


def _property(boxes: Boxes, asked: Property, text: str, thing: Thing) -> Asked:
    choices = {"colour": COLOUR_WORDS, "shape": SHAPES, "size": tuple(SIZES.values())}[asked]
    word = SIZES[thing.size] if asked == "size" else str(getattr(thing, asked))
    return Asked(asked, text, Answer(text=word, kind="choice", index=choices.index(word)), choices)


def _all_same(boxes: Boxes, asked: Property) -> bool:
    return len({getattr(thing, asked) for box in boxes for thing in box}) == 1


def _highest(box: tuple[Thing, ...]) -> Thing | None:
    by_height = sorted(box, key=lambda thing: thing.y)
    return by_height[0] if len(box) > 1 and by_height[1].y - by_height[0].y >= CLEARLY_HIGHER else None
