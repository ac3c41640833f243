"""A view's row as trainers know it: a conversation, its images in order, the response with its labels.

    for row in read(table, form, markers=("<video>",)):
        row.turns, row.images, row.response          # or a Refused, with the reason

Every trainer matches images to placeholders by counting, and none says which row went wrong. So it is counted here: one
`<image>` for each image, in the user's turns alone, and none of the trainer's other markers in any text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from perceptdata.errors import Rejected
from perceptdata.example import IMAGE
from perceptdata.formats import Format

REASONS = {
    "export.choices": "the format has no place for so many choices",
    "export.history": "the format holds one question a row, and this one continues a conversation",
    "export.marker": "a text holds a marker that the trainer would take for something else",
    "export.no_pair": "the example has no right and wrong response to pair",
    "export.no_response": "there is no response to learn from",
    "export.no_score": "the response was not scored, so that nothing tells right from wrong",
    "export.placeholders": "the <image> of the conversation are not those of its images",
    "export.turns": "user and assistant do not take turns",
}
"""Why a row is left out, by code."""


class Turn(NamedTuple):
    """What one side says; `role` is `user` or `assistant`."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that is left out, and why."""

    id: str
    text_id: str | None
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row that fits. `turns` ends with the question as it is put; `images` are hashes in the order of `<image>`.

    `asked` is the question with its choices, without the format's rule. `values` is the whole row of the view.
    """

    id: str
    text_id: str
    split: str
    system: str
    turns: tuple[Turn, ...]
    asked: str
    images: tuple[str, ...]
    response: str | None
    spans: tuple[Mapping[str, Any], ...]
    values: Mapping[str, Any]

    def refuse(self, code: str, message: str) -> Rejected:
        """The reason for which this row is left out, by name."""
        return Rejected(code, f"{self.id}: {message}")


def read(
    table: pa.Table, form: Format, markers: Sequence[str] = (), response: bool = True, check: bool = True
) -> Iterator[Row | Refused]:
    """The rows of a batch of a view, in order; `response` says whether that goes along, and so has to fit.

    Without `check`, rows are taken as they are.
    """
    names = [name for name in table.column_names if name != "images"]
    for values in table.select(names).to_pylist():
        row = _row(values, form)
        try:
            if check:
                _check(row, markers, (row.response or "") if response else "")
            yield row
        except Rejected as error:
            yield Refused(row.id, row.text_id, error.code, error.message)


def _row(values: dict[str, Any], form: Format) -> Row:
    question, choices = values["question"], values["choices"] or ()
    turns = [Turn(turn["role"], turn["text"]) for turn in values["history"] or ()]
    return Row(
        id=values["id"],
        text_id=values["text_id"],
        split=values["split"],
        system=form.system,
        turns=(*turns, Turn("user", form.ask(question, choices))),
        asked=question,
        images=tuple(image["sha256"] for image in values["image_info"]),
        response=values["response"],
        spans=tuple(values.get("spans") or ()),
        values=values,
    )


def _check(row: Row, markers: Sequence[str], response: str) -> None:
    """Raises Rejected with the row's name."""
    roles = [turn.role for turn in row.turns]
    if any(role != ("user", "assistant")[place % 2] for place, role in enumerate(roles)):
        raise row.refuse("export.turns", f"its turns are {', '.join(roles)}; they have to alternate, the user first")
    asked = sum(turn.text.count(IMAGE) for turn in row.turns if turn.role == "user")
    said = [turn.text for turn in row.turns if turn.role == "assistant"] + [row.system, response]
    elsewhere = sum(text.count(IMAGE) for text in said)
    if asked != len(row.images) or elsewhere:
        where = f", and {elsewhere} in other texts, which the trainer would count too" if elsewhere else ""
        raise row.refuse("export.placeholders", f"{asked} {IMAGE} in what is asked for {len(row.images)} images{where}")
    for text in (*(turn.text for turn in row.turns), row.system, response):
        for marker in markers:
            if marker in text:
                raise row.refuse("export.marker", f"a text holds {marker}, which the trainer reads as its own marker")
