"""What the teachers are shown. All of them are the student before training: only their prompts make them teachers.

    request = asked(segment, row, form, knows="answer")     # a vlm Request; None where there is nothing to see

    image           the pictures and nothing else: no question, no answer
    answer          pictures, question and the gold answer: reason to it, in your own words
    reference       pictures, question and the gold answer: respond in the student's format
    demonstration   pictures, question and a response to it: respond in the student's format

After the prompt a teacher is fed the student's own tokens (`core.segments.reads`). The roles are those of ViGOS (arXiv
2606.19120, §3.3), OPSD (2601.18734) and SDFT (2601.19897); the wording is our own, and `WORDING` names its version.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from perceptdata.errors import UsageError
from perceptdata.example import IMAGE, Example
from perceptdata.formats import Format, ThinkBoxed
from perceptdata.trainer.core.segments import Segment
from perceptdata.trainer.rows import Row, example_of, pictures_of
from perceptdata.vlm.loading import Reader
from perceptdata.vlm.rendering import THINK, Request

if TYPE_CHECKING:
    import datasets

Knows = Literal["answer", "response"]
"""What a teacher is told of the solution: the gold answer, or the row's response where it has one."""

WORDING = "teachers@1"
BEGIN, END = "----- begin -----", "----- end -----"

SOLUTION = """\
Here is what is known to be right for this problem:
{begin}
{known}
{end}
Use it only to be sure of where to arrive. Solve the problem yourself, from the image and the question: try a way, \
check what it gives, take another where it fails. Neither quote nor mention what is given above."""

DEMONSTRATION = """\
Here is how somebody responded to this problem:
{begin}
{known}
{end}
Now respond to it yourself, in words of your own."""


def asked(segment: Segment, row: Row, form: Format, knows: Knows = "answer") -> Request | None:
    """The prompt of a segment's teacher for a row. None for one who would only look, where there are no pictures."""
    if segment.teacher not in TEACHERS:
        raise UsageError(
            f"segment {segment.name}: there is no teacher '{segment.teacher}'; write {', '.join(TEACHERS)}"
        )
    return TEACHERS[segment.teacher](segment, row, form, knows)


def known_answer(example: Example) -> str:
    """The gold answer in words: a choice with its letter, a number with its unit."""
    gold = example.answer
    if gold.index is not None and example.choices:
        return f"{chr(ord('A') + gold.index)}. {example.choices[gold.index]}"
    return f"{gold.text} {gold.unit}" if gold.unit else gold.text


def _image(segment: Segment, row: Row, form: Format, knows: Knows) -> Request | None:
    pictures = pictures_of(row)
    return Request(key=row["id"], question=IMAGE * len(pictures), images=pictures) if pictures else None


def _answer(segment: Segment, row: Row, form: Format, knows: Knows) -> Request:
    """Where it reads no description, its own turn begins with the thoughts."""
    opening = THINK if segment.prefix == "segment" and segment.tokens == "reasoning" else form.prefill
    return _privileged(row, form, SOLUTION, _known(row, knows), ThinkBoxed().rule, "", opening)


def _reference(segment: Segment, row: Row, form: Format, knows: Knows) -> Request:
    return _privileged(row, form, SOLUTION, _known(row, knows), form.instruction, form.system, form.prefill)


def _demonstration(segment: Segment, row: Row, form: Format, knows: Knows) -> Request:
    return _privileged(row, form, DEMONSTRATION, row["response"], form.instruction, form.system, form.prefill)


def _known(row: Row, knows: Knows) -> str:
    response: str | None = row.get("response")
    return response if knows == "response" and response else known_answer(example_of(row))


def _privileged(row: Row, form: Format, frame: str, known: str, rule: str, system: str, opening: str) -> Request:
    example = example_of(row)
    bare = form.model_copy(update={"rule": ""})
    told = frame.format(begin=BEGIN, end=END, known=known)
    return Request(
        key=row["id"],
        question="\n\n".join(part for part in (bare.ask(example.question, example.choices), told, rule) if part),
        images=pictures_of(row),
        system=system,
        history=example.history,
        prefill=opening,
    )


Context = Callable[[Segment, Row, Format, Knows], Request | None]
TEACHERS: dict[str, Context] = {
    "image": _image,
    "answer": _answer,
    "reference": _reference,
    "demonstration": _demonstration,
}


def reserved(reader: Reader) -> set[str]:
    """What can stand in no text that a teacher of this model is told."""
    return {*reader.tokenizer.all_special_tokens, reader.image_token or IMAGE, IMAGE} - {""}


def check_rows(rows: datasets.Dataset, plan: Sequence[Segment], reader: Reader, knows: Knows) -> None:
    """Return if what the teachers are told can stand in a prompt of this model. Raises UsageError that names a row."""
    if all(segment.teacher == "image" for segment in plan):
        return
    special = reserved(reader)
    shown = any(segment.teacher == "demonstration" for segment in plan)
    for row in rows.remove_columns("images"):
        told = f"{_known(row, knows)} {row['response'] if shown else ''}"
        found = next((token for token in special if token in told), None)
        if found:
            raise UsageError(f"{row['id']}: a teacher would be told {found}, a special token of {reader.name}")
