"""The exact rungs: which one compares a pair follows from the kind of the gold answer. All are quick and never wait.

    exact("(B)", example)            Verdict(1.0, "choice")
    exact("x(x+1)", example)         None: only algebra can tell

A checker that the gold answer names decides alone. Otherwise the same spelling is right at once, and then

    choice       letter, text or index into the choices
    number       value and unit; ratios and times; a gold answer that is irrational goes on as an expression
    set          elements in any order
    expression   numbers, intervals and inequalities, lists and tuples of numbers; what is left is for algebra
    structure    JSON values
    boxes        one box for each, at IoU 0.5, in the gold answer's own frame
    text         case, space and the closing full stop do not matter
"""

from __future__ import annotations

import json
from functools import lru_cache

from perceptdata import registry
from perceptdata.answers import expressions, intervals, numbers, sets, structures
from perceptdata.answers.boxes import Boxes
from perceptdata.answers.choices import compare_choices
from perceptdata.answers.notation import bare, plain, tidy
from perceptdata.answers.verdict import Verdict, told
from perceptdata.errors import PerceptDataError
from perceptdata.example import Answer, Example
from perceptdata.plugins import Checker
from perceptdata.records import canonical_json


def exact(answer: str, example: Example) -> Verdict | None:
    """The verdict, or None where only algebra can tell. Raises what the gold answer's checker raises."""
    gold = example.answer
    if not answer.strip():
        return Verdict(0.0, "text", "answer_empty")
    if gold.checker is not None:
        return Verdict(float(checker_of(gold).score(answer, example)), "checker")
    if gold.kind == "choice" and example.choices:
        return compare_choices(answer, gold, example.choices)
    golds = (gold.text, *gold.accepts)
    spelling = plain if gold.kind in ("text", "choice", "set", "number") else bare  # x is not X
    if answer in golds or spelling(answer) in map(spelling, golds):
        return Verdict(1.0, "text")
    if gold.kind in ("text", "choice"):
        return Verdict(0.0, "text")
    if gold.kind == "structure":
        return _structure(answer, golds)
    if gold.kind == "boxes":
        return _boxes(answer, example)
    return _best([_compare(answer, text, gold) for text in golds])


@lru_cache(maxsize=256)
def _checker(name: str, args: str) -> Checker:
    made: Checker = registry.make("checkers", name, json.loads(args))
    return made


def checker_of(gold: Answer) -> Checker:
    """The checker that a gold answer names. UsageError where there is none of that name."""
    assert gold.checker is not None
    return _checker(gold.checker.name, canonical_json(gold.checker.args))


def _best(verdicts: list[Verdict | None]) -> Verdict | None:
    """Of the verdicts on every accepted text: right if one is, open if one is, unscored only where all are."""
    right = next((verdict for verdict in verdicts if verdict and verdict.score == 1.0), None)
    if right or None in verdicts:
        return right
    return next((verdict for verdict in verdicts if verdict and verdict.score is not None), verdicts[0])


def _structure(answer: str, golds: tuple[str, ...]) -> Verdict:
    wanted = []
    for text in golds:
        try:
            wanted.append(structures.structure(text))
        except structures.Unreadable:
            continue
    if not wanted:
        return Verdict(None, "structure", "gold_unreadable")
    try:
        return told(structures.structure(answer) in wanted, "structure")
    except structures.Unreadable:
        return Verdict(0.0, "structure", "answer_unreadable")


def _boxes(answer: str, example: Example) -> Verdict:
    try:
        return Verdict(Boxes().score(answer, example), "boxes")
    except PerceptDataError:
        return Verdict(None, "boxes", "gold_unreadable")


def _compare(answer: str, text: str, gold: Answer) -> Verdict | None:
    """A number, set or expression against one gold text."""
    if gold.kind == "number" and (verdict := _number(answer, text, gold)):
        return verdict
    if gold.kind == "set":
        return _set(answer, text, gold.tolerance)
    return _expression(answer, text, gold)


def _number(answer: str, text: str, gold: Answer) -> Verdict | None:
    """None where the gold text is an expression, which a number may only be part of."""
    same = numbers.same_ratio(answer, text)
    if same is not None:
        return told(same, "number")
    wanted = numbers.quantity(text)
    if wanted is None:
        if numbers.ratio(text) or numbers.clock(text):
            return Verdict(0.0, "number", "answer_unreadable")
        return None if not expressions.shape(tidy(text)).words else Verdict(None, "number", "gold_unreadable")
    said = numbers.quantity(answer)
    if said is None:
        return Verdict(0.0, "number", "answer_unreadable") if wanted.number.rational else None
    return _agreed(said, wanted, gold)


def _agreed(said: numbers.Quantity, wanted: numbers.Quantity, gold: Answer) -> Verdict:
    why = numbers.agree(said, wanted, gold.unit, gold.tolerance)
    return told(why is None, "number", "unit" if why == "unit" else None)


def _set(answer: str, text: str, tolerance: float | None) -> Verdict | None:
    if verdict := _region(answer, text):
        return verdict
    same = sets.compare_sets(sets.elements(answer), sets.elements(text), tolerance)
    return _left(answer, text) if same is None else told(same, "set")


def _expression(answer: str, text: str, gold: Answer) -> Verdict | None:
    if expressions.squeezed(answer) == expressions.squeezed(text):
        return Verdict(1.0, "text")
    same = numbers.same_ratio(answer, text)
    if same is not None:
        return told(same, "number")
    said, wanted = numbers.quantity(answer), numbers.quantity(text)
    # 12x reads as twelve of a unit x: only where a number stands alone on one side is that what is meant.
    if said and wanted and not (said.unit.isalpha() and wanted.unit.isalpha()):
        return _agreed(said, wanted, gold)
    return _region(answer, text) or _list(answer, text, gold.tolerance) or _left(answer, text)


def _region(answer: str, text: str) -> Verdict | None:
    wanted = intervals.region(text)
    said = intervals.region(answer) if wanted else None
    return told(intervals.same_region(said, wanted), "interval") if said and wanted else None


def _list(answer: str, text: str, tolerance: float | None) -> Verdict | None:
    """Lists of numbers in any order, tuples of numbers in theirs."""
    ours, theirs = sets.tuple_parts(answer), sets.tuple_parts(text)
    if ours and theirs:
        keys = [sets.key(part) for part in ours], [sets.key(part) for part in theirs]
        if keys[0] == keys[1]:
            return Verdict(1.0, "set")
        settled = all(kind != "text" for side in keys for kind, _ in side)
        return Verdict(0.0, "set") if settled and not tolerance else None
    if ours or theirs:
        return None
    said, wanted = sets.elements(answer), sets.elements(text)
    if len(wanted) < 2 or any(sets.key(element)[0] == "text" for element in (*said, *wanted)):
        return None
    same = sets.compare_sets(said, wanted, tolerance)
    return None if same is None else told(same, "set")


def _left(answer: str, text: str) -> Verdict | None:
    """What looking still tells; None leaves it to algebra."""
    said, wanted = tidy(answer), tidy(text)
    gold = expressions.shape(wanted)
    if gold.literal:
        return Verdict(0.0, "text")
    if not gold.readable:
        return Verdict(None, "expression", "gold_unreadable")
    why = expressions.difference(said, wanted)
    return None if why is None else Verdict(0.0, "expression", why)
