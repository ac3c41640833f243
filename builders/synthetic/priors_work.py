"""What is asked about stills, and how it is worked out."""

from __future__ import annotations

from perceptdata.answers.numbers import quantity
from perceptdata.plugins import Solution

from .priors_text import spelt
from .priors_things import THINGS, Seen, Still, parts
from .tasked import Case, Template, same_number, same_text

TIMES = (2, 3, 4, 5)


def _main(scene: Still) -> list[Case]:
    return [(scene.main.thing,)]


def _beside(scene: Still) -> list[Case]:
    return [(each.thing,) for each in scene.beside]


def _multiplied(scene: Still) -> list[Case]:
    return [(scene.main.thing, times) for times in TIMES if THINGS[scene.main.thing].part]


def _find(scene: Still, name: str) -> Seen | None:
    return next((each for each in (scene.main, *scene.beside) if each.thing == name), None)


def _look(scene: Still, name: str) -> Solution | None:
    seen = _find(scene, name)
    return None if seen is None else Solution(seen.value, THINGS[name].told(f"The {name}", seen.value))


def _several(scene: Still, name: str, times: int) -> Solution | None:
    seen = _find(scene, name)
    if seen is None or THINGS[name].part is None:
        return None
    total = times * int(seen.value)
    told = THINGS[name].told(f"The {name}", seen.value)
    return Solution(str(total), f"{told}\n{times} · {seen.value} = {total}.")


def _several_words(name: str, times: int) -> str:
    thing = THINGS[name]
    return f"How many {parts(thing.part or '', '2')} do {times} {thing.plural} like this one have in all?"


def same(said: str, gold: str) -> bool:
    """The same number, in digits or in words; the same word, or another for it."""
    if quantity(gold) is not None:
        return same_number(said, gold) or spelt(said.strip().rstrip(".")) == gold
    word = said.strip().rstrip(".").removeprefix("the ").removeprefix("a ").removeprefix("an ")
    return same_text(said, gold) or spelt(word) == gold


TEMPLATES: tuple[Template[Still], ...] = (
    Template("detail", lambda name: THINGS[name].asks, _beside, _look, looks=True, same=same),
    Template("look", lambda name: THINGS[name].asks, _main, _look, same=same),
    Template("several", _several_words, _multiplied, _several, same=same),
)
