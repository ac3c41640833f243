"""CLEVR's functional programs (Johnson et al. 2017, arXiv 1612.06890): read in both spellings, run on a scene.

    steps = read_program([{"inputs": [], "function": "scene", "value_inputs": []}, …])
    run(steps, scene)           ("3", "1. All objects: 1, 2, 3.\\n2. Of these, color red: …")

The published questions say `function` and `value_inputs`; freshly generated ones may say `type` and `side_inputs`.
A step's result is a set of things, one thing, a property's value, a number or a truth value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from perceptdata.errors import Rejected

from .clevr_scene import PROPERTIES, RELATIONS, Scene

LOOKING = frozenset({"scene", "unique", "count", "exist"})  # beside filters and queries: no step from thing to thing


class Step(NamedTuple):
    """One function: its name, the numbers (from 0) of the steps whose results it takes, and its values."""

    function: str
    inputs: tuple[int, ...]
    values: tuple[str, ...]

    def written(self) -> dict[str, Any]:
        """As the published questions spell it."""
        return {"function": self.function, "inputs": list(self.inputs), "value_inputs": list(self.values)}


def read_program(written: Any) -> tuple[Step, ...]:
    """The steps in either spelling. Raises Rejected `field.invalid`."""
    steps: list[Step] = []
    try:
        for each in written:
            name = each["function"] if "function" in each else each["type"]
            values = each["value_inputs"] if "value_inputs" in each else each.get("side_inputs") or ()
            inputs = tuple(int(one) for one in each["inputs"])
            if any(not 0 <= one < len(steps) for one in inputs):
                raise ValueError(f"step {len(steps)} takes the result of a later one")
            steps.append(Step(str(name), inputs, tuple(str(value) for value in values)))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Rejected("field.invalid", f"the program cannot be read ({error!r})") from None
    if not steps:
        raise Rejected("field.invalid", "the program has no step")
    return tuple(steps)


def only_looks(steps: Sequence[Step]) -> bool:
    """Whether the program finds things by their properties and names or counts them, and no more."""
    return all(step.function in LOOKING or step.function.startswith(("filter_", "query_")) for step in steps)


def run(steps: Sequence[Step], scene: Scene) -> tuple[str, str]:
    """The answer, and a line a step that says what it found. Raises Rejected `field.invalid` for what cannot be run."""
    results: list[Any] = []
    lines: list[str] = []
    for number, step in enumerate(steps, 1):
        given = [results[one] for one in step.inputs]
        try:
            result, said = _STEPS[_family(step.function)](step, given, scene)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise Rejected("field.invalid", f"step {number} of the program, {step.function}: {error!r}") from None
        results.append(result)
        lines.append(f"{number}. {said}")
    return spelt(results[-1]), "\n".join(lines)


def spelt(result: Any) -> str:
    """A result as the corpus writes it in an answer."""
    return {True: "yes", False: "no"}[result] if isinstance(result, bool) else str(result)


def _family(function: str) -> str:
    head, _, tail = function.partition("_")
    return head if tail in PROPERTIES and head in ("filter", "query", "same", "equal") else function


def _some(things: frozenset[int]) -> str:
    return ", ".join(str(at + 1) for at in sorted(things)) or "none"


def _scene(step: Step, given: Sequence[Any], scene: Scene) -> tuple[Any, str]:
    found = frozenset(range(len(scene.things)))
    return found, f"All objects: {_some(found)}."


def _filter(step: Step, given: Sequence[Any], scene: Scene) -> tuple[Any, str]:
    name, value = step.function.partition("_")[2], step.values[0]
    if value not in PROPERTIES[name]:
        raise ValueError(f"{name} {value}")
    found = frozenset(at for at in given[0] if getattr(scene.things[at], name) == value)
    return found, f"Of {_some(given[0])}, those with {name} {value}: {_some(found)}."


def _unique(step: Step, given: Sequence[Any], scene: Scene) -> tuple[Any, str]:
    (found,) = given[0]
    return found, f"The one object is {found + 1}, the {scene.things[found]}."


def _relate(step: Step, given: Sequence[Any], scene: Scene) -> tuple[Any, str]:
    (name,) = step.values
    if name not in RELATIONS:
        raise ValueError(f"relation {name}")
    found = scene.related(name, given[0])
    words = {"left": "left of", "right": "right of", "front": "in front of", "behind": "behind"}[name]
    return found, f"Objects {words} {given[0] + 1}: {_some(found)}."


def _same(step: Step, given: Sequence[Any], scene: Scene) -> tuple[Any, str]:
    name = step.function.partition("_")[2]
    value = getattr(scene.things[given[0]], name)
    found = frozenset(at for at, thing in enumerate(scene.things) if at != given[0] and getattr(thing, name) == value)
    return found, f"Other objects with the {name} of {given[0] + 1}, {value}: {_some(found)}."


def _query(step: Step, given: Sequence[Any], scene: Scene) -> tuple[Any, str]:
    name = step.function.partition("_")[2]
    value = getattr(scene.things[given[0]], name)
    return value, f"The {name} of {given[0] + 1} is {value}."


def _equal(step: Step, given: Sequence[Any], scene: Scene) -> tuple[Any, str]:
    same = given[0] == given[1]
    return same, f"{spelt(given[0])} and {spelt(given[1])} are {'the same' if same else 'not the same'}."


def _union(step: Step, given: Sequence[Any], scene: Scene) -> tuple[Any, str]:
    found = given[0] | given[1]
    return found, f"In either of {_some(given[0])} and {_some(given[1])}: {_some(found)}."


def _intersect(step: Step, given: Sequence[Any], scene: Scene) -> tuple[Any, str]:
    found = given[0] & given[1]
    return found, f"In both of {_some(given[0])} and {_some(given[1])}: {_some(found)}."


def _count(step: Step, given: Sequence[Any], scene: Scene) -> tuple[Any, str]:
    return len(given[0]), f"That makes {len(given[0])}."


def _exist(step: Step, given: Sequence[Any], scene: Scene) -> tuple[Any, str]:
    return bool(given[0]), "There is one." if given[0] else "There is none."


def _less(step: Step, given: Sequence[Any], scene: Scene) -> tuple[Any, str]:
    less = given[0] < given[1]
    return less, f"{given[0]} is {'less' if less else 'not less'} than {given[1]}."


def _greater(step: Step, given: Sequence[Any], scene: Scene) -> tuple[Any, str]:
    greater = given[0] > given[1]
    return greater, f"{given[0]} is {'greater' if greater else 'not greater'} than {given[1]}."


_STEPS: Mapping[str, Any] = {
    "scene": _scene,
    "filter": _filter,
    "unique": _unique,
    "relate": _relate,
    "same": _same,
    "query": _query,
    "equal": _equal,
    "equal_integer": _equal,
    "union": _union,
    "intersect": _intersect,
    "count": _count,
    "exist": _exist,
    "less_than": _less,
    "greater_than": _greater,
}
