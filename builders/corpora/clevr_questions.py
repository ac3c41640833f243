"""Questions about a CLEVR scene that looking alone answers: a property of a thing that its others name, and counts.

A property is asked for only where other things of the scene have another one, and never by a name that holds it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

from perceptdata.example import Answer

from .clevr_scene import PROPERTIES, Scene, objects_of

ASKED = {
    "size": "What size is the {}?",
    "color": "What color is the {}?",
    "material": "What is the {} made of?",
    "shape": "What shape is the {}?",
}


class Asked(NamedTuple):
    """A question with its answer; `twin` names it within the scene."""

    twin: str
    text: str
    answer: Answer
    choices: tuple[str, ...] = ()


def ask(scene: Scene, seed: str, most: int) -> list[Asked]:
    """At most so many questions of different kinds, chosen by `seed` alone."""
    found = [(kind, list(questions)) for kind, questions in (*_kinds(scene), ("count", _counts(scene)))]
    rng = random.Random(seed)
    kinds = [(kind, questions) for kind, questions in found if questions]
    chosen = sorted(rng.sample(kinds, min(most, len(kinds))))
    return [random.Random(f"{seed}/{kind}").choice(questions) for kind, questions in chosen]


def _kinds(scene: Scene) -> Iterator[tuple[str, Iterator[Asked]]]:
    for name in PROPERTIES:
        if len({getattr(thing, name) for thing in scene.things}) > 1:
            yield name, _properties(scene, name)


def _properties(scene: Scene, name: str) -> Iterator[Asked]:
    """Of each thing by each shortest name that no other thing has."""
    others = [other for other in PROPERTIES if other != name]
    choices = PROPERTIES[name]
    for at, thing in enumerate(scene.things):
        for length in range(1, len(others) + 1):
            named = [
                [(other, getattr(thing, other)) for other in chosen]
                for chosen in combinations(others, length)
                if objects_of(scene, [(other, getattr(thing, other)) for other in chosen]) == [at]
            ]
            if named:
                value = getattr(thing, name)
                answer = Answer(text=value, kind="choice", index=choices.index(value))
                for one in named:
                    yield Asked(name, ASKED[name].format(_words(one)), answer, choices)
                break


def _counts(scene: Scene) -> Iterator[Asked]:
    """How many there are of a kind: of things that are there, or of a colour and shape that are there apart."""
    kinds: set[tuple[tuple[str, str], ...]] = {(("color", thing.color),) for thing in scene.things}
    kinds |= {(("material", thing.material), ("shape", thing.shape)) for thing in scene.things}
    kinds |= {(("color", one.color), ("shape", other.shape)) for one in scene.things for other in scene.things}
    for kind in sorted(kinds):
        count = len(objects_of(scene, kind))
        yield Asked("count", f"How many {_words(list(kind))}s are there?", Answer(text=str(count), kind="number"))


def _words(named: list[tuple[str, str]]) -> str:
    values = dict(named)
    return " ".join(
        [*(values[name] for name in PROPERTIES if name in values and name != "shape"), values.get("shape", "object")]
    )
