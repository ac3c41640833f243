"""ScienceQA (Lu et al. 2022, arXiv 2209.09513): school science with choices, a lecture and an explanation.

    scienceqa/<split>/<pid>             of the repository's `problems.json`, `pid_splits.json`, `captions.json`
    scienceqa/<split>/<file>/<n>        of the hub's Parquet files

More than half of the rows have no picture: they are textual reasoning. The hint stands before the question, lecture and
solution are the response. `captions.json` holds one machine-made caption a picture; it becomes a row of the captions
layer, to be judged like any other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from perceptdata.draft import BadRow, Draft, ImageRef
from perceptdata.errors import Rejected, UsageError
from perceptdata.example import AllowedUse, Stage

from ..reading.choices import read_choices
from ..reading.tables import KEY
from .problem import problem
from .tabular import Row, Tabular

_SPLITS, _CAPTIONS = "pid_splits.json", "captions.json"
_META = ("grade", "subject", "topic", "category", "skill", "task")


class ScienceQA(Tabular):
    """The folder of `problems.json` (pictures in `images/<split>/<pid>/`), or Parquet files of the hub."""

    name: ClassVar[str] = "scienceqa"
    corpus: ClassVar[str] = "ScienceQA"
    licence: ClassVar[str] = "CC-BY-NC-SA-4.0"
    allowed_use: ClassVar[AllowedUse] = "research"
    stages: ClassVar[tuple[Stage, ...]] = ("visual_reasoning", "textual_reasoning")
    FILES: ClassVar[Sequence[str]] = ("problems.json", "*.parquet", "*.jsonl")
    KEYS: ClassVar[Sequence[str]] = (KEY, "pid")
    EVALUATED: ClassVar[Sequence[str]] = ("test",)

    def beside(self, file: Path, split: str) -> Sequence[Path]:
        """The splits and captions that are joined by problem id."""
        return [path for path in map(file.with_name, (_SPLITS, _CAPTIONS)) if file.suffix == ".json" and path.is_file()]

    def split(self, row: Row) -> str:
        """The row's own, or that of `pid_splits.json`, or the file's."""
        own = str(row.get("split") or "").strip()
        if own:
            return own
        named = [name for name in _subsets(row) if name in ("train", "val", "test")]
        return named[0] if named else row.split

    def examples(self, row: Row) -> Iterator[Draft | BadRow]:
        """The question."""
        choices = read_choices(row.need("choices"))
        if len(choices) < 2:
            raise Rejected("field.invalid", f"the row has {len(choices)} choices; a question needs two")
        index = row.need("answer")
        if not str(index).strip().isdigit():
            raise Rejected("answer.index", f"the answer is {index!r}, not a choice's number from 0")
        hint, rationale = str(row.get("hint") or "").strip(), [row.get("lecture"), row.get("solution")]
        images = _pictures(row)
        draft = problem(
            row,
            "\n".join(filter(None, (hint, row.text("question")))),
            str(index),
            choices=choices,
            counted=True,
            images=images,
            response="\n\n".join(str(text).strip() for text in rationale if text and str(text).strip()) or None,
            meta={name: row.get(name) for name in _META} | {"subsets": _subsets(row)},
        )
        draft.meta = {name: value for name, value in draft.meta.items() if name != "raw_answer"} | {
            "answer": int(index)
        }
        caption = _beside(row.file.with_name(_CAPTIONS)).get("captions", {}).get(row.key)
        draft.captions = [caption] if images and isinstance(caption, str) and caption.strip() else []
        yield draft


def _pictures(row: Row) -> list[ImageRef]:
    image = row.get("image")
    if isinstance(image, str) and "/" not in image and row.get(KEY):
        inner = f"{row.split}/{row.key}/{image}"
        return [row.store.first(f"images/{inner}", inner, f"{row.key}/{image}")]
    return row.pictures("image")


def _subsets(row: Row) -> list[str]:
    """The splits of `pid_splits.json` that the row is in: `train`, `trainval`, `minitrain` and their like."""
    if not row.get(KEY):
        return []
    return [
        name
        for name, pids in _beside(row.file.with_name(_SPLITS)).items()
        if isinstance(pids, frozenset) and row.key in pids
    ]


def _beside(path: Path) -> Mapping[str, Any]:
    """A file beside the problems; empty where there is none. UsageError for one that cannot be read."""
    try:
        stat = path.stat()
    except OSError:
        return {}
    return _load(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=4)
def _load(path: Path, size: int, modified: int) -> Mapping[str, Any]:
    """Lists of problem ids become sets: every row asks."""
    try:
        value = json.loads(path.read_text("utf-8-sig"))
    except (ValueError, OSError) as error:
        raise UsageError(f"{path} cannot be read as JSON ({error}); mend it or take it away") from None
    if not isinstance(value, dict):
        raise UsageError(f"{path} holds a {type(value).__name__}, not an object; mend it or take it away")
    named = sorted(value.items())
    return {name: frozenset(map(str, each)) if isinstance(each, list) else each for name, each in named}
