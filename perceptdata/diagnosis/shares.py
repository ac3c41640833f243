"""Perception's part of traces and of their loss over training; what each part of a trace owes to the picture; and of
distillation runs, how far the answer leaks into what is taught (`palr/…`, `perceptdata.trainer.core.leakage`).

    over_training(Path("runs/sft"))          # from metrics.jsonl of a training run
    dependency(rows, form, texts)            # from a token_scores layer

Standard training weighs perception by its share of the tokens, about 2.5 % in arXiv 2605.29496, and 1.3 % of the loss.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from perceptdata.errors import UsageError
from perceptdata.formats import Format
from perceptdata.records import Record
from perceptdata.trainer.lines import read_lines
from perceptdata.trainer.record import METRICS

NUMBERS = ("token_share", "loss_share", "lambda", "loss_perception", "loss_reasoning", "probe/perception")
LENGTHS = ("completions/mean_length",)
PALR = "palr/"
PART = 10  # of the logged steps, a tenth at either end is its beginning and its end


class Course(Record):
    """One number over a run: its mean, and the means of the first and the last tenth of the steps that have it."""

    name: str
    mean: float
    first: float
    last: float
    steps: int


class Training(Record):
    """What a run recorded of perception. `curves` has step and value of each number, for drawing."""

    run: str
    courses: tuple[Course, ...]
    curves: dict[str, tuple[tuple[int, float], ...]]


class Role(Record):
    """What one part of the responses owes to the picture: the mean of its tokens' scores, and its part of their sum."""

    role: str
    tokens: int
    mean: float
    part: float


def over_training(run: Path) -> Training:
    """Raises UsageError for a folder without metrics, and for a run that recorded nothing of perception."""
    lines = read_lines(run / METRICS)
    if not lines:
        raise UsageError(f"{run} has no {METRICS}; name the --out folder of perceptdata train")
    names = dict.fromkeys(name for line in lines for name in line)
    wanted = [name for name in names if name in (*NUMBERS, *LENGTHS) or name.startswith(PALR)]
    courses, curves = [], {}
    for name in wanted:
        points = [(int(line["step"]), float(line[name])) for line in lines if line.get(name) is not None]
        if points:
            values = [value for _, value in points]
            few = max(1, len(values) // PART)
            courses.append(
                Course(
                    name=name,
                    mean=_mean(values),
                    first=_mean(values[:few]),
                    last=_mean(values[-few:]),
                    steps=len(values),
                )
            )
            curves[name] = tuple(points)
    if not courses:
        raise UsageError(f"{run} recorded nothing of perception: neither shares, nor lengths, nor a probe")
    return Training(run=run.resolve().name, courses=tuple(courses), curves=curves)


def dependency(scores: Iterable[Mapping[str, Any]], texts: Mapping[str, str], form: Format) -> list[Role]:
    """By segment of the response format, from rows of a `token_scores` layer; tokens in no segment are `other`.

    A token belongs to the segment that its first character is in.
    """
    total: dict[str, float] = defaultdict(float)
    count: dict[str, int] = defaultdict(int)
    for row in scores:
        text = texts.get(row["text_id"])
        if text is None:
            continue
        segments = [(span.start, span.end, span.label) for span in form.parse(text).segments]
        for value, start in zip(row["values"], row["start"], strict=True):
            role = next((label for low, high, label in segments if low <= start < high), "other")
            total[role] += value
            count[role] += 1
    whole = sum(total.values())
    return [
        Role(role=role, tokens=count[role], mean=total[role] / count[role], part=total[role] / whole if whole else 0.0)
        for role in sorted(count, key=lambda role: -total[role] / count[role])
    ]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
