"""Plain files of a user: JSON lines, JSON, CSV, TSV or Parquet with questions, answers and perhaps images.

    {use: auto, path: vqa.jsonl, images: /mnt/img, map: {gold: answer.accepts, pic: images}, licence: internal}

What the columns mean is found from their names and values (`columns.detect`); `map` says it for those that are called otherwise.
A conversation gives one example a turn. `stage: by-rule` lets `stage_rules` decide row by row.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from perceptdata.draft import BadRow, Draft
from perceptdata.errors import Rejected, UsageError
from perceptdata.example import IMAGE, STAGES, Answer, AnswerKind, Stage, Turn
from perceptdata.plugins import Builder, Part

from .choices import index_of, inline_choices, read_choices
from .columns import META, Detection, detect, flat
from .conversations import Round, read_turns, rounds
from .gold import final_answer, marked_answer, typed
from .literals import is_written_list, read_list
from .pictures import Store, references
from .stage_rules import stage_of
from .tables import SUFFIXES, TableRow, read_rows, row_count
from .records import stretches

_SPLIT = re.compile(r"(?:^|[^a-z])(train|training|val|valid|validation|dev|test|testmini)(?:[^a-z]|$)", re.I)
_TOKEN = re.compile(r"<\s*(?:image|img)[ _]?(\d*)\s*/?>", re.I)


class Auto(Builder):
    """One file, or a folder of files.

    `map`: column -> target (`columns.TARGETS`, or `meta.NAME`). `images`: the folder or zip file in which image paths are sought; by
    default the data file's folder. `stage`: a stage for all rows, or `by-rule`. `split`: a split for all rows; by default the
    row's own, or the one in the file's name, or `train`.
    """

    name: ClassVar[str] = "auto"
    corpus: ClassVar[str] = "user"
    licence: ClassVar[str] = "unstated"
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False)

    map: Mapping[str, str] = Field(default_factory=dict)
    images: Path | None = None
    stage: Stage | Literal["by-rule"] = "by-rule"
    split: str | None = None
    corpus_name: str | None = Field(None, alias="corpus")
    licence_name: str | None = Field(None, alias="licence")

    def parts(self, source: Path | None) -> Sequence[Part]:
        """Stretches of SHARD rows of each file; the JSON files of a folder go together, SHARD files a part."""
        super().parts(source)
        assert source is not None  # refused above
        if source.is_file():
            return [Part(source, "", *stretch) for stretch in stretches(row_count(source, self.SHARD), self.SHARD)]
        files = _files(source)
        if not files:
            raise UsageError(f"{source} holds no file of rows; auto reads {', '.join(SUFFIXES)}")
        small = [file for file in files if file.suffix.lower() == ".json"]
        parts = [Part(source, "", *stretch) for stretch in stretches(len(small), self.SHARD)]
        for file in files:
            if file not in small:
                parts += [Part(file, "", *stretch) for stretch in stretches(row_count(file, self.SHARD), self.SHARD)]
        return parts
