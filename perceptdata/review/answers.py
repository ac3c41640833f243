"""Answers: what readers said of an audit's items, as rows, and what is still open.

rows = as_reviews(sample, answers, "person", producer)
progress(sample, rows)                     # read, unread, what waits for a last word
verdicts_by_item(sample, rows)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perceptdata.errors import UsageError
from perceptdata.layers import Producer, Review
from perceptdata.review.design import Sample, Trap, Turn
from perceptdata.verification.verdicts import VERDICTS

SCHEME = "verdicts@1"
READERS = ("person", "simulated", "model")


@dataclass(frozen=True, slots=True)
class Answer:
    """One verdict on one item."""

    turn: Turn
    verdict: str
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Progress:
    """Readings done and to do; what somebody failed and has no last word; mean seconds a reading, if known."""

    read: int
    unread: int
    waiting: tuple[Turn, ...]
    seconds: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return {"read": self.read, "unread": self.unread, "waiting": len(self.waiting), "seconds": self.seconds}


def as_reviews(sample: Sample, answers: Iterable[Answer], kind: str, producer: Producer) -> list[Review]:
    """Answers as rows of a `reviews` layer; `kind` says whether people gave them."""
    if kind not in READERS:
        raise UsageError(f"readers are {', '.join(READERS)}, not '{kind}'")
    audit, rows = sample.fingerprint, []
    for answer in answers:
        asked = sample.asked(answer.turn)
        trap = {"trap": asked.false} if isinstance(asked, Trap) else {}
        rows.append(
            Review(
                text_id=asked.text_id,
                text_sha256=asked.text_sha256,
                reviewer=answer.turn.reader,
                scheme=SCHEME,
                verdict=answer.verdict,
                seconds=answer.seconds,
                meta={
                    "audit": audit,
                    "item": answer.turn.item,
                    "kind": kind,
                    "claim": asked.claim,
                    "start": asked.start,
                    "end": asked.end,
                    **trap,
                },
                producer=producer,
            )
        )
    return rows


def progress(sample: Sample, rows: Sequence[Review]) -> Progress:
    """Where the audit stands."""
    said = verdicts_by_item(sample, rows)
    failed = {(turn.claim, turn.trap) for turn in sample.turns if said.get(turn.item, VERDICTS[0]) != VERDICTS[0]}
    waiting = (turn for turn in sample.last_words() if turn.item not in said and (turn.claim, turn.trap) in failed)
    seconds = [row.seconds for row in rows if row.seconds is not None]
    done = sum(turn.item in said for turn in sample.turns)
    mean = sum(seconds) / len(seconds) if seconds else None
    return Progress(done, len(sample.turns) - done, tuple(waiting), mean)


def verdicts_by_item(sample: Sample, rows: Iterable[Review]) -> dict[str, str]:
    """Verdicts of this audit by item. Raises UsageError for a row of another audit, or of an item it does not have."""
    turns: Mapping[str, Turn] = {turn.item: turn for turn in (*sample.turns, *sample.last_words())}
    audit, found = sample.fingerprint, {}
    for row in rows:
        item, turn = row.meta.get("item"), turns.get(row.meta.get("item", ""))
        if turn is None or row.meta.get("audit") != audit or row.reviewer != turn.reader:
            raise UsageError(f"review {item} of {row.text_id} by {row.reviewer} is not of audit '{sample.name}'")
        asked = sample.asked(turn)
        if (row.text_id, row.text_sha256) != (asked.text_id, asked.text_sha256):
            raise UsageError(f"the review of item {item} speaks of another text than audit '{sample.name}' asked about")
        found[turn.item] = str(row.verdict)
    return found
