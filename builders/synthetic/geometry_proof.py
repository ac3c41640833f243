"""From what is labelled and marked to what follows: theorem by theorem, and the steps that one result needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from .geometry_figures import SHAPES, Figure, Relation, Value, relations


class Step(NamedTuple):
    """`theorem(premises) → quantity = value`."""

    quantity: str
    value: Value
    theorem: str
    premises: tuple[str, ...]


def close(kind: str, marks: tuple[str, ...], given: Mapping[str, Value]) -> dict[str, Step]:
    """All that follows from the given values, each with the step that gave it first; what is given has no premises."""
    found = {quantity: Step(quantity, value, "given", ()) for quantity, value in given.items()}
    for mark in marks:
        if mark.startswith("right"):
            name = str(SHAPES[kind].angle(mark.split()[1]))
            found[name] = Step(name, 90, "given", ())
    known: dict[str, Value] = {quantity: step.value for quantity, step in found.items()}
    theorems, about = _about(kind, marks)
    asked: Iterable[int] = range(len(theorems))
    while True:
        new: dict[str, Step] = {}
        for number in asked:
            relation = theorems[number]
            wanted = ""
            for quantity in relation.quantities:
                if quantity not in known:
                    if wanted:
                        break
                    wanted = quantity
            else:
                if not wanted or wanted in new or (relation.right and known.get(relation.right) != 90):
                    continue
                step = _apply(relation, known, wanted)
                if step is not None:
                    new[wanted] = step
        if not new:
            return found
        found |= new
        known |= {quantity: step.value for quantity, step in new.items()}
        asked = sorted({number for quantity in new for number in about.get(quantity, ())})


@lru_cache(maxsize=64)
def _about(kind: str, marks: tuple[str, ...]) -> tuple[tuple[Relation, ...], Mapping[str, tuple[int, ...]]]:
    """The theorems, and by quantity the numbers of those that speak of it: what is new can make them apply."""
    theorems = relations(kind, marks)
    quantities = {quantity for each in theorems for quantity in (*each.quantities, each.right)}
    return theorems, {
        quantity: tuple(
            number for number, each in enumerate(theorems) if quantity in each.quantities or quantity == each.right
        )
        for quantity in quantities
    }


@lru_cache(maxsize=64)
def marked_only(kind: str, marks: tuple[str, ...]) -> Mapping[str, Step]:
    """All that follows from the marks alone."""
    return MappingProxyType(close(kind, marks, {}))


def _apply(relation: Relation, known: Mapping[str, Value], wanted: str) -> Step | None:
    value = relation.solve(known, wanted)
    if value is None or (len(wanted) == 3 and value >= 180):
        return None
    premises = tuple(quantity for quantity in relation.quantities if quantity != wanted)
    return Step(wanted, value, relation.theorem, (*premises, relation.right) if relation.right else premises)


def proof(found: Mapping[str, Step], goal: str) -> list[Step]:
    """The steps that the goal rests on, premises before what follows from them; without what is given."""
    order: dict[str, Step] = {}

    def visit(quantity: str) -> None:
        step = found[quantity]
        if quantity in order or step.theorem == "given":
            return
        for premise in step.premises:
            visit(premise)
        order[quantity] = step

    visit(goal)
    return list(order.values())


@lru_cache(maxsize=1024)
def known(figure: Figure) -> dict[str, Step]:
    """All that follows from a figure's labels and marks."""
    return close(figure.kind, figure.marks, dict(figure.labels))


def told(figure: Figure, quantity: str, value: Value) -> str:
    """`∠CAB = 40°`, `AB = 12`, `area of ABC = 30`, in the figure's letters."""
    name = figure.named(quantity.removeprefix("area "))
    shown = f"{float(value):.10g}"
    if quantity.startswith("area"):
        return f"area of {name} = {shown}"
    return f"∠{name} = {shown}°" if len(quantity) == 3 else f"{name} = {shown}"


def trace(figure: Figure, steps: Iterable[Step]) -> str:
    """A line a step: theorem (premises) → fact."""
    found = known(figure)
    lines = []
    for step in steps:
        premises = ", ".join(told(figure, quantity, found[quantity].value) for quantity in step.premises)
        theorem = _lettered(figure, step.theorem)
        lines.append(f"{theorem}{f' ({premises})' if premises else ''} → {told(figure, step.quantity, step.value)}")
    return "\n".join(lines)


def _lettered(figure: Figure, theorem: str) -> str:
    """A theorem's name in the figure's letters: words of capitals are points."""
    return " ".join(
        figure.named(word.rstrip(",")) + "," * word.endswith(",") if word.rstrip(",").isupper() else word
        for word in theorem.split()
    )
