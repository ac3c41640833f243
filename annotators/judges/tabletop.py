"""Claims about objects on a table, checked against the exact scene that CLEVR's facts state.

    scene = read("2 objects, from left to right:\\n1. small red metal sphere at (120, 160)\\n…")
    check("There is a shiny red ball left of the cube", scene)      # True or False
    check("The ball is about to roll", scene)                       # None: not this judge's to say

A claim is judged only if it is wholly of a known form: so many of a kind, perhaps in a place beside the one thing of
another kind; a property of the one thing of a kind; a line of the facts. "The cube" among two cubes claims nothing that
can be checked.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from perceptdata.verification.claims import in_digits

_WORDS = {
    "size": {"large": "large", "big": "large", "small": "small", "tiny": "small", "little": "small"},
    "color": {
        **{name: name for name in ("blue", "brown", "cyan", "gray", "green", "purple", "red", "yellow")},
        "grey": "gray",
    },
    "material": {
        **dict.fromkeys(("metal", "metallic", "shiny"), "metal"),
        **dict.fromkeys(("rubber", "matte"), "rubber"),
    },
    "shape": {
        **{name: name for name in ("cube", "sphere", "cylinder")},
        "block": "cube",
        "ball": "sphere",
        **dict.fromkeys(("object", "thing", "item", "shape"), ""),
    },
}
_PROPERTIES = {word: name for name, words in _WORDS.items() for word in words if name != "shape"}
_RELATIONS = {"left of": "left", "right of": "right", "in front of": "front", "behind": "behind"}


class Scene(NamedTuple):
    """Things as (size, color, material, shape), from left to right; who stands left of and in front of each."""

    things: tuple[tuple[str, str, str, str], ...]
    places: tuple[tuple[int, int], ...]
    left: tuple[frozenset[int], ...]
    front: tuple[frozenset[int], ...]

    def related(self, relation: str, number: int) -> frozenset[int]:
        """The things that stand in this relation to that one."""
        table = self.left if relation in ("left", "right") else self.front
        if relation in ("left", "front"):
            return table[number]
        return frozenset(other for other, before in enumerate(table) if number in before)


_HEADER = re.compile(r"(\d+) objects?, from left to right:?")
_LINE = re.compile(r"(\d+)\. (\w+) (\w+) (\w+) (\w+) at \((\d+), (\d+)\)")
_BEFORE = re.compile(r"(left|in front) of (\d+): (none|\d+(?:, \d+)*)", re.I)


def read(facts: str) -> Scene | None:
    """The scene, or None where the facts are not of this kind."""
    lines = [line.strip() for line in facts.splitlines() if line.strip()]
    header = _HEADER.fullmatch(lines[0]) if lines else None
    if header is None or len(lines) != 1 + 3 * int(header[1]):
        return None
    count = int(header[1])
    found = [_LINE.fullmatch(line) for line in lines[1 : 1 + count]]
    tables = [_BEFORE.fullmatch(line) for line in lines[1 + count :]]
    if not all(found) or not all(tables):
        return None
    left, front = (tuple(_others(each[3]) for each in tables[at : at + count] if each) for at in (0, count))
    things = tuple((each[2], each[3], each[4], each[5]) for each in found if each)
    places = tuple((int(each[6]), int(each[7])) for each in found if each)
    return Scene(things, places, left, front)


def _others(written: str) -> frozenset[int]:
    return frozenset() if written == "none" else frozenset(int(one) - 1 for one in written.split(", "))


_ADJECTIVE = "|".join(_PROPERTIES)
_KIND = rf"(?:(?:{_ADJECTIVE}),? )*(?:{'|'.join(_WORDS['shape'])})s?"
_PLACE = r"(?:to the )?(?:left of|right of)|in front of|behind"
_STANDS = r"(?:is|are|stands?|sits?|lies?)(?: (?:located|placed|standing|sitting))?"
_AMOUNT = re.compile(
    r"(?:(?P<how>exactly|at least|at most|more than|fewer than|less than) )?"
    rf"(?P<count>\d{{1,3}}|no|an?) (?P<kind>{_KIND})"
    rf"(?: (?:that )?(?:{_STANDS} )?(?P<place>{_PLACE}) the (?P<other>{_KIND}))?"
)
_OPENING = re.compile(
    r"(?:there (?:is|are)|(?:the|this) (?:picture|image|scene) (?:shows|has|holds|contains)|(?:i|we) (?:can )?see) "
)
_CLOSING = re.compile(r" (?:in (?:the|this) (?:picture|image|scene)|in all|in total|altogether)$")
_STOOD = re.compile(rf"the (?P<kind>{_KIND}) {_STANDS} (?P<place>{_PLACE}) the (?P<other>{_KIND})")
_IS = re.compile(
    rf"the (?P<kind>{_KIND}) is (?P<not>not )?(?:made of )?"
    rf"(?P<what>(?:{_ADJECTIVE})(?:(?:,| and|, and) (?:{_ADJECTIVE}))*)"
)
_AND = re.compile(r", and |,? and (?=(?:an?|no|\d+|exactly|at|more|fewer|less) )|, (?=(?:an?|no|\d+) )")


def check(claim: str, scene: Scene) -> bool | None:
    """Whether the claim is true; None where it is not of a known form."""
    text = in_digits(" ".join(claim.casefold().split())).strip(" .;")
    if (said := _line(text, scene)) is not None:
        return said
    if stood := _STOOD.fullmatch(text):
        one, other = _one(stood["kind"], scene), _one(stood["other"], scene)
        if one is None or other is None or one == other:
            return None
        return one in scene.related(_relation(stood["place"]), other)
    if found := _IS.fullmatch(text):
        one = _one(found["kind"], scene)
        wanted = re.findall(rf"\b(?:{_ADJECTIVE})\b", found["what"])
        if one is None or (found["not"] and len(wanted) > 1):
            return None
        return _has(scene.things[one], wanted) != bool(found["not"])
    text = _CLOSING.sub("", _OPENING.sub("", text, count=1))
    amounts = [_AMOUNT.fullmatch(part) for part in _AND.split(text)]
    each = [_holds(amount, scene) if amount else None for amount in amounts]
    return None if None in each else all(each)


def _line(text: str, scene: Scene) -> bool | None:
    """A line of the facts themselves."""
    count = len(scene.things)
    if header := _HEADER.fullmatch(text):
        return int(header[1]) == count
    if found := _LINE.fullmatch(text):
        at = int(found[1]) - 1
        stated = ((found[2], found[3], found[4], found[5]), (int(found[6]), int(found[7])))
        return 0 <= at < count and stated == (scene.things[at], scene.places[at])
    if found := _BEFORE.fullmatch(text):
        at, table = int(found[2]) - 1, scene.left if found[1] == "left" else scene.front
        return 0 <= at < count and table[at] == _others(found[3])
    return None


def _kind(words: str) -> list[str]:
    """The words of a kind, its noun in the singular."""
    *adjectives, noun = words.replace(",", "").split()
    return [*adjectives, noun.removesuffix("s")]


def _has(thing: tuple[str, ...], words: list[str]) -> bool:
    """Whether a thing is all that the words say."""
    for word in words:
        for at, known in enumerate(_WORDS.values()):
            if word in known and known[word] not in ("", thing[at]):
                return False
    return True


def _of(words: str, scene: Scene) -> list[int]:
    return [at for at, thing in enumerate(scene.things) if _has(thing, _kind(words))]


def _one(words: str, scene: Scene) -> int | None:
    """The one thing of a kind; None where there is none, or several."""
    found = _of(words, scene)
    return found[0] if len(found) == 1 else None


def _relation(place: str) -> str:
    return _RELATIONS[place.removeprefix("to the ")]


def _holds(amount: re.Match[str], scene: Scene) -> bool | None:
    found = _of(amount["kind"], scene)
    if amount["place"]:
        other = _one(amount["other"], scene)
        if other is None:
            return None
        found = [at for at in found if at in scene.related(_relation(amount["place"]), other)]
    count, how = len(found), amount["how"]
    if amount["count"] in ("a", "an") and how is None:
        return count >= 1
    wanted = {"no": 0, "a": 1, "an": 1}.get(amount["count"])
    wanted = int(amount["count"]) if wanted is None else wanted
    return {
        "at least": count >= wanted,
        "at most": count <= wanted,
        "more than": count > wanted,
        "fewer than": count < wanted,
        "less than": count < wanted,
    }.get(how or "", count == wanted)
