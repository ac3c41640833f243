"""A row with a question and one answer as a draft: what most corpora of problems share.

    problem(row, row.text("problem"), row.text("solution"), images=row.pictures("image"), meta={"subset": "vsr"})

The question loses a block of its choices, and gets one `<image>` for each picture. The answer is what the text marks as
one (a tag, `####`, a box, an `Answer:` line), or else the whole text; with choices it is one of them, without it has
the kind its text suggests. `meta` keeps what was written where that is something else: `raw_question`, `raw_choices`,
`raw_answer`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from perceptdata.answers import choice_index
from perceptdata.answers.numbers import quantity
from perceptdata.draft import Draft, ImageRef
from perceptdata.errors import Rejected
from perceptdata.example import Answer, Stage

from ..reading.choices import index_of, inline_choices, read_choices
from ..reading.gold import boxed, marked_answer, typed
from ..reading.placeholders import name_images, place_images
from .questions import same_question
from .tabular import Row

_OPEN_BOX = re.compile(r"\\f?boxed\s*(?P<brace>\{)?|\\fbox\s*(?P<framed>\{)?")
_BARE = re.compile(r"[^${}]+")
_TAG = re.compile(r"</(answer|conclusion)>", re.I)
_STATED = re.compile(
    r"(?:\banswer\s+(?:is|are)|\b(?:therefore|thus|hence|so),?\s+it\s+is)\s*:?\s*(?:(?:option|choice)\s+)?(.{1,60})$",
    re.I,
)
_STARS = re.compile(r"^[*_\s]+|[*_\s]+$")
_LETTER = re.compile(r"\(?([A-J])(?:[).:：]|$)")
_WORDED = re.compile(r"\$?\\text\{([^{}]*)\}\$?")
_AMOUNT = r"(?:[\d.,/{}\s−-]|\\sqrt|\\[dt]?frac|\\pi)*[\d}i]"
_MEASURED = re.compile(  # 2 cm and 2cm, but not 2ab, which is a product, nor "3 or 4"
    rf"{_AMOUNT}(?: |(?=[cdkm]m\b|kg\b))(?!and|or|to|of)(?:(?:square|cubic) )?[A-Za-z]{{2,}}[²³]?"
    rf"|{_AMOUNT}\s*\\(?:text|mathrm|mbox)\s*\{{[^{{}}]*\}}(?:\^\{{?\d\}}?)?|\\?[$€£][\d,.]+"
)
_PARTED = re.compile(r"\$([^$]+)\$ ?(\S.*)")
_WORD = re.compile(r"[^\W\d_]{3,}")
_LATEX = re.compile(r"\\(?:text|mathrm|mbox)\s*\{[^{}]*\}|\\[A-Za-z]+")
_MATHS = re.compile(r"[\d(\[{\\]")


def problem(
    row: Row,
    question: str,
    written: str,
    *,
    choices: Sequence[str] | None = None,
    counted: bool = False,
    images: Sequence[ImageRef] = (),
    response: str | None = None,
    meta: Mapping[str, Any] | None = None,
    stage: Stage | None = None,
) -> Draft:
    """The draft. `choices` are those that stand beside the question; None seeks them in it. `counted`: the answer may
    be a choice's number, from 0.

    `meta` values that are None are left out. Raises Rejected where the answer is empty, is an open box, or names none
    of the choices.
    """
    asked, kept = place_images([question], len(images))[0], dict(meta or {})
    block = inline_choices(asked) if choices is None else None
    if block:
        kept["raw_question"] = question
        asked, choices = block
    named = tuple(map(name_images, choices or ()))
    answer = chosen(written, named, counted) if named else solved(written)
    if written.strip() not in (answer.text, *answer.accepts) and written.strip() not in (response or ""):
        kept.setdefault("raw_answer", written.strip())
    return Draft(
        key=row.key,
        stage=stage or ("visual_reasoning" if images else "textual_reasoning"),
        question=asked,
        answer=answer,
        group=None if images else same_question("\n".join((asked, *named))),
        images=images,
        choices=named,
        response=response,
        meta=plain_json({name: value for name, value in kept.items() if value not in (None, "", [])}),
    )


def solved(written: str) -> Answer:
    r"""An open answer, typed.

    Maths that is neither number nor formula, `(3, 4)` or `[-2, 7]`, is an expression. A measure, `14 meters` or
    `\$115,000`, is a number whose unit may be left out. `\text{even}` is a text, and so is a letter.
    """
    said = final(written)
    in_maths = said.startswith("$")
    if worded := _WORDED.fullmatch(said):
        said = worded[1].strip()
    if letter := _LETTER.fullmatch(said):
        return Answer(text=letter[1], accepts=(said,) if said != letter[1] else ())
    answer = typed(said)
    if not answer.text.strip():
        raise Rejected("answer.missing", "the answer is empty")
    if answer.kind == "number":
        return answer
    plain = _PARTED.sub(r"\1 \2", answer.text)
    if _MEASURED.fullmatch(plain) and (measure := quantity(plain)) is not None and measure.unit:
        accepts = (answer.text,) if plain != answer.text else ()
        return Answer(text=plain, kind="number", unit=measure.unit, accepts=accepts)
    if (in_maths or _MATHS.search(answer.text)) and not _WORD.search(_LATEX.sub("", answer.text)):
        return answer.model_copy(update={"kind": "expression"})
    return answer


def chosen(written: str, choices: Sequence[str], counted: bool = False) -> Answer:
    """The choice that a text names, by index, letter or text."""
    said = final(written)
    try:
        index = index_of(said, choices, counted)
    except Rejected:
        letter = _LETTER.match(said)  # `B. 12 cm` where the choice says 12cm
        index = ord(letter[1]) - ord("A") if letter else len(choices)
        if letter is None or index >= len(choices) or choice_index(said[letter.end() :], choices) not in (None, index):
            raise
    return Answer(text=choices[index], kind="choice", index=index)


def final(text: str) -> str:
    """The answer that a text marks, or that its end states; else the text. Raises Rejected for an open box.

    `####` marks an answer in the last line alone: elsewhere it is a heading.
    """
    if _TAG.search(text):
        text = marked_answer(text) or text
    if _OPEN_BOX.search(text):
        return last_box(text)
    lines = [line for line in map(_bare, text.splitlines()) if line] or [""]
    marked = marked_answer(text if "####" in lines[-1] else text.replace("####", ""))
    if marked is None:
        last = (
            " ".join(lines[-2:]) if lines[-2:][0].endswith(":") else lines[-1]
        )  # "… the answer is:", and a line alone
        stated = _STATED.search(last.rstrip(". 。"))
        marked = stated[1] if stated else text
    return _bare(marked)


def _bare(text: str) -> str:
    """Without white space and Markdown's emphasis around it."""
    return _STARS.sub("", text)


def last_box(text: str) -> str:
    r"""What stands in the last `\boxed{…}`, `\fbox{…}` or `\boxed 5`. Raises Rejected where it is never closed."""
    start = next(reversed(list(_OPEN_BOX.finditer(text))), None)
    if start is None:
        raise Rejected("answer.missing", "nothing is boxed")
    if start["brace"] or start["framed"]:
        inner = boxed(f"\\boxed{{{text[start.end() :]}")
    else:
        bare = _BARE.match(text, start.end())
        inner = bare[0].strip() if bare else None
    if not inner:
        raise Rejected(
            "answer.missing", f"the box is empty or its brace is never closed: {text[start.start() :][:80]!r}"
        )
    return inner


def lettered(value: Any) -> tuple[str, ...]:
    """The choices of a column, without their letters, or () where there are none."""
    return tuple(name_images(each) for each in read_choices(value))


def plain_json(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Dates and decimals of Parquet as text."""
    made: dict[str, Any] = json.loads(json.dumps(meta, default=str))
    return made
