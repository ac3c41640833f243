"""Which choice an answer names: by its text, its letter, or its number counted from 0."""

from __future__ import annotations

import re
from collections.abc import Sequence

from perceptdata.answers.notation import plain
from perceptdata.answers.numbers import quantity
from perceptdata.answers.verdict import Verdict, told
from perceptdata.example import Answer

_LETTER = re.compile(r"(?:option |choice )?[(\[]?([a-z])[)\].:]*(?: (.+))?", re.DOTALL)


def choice_index(answer: str, choices: Sequence[str]) -> int | None:
    """Which choice an answer names: by its text, its letter (`B`, `(b)`, `B. 12`), or its number counted from 0.

    Text goes first, so that "2" among the choices 1, 2, 3 is the second. A number is an index only where no choice is a
    number.
    """
    if answer in choices:
        return choices.index(answer)
    said, texts = plain(answer), [plain(choice) for choice in choices]
    if said in texts:
        return texts.index(said)
    if (found := _LETTER.fullmatch(said)) and (at := ord(found[1]) - ord("a")) < len(texts):
        return at if found[2] is None or plain(found[2]) == texts[at] else None
    value = quantity(answer)
    if value is None:
        return None
    values = [quantity(choice) for choice in choices]
    if any(other is not None and not other.unit for other in values) or value.unit:
        return values.index(value) if value in values else None
    if not value.number.rational or value.number.coefficient not in range(len(texts)):
        return None
    return int(value.number.coefficient)


def compare_choices(answer: str, gold: Answer, choices: Sequence[str]) -> Verdict:
    """Right where both name the same choice, or choices with the same text."""
    named = choice_index(gold.text, choices)
    if gold.index is None:
        right = named
    elif named is not None and choices[named] != choices[gold.index]:
        return Verdict(None, "choice", "gold_disagrees")
    else:
        right = gold.index
    if right is None:
        return Verdict(None, "choice", "gold_not_a_choice")
    said = choice_index(answer, choices)
    if said is None:
        return Verdict(0.0, "choice", "not_a_choice")
    return told(choices[said] == choices[right], "choice")
