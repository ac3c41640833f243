"""Rows: readings as rows of layers, by the shard of examples that they speak of.

    made = rows_of(plan, readings(...))
    made["nlvr/test-00000"].reviews             # Arrow tables, ready to be written

A text that was read gives a `reviews` row, a caption also a verdict on each of its claims, as a judge gives one: people
are judges by their names. Checks give no rows: their answers are known, and some were shown wrongly on purpose. What
cannot count gives a reject.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from perceptdata.layers import Producer, Reject, Review, SpanRecord, Spans, Verdict
from perceptdata.review.plan import ReviewPlan, slug
from perceptdata.review.readings import Reading
from perceptdata.review.screens import FIELDS, WORDS
from perceptdata.review.taking import Marked, claim_verdicts, origins
from perceptdata.spans import PRO

PRODUCER = Producer(name="review", version="1", config="00000000")
"""Of answers: who gave them stands in the row, and nothing else shaped them."""
HELD = 1024


@dataclass(slots=True)
class Part:
    """What one shard of examples gets. Records are turned into Arrow some at a time."""

    reviews: list[pa.Table] = field(default_factory=list)
    verdicts: list[pa.Table] = field(default_factory=list)
    spans: dict[str, list[pa.Table]] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)
    _held: list[Review] = field(default_factory=list)
    _judged: list[Verdict] = field(default_factory=list)

    def add(self, review: Review) -> None:
        """One more row."""
        self._held.append(review)
        if len(self._held) >= HELD:
            self.close()

    def judge(self, verdicts: Iterable[Verdict]) -> None:
        """Some more verdicts."""
        self._judged += verdicts

    def close(self) -> None:
        """Turn what is held into Arrow."""
        if self._held:
            self.reviews.append(Review.table(self._held))
            by_reader: dict[str, list[Spans]] = {}
            for row in self._held:
                if row.scheme == PRO.id:
                    by_reader.setdefault(row.reviewer, []).append(_spans(row))
            for reader, rows in by_reader.items():
                self.spans.setdefault(reader, []).append(Spans.table(rows))
            self._held.clear()
        if self._judged:
            self.verdicts.append(Verdict.table(self._judged))
            self._judged.clear()


def rows_of(plan: ReviewPlan, found: Iterable[Reading], maker: str | None = None) -> dict[str, Part]:
    """By shard of examples; of annotations that no task asked for, by the empty name. `maker` judges the claims, or
    each reader does.
    """
    parts: dict[str, Part] = {}
    for reading in found:
        part = parts.setdefault(reading.row["about"] if reading.row else "", Part())
        problems = [reading.problem] if reading.problem else []
        if reading.said is not None:
            problems += reading.said.refused
        part.rejects += [reject(reading.annotation, each.code, each.message) for each in problems]
        if reading.counts and reading.row is not None and reading.said is not None:
            for review in reviews_of_reading(plan, reading):
                part.add(review)
            if reading.said.words is not None:
                part.judge(verdicts_of(reading.row, reading, maker or reading.row["reader"]))
    for part in parts.values():
        part.close()
    return parts


def reviews_of_reading(plan: ReviewPlan, reading: Reading) -> list[Review]:
    """The rows of one reading: of its trace, of its caption, or of both. Time is told once."""
    row, annotation, said = reading.row, reading.annotation, reading.said
    if row is None or said is None:
        return []
    about = {
        "review": plan.name,
        "annotation": annotation["id"],
        "kind": annotation["kind"],
        "blind": row["blind"],
        **({"guessed_by": row["guessed_by"]} if row["guessed_by"] and not row["blind"] else {}),
        **({"probability": row["probability"]} if row["probability"] is not None else {}),
        **({"note": annotation["note"]} if annotation["note"] else {}),
    }
    found = []
    if said.cot is not None:
        scheme = FIELDS[plan.screen]["cot"].id
        verdict = said.verdict if plan.screen == "errors" else None
        found.append(_review(row, annotation, scheme, said.cot, verdict, about, "text", annotation["seconds"]))
    if said.words is not None:
        more = {name: annotation[name] for name in ("correction", "rating") if annotation[name] is not None}
        seconds = None if said.cot is not None else annotation["seconds"]
        found.append(
            _review(row, annotation, WORDS.id, said.words, said.verdict, {**about, **more}, "caption", seconds)
        )
    return found


def verdicts_of(row: Mapping[str, Any], reading: Reading, judge: str) -> list[Verdict]:
    """What a reading of a caption says of each of its claims, in the name of a judge."""
    if reading.said is None:
        return []
    maker = Producer(name=slug(judge), version="1", config=PRODUCER.config)
    return [
        Verdict(
            text_id=row["caption_id"],
            text_sha256=row["caption_sha256"],
            claim=number,
            start=claim["start"],
            end=claim["end"],
            verdict=verdict,
            unjudged=why,
            meta={"kind": claim["label"], "annotation": reading.annotation["id"]},
            producer=maker,
        )
        for number, (claim, (verdict, why)) in enumerate(
            zip(row["claims"], claim_verdicts(row, reading.said), strict=True)
        )
    ]


def reject(annotation: Mapping[str, Any], code: str, message: str) -> Reject:
    """An annotation that cannot count, as a row of its own."""
    return Reject(
        builder="review",
        split=annotation["reader"],
        key=annotation["id"],
        code=code,
        message=message,
        producer=PRODUCER,
    )


def _review(
    row: Mapping[str, Any],
    annotation: Mapping[str, Any],
    scheme: str,
    marked: tuple[Marked, ...],
    verdict: str | None,
    about: dict[str, Any],
    which: str,
    seconds: float | None,
) -> Review:
    reader = annotation["reader"]
    return Review(
        text_id=row[f"{which}_id"],
        text_sha256=row[f"{which}_sha256"],
        reviewer=reader,
        scheme=scheme,
        spans=tuple(SpanRecord(start=m.start, end=m.end, label=m.label, score=1.0, tagger=reader) for m in marked),
        verdict=verdict,
        seconds=seconds,
        meta={**about, "origins": origins(marked)},
        producer=PRODUCER,
    )


def _spans(row: Review) -> Spans:
    return Spans(
        text_id=row.text_id, text_sha256=row.text_sha256, scheme=row.scheme, spans=row.spans, producer=row.producer
    )
