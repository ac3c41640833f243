"""Answers: what readers wrote into their sheets, checked, and what is still open.

    answers = read_answers([Path("to-read/ann.jsonl")], sample, texts)
    rows = merged(earlier, as_reviews(sample, answers, "person", producer))
    progress(sample, rows)                     # read, unread, what waits for a last word

An answer counts if its item is one of the audit's, it speaks of the text that was shown, and its verdict is of the
scheme. A line without a verdict is not read yet. Nothing is lost and nothing counts twice: the same answer again is the
same answer, another one to the same item is refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perceptdata.errors import UsageError
from perceptdata.layers import Producer, Review
from perceptdata.review.design import Sample, Trap, Turn
from perceptdata.review.sheets import shown
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


def read_answers(files: Iterable[Path], sample: Sample, texts: dict[str, str]) -> list[Answer]:
    """The answers in some sheets. Raises UsageError for the first line that cannot count, with its place."""
    turns = {turn.item: turn for turn in (*sample.turns, *sample.last_words())}
    found: dict[str, Answer] = {}
    for file in files:
        for number, row in _lines(file):
            where = f"{file}, line {number}"
            turn = turns.get(row.get("item", ""))
            if turn is None:
                raise UsageError(f"{where}: item {row.get('item')!r} is not of audit '{sample.name}'")
            for key, value in shown(sample, turn, texts).items():
                if row.get(key) != value:
                    raise UsageError(
                        f"{where}: the {key} of item {turn.item} was changed; answers count for what was shown alone"
                    )
            answer = _answer(where, turn, row)
            if answer is None:
                continue
            if found.setdefault(turn.item, answer).verdict != answer.verdict:
                raise UsageError(
                    f"{where}: item {turn.item} has two answers, {found[turn.item].verdict} and {answer.verdict}; "
                    "keep one"
                )
    return list(found.values())


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


def merged(earlier: Iterable[Review], new: Iterable[Review]) -> list[Review]:
    """All answers, each once, by item. Raises UsageError where one was answered otherwise before."""
    found: dict[str, Review] = {}
    for row in (*earlier, *new):
        item = row.meta["item"]
        known = found.setdefault(item, row)
        if known.verdict != row.verdict:
            raise UsageError(
                f"item {item} of {row.reviewer} was answered {known.verdict} before, and {row.verdict} now; "
                "an answer that was taken in stands"
            )
        if known.meta["kind"] != row.meta["kind"]:
            raise UsageError(f"item {item} was taken in as of a {known.meta['kind']} reader, not {row.meta['kind']}")
    return [found[item] for item in sorted(found)]


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


def _lines(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read as a sheet ({error})") from error
    for number, line in enumerate(text.split("\n"), 1):  # a text may hold other line breaks
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise UsageError(f"{file}, line {number}: this is no JSON ({error})") from error
            if not isinstance(row, dict):
                raise UsageError(f"{file}, line {number}: a line is one JSON object")
            yield number, row


def _answer(where: str, turn: Turn, row: Mapping[str, Any]) -> Answer | None:
    verdict, seconds = row.get("verdict"), row.get("seconds")
    if verdict is None or verdict == "":
        return None
    if verdict not in VERDICTS:
        raise UsageError(f"{where}: the verdict is {verdict!r}; write one of {', '.join(VERDICTS)}, or null")
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if seconds is not None and not (number and math.isfinite(seconds) and seconds >= 0):
        raise UsageError(f"{where}: seconds are a number of 0 or more, or null, not {seconds!r}")
    return Answer(turn, verdict, None if seconds is None else float(seconds))
