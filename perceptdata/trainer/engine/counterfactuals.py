"""Rows as they are not: told a wrong answer, or shown another row's pictures. What PALR compares a teacher with.

    wrong = wrong_answers(rows, ladder, count=3)      # for each row up to three rows: itself, with a wrong answer
    misinformed(wrong[0][0], rows[0], form)           # that in the row's response too, where a teacher is told it
    other = other_pictures(rows)                      # for each row the places that its pictures are taken from

A wrong answer is one that the row's own checker scores 0, sought where it is a near miss: the row's other choices; of a
number, its neighbours; of anything else, what other rows of the batch answer that are of its kind. Where the teacher is
told a response, the answer is exchanged wherever it stands in it. The paper (arXiv 2606.19120, App. A) lets a model
write wrong answers, and takes the next sample's image.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from perceptdata.answers import Ladder
from perceptdata.formats import Format
from perceptdata.trainer.rows import Row, example_of, pictures_of

NUMBER = re.compile(r"(-?\d{1,12}(?:\.\d{1,6})?)(\D{0,12})")
"""A number, and what stands behind it: a unit."""

OPPOSITES = {"yes": "no", "no": "yes", "true": "false", "false": "true"}
TRIED = 3
"""So many times as many candidates are looked at as wrong answers are wanted."""

Place = tuple[int, int]


def wrong_answers(rows: Sequence[Row], ladder: Ladder, count: int) -> list[list[Row]]:
    """For each row, itself with at most `count` different wrong answers in place of its own; none where none is found.

    The same rows give the same answers: nothing is drawn by chance.
    """
    tried = [list(islice(_candidates(rows, at), TRIED * count)) for at in range(len(rows))]
    examples = [example_of(row) for row in rows]
    pairs = [(each["answer"]["text"], example) for example, own in zip(examples, tried, strict=True) for each in own]
    verdicts = iter(ladder.judge_many(pairs))
    judged = [[(each, next(verdicts).score) for each in own] for own in tried]
    return [[each for each, score in own if score == 0][:count] for own in judged]


def _candidates(rows: Sequence[Row], at: int) -> Iterator[Row]:
    """The row with other answers, the most likely mistakes first."""
    row = rows[at]
    own = row["answer"]
    seen = {own["text"]}
    for text, place in _others(row, [*rows[at + 1 :], *rows[:at]]):
        if text not in seen:
            seen.add(text)
            yield {**row, "answer": {**own, "text": text, "index": place, "accepts": []}}


def _others(row: Row, rows: Sequence[Row]) -> list[tuple[str, int | None]]:
    """Texts, with their places where they are choices."""
    own = row["answer"]
    if row["choices"]:
        return [(text, place) for place, text in enumerate(row["choices"]) if place != own["index"]]
    if number := NUMBER.fullmatch(own["text"]):
        return [(f"{each}{number[2]}", None) for each in neighbours(number[1])]
    if own["text"].casefold() in OPPOSITES:
        return [(OPPOSITES[own["text"].casefold()], None)]
    answers = [each["answer"] for each in rows]
    return [(each["text"], None) for each in answers if each["kind"] == own["kind"]]


def neighbours(number: str) -> list[str]:
    """Numbers that one could arrive at in its stead, written as it is: by one, by a tenth, twice and half of it."""
    decimals = len(number.partition(".")[2])
    value, step = float(number), 10.0**-decimals
    near = (value + step, value - step, 1.1 * value, 0.9 * value, 2 * value, value / 2, value + 2 * step, 10 * value)
    written = (f"{each:.{decimals}f}" for each in near if each >= 0 or value < 0)
    return [each for each in dict.fromkeys(written) if float(each) != value]


def misinformed(wrong: Row, row: Row, form: Format) -> Row | None:
    """The wrong row with its response exchanged too: the answer wherever it stands, and the one that the format reads.

    None where the response names no answer. A letter is exchanged where the format reads it alone: `a` is a word.
    """
    response = row.get("response")
    if not response:
        return wrong
    old, new = row["answer"], wrong["answer"]
    read = form.parse(response).answer or ""
    text = response
    if len(old["text"]) > 1 or old["text"].isdigit():
        text = re.sub(_whole(old["text"]), lambda _: new["text"], text)
    if read and (read != old["text"] or text == response):
        letter = len(read) == 1 and read.isalpha() and new["index"] is not None
        instead = chr(ord("A") + new["index"]) if letter else new["text"]
        *before, last = re.split(_whole(read), text)
        text = read.join(before) + instead + last if before else text
    return {**wrong, "response": text} if text != response else None


def _whole(text: str) -> str:
    """It, and not a part of a longer word or number."""
    return rf"(?<![\w.]){re.escape(text)}(?!\w|\.\d)"


def other_pictures(rows: Sequence[Row]) -> list[list[Place] | None]:
    """For each row, a (row, picture) for each of its own pictures: those of the rows behind it, and round again.

    None for a row without pictures, and where no other row shows other pictures.
    """
    shown = [pictures_of(row) for row in rows]
    found: list[list[Place] | None] = []
    for at, own in enumerate(shown):
        behind = [*range(at + 1, len(rows)), *range(at)]
        pool = [(row, place) for row in behind for place, each in enumerate(shown[row]) if each not in own]
        found.append([pool[each % len(pool)] for each in range(len(own))] if own and pool else None)
    return found


def moved(row: Row, rows: Sequence[Row], places: Sequence[Place]) -> Row:
    """The row with these pictures of other rows in place of its own."""
    return {**row, **{name: [rows[at][name][place] for at, place in places] for name in ("images", "image_info")}}


def taken(pictures: Sequence[Sequence[Any]], places: Sequence[Place]) -> list[Any]:
    """Those pictures, decoded."""
    return [pictures[at][place] for at, place in places]
