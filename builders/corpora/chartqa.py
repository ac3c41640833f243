"""ChartQA (Masry et al. 2022, arXiv 2203.10244): questions about charts from the web, most with the table behind them.

    chartqa/<split>/<file>/<n>/chart        the question with its chart
    chartqa/<split>/<file>/<n>/text         the same from the table (textual reasoning), where there is one

The repository has `{train,val,test}/{*_human.json, *_augmented.json, png/, tables/*.csv}`; the hub's copies have the
charts alone. People's questions are visual reasoning unless a rule says that looking answers them; the generated ones
read values off: perception. A number counts within 5 %, as the benchmark has it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from perceptdata.draft import Draft, with_facts
from perceptdata.errors import Rejected
from perceptdata.example import IMAGE, Answer, CheckerRef, Stage

from ..reading.literals import is_written_list, read_list
from ..reading.stage_rules import stage_of
from .tabular import Row, Tabular

RELAXED = CheckerRef(name="relaxed")


class ChartQA(Tabular):
    """The repository's `ChartQA Dataset` folder, one of its splits, or Parquet files of a hub copy."""

    name: ClassVar[str] = "chartqa"
    corpus: ClassVar[str] = "ChartQA"
    licence: ClassVar[str] = "GPL-3.0"
    stages: ClassVar[tuple[Stage, ...]] = ("perception", "visual_reasoning", "textual_reasoning")
    FILES: ClassVar[Sequence[str]] = ("*_human.json", "*_augmented.json", "*.parquet", "*.jsonl")
    EVALUATED: ClassVar[Sequence[str]] = ("test",)

    def examples(self, row: Row) -> Iterator[Draft]:
        """The question, and its textual twin where the chart's table is there."""
        question, name = row.text("query", "question"), row.get("imgname")
        human = _human(row)
        stage, rule = stage_of(question, 1)
        if human is False:
            stage = "perception"
        pictures = row.pictures("image")
        table = None
        if name is not None:
            folder = row.file.parent / "png"
            pictures = [row.store.first(_below(folder / str(name), row), f"png/{name}", str(name))]
            table = _table(row.file.parent / "tables" / f"{Path(str(name)).stem}.csv")
        draft = Draft(row.key, stage, f"{IMAGE}{question}", read_off(row.get("label", "answer")), twin="chart")
        draft.images, draft.facts = pictures, table
        draft.meta = {
            key: value
            for key, value in (
                ("imgname", name),
                ("human", human),
                ("stage_rule", None if human is False else rule.name),
            )
            if value is not None
        }
        if name is not None:
            draft.group = f"chartqa/{self.split(row)}/{name}"
        if table is not None:
            draft.facts_quality = "reference"
            textual = Draft(row.key, "textual_reasoning", with_facts(question, table), draft.answer, twin="text")
            textual.group, textual.meta = draft.group, draft.meta
            textual.facts, textual.facts_quality = table, "reference"
            yield draft
            yield textual
        else:
            yield draft


def read_off(label: Any) -> Answer:
    """The answer and others that are equally right; numbers within 5 %. Raises Rejected `answer.missing`."""
    given = read_list(label) if is_written_list(label) or isinstance(label, list | tuple) else [label]
    texts = list(dict.fromkeys(str(each).strip() for each in given if each not in (None, "")))
    if not texts:
        raise Rejected("answer.missing", "the row has no label")
    return Answer(text=texts[0], kind="text", accepts=tuple(texts[1:]), checker=RELAXED)


def _human(row: Row) -> bool | None:
    """Whether a person asked; None where nothing says so."""
    said = row.get("human_or_machine", "type")
    if isinstance(said, str):
        return {"human_test": True, "human": True, "augmented_test": False, "augmented": False}.get(said.lower())
    if said is not None:
        return said == 0  # HuggingFaceM4's class label: 0 human, 1 machine
    return {"human": True, "augmented": False}.get(row.file.stem.rpartition("_")[2])


def _below(path: Path, row: Row) -> str:
    """The path as the store knows it: below its root, or as it is."""
    return path.relative_to(row.store.root).as_posix() if path.is_relative_to(row.store.root) else path.as_posix()


def _table(file: Path) -> str | None:
    """The chart's table, a line a row, cells parted by ` | `; None where there is none that can be read."""
    try:
        rows = [row for row in csv.reader(io.StringIO(file.read_text("utf-8-sig"))) if any(map(str.strip, row))]
    except (OSError, UnicodeDecodeError, csv.Error):
        return None
    return "\n".join(" | ".join(cell.strip() for cell in row) for row in rows) or None
