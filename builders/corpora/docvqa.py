"""DocVQA (Mathew et al. 2021, arXiv 2007.00398) and InfographicVQA (Mathew et al. 2022, arXiv 2104.12756).

    docvqa/<split>/<question id>        perception: the answer is read off a page
    infovqa/<split>/<question id>       perception; visual reasoning where an operation or reasoning is marked

Any listed answer is right, by ANLS. Where the rows bring OCR (the pixparse copy of DocVQA, the JSON text of
InfographicVQA), its lines are the facts (`reference`: programs misread) and, on DocVQA's pages, its lines' boxes are
regions. The pages are not the authors' to license, whatever a copy's tag says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from perceptdata.draft import Draft, ImageRef
from perceptdata.errors import Rejected
from perceptdata.example import IMAGE, AllowedUse, Answer, CheckerRef, Region, Stage

from ..reading.literals import is_written_list, read_list
from .tabular import Row, Tabular

ANLS = CheckerRef(name="anls")


class DocVQA(Tabular):
    """Parquet files of a hub copy, or the original JSON files beside their `documents/` folder."""

    name: ClassVar[str] = "docvqa"
    corpus: ClassVar[str] = "DocVQA"
    licence: ClassVar[str] = "LicenseRef-RRC-terms"
    allowed_use: ClassVar[AllowedUse] = "research"
    stages: ClassVar[tuple[Stage, ...]] = ("perception",)
    UNDER: ClassVar[Sequence[str]] = ("data",)
    KEYS: ClassVar[Sequence[str]] = ("questionId", "question_id")
    EVALUATED: ClassVar[Sequence[str]] = ("val", "validation", "test")

    def split(self, row: Row) -> str:
        """The row's own `data_split` where it has one."""
        return str(row.get("data_split") or row.split)

    def examples(self, row: Row) -> Iterator[Draft]:
        """The question with the answers that count."""
        pictures = self.page(row)
        if not pictures:
            raise Rejected("image.missing", "the row has no page")
        stated, regions = ocr(row)
        yield Draft(
            row.key,
            self.stage(row),
            f"{IMAGE}{row.text('question')}",
            read_off(row.get("answers")),
            group=self.page_name(row),
            images=pictures,
            facts=stated,
            facts_quality=None if stated is None else "reference",
            regions=regions,
            meta=_meta(row, ("question_types", "answer_type", "operation/reasoning", "other_metadata")),
        )

    def stage(self, row: Row) -> Stage:
        """All of DocVQA is read."""
        return "perception"

    def page(self, row: Row) -> list[ImageRef]:
        """The page, whichever way the row holds it."""
        return row.pictures("image", "image_local_name")

    def page_name(self, row: Row) -> str | None:
        """The group: the page; None lets the picture's own hash be it."""
        other = row.get("other_metadata")
        document = row.get("ucsf_document_id") or (
            other.get("ucsf_document_id") if isinstance(other, Mapping) else None
        )
        page = row.get("ucsf_document_page_no")
        if page is None and isinstance(other, Mapping):
            page = other.get("ucsf_document_page_no")
        return f"ucsf/{document}/{page}" if document and page is not None else None


class InfoVQA(DocVQA):
    """The same shapes; `infographicVQA_<split>_v1.0.json` beside its picture folder, or the hub's Parquet files."""

    name: ClassVar[str] = "infovqa"
    corpus: ClassVar[str] = "InfographicVQA"
    stages: ClassVar[tuple[Stage, ...]] = ("perception", "visual_reasoning")

    def stage(self, row: Row) -> Stage:
        """Counting, arithmetic and sorting are reasoning."""
        return "visual_reasoning" if row.get("operation/reasoning") else "perception"

    def page_name(self, row: Row) -> str | None:
        """An infographic goes by its address or its file."""
        name = row.get("image_url", "image_local_name")
        return f"infographic/{name}" if name else None


def read_off(answers: Any) -> Answer:
    """The answers that count, any of them right by ANLS. Raises Rejected `answer.missing`."""
    given = read_list(answers) if is_written_list(answers) or isinstance(answers, list | tuple) else [answers]
    texts = list(dict.fromkeys(str(each).strip() for each in given if each not in (None, "")))
    if not any(texts):
        raise Rejected("answer.missing", "the row has no answer (test's are withheld)")
    return Answer(text=texts[0], kind="text", accepts=tuple(texts[1:]), checker=ANLS)


def ocr(row: Row) -> tuple[str | None, list[Region]]:
    """The lines that OCR read, as facts, and their boxes. An OCR column in no known shape costs the facts alone."""
    found = row.get("ocr_results", "ocr")
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except ValueError:
            return None, []
    lines = list(_lines(found))
    texts = [text for text, _ in lines if text]
    regions = [Region(label=text, coords=box) for text, box in lines if text and box]
    return ("Text in the picture:\n" + "\n".join(texts) if texts else None), regions


def _lines(found: Any) -> Iterator[tuple[str, tuple[float, ...] | None]]:
    """Lines of pixparse (`lines[{text, bounding_box}]`), RRC (`recognitionResults[{lines}]`) and Textract (`LINE`)."""
    if isinstance(found, list):
        for each in found:
            yield from _lines(each)
    elif isinstance(found, Mapping):
        for line in found.get("lines") or ():
            if isinstance(line, Mapping):
                yield str(line.get("text") or "").strip(), _box(line.get("bounding_box") or line.get("boundingBox"))
        for line in found.get("LINE") or ():  # boxes there are shares of the page, and not those of all engines
            if isinstance(line, Mapping):
                yield str(line.get("Text") or "").strip(), None
        yield from _lines(found.get("recognitionResults"))


def _box(corners: Any) -> tuple[float, ...] | None:
    """(x0, y0, x1, y1) around four numbers or four corners."""
    if not isinstance(corners, list) or not all(isinstance(each, int | float) for each in corners):
        return None
    if len(corners) == 4:
        return tuple(map(float, corners))
    if len(corners) != 8:
        return None
    return (float(min(corners[::2])), float(min(corners[1::2])), float(max(corners[::2])), float(max(corners[1::2])))


def _meta(row: Row, names: Sequence[str]) -> dict[str, Any]:
    return {name: row.fields[name] for name in names if row.fields.get(name)}
