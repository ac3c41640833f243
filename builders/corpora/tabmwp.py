"""TabMWP (Lu et al. 2023, PromptPG, arXiv 2209.14610): word problems about a small table, which is also a picture.

    tabmwp/<split>/<pid>/visual       the problem with the picture of the table
    tabmwp/<split>/<pid>/text         the same with the table's text in its place (textual reasoning)
    tabmwp/<split>/<pid>/facts        "write down the table" (perception); its answer is the table as JSON

The table's text is the facts. Problems about one table share a group.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from perceptdata.draft import BadRow, Draft, with_facts
from perceptdata.errors import Rejected
from perceptdata.example import IMAGE, AllowedUse, Answer, Stage

from ..reading.choices import read_choices
from ..reading.tables import KEY
from .problem import problem
from .questions import question_hash
from .tabular import Row, Tabular

STATE_TABLE = (
    "Write down the table as a JSON list of its rows from top to bottom, each a list of the texts of its cells from "
    "left to right. Leave out the title."
)
_META = ("unit", "table_title", "table_for_pd", "row_num", "column_num", "ques_type", "ans_type", "grade")


class TabMWP(Tabular):
    """`problems_<split>.json`, dicts by problem id, with the pictures in `tables/<pid>.png`."""

    name: ClassVar[str] = "tabmwp"
    corpus: ClassVar[str] = "TabMWP"
    licence: ClassVar[str] = "CC-BY-NC-SA-4.0"
    allowed_use: ClassVar[AllowedUse] = "research"
    stages: ClassVar[tuple[Stage, ...]] = ("perception", "visual_reasoning", "textual_reasoning")
    FILES: ClassVar[Sequence[str]] = ("problems*.json", "*.jsonl", "*.parquet")
    KEYS: ClassVar[Sequence[str]] = (KEY, "pid", "id")
    EVALUATED: ClassVar[Sequence[str]] = ("test",)

    def files(self, source: Path) -> list[Path]:
        """Without `problems_test1k.json` and its like where the file that they were drawn from is there too."""
        found = super().files(source)
        drawn = {file for file in found if file.stem.endswith("1k")}
        return [file for file in found if file not in drawn or file.with_stem(file.stem[:-2]) not in found]

    def split(self, row: Row) -> str:
        """The row's own, or the file's."""
        return str(row.get("split") or row.split)

    def examples(self, row: Row) -> Iterator[Draft | BadRow]:
        """The three twins."""
        table, title = row.text("table"), str(row.get("table_title") or "").strip()
        cells = [[cell.strip() for cell in line.split(" | ")] for line in table.splitlines() if line.strip()]
        facts = "\n".join([*([f"{title}:"] if title else []), *(" | ".join(line) for line in cells)])
        picture = row.store.first(f"tables/{row.key}.png", f"{row.key}.png", f"{row.split}/{row.key}.png")
        visual = problem(
            row,
            row.text("question"),
            row.text("answer"),
            choices=read_choices(row.get("choices")),
            images=[picture],
            response=row.get("solution"),
            meta={name: row.get(name) for name in _META},
        )
        visual.answer = _in_unit(visual.answer, row)
        visual.twin = "visual"
        textual = Draft(row.key, "textual_reasoning", with_facts(visual.question, facts), visual.answer, twin="text")
        textual.choices, textual.response, textual.meta = visual.choices, visual.response, visual.meta
        whole = Answer(text=json.dumps(cells, ensure_ascii=False), kind="structure")
        stated = Draft(row.key, "perception", f"{IMAGE}{STATE_TABLE}", whole, twin="facts", images=[picture])
        for draft in (visual, textual, stated):
            draft.group = f"{self.name}/{question_hash(facts)}"
            draft.facts, draft.facts_quality = facts, "reference"
            yield draft


def _in_unit(answer: Answer, row: Row) -> Answer:
    """A number in the unit that the row names; a number that the row does not type as one is refused."""
    unit, kind = str(row.get("unit") or "").strip(), str(row.get("ans_type") or "")
    if kind in ("integer_number", "decimal_number") and answer.kind not in ("number", "choice"):
        raise Rejected("field.invalid", f"the answer {answer.text!r} is no number, and its ans_type is {kind}")
    return answer.model_copy(update={"unit": unit}) if unit and answer.kind == "number" and not answer.unit else answer
