"""R1-Onevision (Yang et al. 2025, arXiv 2503.10615): 155k conversations whose answers think first.

    r1_onevision/train/<folder>/<file>/<n>       a question, `<think>…</think>` and the answer after it

About thirty folders, one for each set that it draws on (`Geometry3K(MathV360K)`, `intergps`); `meta.subset` names it.
The picture is a path, bytes or base64, told by its value. The answer is what stands, marked or stated, behind the
thoughts; the thoughts and it are the response.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from perceptdata.draft import BadRow, Draft
from perceptdata.errors import Rejected
from perceptdata.example import Stage

from .dialogue import Exchange, exchanges
from .problem import problem
from .tabular import Row, Tabular

_OPENED, _CLOSED = "<think>", "</think>"


class R1Onevision(Tabular):
    """The folder of folders, one of them, or one file."""

    name: ClassVar[str] = "r1_onevision"
    corpus: ClassVar[str] = "R1-Onevision"
    licence: ClassVar[str] = "Apache-2.0"
    stages: ClassVar[tuple[Stage, ...]] = ("visual_reasoning", "textual_reasoning")

    def examples(self, row: Row) -> Iterator[Draft | BadRow]:
        """One example for each exchange."""
        for one in exchanges(row.need("conversations"), row.pictures("image")):
            try:
                yield one.place(_thought(row, one), row)
            except Rejected as error:
                yield one.bad(row, error)


def _thought(row: Row, one: Exchange) -> Draft:
    thoughts, closed, answer = one.said.rpartition(_CLOSED)
    if (_OPENED in one.said) != bool(closed) or (closed and not answer.strip()):
        raise Rejected("answer.missing", f"the thoughts are never closed, or nothing follows them: {one.said[-80:]!r}")
    said = answer if closed else one.said
    meta = {"subset": row.file.parent.name, "id": row.get("id")}
    return problem(row, one.question, said, response=one.said if thoughts else None, meta=meta)
