"""Sheets: what readers get. One JSON line for each reading, in the reader's own order, and the images beside them.

    write_sheets(ws, sample, Path("to-read"))              # to-read/ann.jsonl, to-read/bob.jsonl, to-read/images/
    write_last_words(ws, sample, progress, Path("to-read"))    # to-read/last.jsonl: what somebody failed, once more

A line shows image, caption and one claim of it, with its code points in the caption; the reader fills in `verdict`
(supported, contradicted or not_visible) and `seconds`. Traps look like everything else: the false claim stands in the
caption in the place of the true one. `text_sha256` is of the caption as shown, so that an answer to another text is
noticed.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image as Pillow

from perceptdata.errors import UsageError
from perceptdata.layers import text_sha256
from perceptdata.manifest import disk_error, write_atomically
from perceptdata.records import canonical_json
from perceptdata.review.design import LAST, Chosen, Sample, Trap, Turn

if TYPE_CHECKING:
    from perceptdata.review.answers import Progress
    from perceptdata.workspace import Workspace


def write_sheets(ws: Workspace, sample: Sample, to: Path) -> list[Path]:
    """A file for each reader. Raises UsageError where one is there already: it may hold answers."""
    made = []
    for reader in sample.design.readers:
        turns = [turn for turn in sample.turns if turn.reader == reader]
        made.append(_write(ws, sample, turns, to / f"{reader}.jsonl"))
    return made


def write_last_words(ws: Workspace, sample: Sample, progress: Progress, to: Path) -> Path:
    """What waits for a last word, claims and traps alike, in an order that tells nothing."""
    if not progress.waiting:
        raise UsageError(f"nothing of audit '{sample.name}' waits for a last word")
    return _write(ws, sample, sorted(progress.waiting, key=lambda turn: turn.item), to / f"{LAST}.jsonl")


def shown(sample: Sample, turn: Turn, texts: dict[str, str]) -> dict[str, Any]:
    """The caption as the reader sees it, and the claim in it."""
    asked = sample.asked(turn)
    text = texts[asked.text_id]
    if text_sha256(text) != asked.text_sha256:
        raise UsageError(f"{asked.text_id} is another text than the one that audit '{sample.name}' was drawn from")
    claim = asked.false if isinstance(asked, Trap) else text[asked.start : asked.end]
    caption = text[: asked.start] + claim + text[asked.end :]
    return {
        "caption": caption,
        "claim": claim,
        "start": asked.start,
        "end": asked.start + len(claim),
        "text_sha256": text_sha256(caption),
    }


def caption_texts(ws: Workspace, sample: Sample) -> dict[str, str]:
    """The captions of the audit by address."""
    table = ws.layer(sample.design.captions, "captions").to_table(columns=["text_id", "text"])
    texts = dict(zip(table.column("text_id").to_pylist(), table.column("text").to_pylist(), strict=True))
    asked: list[Chosen | Trap] = [*sample.claims, *sample.traps]
    gone = [each.text_id for each in asked if each.text_id not in texts]
    if gone:
        raise UsageError(f"{gone[0]} of audit '{sample.name}' is not in '{sample.design.captions}' any more; draw anew")
    return texts


def _write(ws: Workspace, sample: Sample, turns: Iterable[Turn], file: Path) -> Path:
    if file.exists():
        raise UsageError(f"{file} is there already, and may hold answers; name another folder with --to")
    texts = caption_texts(ws, sample)
    lines = []
    try:
        (file.parent / "images").mkdir(parents=True, exist_ok=True)
        for turn in turns:
            picture = _picture(ws, sample.asked(turn), file.parent)
            row = {"item": turn.item, "image": picture, **shown(sample, turn, texts), "verdict": None, "seconds": None}
            lines.append(canonical_json(row))
    except OSError as error:
        raise disk_error(error, file.parent) from error
    write_atomically(file, "".join(f"{line}\n" for line in lines).encode())
    return file


def _picture(ws: Workspace, asked: Chosen | Trap, folder: Path) -> str:
    """The image's file beside the sheet, written once."""
    data = bytes(memoryview(ws.images[asked.image]))
    with Pillow.open(io.BytesIO(data)) as picture:
        name = f"images/{asked.image}.{(picture.format or 'img').lower()}"
    if not (folder / name).exists():
        (folder / name).write_bytes(data)
    return name
