"""PixMo (Deitke et al. 2024, arXiv 2409.17146): captions, answers, points and counts by people, about web pictures.

    pixmo_cap       "describe the picture in detail": a spoken, then written caption (perception)
    pixmo_cap_qa    questions and answers that a model made of the captions
    pixmo_ask       questions that people asked, answers that they corrected (ask-model-anything)
    pixmo_points    "how many … are there?": the answer is the number of points; the points are regions, in per cent
    pixmo_count     the same, checked by people
    pixmo_docs      questions about drawn charts, diagrams, tables and other documents; the pictures are inside

All but the last name their pictures by URL. Nothing is downloaded here: `images` is the folder of the pictures that you
fetched, each called after its SHA-256 or after the SHA-256 of its URL, with or without a suffix, perhaps in folders of
the first two digits. A picture that is not there (links die) is a reject `image.missing`; one whose bytes are not those
that the row's `image_sha256` names is refused (`image.changed`).
"""

from __future__ import annotations

import hashlib
import re
from abc import ABC
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from perceptdata.draft import BadRow, Draft, ImageRef
from perceptdata.errors import Rejected, UsageError
from perceptdata.example import IMAGE, Answer, Region, Stage
from perceptdata.plugins import Part

from ..reading.stage_rules import stage_of
from .docci import DESCRIBE
from .problem import plain_json, problem
from .tabular import Row, Tabular

_SHA256 = re.compile(r"[0-9a-f]{64}")
SUFFIXES = ("", ".jpg", ".jpeg", ".png", ".webp", ".gif")


class PixMo(Tabular, ABC):
    """Parquet or JSON-lines files of one of the sets. `images`: the folder of the downloaded pictures."""

    licence: ClassVar[str] = "ODC-By-1.0 AND LicenseRef-web-images"

    def parts(self, source: Path | None) -> Sequence[Part]:
        """As of any files of rows. Raises UsageError where `images` is no folder."""
        if self.images is not None and self.images.is_file():
            raise UsageError(
                f"{self.images} is a file; images names the folder of the pictures, each called by its hash"
            )
        return super().parts(source)

    def picture(self, row: Row) -> list[ImageRef]:
        """The row's picture: inside the row, or found by its hash and verified."""
        if row.get("image") is not None:
            return row.pictures("image")
        url, sha = row.text("image_url"), str(row.get("image_sha256") or "").lower()
        if sha and not _SHA256.fullmatch(sha):
            raise Rejected("field.invalid", f"image_sha256 is {sha[:80]!r}, not 64 hexadecimal digits")
        names = [name for name in (sha, hashlib.sha256(url.encode()).hexdigest()) if name]
        file = _found(row.store.root, names)
        if file is None:
            said = f"{row.store.root} has no file called {' or '.join(names)}: {url} was not downloaded"
            raise Rejected("image.missing", said)
        if not sha:
            return [file]
        data = file.read_bytes()
        if (own := hashlib.sha256(data).hexdigest()) != sha:
            raise Rejected("image.changed", f"{file.name} has the SHA-256 {own}, the row names {sha}")
        return [data]


def _found(root: Path, names: Sequence[str]) -> Path | None:
    places = (root / folder / f"{name}{suffix}" for name in names for folder in ("", name[:2]) for suffix in SUFFIXES)
    return next((place for place in places if place.is_file()), None)


class PixMoCap(PixMo):
    """`image_url, caption, transcripts[]`: the caption is answer, facts and gold caption."""

    name: ClassVar[str] = "pixmo_cap"
    corpus: ClassVar[str] = "PixMo-Cap"
    stages: ClassVar[tuple[Stage, ...]] = ("perception",)

    def examples(self, row: Row) -> Iterator[Draft]:
        """One caption; what was said aloud is in `meta.transcripts`."""
        text = row.text("caption")
        spoken = [str(each) for each in row.get("transcripts") or [] if str(each).strip()]
        yield Draft(
            row.key,
            "perception",
            f"{IMAGE}{DESCRIBE}",
            Answer(text=text),
            images=self.picture(row),
            facts=text,
            facts_quality="reference",
            captions=(text,),
            meta={"transcripts": spoken} if spoken else {},
        )


class PixMoCapQA(PixMo):
    """`image_url, question, answer, messages[]`: answers are free text."""

    name: ClassVar[str] = "pixmo_cap_qa"
    corpus: ClassVar[str] = "PixMo-CapQA"
    stages: ClassVar[tuple[Stage, ...]] = ("perception", "visual_reasoning")

    def examples(self, row: Row) -> Iterator[Draft]:
        """One question; the marks `[USER]` and `[ASSISTANT]` around it are taken off."""
        raw = row.text("question")
        question = raw.removeprefix("[USER]").removesuffix("[ASSISTANT]").strip()
        stage, rule = stage_of(question, 1)
        meta: dict[str, Any] = {"stage_rule": rule.name, **({"raw_question": raw} if raw != question else {})}
        answer = Answer(text=row.text("answer"))
        yield Draft(row.key, stage, f"{IMAGE}{question}", answer, images=self.picture(row), meta=meta)


class PixMoAsk(PixMoCapQA):
    """`image_url, image_sha256, question, answer`."""

    name: ClassVar[str] = "pixmo_ask"
    corpus: ClassVar[str] = "PixMo-AskModelAnything"


class PixMoCount(PixMo):
    """`image_url, image_sha256, count, points{x[], y[]}, label`; the points are kept as they are in `meta.points`."""

    name: ClassVar[str] = "pixmo_count"
    corpus: ClassVar[str] = "PixMo-Count"
    stages: ClassVar[tuple[Stage, ...]] = ("perception",)

    def examples(self, row: Row) -> Iterator[Draft]:
        """One thing to count."""
        label, count = row.text("label"), row.get("count")
        points = _points(row.get("points"))
        count = len(points) if count is None and row.get("points") is not None else count
        if not isinstance(count, int) or count < 0:
            raise Rejected("answer.missing", f"the count is {count!r}, not a number")
        draft = Draft(row.key, "perception", f'{IMAGE}How many are there of this: "{label}"?', counted(count))
        draft.images, draft.meta = self.picture(row), {"label": label, **self.about(row)}
        draft.regions = self.regions(label, points)
        yield draft

    def about(self, row: Row) -> Mapping[str, Any]:
        """The points: the set does not say in which frame they are."""
        return plain_json({"points": row.get("points")}) if row.get("points") else {}

    def regions(self, label: str, points: Sequence[tuple[float, float]]) -> list[Region]:
        """None, for want of a frame."""
        return []


class PixMoPoints(PixMoCount):
    """`image_url, image_sha256, points[{x, y}] (0 to 100), count, label, collection_method`."""

    name: ClassVar[str] = "pixmo_points"
    corpus: ClassVar[str] = "PixMo-Points"

    def about(self, row: Row) -> Mapping[str, Any]:
        """How the points were collected."""
        return {"collection_method": row.get("collection_method")} if row.get("collection_method") else {}

    def regions(self, label: str, points: Sequence[tuple[float, float]]) -> list[Region]:
        """The points, in per cent of width and height."""
        return [Region(label=label, coords=point, frame="percent") for point in points]


def counted(count: int) -> Answer:
    """A number of things."""
    return Answer(text=str(count), kind="number")


def _points(written: Any) -> list[tuple[float, float]]:
    """Points as a list of `{x, y}` or as `{x: [], y: []}`. Raises Rejected `field.invalid`."""
    try:
        if isinstance(written, Mapping):
            return [(float(x), float(y)) for x, y in zip(written["x"], written["y"], strict=True)]
        return [(float(each["x"]), float(each["y"])) for each in written or ()]
    except (KeyError, TypeError, ValueError) as error:
        raise Rejected("field.invalid", f"the points cannot be read ({error!r})") from None


class PixMoDocs(PixMo):
    """`image, image_id, questions{question[], answer[]}`: several questions a picture; a folder a kind of document."""

    name: ClassVar[str] = "pixmo_docs"
    corpus: ClassVar[str] = "PixMo-Docs"
    licence: ClassVar[str] = "ODC-By-1.0"
    stages: ClassVar[tuple[Stage, ...]] = ("perception", "visual_reasoning")
    KEYS: ClassVar[Sequence[str]] = ("image_id",)

    def examples(self, row: Row) -> Iterator[Draft | BadRow]:
        """The questions about one picture, `<image_id>/<n>`; one that cannot be read costs that one alone."""
        pictures, asked = self.picture(row), _asked(row.need("questions"))
        for number, (question, answer) in enumerate(asked):
            stage, rule = stage_of(question, 1)
            meta = {"document": row.file.parent.name, "stage_rule": rule.name}
            try:
                draft = problem(row, question, answer, choices=(), images=pictures, meta=meta, stage=stage)
            except Rejected as error:
                yield BadRow(f"{row.key}/{number}", error.code, f"{row.file.name}: {error.message}", self.split(row))
                continue
            draft.key, draft.group = f"{row.key}/{number}", f"pixmo-docs/{row.key}"
            yield draft


def _asked(written: Any) -> list[tuple[str, str]]:
    """Questions and answers as two lists, or as a list of pairs. Raises Rejected `field.invalid`."""
    try:
        if isinstance(written, Mapping):
            pairs = list(zip(written["question"], written["answer"], strict=True))
        else:
            pairs = [(each["question"], each["answer"]) for each in written]
    except (KeyError, TypeError, ValueError) as error:
        raise Rejected("field.invalid", f"the questions and answers cannot be read ({error!r})") from None
    return [(str(question).strip(), str(answer).strip()) for question, answer in pairs]
