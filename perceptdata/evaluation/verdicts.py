"""What one row of a harness's table says of an answer: what it is worth, and whether it could be read at all.

    made = judged({"prediction": "…", "hit": "1", "log": "…"}, "hit")
    made.state, made.value

The marks by which a harness says that it found no answer were read in its source (VLMEvalKit: `utils/multiple_choice`,
`utils/mathverse`, `image_yorn`, `dynamath`; 2025 and 2026). A guess drawn for an unreadable answer is worth nothing
here, even where it hit: the harness counts it.
"""

from __future__ import annotations

import ast
import string
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from perceptdata.answers import Ladder
from perceptdata.comparison.results import state_of
from perceptdata.example import Answer, AnswerKind, Example, Source

VERDICTS = ("hit", "correct", "score", "eval_score", "eval_match", "match", "true_false")
"""Columns that say what an answer is worth, the plainest first."""
NO_REPLY = "Failed to obtain answer"
UNREAD = ("Failed to predict, thus randomly generate", "Failed in Prefetch, no GPT-based answer matching")
JUDGE_FAILED = "All 5 retries failed"
TRUE, FALSE = {"true", "1", "1.0", "yes"}, {"false", "0", "0.0", "no"}


class Judged(NamedTuple):
    """`value` is None where the state is failed or unscored. `lucky` is a right guess that counts as unread."""

    state: str
    value: float | None
    extracted: str = ""
    lucky: bool = False


def judged(row: Mapping[str, str], column: str) -> Judged:
    """By the harness's own verdict in `column`."""
    extracted = next((row[name] for name in ("extracted", "extract", "res", "opt") if row.get(name)), "")
    if NO_REPLY in row.get("prediction", ""):
        return Judged("failed", None, extracted)
    value = number(row.get(column, ""))
    if unread(row):
        return Judged("unparsed", 0.0, extracted, lucky=bool(value))
    if JUDGE_FAILED in row.get("log_score", ""):
        return Judged("unscored", None, extracted)
    if value is None or not 0 <= value <= 1:
        return Judged("unscored", None, extracted)
    return Judged(state_of(value), value, extracted)


def unread(row: Mapping[str, str]) -> bool:
    """Whether no answer could be read out of what the model said."""
    log = row.get("log", "")
    said_nothing = "prediction" in row and not row["prediction"].strip()
    marked = any(mark in log for mark in UNREAD) or JUDGE_FAILED in log or JUDGE_FAILED in row.get("log_extract", "")
    unknown = row.get("extracted", "") == "Unknown" or row.get("parse", "").lower() == "false"
    empty = any(name in row and not row[name].strip() for name in ("res", "extract"))
    return said_nothing or marked or unknown or empty


def number(cell: str) -> float | None:
    """A verdict as a number: booleans are 1 and 0, a list is the mean of its own. None for what is neither."""
    said = cell.strip().lower()
    if said in TRUE or said in FALSE:
        return float(said in TRUE)
    try:
        return float(said)
    except ValueError:
        pass
    if said.startswith("["):
        parts = [number(part) for part in said.strip("[]").split(",")]
        known = [part for part in parts if part is not None]
        return sum(known) / len(known) if known and len(known) == len(parts) else None
    return None


def extracted_only(row: Mapping[str, str]) -> bool:
    """Whether the harness wrote down the extracted answer and no verdict (MathVista, MathVision)."""
    return "res" in row and "answer" in row and not any(name in row for name in VERDICTS)


def compared(rows: Sequence[Mapping[str, str]]) -> list[Judged]:
    """By our own comparison of `res` with the gold answer, for tables without a verdict."""
    with Ladder() as ladder:
        found = ladder.judge_many((row["res"], _example(row)) for row in rows)
    made = []
    for row, verdict in zip(rows, found, strict=True):
        if NO_REPLY in row.get("prediction", ""):
            made.append(Judged("failed", None, row["res"]))
        elif unread(row):
            made.append(Judged("unparsed", 0.0, row["res"]))
        else:
            made.append(Judged(state_of(verdict.score), verdict.score, row["res"]))
    return made


def _example(row: Mapping[str, str]) -> Example:
    choices = _listed(row.get("choices", ""))
    gold = row.get("answer_option") or row["answer"]
    kind: AnswerKind = "choice" if choices else "number" if row.get("answer_type") in _NUMBERS else "expression"
    index = None
    if choices and len(gold) == 1 and (at := string.ascii_uppercase.find(gold)) >= 0:
        index = at if at < len(choices) else None
    source = Source(
        builder="evaluation",
        version="1",
        corpus="evaluation",
        split="test",
        key="1",
        licence="",
        allowed_use="evaluate",
    )
    return Example(
        id="evaluation/test/1",
        stage="visual_reasoning",
        group="1",
        question=row.get("question", "").replace("<image>", "image") or "?",
        choices=tuple(choices),
        answer=Answer(text=choices[index] if index is not None else gold, kind=kind, index=index),
        source=source,
    )


_NUMBERS = ("integer", "float")


def _listed(cell: str) -> list[str]:
    """A list of choices as Python prints it; literals only, nothing is run."""
    try:
        found = ast.literal_eval(cell) if cell.strip().startswith("[") else []
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return []
    return [str(each) for each in found]
