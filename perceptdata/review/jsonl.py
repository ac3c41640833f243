"""Files as a place where people read: a sheet of JSON lines for each reader, the pictures beside them. No server.

    place = JsonLines(ws, Path("to-read"))
    place.push(tasks)                            # to-read/ann.jsonl, to-read/bob.jsonl, to-read/images/
    place.pull(None, known)                      # what is filled in so far

A line shows its texts and has room for the answer: of claims, captions and errors `verdict`, of traces `spans`;
`seconds`, `note` and `skipped` for all. `done` says that spans, or what was pre-annotated, are as the reader wants
them. A span is `{"start", "end", "label"}` in code points, or `{"text", "label"}` where that text is there once. What
was shown must not be changed: answers count for what was shown alone. Fill in some lines today and others tomorrow;
push adds what is missing and never touches a line that holds an answer.
"""

from __future__ import annotations

import io
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image as Pillow

from perceptdata.errors import Rejected, UsageError
from perceptdata.layers import text_sha256
from perceptdata.manifest import disk_error, sync_folder
from perceptdata.review.backend import Annotation, Finding, Pulled, Pushed, Region, Screen, Task
from perceptdata.review.screens import FIELDS, READINGS

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

IMAGES = "images"
SHOWN = ("question", "answer", "cot", "caption", "claim", READINGS)
"""Texts in the order of reading."""


@dataclass(frozen=True, slots=True)
class JsonLines:
    """A folder of sheets. Raises UsageError for what is no folder, or cannot be read."""

    ws: Workspace
    folder: Path

    def push(self, tasks: Sequence[Task], on_progress: Callable[[int], None] = lambda done: None) -> Pushed:
        """Add the lines that are missing to each reader's sheet, and pictures that are missing."""
        done = Pushed()
        by_reader: dict[str, list[int]] = {}
        for at, task in enumerate(tasks):
            by_reader.setdefault(task.reader, []).append(at)
        try:
            (self.folder / IMAGES).mkdir(parents=True, exist_ok=True)
            for reader, places in by_reader.items():
                made = self._extend(self.folder / f"{reader}.jsonl", (tasks[at] for at in places))
                on_progress(len(places))
                done = Pushed(*(getattr(done, name) + getattr(made, name) for name in Pushed.__dataclass_fields__))
        except OSError as error:
            raise disk_error(error, self.folder) from error
        return done

    def pull(self, cursor: str | None, known: Sequence[str]) -> Pulled:
        """Every answer in the sheets. A line that is gone with its file says nothing; one that was emptied is gone."""
        found: dict[str, Annotation] = {}
        refused: dict[str, str] = {}
        open_lines: set[str] = set()
        files = sorted(self.folder.glob("*.jsonl"))
        if not files:
            raise UsageError(f"there is no sheet in {self.folder}; name the folder of the sheets with --from")
        for file in files:
            for number, line in _lines(file):
                where = f"{file}, line {number}"
                try:
                    row = _object(line)
                    name = _id(row, file.stem)
                    answer = _answer(row, name, file.stem)
                except Rejected as problem:
                    refused[where] = f"{where}: {problem.message}"
                    continue
                if answer is None:
                    open_lines.add(name)
                    continue
                if name in refused or (name in found and replace(found[name], seconds=answer.seconds) != answer):
                    found.pop(name, None)
                    refused[name] = f"{where}: item {answer.key} has two answers that differ; keep one"
                    continue
                found[name] = answer
        gone = tuple(name for name in known if name in open_lines and name not in found)
        return Pulled(tuple(found.values()), gone, refused, None)

    def waiting(self) -> Iterator[tuple[str, str, bool]]:
        """Every line: its key, its reader, whether it is answered."""
        for file in sorted(self.folder.glob("*.jsonl")):
            for _, line in _lines(file):
                with suppress(Rejected):
                    row = _object(line)
                    yield str(row.get("item")), file.stem, _answered(row)

    def doctor(self) -> list[Finding]:
        """Whether the folder can be written and its sheets can be read."""
        if not self.folder.exists():
            return [Finding("sheets", True, f"{self.folder} is not there yet; `review push` makes it")]
        findings = []
        bad = []
        for file in sorted(self.folder.glob("*.jsonl")):
            for number, line in _lines(file):
                try:
                    _object(line)
                except Rejected as problem:
                    bad.append(f"{file}, line {number}: {problem.message}")
        told = f"{bad[0]} ({len(bad)} lines like it)" if bad else f"the sheets in {self.folder} can be read"
        findings.append(Finding("sheets", not bad, told))
        writable = os.access(self.folder, os.W_OK)
        findings.append(Finding("folder", writable, f"{self.folder} can {'' if writable else 'not '}be written"))
        return findings

    def _extend(self, file: Path, tasks: Iterator[Task]) -> Pushed:
        """Write the sheet anew beside itself: its lines as they are, a changed pre-annotation where nobody answered,
        and the missing ones behind them.
        """
        wanted = {(task.key, task.content): task for task in tasks}
        guesses = known = 0
        old: set[str] = set()
        beside = file.with_name(f".{file.name}.tmp")
        with open(beside, "w", encoding="utf-8", newline="\n") as sink:
            for _, line in _lines(file) if file.exists() else ():
                try:
                    row = _object(line)
                except Rejected:
                    sink.write(f"{line}\n")  # what cannot be read is somebody's work too
                    continue
                old.add(str(row.get("item")))
                task = wanted.pop((str(row.get("item")), str(row.get("content"))), None)
                if task is not None:
                    known += 1
                    if row.get("guessed_by") != task.guessed_by and not _answered(row):
                        guesses += 1
                        line = _written(_line(task, row["image"]))
                sink.write(f"{line}\n")
            for task in wanted.values():
                sink.write(f"{_written(_line(task, self._picture(task.image)))}\n")
            sink.flush()
            os.fsync(sink.fileno())
        os.replace(beside, file)
        sync_folder(file.parent)
        again = sum(key in old for key, _ in wanted)
        return Pushed(new=len(wanted) - again, known=known, revised=again, guesses=guesses)

    def _picture(self, sha256: str | None) -> str | None:
        """The picture's file beside the sheets, written once."""
        if sha256 is None:
            return None
        if sha256 not in self.ws.images:
            raise UsageError(f"the picture {sha256} is not in {self.ws.path} any more; build its source again")
        data = bytes(memoryview(self.ws.images[sha256]))
        with Pillow.open(io.BytesIO(data)) as picture:
            name = f"{IMAGES}/{sha256}.{(picture.format or 'img').lower()}"
        if not (self.folder / name).exists():
            beside = self.folder / f"{name}.tmp"
            beside.write_bytes(data)
            os.replace(beside, self.folder / name)
        return name


def _line(task: Task, picture: str | None) -> dict[str, Any]:
    """A task as a line, in the order of reading, with room for the answer."""
    row: dict[str, Any] = {"item": task.key, "screen": task.screen, "content": task.content, "image": picture}
    row |= {name: task.texts[name] for name in SHOWN if task.texts.get(name)}
    if task.focus is not None:
        row |= {"start": task.focus.start, "end": task.focus.end}
    row |= {"text_sha256": _shown(row, task.screen)}
    if FIELDS[task.screen]:
        row["spans"] = [_span(region, task.texts[region.text]) for region in task.guesses]
        row["guessed_by"] = task.guessed_by
        row["done"] = False
    if task.screen != "spans":
        row["verdict"] = None if task.screen == "claims" else task.verdict
    if task.screen in ("captions", "combined"):
        row |= {"correction": None, "rating": None}
    return row | {"seconds": None, "note": None, "skipped": False}


def _written(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, allow_nan=False)


def _shown(row: Mapping[str, Any], screen: Screen) -> str:
    """The hash of the texts that answers count for: of a claim, the caption that it stands in."""
    names = ("caption",) if screen == "claims" else tuple(FIELDS[screen])
    return text_sha256("\0".join(str(row[name]) for name in names if name in row))


def _span(region: Region, text: str) -> dict[str, Any]:
    return {
        "field": region.text,
        "start": region.start,
        "end": region.end,
        "label": region.label,
        "text": text[region.start : region.end],
    }


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    """Lines that hold something. Only LF ends one: a text may hold other line breaks."""
    try:
        with open(file, encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield number, line.rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read as a sheet ({error})") from error


def _object(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise Rejected("review.place", f"this is no JSON ({error})") from error
    if not isinstance(row, dict) or not isinstance(row.get("item"), str) or not isinstance(row.get("content"), str):
        raise Rejected("review.place", "a line is one JSON object, with the item and content that it was written with")
    return row


def _id(row: Mapping[str, Any], reader: str) -> str:
    return f"{reader}/{row['item']}/{row['content'][:12]}"


def _answered(row: Mapping[str, Any]) -> bool:
    if row.get("skipped") or row.get("done"):
        return True
    blind = row.get("screen") in ("claims", "errors") or (row.get("screen") == "captions" and not row.get("guessed_by"))
    return blind and row.get("verdict") not in (None, "")


def _answer(row: Mapping[str, Any], name: str, reader: str) -> Annotation | None:
    """What a line says, or None where it is not answered. Raises Rejected."""
    screen, item = row.get("screen"), row["item"]
    if screen not in FIELDS:
        raise Rejected("review.place", f"item {item} has no screen of ours, but {screen!r}; restore the line")
    if row.get("text_sha256") != _shown(row, screen) or not _focussed(row, screen):
        raise Rejected("review.content", f"the text of item {item} was changed; answers count for what was shown alone")
    if not _answered(row):
        if row.get("spans") and not row.get("guessed_by"):
            raise Rejected("review.place", f"item {item} has spans and is not done; set done to true when it is")
        return None
    for key in ("verdict", "correction", "note"):
        if row.get(key) is not None and not isinstance(row[key], str):
            raise Rejected("review.place", f"the {key} of item {item} is {row[key]!r}; write a text, or null")
    seconds, rating = row.get("seconds"), row.get("rating")
    if seconds is not None and not (_number(seconds) and math.isfinite(seconds) and seconds >= 0):
        raise Rejected("review.place", f"seconds are a number of 0 or more, or null, not {seconds!r} (item {item})")
    if rating is not None and not (isinstance(rating, int) and not isinstance(rating, bool) and 1 <= rating <= 5):
        raise Rejected("review.place", f"the rating of item {item} is {rating!r}; write 1 to 5, or null")
    spans = row.get("spans") or []
    if not isinstance(spans, list):
        raise Rejected("review.place", f"the spans of item {item} are no list")
    return Annotation(
        id=name,
        key=item,
        reader=reader,
        content=row["content"],
        regions=tuple(_region(row, span, tuple(FIELDS[screen])) for span in spans),
        verdict=row.get("verdict") or None,
        correction=row.get("correction") or None,
        rating=rating,
        note=row.get("note") or None,
        seconds=None if seconds is None else float(seconds),
        skipped=bool(row.get("skipped")),
    )


def _focussed(row: Mapping[str, Any], screen: Screen) -> bool:
    """Whether the claim still stands where it stood."""
    if screen != "claims":
        return True
    start, end = row.get("start"), row.get("end")
    return (
        isinstance(start, int)
        and isinstance(end, int)
        and isinstance(row.get("caption"), str)
        and row["caption"][start:end] == row.get("claim")
    )


def _region(row: Mapping[str, Any], span: Any, fields: tuple[str, ...]) -> Region:
    """A span of a line as a region. Offsets count where they are given; a text alone must be there once."""
    item = row["item"]
    if not isinstance(span, dict) or not isinstance(span.get("label"), str):
        raise Rejected("review.label", f'a span of item {item} is no {{"start", "end", "label"}}: {span!r}')
    name = span.get("field", fields[0] if fields else "")
    start, end = span.get("start"), span.get("end")
    if start is None and end is None and isinstance(span.get("text"), str) and isinstance(row.get(name), str):
        count = row[name].count(span["text"]) if span["text"] else 0
        if count != 1:
            raise Rejected(
                "review.range", f"item {item}: {span['text']!r} is there {count} times; give start and end instead"
            )
        start = row[name].index(span["text"])
        end = start + len(span["text"])
    if not isinstance(start, int) or not isinstance(end, int) or isinstance(start, bool) or isinstance(end, bool):
        raise Rejected("review.range", f"item {item}: start and end are whole numbers, not {start!r} and {end!r}")
    return Region(str(name), start, end, span["label"], None, "manual")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
