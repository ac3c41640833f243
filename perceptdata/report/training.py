"""The page about a training run: what was run, its curves, what the model wrote, and what was left out.

    html, rollouts = render(Path("out"))        # the folder of `perceptdata train --out`

Made from the files of the run alone, while it goes on or afterwards. Like the page about a workspace it is one file
that asks for nothing; it needs no script.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from perceptdata.errors import UsageError
from perceptdata.report.curves import Curve, curves, figure
from perceptdata.report.page import page
from perceptdata.trainer.lines import read_lines
from perceptdata.trainer.record import METRICS, RATE
from perceptdata.trainer.run import REJECTS, RUN
from perceptdata.trainer.samples import SAMPLES

CHARTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Loss", "each part is the mean over its own tokens", ("loss", "loss_perception", "loss_reasoning", "loss/*")),
    ("λ and shares", "what perception has of the tokens and of the loss", ("lambda", "token_share", "loss_share")),
    ("Gradient norms", "of both spans; λ is made of them", ("norm_perception", "norm_reasoning")),
    ("Rewards", "means over the rollouts that were scored", ("rewards/*/mean", "rollouts/accuracy")),
    ("Not scored", "share of rollouts", ("unscored/*", "rewards/missing", "rollouts/unscored")),
    ("Groups", "share of rollouts in groups that are learned from, and in groups of one reward", ("groups/*",)),
    ("Perceived", "share of labelled rollouts that state the scene exactly", ("probe/perception",)),
    ("Rewards and perception", "correlation within groups, on labelled rollouts", ("probe/*/within",)),
    ("Token weights", "of the responses whose tokens are weighed", ("pgpo/weight_*", "pgpo/factor")),
    ("What the image changes", "mean score of a token", ("sight/score",)),
    ("Invalid or cut off", "share of rollouts", ("rollouts/invalid", "completions/clipped_ratio")),
    ("Leakage of the answer", "part of what is taught that hangs on the answer and not on the picture", ("palr/*",)),
    ("Length", "tokens of a rollout", ("completions/m??_length", "completions/mean_length")),
    ("Tokens by teacher", "in a rollout batch", ("tokens/*",)),
    ("Entropy", "of the next token, in nats", ("entropy",)),
    ("KL", "to the weights before training", ("kl",)),
    ("Gradient norm", "before it is cut", ("grad_norm",)),
    ("Learning rate", "", ("learning_rate",)),
    ("Speed", "tokens a second, all devices together", (RATE,)),
)
"""Titles, what is to know, and which numbers are drawn together. What is not named here is drawn alone, below."""
NOT_DRAWN = {"step", "epoch", "seconds"}
COLOURS = {
    "loss": "ink",
    "loss_perception": "perception",
    "loss_reasoning": "reasoning",
    "norm_perception": "perception",
    "norm_reasoning": "reasoning",
    "lambda": "perception",
    "rewards/outcome/mean": "answer",
    "rewards/perception/mean": "perception",
    "probe/perception": "perception",
    "probe/outcome/within": "answer",
    "probe/perception/within": "perception",
    "loss/description": "perception",
    "loss/reasoning": "reasoning",
    "palr/all": "ink",
    "palr/description": "perception",
    "palr/reasoning": "reasoning",
}
SPARE = ("ink", "perception", "reasoning", "visual_reasoning", "answer", "reject", "other")
STEPS_SHOWN, REJECTS_SHOWN, LEVELS = 6, 200, 8


class Chart(NamedTuple):
    """Curves that are drawn together."""

    title: str
    note: str
    lines: list[Curve]
    picture: Markup


class Piece(NamedTuple):
    """A stretch of a response: the part it is of ("" for none), and its tokens as (text, level, weight).

    `level` is from 0 to LEVELS; None where tokens have no weights.
    """

    label: str
    tokens: list[tuple[str, int | None, float]]


@dataclass(frozen=True, slots=True)
class Shown:
    """A rollout as it is shown. `scores` are names with figures or reasons; `heaviest` is its largest token weight."""

    line: dict[str, Any]
    scores: list[tuple[str, str]]
    pieces: list[Piece]
    heaviest: float | None


def render(out: Path) -> tuple[str, int]:
    """The page and how many rollouts it shows. Raises UsageError for a folder that holds no run."""
    if not (out / RUN).exists():
        legs = sorted(str(path.parent) for path in out.glob(f"*/{RUN}"))
        hint = f"it holds several: {', '.join(legs)}" if legs else "name the --out of perceptdata train"
        raise UsageError(f"{out} holds no training run ({RUN} is not there); {hint}")
    record = json.loads((out / RUN).read_text("utf-8"))
    metrics = read_lines(out / METRICS)
    samples = read_lines(out / SAMPLES)
    rejects = (out / REJECTS).read_text("utf-8").split("\n")[:-1] if (out / REJECTS).exists() else []
    shown = [rollout(line) for line in chosen(samples)]
    last = metrics[-1] if metrics else {}
    groups, rest = charts(metrics)
    html = page(
        "training",
        name=out.resolve().name,
        record=record,
        step=last.get("step", 0),
        loss=next((line["loss"] for line in reversed(metrics) if line.get("loss") is not None), None),
        seconds=last.get("seconds", 0.0),
        charts=groups,
        rest=rest,
        rollouts=shown,
        kept=len(samples),
        rejected=Counter(record.get("rejected", {})),
        rejects=[json.loads(line) for line in rejects[:REJECTS_SHOWN]],
        figure=figure,
    )
    return html, len(shown)


def charts(metrics: Sequence[Mapping[str, Any]]) -> tuple[list[Chart], list[Chart]]:
    """The charts of CHARTS for which there are numbers, and one for every other number."""
    names = dict.fromkeys(name for line in metrics for name in line if name not in NOT_DRAWN)
    left = {name for name in names if any(line.get(name) is not None for line in metrics)}
    found = []
    for title, note, patterns in CHARTS:
        here = [name for pattern in patterns for name in names if name in left and fnmatchcase(name, pattern)]
        left -= set(here)
        if here:
            found.append(_chart(title, note, list(dict.fromkeys(here)), metrics))
    return found, [_chart(name, "", [name], metrics) for name in names if name in left]


def _chart(title: str, note: str, names: Sequence[str], metrics: Sequence[Mapping[str, Any]]) -> Chart:
    # What is only measured every so often is a line all the same; null is a gap.
    measured = [line for line in metrics if any(name in line for name in names)]
    short = [_short(name, names) for name in names]
    lines: list[Curve] = []
    for name, said in zip(names, short if len(set(short)) == len(short) else names, strict=True):
        used = {line.kind for line in lines} | {COLOURS[other] for other in names if other in COLOURS}
        spare = next((kind for kind in SPARE if kind not in used), SPARE[-1])
        values = tuple(line.get(name) for line in measured)
        lines.append(Curve(said, COLOURS.get(name, spare), values))
    return Chart(title, note, lines, curves([line["step"] for line in measured], lines, title))


def _short(name: str, names: Sequence[str]) -> str:
    """A number's name without what all of its chart's names have in common."""
    if len(names) == 1:
        return name
    parts = name.split("/")
    if len(parts) > 1:
        return parts[1] if parts[0] in ("rewards", "probe") and len(parts) > 2 else "/".join(parts[1:])
    return name


def chosen(samples: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rollouts of a few steps, evenly over the run, the first and the last among them; the newest first."""
    steps = sorted({line["step"] for line in samples})
    if len(steps) > STEPS_SHOWN:
        steps = [steps[round(at * (len(steps) - 1) / (STEPS_SHOWN - 1))] for at in range(STEPS_SHOWN)]
    return [line for step in reversed(steps) for line in samples if line["step"] == step]


def rollout(line: dict[str, Any]) -> Shown:
    """A line of samples.jsonl as it is shown."""
    scores = [
        (name, figure(scored["value"]) if scored["value"] is not None else f"not scored, {scored['reason']}")
        for name, scored in line["rewards"].items()
    ]
    weights = line.get("weights")
    heaviest = max((weight for _, _, weight in weights), default=None) if weights else None
    return Shown(line, scores, list(pieces(line["response"], line["spans"], weights, heaviest or 0.0)), heaviest)


def pieces(
    text: str, spans: Sequence[Sequence[Any]], weights: Sequence[Sequence[Any]] | None, heaviest: float
) -> Iterator[Piece]:
    """The text from span to span; in each, from token to token where they have weights. A token may cross a border."""
    at = 0
    for start, end, label in [*spans, (len(text), len(text), "")]:
        for left, right, name in ((at, start, ""), (start, end, label)):
            if left < right:
                yield Piece(name, list(_tokens(text, left, right, weights, heaviest)))
        at = max(at, end)


def _tokens(
    text: str, left: int, right: int, weights: Sequence[Sequence[Any]] | None, heaviest: float
) -> Iterator[tuple[str, int | None, float]]:
    at = left
    for start, end, weight in weights or ():
        start, end = max(start, at), min(end, right)
        if start < end:
            if at < start:
                yield text[at:start], None, 0.0
            yield text[start:end], round(LEVELS * weight / heaviest) if heaviest else 0, weight
            at = end
    if at < right:
        yield text[at:right], None, 0.0
