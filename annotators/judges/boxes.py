"""Claims about three boxes of shapes, checked against the exact scene that NLVR's facts state.

    scene = read("Left box: 1 object\\n- small blue circle at (9, 82)\\nMiddle box: …")
    check("The left box holds a blue circle", "", scene)            # True
    check("There are two circles in all", "", scene)                # True or False
    check("The circle looks sad", "", scene)                        # None: not this judge's to say

A claim is judged only if every one of its words was understood: a box, a number with a kind of object, a place, or one
of the few words that hold these together. A word beyond them (`touching`, `tower`, `most`) may change what is claimed,
so that nothing is said.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

from perceptdata.verification.claims import in_digits

_NAMES = ("left", "middle", "right")
_HEADER = re.compile(r"(left|middle|right) box: (\d+) objects?", re.IGNORECASE)
_LINE = re.compile(r"(?:- )?(small|medium|large) (yellow|black|blue) (circle|square|triangle) at \((\d+), (\d+)\)")


class Thing(NamedTuple):
    """One object; (x, y) is the upper left corner of its frame in its box."""

    size: str
    colour: str
    shape: str
    x: int
    y: int


Boxes = tuple[tuple[Thing, ...], ...]


def read(facts: str) -> Boxes | None:
    """The boxes from left to right, or None where the facts are not of this kind."""
    boxes: list[list[Thing]] = []
    counts = []
    for line in filter(None, map(str.strip, facts.splitlines())):
        if header := _HEADER.fullmatch(line):
            if len(boxes) == 3 or header[1].lower() != _NAMES[len(boxes)]:
                return None
            boxes.append([])
            counts.append(int(header[2]))
        elif (found := _LINE.fullmatch(line)) and boxes:
            boxes[-1].append(_thing(found))
        else:
            return None
    return tuple(map(tuple, boxes)) if len(boxes) == 3 and counts == [len(box) for box in boxes] else None


_BOX = re.compile(
    r"\b(?:in |inside |of )?(?:the )?(left|middle|cent(?:er|re)|right|first|second|third)(?:most)?(?:[- ]hand)? box\b"
)
_SECOND_NAMES = {"center": 1, "centre": 1, "first": 0, "second": 1, "third": 2}
_ALL = re.compile(
    r"\bin all\b|\baltogether\b|\bin total\b|\bin (?:all )?(?:the )?(?:(?:3|three) )?boxes(?: together)?\b"
)
_KIND = (
    r"(?:(?P<size>small|medium|medium-sized|large|big)\s+)?(?:(?P<colour>yellow|black|blue)\s+)?"
    r"(?P<shape>circles?|squares?|triangles?|objects?|shapes?|items?|things?)"
)
_AMOUNT = re.compile(
    r"\b(?:(?P<how>exactly|at least|at most|more than|fewer than|less than)\s+)?(?P<count>\d{1,3}|no|an?)\s+"
    rf"{_KIND}\b"
    r"(?:\s+at\s+\((?P<x>\d+), (?P<y>\d+)\))?"
)
_EMPTY = re.compile(r"\b(?:is|are) (?P<denied>not )?empty\b")
# Not among them: "it", which may be a box named before; "with" and "in", which may relate two objects.
_HELD = re.compile(
    r"\b(?:in (?:the|this) (?:picture|image)|there|is|are|the|this|picture|image|shows?|has|have|holds?|contains?|box|"
    r"and|also|objects?|i|can|see)\b|[.,;:!\-\s]+"
)
_SOME = re.compile(
    r"(?:there (?:is|are) )?(?P<how>exactly |at least )?(?P<count>an?|\d)(?: of the)?(?: gr[ae]y)? box(?:es)? "
    r"(?:with|that (?:has|have|holds?|contains?)|has|have|holds?|contains?) (?P<what>.+)"
)


def check(claim: str, before: str, scene: Boxes) -> bool | None:
    """Whether the claim is true. `before` is the caption up to it: a line of an object belongs to the last box named.

    A sentence about several boxes is cut where each is named; all its parts must be true.
    """
    text = in_digits(" ".join(claim.casefold().split())).strip(" .")
    if header := _HEADER.fullmatch(text):
        return len(scene[_NAMES.index(header[1])]) == int(header[2])
    if found := _LINE.fullmatch(text):
        named = _HEADER.findall(before)
        return _thing(found) in (scene[_NAMES.index(named[-1][0].lower())] if named else sum(scene, ()))
    if (some := _SOME.fullmatch(text)) and not _BOX.search(text):
        each = [_said(some["what"], box) for box in scene]
        count = sum(map(bool, each))
        wanted = 1 if some["count"] in ("a", "an") else int(some["count"])
        least = some["how"] == "at least " or some["count"] in ("a", "an")
        return None if None in each else count >= wanted if least else count == wanted
    said = [_part(part, scene) for part in _parts(text)]
    return None if None in said or not said else all(said)


def _parts(text: str) -> list[str]:
    """The sentence, cut before each box where every part begins with one, or behind each where every part ends so."""
    boxes = list(_BOX.finditer(text))
    if len(boxes) < 2:
        return [text]
    if boxes[0].start() == 0:
        cuts = [box.start() for box in boxes] + [len(text)]
    else:
        cuts = [0, *(box.end() for box in boxes[:-1]), len(text)]
    return [text[start:end] for start, end in pairwise(cuts)]


def _part(text: str, scene: Boxes) -> bool | None:
    """One box, or all of them, and what is said of it."""
    boxes = list(_BOX.finditer(text))
    things = scene[_number(boxes[0][1])] if boxes else tuple(sum(scene, ()))
    left = _ALL.sub(" ", _BOX.sub(" ", text)) if len(boxes) < 2 else text
    said = None if len(boxes) > 1 else _said(left, things)
    if said is None and boxes and (empty := _EMPTY.search(left)) and not _HELD.sub("", _EMPTY.sub(" ", left)):
        return bool(things) == bool(empty["denied"])
    return said


def _said(text: str, things: tuple[Thing, ...]) -> bool | None:
    """Whether there are as many of each kind of object as the text says; None where a word of it is not understood."""
    said = [_holds(amount, things) for amount in _AMOUNT.finditer(text)]
    return None if not said or _HELD.sub("", _AMOUNT.sub(" ", text)) else all(said)


def _holds(amount: re.Match[str], things: tuple[Thing, ...]) -> bool:
    size = {"big": "large", "medium-sized": "medium"}.get(amount["size"] or "", amount["size"])
    shape = amount["shape"].removesuffix("s")
    place = None if amount["x"] is None else (int(amount["x"]), int(amount["y"]))
    count = sum(
        size in (None, thing.size)
        and amount["colour"] in (None, thing.colour)
        and shape in ("object", "shape", "item", "thing", thing.shape)
        and place in (None, (thing.x, thing.y))
        for thing in things
    )
    if amount["count"] in ("a", "an") and amount["how"] is None:
        return count >= 1
    wanted = {"no": 0, "a": 1, "an": 1}.get(amount["count"]) if not amount["count"].isdigit() else int(amount["count"])
    assert wanted is not None  # by the pattern
    return {
        "at least": count >= wanted,
        "at most": count <= wanted,
        "more than": count > wanted,
        "fewer than": count < wanted,
        "less than": count < wanted,
    }.get(amount["how"] or "", count == wanted)


def _number(name: str) -> int:
    return _SECOND_NAMES[name] if name in _SECOND_NAMES else _NAMES.index(name)


def _thing(found: re.Match[str]) -> Thing:
    return Thing(found[1], found[2], found[3], int(found[4]), int(found[5]))
