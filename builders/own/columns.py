"""What a user's columns mean, resolved by name and by value from the first rows of a file.

    found = detect(Path("testmini.jsonl"), images=Path("images"))
    found.columns        {"question": "question", "options": "choices", "answer": "answer", "image": "images", …}
    found.choices        "list+letter"

Names are compared without case, with `_` for spaces and hyphens; an object's fields count as `object.field`. Images and
conversations are told by their values whatever they are called. A user's own map goes before everything found here.
"""

from __future__ import annotations

import difflib
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from perceptdata.errors import Rejected, UsageError
from perceptdata.example import AnswerKind

from ..reading.choices import Layout, inline_choices, layout_of, read_choices
from ..reading.conversations import is_conversation
from ..reading.gold import final_answer, marked_answer, typed
from ..reading.literals import is_written_list
from ..reading.pictures import ImageKind, kind_of
from ..reading.tables import KEY, read_rows

SAMPLE = 64  # rows looked at
MOST = 0.75  # of a column's values must fit: a few bad rows are rejects, not another mapping
META = "meta."
SCORE = "score."
TARGETS = (
    "question",
    "conversation",
    "answer",
    "answer.accepts",
    "answer.index",
    "answer.kind",
    "choices",
    "choices.values",
    "images",
    "facts",
    "response",
    "responses",
    "responses.correct",
    "id",
    "split",
    "stage",
    "group",
)
SYNONYMS = {"key": "id"}

# Names in order of preference. A column is taken only if its values fit, so a name here may be ambiguous.
NAMES: dict[str, tuple[str, ...]] = {
    "question": (
        "question",
        "problem",
        "query",
        "prompt",
        "sentence",
        "problem_text",
        "instruction",
        "extra_info.question",
    ),
    "answer": (
        "answer",
        "answers",
        "gt_answer",
        "ground_truth",
        "reward_model.ground_truth",
        "multiple_choice_answer",
        "label",
        "extra_info.answer",
        "final_answer",
        "gold",
        "solution",
    ),
    "choices": ("choices", "options", "option"),
    "choices.values": ("precise_value",),
    "images": (
        "images",
        "image",
        "decoded_image",
        "image_path",
        "imgname",
        "image_file",
        "file_name",
        "img",
        "picture",
    ),
    "facts": ("facts", "scene_facts", "perception"),
    "response": (
        "response",
        "rationale",
        "solution",
        "explanation",
        "detailed_solution",
        "cot",
        "reasoning",
        "thinking",
    ),
    "id": (
        "id",
        KEY,
        "pid",
        "qid",
        "question_id",
        "questionid",
        "uid",
        "unique_id",
        "index",
        "sample_index",
        "extra_info.index",
    ),
    "split": ("split", "data_split", "set_name", "extra_info.split"),
    "group": ("group", "scene_id"),
    "responses": ("predictions",),
    "responses.correct": ("correctness",),
}
_RATE = re.compile(r"pass_?rate\w*|solve_rate|difficulty_score")
_LETTERED = tuple(
    tuple(f"{prefix}{letter}" for letter in "abcdefghij") for prefix in ("", "option_", "option", "choice_")
)
_SHORT = 40  # characters beside a marked answer that still make a column an answer, not a rationale


@dataclass(frozen=True)
class Detection:
    """A resolved mapping: column -> target, how choices and images are written, and what looked odd."""

    columns: Mapping[str, str]
    choices: Layout | None
    images: ImageKind | None
    answer: AnswerKind | None
    rows: int
    warnings: tuple[str, ...] = ()

    def of(self, target: str) -> Sequence[str]:
        """The columns of a target, in order."""
        return self._columns_of.get(target, ())

    def describe(self) -> str:
        """The mapping for people: a line a column, then how choices, images and answers look, then the warnings."""
        width = max(map(len, self.columns), default=0)
        lines = [f"{column:<{width}}  ->  {target}" for column, target in self.columns.items()]
        found = {"choices": self.choices, "images": self.images, "answers": self.answer}
        lines += [f"{name}: {kind}" for name, kind in found.items() if kind]
        return "\n".join([*lines, *(f"warning: {warning}" for warning in self.warnings)])

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self) | {"warnings": list(self.warnings)}

    @cached_property
    def _columns_of(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for column, target in self.columns.items():
            found.setdefault(target, []).append(column)
        return found


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with the fields of plain objects as `object.field`; embedded images stay whole."""
    fields: dict[str, Any] = {}
    for name, value in row.items():
        fields[name] = value
        if isinstance(value, Mapping) and not {"bytes", "path"} & set(value):
            fields |= {f"{name}.{inner}": each for inner, each in value.items()}
    return fields


def detect(
    path: Path,
    images: Path | None = None,
    given: Mapping[str, str] | None = None,
    known: Mapping[str, str] | None = None,
) -> Detection:
    """The mapping for a file. `given` maps columns to targets and goes first. Raises UsageError for a wrong map.

    `known` is what a published shape calls its columns: it counts for those that are there and not in `given`.
    `images` is where pictures lie; without it, and with columns that hold paths, a warning says where they will be
    sought.
    """
    rows = [flat(row.fields) for row in read_rows(path, 0, SAMPLE, SAMPLE) if not isinstance(row.fields, Rejected)]
    there = {name for row in rows for name in row}
    taken, shaped = set((given or {}).values()), dict[str, str]()
    for column, target in (known or {}).items():
        if column in there and column not in (given or {}) and (target == "choices" or target not in taken):
            shaped[column] = target  # one column a target: a file may have the same pictures twice
            taken.add(target)
    return _Finder(path, rows, images, {**shaped, **(given or {})}).detection()


class _Finder:
    def __init__(
        self, path: Path, rows: Sequence[Mapping[str, Any]], images: Path | None, given: Mapping[str, str]
    ) -> None:
        self.path, self.rows, self.root = path, rows, images
        names = list(dict.fromkeys(name for row in rows for name in row))
        self.values = {name: [row[name] for row in rows if row.get(name) is not None] for name in names}
        self.by_plain = {_plain_name(name): name for name in reversed(names)}
        self.given = {column: SYNONYMS.get(target, target) for column, target in given.items()}
        self.columns: dict[str, str] = {}
        self.warnings: list[str] = []

    def detection(self) -> Detection:
        self._take_given()
        kind = self._images()
        self._conversation()
        for target in ("question", "facts", "split", "group"):
            self._by_name(target, lambda value: isinstance(value, str))
        self._by_name("id", lambda value: isinstance(value, str | int), self._is_id)
        self._choices()
        self._answer()
        self._rates()
        layout = self._layout()
        self._rest()
        if not self._has("question") and not self._has("conversation"):
            self.warnings.append("no column holds questions; map one with map: {COLUMN: question}")
        if not self._has("answer") and not self._has("answer.index") and not self._has("conversation"):
            said = (
                "it is taken from the end of the response"
                if self._has("response")
                else "map one with map: {COLUMN: answer}"
            )
            self.warnings.append(f"no column holds the answer; {said}")
        return Detection(self.columns, layout, kind, self._answer_kind(layout), len(self.rows), tuple(self.warnings))

    # --- one target at a time

    def _take_given(self) -> None:
        for column, target in self.given.items():
            if target not in TARGETS and not _is_named(target):
                near = difflib.get_close_matches(target, TARGETS, n=1)
                hint = (
                    f"did you mean '{near[0]}'?"
                    if near
                    else f"the targets are {', '.join(TARGETS)}, meta.NAME, score.NAME"
                )
                raise UsageError(f"map: there is no target '{target}'; {hint}")
            if self.rows and column not in self.values:
                near = difflib.get_close_matches(column, self.values, n=1)
                hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(self.values)}"
                raise UsageError(f"map: {self.path.name} has no column '{column}'; {hint}")
            self.columns[column] = target

    def _images(self) -> ImageKind | None:
        kinds = {name: _one_kind(values) for name, values in self.values.items() if name not in self.columns}
        if not self._has("images"):
            found = [name for name, kind in kinds.items() if kind]
            numbered = [
                name for name in found if _plain_name(name).rstrip("0123456789").rstrip("_") in ("image", "img")
            ]
            rank = {"embedded": 0, "base64": 1, "path": 2, "url": 3}
            order = {name: place for place, name in enumerate(NAMES["images"])}
            best = sorted(
                found, key=lambda name: (rank[kinds[name] or "url"], order.get(_plain_name(name), len(order)))
            )
            family = [name for name in numbered if _plain_name(name)[-1].isdigit() and kinds[name] == kinds[best[0]]]
            for name in family if best and best[0] in family else best[:1]:
                self.columns[name] = "images"
        used = [_one_kind(self.values.get(name, [])) for name in self.columns if self.columns[name] == "images"]
        kind = next((kind for kind in used if kind), None)
        if kind == "url":
            self.warnings.append("images are addresses; download them and name their folder with images")
        if kind == "path" and self.root is None:
            self.warnings.append(f"image paths are sought in {self.path.parent.name}/; name another root with images")
        return kind

    def _conversation(self) -> None:
        if self._has("conversation") or self._has("question"):
            return
        for name, values in self.values.items():
            if name not in self.columns and values and _most(is_conversation, values):
                self.columns[name] = "conversation"
                return

    def _by_name(
        self, target: str, fits: Callable[[Any], bool], all_fit: Callable[[Sequence[Any]], bool] = bool
    ) -> None:
        """The first column of a known name whose values fit, one by one and together."""
        if self._has(target) or (target == "question" and self._has("conversation")):
            return
        for alias in NAMES[target]:
            name = self.by_plain.get(alias)
            if name is None or name in self.columns or not self.values[name]:
                continue
            if _most(fits, self.values[name]) and all_fit(self.values[name]):
                self.columns[name] = target
                return

    def _is_id(self, values: Sequence[Any]) -> bool:
        """Most rows have one of their own; what rows share names an image or a document."""
        return len(set(map(str, values))) >= MOST * max(len(values), len(self.rows))

    def _choices(self) -> None:
        if self._has("choices"):
            return
        for names in _LETTERED:
            run = [self.by_plain.get(name) for name in names]
            columns = [name for name in run[: run.index(None) if None in run else None] if name is not None]
            if len(columns) >= 2 and not any(name in self.columns for name in columns):
                self.columns |= dict.fromkeys(columns, "choices")
                return
        self._by_name("choices", lambda value: isinstance(value, str | list | Mapping))
        if self._has("choices"):
            self._by_name("choices.values", lambda value: isinstance(value, list))

    def _answer(self) -> None:
        """`solution` is an answer where it is little more than a marked one, else a rationale that ends in one."""
        tagged = self.by_plain.get("solution")
        rationale = tagged is not None and not _most(_is_answer, self.values[tagged])
        if rationale and tagged is not None and tagged not in self.columns and not self._has("response"):
            self.columns[tagged] = "response"
        if not self._has("answer.index"):
            self._by_name("answer", lambda value: True)
        self._by_name("response", lambda value: isinstance(value, str))

    def _rates(self) -> None:
        """Pass rates are scores; what a model predicted, with whether it was right, are responses."""
        for name, values in self.values.items():
            if name not in self.columns and _RATE.fullmatch(_plain_name(name)) and values and _most(_is_number, values):
                self.columns[name] = SCORE + _plain_name(name)
        for target in ("responses", "responses.correct"):
            self._by_name(target, lambda value: isinstance(value, list))

    def _layout(self) -> Layout | None:
        question, answer = self._first("question"), self._first("answer")
        columns = [name for name, target in self.columns.items() if target == "choices"]
        if self._has("answer.index"):
            return "list+index"
        if len(columns) > 1:
            return "columns"
        if not columns:
            blocks = [inline_choices(str(value)) for value in self.values.get(question or "", [])]
            texts = [str(value) for value in self.values.get(answer or "", [])]
            letters = sum(len(final_answer(text).strip("()[]. ")) == 1 for text in texts)
            return "inline" if any(blocks) and letters else None
        values = self.values[columns[0]]
        if any(isinstance(value, str) and not is_written_list(value) for value in values):
            return "joined"
        pairs = [(row.get(answer or ""), _quietly(row.get(columns[0]))) for row in self.rows]
        return layout_of([a for a, _ in pairs], [c for _, c in pairs], self._has("choices.values"))

    def _rest(self) -> None:
        """What nothing asked for is kept under `meta.`; other spellings of the images are left out."""
        inside = {name.partition(".")[0] for name in self.columns if "." in name and name not in self.given}
        for name, values in self.values.items():
            whole = name.partition(".")[0]
            nested = "." in name and whole in self.values
            if name in self.columns or (nested and whole not in inside) or (name in inside and not nested):
                continue
            if _one_kind(values) in ("embedded", "base64") or any(isinstance(value, bytes) for value in values):
                continue
            self.columns[name] = META + name

    def _answer_kind(self, layout: Layout | None) -> AnswerKind | None:
        if layout is not None:
            return "choice"
        name = self._first("answer") or self._first("response")
        texts = [
            str(value[0] if isinstance(value, list) and value else value) for value in self.values.get(name or "", [])
        ]
        kinds = Counter(typed(final_answer(text)).kind for text in texts)
        return kinds.most_common(1)[0][0] if kinds else None

    def _has(self, target: str) -> bool:
        return target in self.columns.values()

    def _first(self, target: str) -> str | None:
        return next((name for name, its in self.columns.items() if its == target), None)


def _is_named(target: str) -> bool:
    return any(target.startswith(prefix) and len(target) > len(prefix) for prefix in (META, SCORE))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _plain_name(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _one_kind(values: Sequence[Any]) -> ImageKind | None:
    kinds = Counter(kind_of(value) for value in values if value not in ("", []))
    kind, count = kinds.most_common(1)[0] if kinds else (None, 0)
    return kind if count >= MOST * kinds.total() else None


def _most(fits: Callable[[Any], bool], values: Sequence[Any]) -> bool:
    return sum(map(fits, values)) >= MOST * len(values)


def _is_answer(value: Any) -> bool:
    if not isinstance(value, str):
        return True
    marked = marked_answer(value)
    return marked is not None and len(value) - len(marked) <= _SHORT


def _quietly(value: Any) -> tuple[str, ...]:
    try:
        return read_choices(value)
    except Rejected:
        return ()
