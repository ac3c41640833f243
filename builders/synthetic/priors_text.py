"""Stills in words: their facts, how these are read back, and what sentences claim of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from .claims import COUNT, NUMBERS, Rule, number
from .priors_things import NAMES, THINGS, Seen, Still, Thing

LARGE = r"(?:large|big)"
_NAMED = re.compile(rf"\b(?:({LARGE})|small)?\s*\b({'|'.join(sorted(NAMES, key=len, reverse=True))})\b", re.IGNORECASE)
_COUNT = re.compile(rf"\b(\d{{1,2}}|{'|'.join(NUMBERS[1:])})\b", re.IGNORECASE)
_LETTER = re.compile(r"\b([NESW]|north|east|south|west)\b(?=[^\n]{0,20}\btop\b)|\btop\b[^\n]{0,20}\b([NESW])\b", re.I)
_OTHERWISE = {"violet": "purple", "octagonal": "octagon", "triangular": "triangle", "round": "circle"}
_OTHERWISE |= {"circular": "circle", "rectangular": "square", "amber": "yellow"}
_OTHERWISE |= {"north": "N", "east": "E", "south": "S", "west": "W"}


def state(scene: Still) -> str:
    """The facts: `large spider: 7 legs`, then the small things by name."""
    rows = [f"large {scene.main.thing}: {THINGS[scene.main.thing].fact(scene.main.value)}"]
    return "\n".join([*rows, *(f"{each.thing}: {THINGS[each.thing].fact(each.value)}" for each in scene.beside)])


def read(text: str) -> Still | None:
    """The things that a text names, each with the first value that fits what it says before the next is named.

    The large one is what is called so, else what comes first. None where a thing stands twice, or has no value, or two
    are large, or there are more beside it than have room.
    """
    named = list(_NAMED.finditer(text))
    ends = [*(each.start() for each in named), len(text)][1:]
    found: dict[str, str] = {}
    large = []
    for each, end in zip(named, ends, strict=True):
        thing = next(THINGS[name] for name in NAMES if name.casefold() == each[2].casefold())
        value = _value(thing, text[each.end() : end])
        if value is None or found.setdefault(thing.name, value) != value:
            return None
        if each[1] and thing.name not in large:
            large.append(thing.name)
    if not found or len(large) > 1 or len(found) > 4 or len(found) < len(named):
        return None
    main = large[0] if large else next(iter(found))
    beside = sorted(Seen(name, value) for name, value in found.items() if name != main)
    return Still(Seen(main, found[main]), tuple(beside))


def _value(thing: Thing, said: str) -> str | None:
    if thing.domain[0].isdigit():
        counted = _COUNT.search(said)
        value = None if counted is None else spelt(counted[1])
    elif thing.name == "compass":
        top = _LETTER.search(said)
        value = None if top is None else spelt(top[1] or top[2])
    else:
        words = (*thing.domain, *(word for word, same in _OTHERWISE.items() if same in thing.domain))
        named = re.search(rf"\b({'|'.join(words)})\b", said, re.IGNORECASE)
        value = None if named is None else spelt(named[1])
    return value if value in thing.domain else None


def spelt(word: str) -> str:
    """A value as domains have it: `seven` is 7, `violet` purple, `north` N."""
    low = word.casefold()
    if low in NUMBERS:
        return str(NUMBERS.index(low))
    return _OTHERWISE.get(low, low.upper() if len(low) == 1 else low)


def _shown(scene: Still) -> dict[str, str]:
    return {each.thing: each.value for each in (scene.main, *scene.beside)}


def _size(found: re.Match[str], scene: Still) -> bool:
    """Whether `large` or `small` before the name is right, if it stands there."""
    thing = next(name for name in NAMES if name.casefold() == found[2])
    return thing in _shown(scene) and (found[1] is None or (found[1] != "small") == (thing == scene.main.thing))


def _claims(thing: Thing) -> tuple[re.Pattern[str], Callable[[re.Match[str], Still], bool | None]]:
    """What is said of one thing: `the spider has 7 legs`, `clock: 3 at the top`."""
    words = "|".join((*map(str.casefold, thing.domain), *_OTHERWISE))
    value = COUNT if thing.domain[0].isdigit() else f"({words})"
    fact = f"{value} {thing.part}s?" if thing.part else re.escape(thing.says.casefold()).replace(r"\{\}", value)
    name = thing.name.casefold()

    def holds(found: re.Match[str], scene: Still) -> bool | None:
        said = str(number(found[3])) if thing.domain[0].isdigit() else spelt(found[3])
        return _size(found, scene) and _shown(scene)[thing.name] == said

    pattern = rf"\b(?:({LARGE}|small) )?({name})(?: is| has| shows| with|:)?(?: an?| the)? {fact}\b"
    return re.compile(pattern), holds


RULES: Sequence[Rule] = (
    *(_claims(thing) for thing in THINGS.values()),
    (re.compile(rf"\b(?:({LARGE}|small) )?({'|'.join(map(str.casefold, NAMES))})\b"), _size),
)
