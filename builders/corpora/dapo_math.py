r"""DAPO-Math-17k (Yu et al. 2025, arXiv 2503.14476): 17 thousand problems with whole numbers for answers.

    dapo_math/train/<index>       a problem, without the instruction that is wrapped around it

The published file says each prompt about a hundred times, 1.79 million rows in all. Each is one example here, made of
its first row; `meta.copies` says how many there were. Copies that disagree about the answer are one reject
(`dapo_math.answers_differ`). Files of the processed version (`prompt` and `solution` as texts) are read too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from perceptdata.draft import BadRow, Draft
from perceptdata.errors import Rejected
from perceptdata.example import Stage
from perceptdata.plugins import Part

from ..reading.files import split_of
from ..reading.pictures import Store
from ..reading.records import stretches
from ..reading.repeats import first_rows, repeats
from .problem import problem
from .tabular import Row, Tabular

_BEFORE = re.compile(
    r"^\s*Solve the following math problem step by step\..{0,240}?is the answer to the problem\.\s*", re.S
)
_BEHIND = re.compile(r"\s*Remember to put your answer on its own line after \"?Answer:\"?\.?\s*$")


class DAPOMath(Tabular):
    """Parquet or JSON-lines files in verl's columns, or of the processed version."""

    name: ClassVar[str] = "dapo_math"
    corpus: ClassVar[str] = "DAPO-Math-17k"
    licence: ClassVar[str] = "Apache-2.0"
    stages: ClassVar[tuple[Stage, ...]] = ("textual_reasoning",)

    def stretches(self, files: Sequence[Path], source: Path) -> list[Part]:
        """Each file in parts of SHARD different prompts."""
        root = source if source.is_dir() else source.parent
        return [
            Part(file, split_of(file, source), *stretch, root)
            for file in files
            for stretch in stretches(len(repeats(file, _said, _COLUMNS).first), self.SHARD)
        ]

    def read(self, part: Part) -> Iterator[Draft | BadRow]:
        """The first row of each of some prompts."""
        assert part.path is not None  # parts() always sets these
        assert part.root is not None
        assert part.stop is not None
        found = repeats(part.path, _said, _COLUMNS)
        inner = part.path.relative_to(part.root).with_suffix("").as_posix()
        for place, table_row in first_rows(part.path, found.first, part.start, part.stop, self.SHARD):
            key, copies = f"{inner}/{table_row.number}", int(found.copies[place])
            try:
                if isinstance(table_row.fields, Rejected):
                    raise table_row.fields
                key = _index(table_row.fields) or key
                if not found.agree[place]:
                    raise Rejected("dapo_math.answers_differ", f"{copies} rows with this prompt differ in the answer")
                for draft in self.examples(Row(table_row.fields, key, part.split, part.path, Store(part.root))):
                    if isinstance(draft, Draft):
                        draft.split, draft.meta = part.split, {**draft.meta, "copies": copies}
                    yield draft
            except Rejected as error:
                yield BadRow(key, error.code, f"{table_row.where}: {error.message}", part.split)

    def examples(self, row: Row) -> Iterator[Draft | BadRow]:
        """The problem."""
        prompt, written = _said(row.fields)
        meta = {"data_source": row.get("data_source"), "ability": row.get("ability")}
        yield problem(row, unwrapped(prompt), written, choices=(), meta=meta)


_COLUMNS = ("prompt", "reward_model", "solution", "answer")


def _said(fields: Mapping[str, Any]) -> tuple[str, str]:
    """A row's prompt and answer as written. Raises Rejected where it lacks one."""
    prompt = fields.get("prompt")
    if isinstance(prompt, list):
        turns = [turn for turn in prompt if isinstance(turn, Mapping) and turn.get("role") == "user"]
        prompt = turns[-1].get("content") if turns else None
    if not isinstance(prompt, str) or not prompt.strip():
        raise Rejected("field.invalid", "the row has no prompt of a user")
    truth = fields.get("reward_model")
    answer = truth.get("ground_truth") if isinstance(truth, Mapping) else None
    written = next((each for each in (answer, fields.get("solution"), fields.get("answer")) if each is not None), None)
    if written is None or not str(written).strip():
        raise Rejected("answer.missing", "the row has no ground truth")
    return prompt.strip(), str(written).strip()


def _index(fields: Mapping[str, Any]) -> str | None:
    extra = fields.get("extra_info")
    index = extra.get("index") if isinstance(extra, Mapping) else None
    return None if index is None or not str(index).strip() else str(index).strip()


def unwrapped(prompt: str) -> str:
    """The problem without the instruction before and behind it."""
    return _BEHIND.sub("", _BEFORE.sub("", prompt)).strip()
