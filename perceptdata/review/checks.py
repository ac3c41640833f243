"""Checks: texts with a known answer. Readers meet some first (a qualification), and others unawares (traps).

A trap of an assisted review is pre-annotated wrongly, so that whoever only agrees is found out. How well a reading
matches the known answer is one number: of spans, the share of the non-space characters that the answer labels and the
reader labels alike; of a caption, whether it was called right where it is right, and not right where it is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from perceptdata.agreement.reading import kinds_of
from perceptdata.errors import UsageError
from perceptdata.layers import SpanRecord
from perceptdata.review.plan import RegionRecord, ReviewPlan
from perceptdata.review.screens import CORRECT, WRONG
from perceptdata.review.selecting import luck
from perceptdata.spans import PRO, Scheme, SpanSet
from perceptdata.verification.verdicts import SUPPORTED, VERDICTS

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

TURNED = 1 / 3
"""The part of a trap's labelled characters that its pre-annotation has wrong: more than anyone may miss and pass."""
NOTHING = -1


@dataclass(frozen=True, slots=True)
class Known:
    """The known answer of a text: its spans, or its verdict."""

    sha256: str
    spans: tuple[SpanRecord, ...] = ()
    verdict: str | None = None


def known_answers(ws: Workspace, plan: ReviewPlan) -> dict[str, Known]:
    """By text address. Raises UsageError where the layer has none that fit."""
    if plan.gold is None or not (plan.qualify or plan.traps):
        return {}
    found = _spans(ws, plan.gold) if plan.layers else _verdicts(ws, plan.gold)
    if len(found) < plan.qualify + plan.traps:
        raise UsageError(
            f"'{plan.gold}' knows the answers of {len(found):,} texts, and {plan.qualify} for qualification and "
            f"{plan.traps} traps are asked for; lower --qualify or --traps, or name another layer with --gold"
        )
    return found


def _spans(ws: Workspace, layer: str) -> dict[str, Known]:
    found = {}
    columns = ["text_id", "text_sha256", "scheme", "spans"]
    for batch in ws.layer(layer, kinds_of(ws, layer)[0]).to_batches(columns=columns):
        for row in batch.to_pylist():
            if row["scheme"] == PRO.id and row["spans"]:
                spans = tuple(SpanRecord(**span) for span in row["spans"])
                found[row["text_id"]] = Known(row["text_sha256"], spans)
    return found


def _verdicts(ws: Workspace, layer: str) -> dict[str, Known]:
    """A caption is right where each of its claims is supported, and wrong where one is contradicted."""
    step, _, judge = layer.partition("/")
    said: dict[str, list[str | None]] = {}
    hashes: dict[str, str] = {}
    columns = ["text_id", "text_sha256", "verdict", "producer"]
    for batch in ws.layer(step, "verdicts").to_batches(columns=columns):
        for row in batch.to_pylist():
            if judge in ("", row["producer"]["name"]):
                said.setdefault(row["text_id"], []).append(row["verdict"])
                hashes[row["text_id"]] = row["text_sha256"]
    found = {}
    for address, verdicts in said.items():
        if all(verdict == VERDICTS[SUPPORTED] for verdict in verdicts):
            found[address] = Known(hashes[address], verdict=CORRECT)
        elif VERDICTS[1] in verdicts:
            found[address] = Known(hashes[address], verdict=WRONG)
    return found


def pick_checks(plan: ReviewPlan, known: dict[str, Known], possible: set[str]) -> tuple[list[str], list[str]]:
    """Addresses for the qualification and for the traps; of captions, right and wrong ones in turns."""
    order = sorted(possible & known.keys(), key=lambda address: luck(plan.seed, "check", address))
    if len(order) < plan.qualify + plan.traps:
        raise UsageError(
            f"'{plan.gold}' knows the answers of {len(order):,} of these texts, and {plan.qualify + plan.traps} are "
            "asked for; lower --qualify or --traps"
        )
    right = [address for address in order if known[address].verdict in (None, CORRECT)]
    wrong = [address for address in order if known[address].verdict == WRONG]
    turns = [address for pair in zip(wrong, right, strict=False) for address in pair]
    turns += [address for address in (*wrong, *right) if address not in set(turns)]
    return turns[: plan.qualify], turns[plan.qualify : plan.qualify + plan.traps]


def turned(spans: Sequence[SpanRecord], address: str, seed: int, scheme: Scheme = PRO) -> list[RegionRecord]:
    """A known answer with the labels of some spans turned round, until a third of its characters is wrong."""
    total, wrong = sum(span.end - span.start for span in spans), 0
    labels = {at: span.label for at, span in enumerate(spans)}
    for at in sorted(labels, key=lambda at: luck(seed, "turn", address, str(at))):
        if wrong > total * TURNED:
            break
        code = scheme.code(labels[at])
        labels[at] = scheme.labels[1 - code if code < 2 else 0]
        wrong += spans[at].end - spans[at].start
    return [
        RegionRecord(text="cot", start=span.start, end=span.end, label=labels[at], score=1.0)
        for at, span in enumerate(spans)
    ]


def painted(text: str, spans: Sequence[dict[str, Any]], scheme: Scheme) -> NDArray[np.int8]:
    """(len(text),) the label of each character, -1 for none and for white space."""
    codes = np.full(len(text), NOTHING, np.int8)
    for span in spans:
        codes[span["start"] : span["end"]] = scheme.code(span["label"])
    codes[np.array([character.isspace() for character in text], bool)] = NOTHING
    return codes


def match(row: Mapping[str, Any], spans: SpanSet | None, verdict: str | None) -> float:
    """In [0, 1]: how far an answer to a check is the known one. `row` is of the task, `texts` parsed."""
    if row["gold_verdict"] is not None:
        return float((verdict == CORRECT) == (row["gold_verdict"] == CORRECT))
    text = row["texts"]["cot"]
    gold = painted(text, row["gold"], PRO)
    said = painted(text, [span._asdict() for span in spans or ()], PRO)
    labelled = gold >= 0
    return float((gold[labelled] == said[labelled]).mean()) if labelled.any() else 1.0
