"""Reading back: what stands in a Label Studio annotation, as an `Annotation`, or a sentence about why that cannot be.

Only offsets count: `value.text` is stale for pushed spans and wrong for hand-made ones that cross a line. Offsets are
code points of exactly the text that was pushed, and that text is checked by its hash. White space at a region's ends is
trimmed, as every mouse catches some. What does not fit refuses its whole annotation: half an answer is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perceptdata.review.backend import Annotation, Origin, Region
from perceptdata.review.label_studio.payloads import CONTENT, KEY, SHOWN, made_by, shown_hash
from perceptdata.review.label_studio.queues import Queue
from perceptdata.review.label_studio.screens import FREE, RATING, VERDICT, Screen, load

_ORIGINS: tuple[Origin, ...] = ("manual", "prediction", "prediction-changed")


class Unreadable(ValueError):
    """An annotation that cannot be taken; the message is the rest of a sentence."""


def read(
    queue: Queue, row: Mapping[str, Any], annotation: Mapping[str, Any], user: str | None, expected: str | None
) -> Annotation:
    """One annotation of a task `row`. Raises Unreadable.

    `user` is the e-mail address of whoever made it, `expected` that of the queue's reader, where one is known.
    """
    screen, data, meta = load(queue.screen), row.get("data") or {}, row.get("meta") or {}
    if expected and user != expected:
        raise Unreadable(f"was made by {user or 'somebody unknown'}, and the queue is {queue.reader}'s ({expected})")
    if data.get(SHOWN) != shown_hash(data, screen):
        raise Unreadable("is about a text that was edited in Label Studio after it was pushed")
    result = annotation.get("result") or []
    skipped = bool(annotation.get("was_cancelled"))
    answers: dict[str, Any] = {}
    regions: list[Region] = []
    for item in () if skipped else result:
        if item.get("type") == "labels":
            regions.append(_region(screen, data, item))
        elif item.get("type") != "relation":  # an arrow between regions, which no screen asks for
            _answer(screen, item, answers)
    if answers.get("correction") == str(data.get("caption") or "").strip():
        answers["correction"] = None  # the box starts with the caption
    parent = annotation.get("parent_prediction")
    versions = {guess.get("id"): guess.get("model_version") for guess in row.get("predictions") or ()}
    seconds = annotation.get("lead_time")
    return Annotation(
        id=str(annotation["id"]),
        key=str(meta.get(KEY)),
        reader=queue.reader,
        content=str(meta.get(CONTENT)),
        regions=tuple(sorted(regions, key=lambda region: (region.text, region.start, region.end, region.label))),
        seconds=None if seconds is None else float(seconds),
        skipped=skipped,
        updated=str(annotation.get("updated_at") or ""),
        meta={
            "task": row["id"],
            "project": queue.project,
            "user": user,
            "guessed_by": made_by(versions[parent]) if versions.get(parent) else None,
        },
        **answers,
    )


def _region(screen: Screen, data: Mapping[str, Any], item: Mapping[str, Any]) -> Region:
    field, value = str(item.get("to_name")), item.get("value") or {}
    if screen.controls.get(field) != item.get("from_name"):
        raise Unreadable(f"marks '{field}' by '{item.get('from_name')}', which the screen does not have")
    labels = value.get("labels") or []
    label = screen.labels[field].get(labels[0]) if len(labels) == 1 else None
    if label is None:
        raise Unreadable(
            f"has a region of '{field}' labelled {labels or 'with nothing'}, which the screen does not have"
        )
    start, end, text = value.get("start"), value.get("end"), str(data.get(field) or "")
    if type(start) is not int or type(end) is not int:
        raise Unreadable(f"has a region of '{field}' from {start!r} to {end!r}; offsets are whole numbers")
    if not 0 <= start < end <= len(text):
        raise Unreadable(f"has a region of '{field}' from {start} to {end}, and the text has {len(text)} characters")
    inner = text[start:end]
    if not inner.strip():
        raise Unreadable(f"has a region of '{field}' from {start} to {end} that holds white space alone")
    start, end = start + len(inner) - len(inner.lstrip()), end - len(inner) + len(inner.rstrip())
    score, origin = item.get("score"), item.get("origin")
    return Region(
        text=field,
        start=start,
        end=end,
        label=label,
        score=None if score is None else float(score),
        origin=origin if origin in _ORIGINS else "manual",
    )


def _answer(screen: Screen, item: Mapping[str, Any], answers: dict[str, Any]) -> None:
    name, value = item.get("from_name"), item.get("value") or {}
    if name == VERDICT and item.get("type") == "choices":
        choices = value.get("choices") or []
        if len(choices) != 1 or choices[0] not in screen.verdicts:
            raise Unreadable(f"gives the verdict {choices}; the screen has {', '.join(screen.verdicts) or 'none'}")
        answers[VERDICT] = choices[0]
    elif name in FREE and item.get("type") == "textarea":
        texts = value.get("text") or []
        answers[name] = "\n".join([texts] if isinstance(texts, str) else map(str, texts)).strip() or None
    elif name == RATING and item.get("type") == "rating":
        answers[RATING] = int(value.get("rating") or 0) or None
    else:
        raise Unreadable(f"answers by '{name}' ({item.get('type')}), which the screen does not have")
