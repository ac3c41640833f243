"""GQA (Hudson and Manning 2019, arXiv 1902.09506): compositional questions about photographs with scene graphs.

    gqa/<split>/<question id>/picture   perception where the program only finds and names, else visual reasoning
    gqa/<split>/<question id>/text      the same from the scene graph (textual reasoning), where there is one

Two layouts. The original files: `questions1.2/*_questions.json` (or folders of them), `sceneGraphs/<split>_…json`,
`images/<imageId>.jpg`. The hub's: Parquet folders `<split>_<kind>_instructions` and `<split>_<kind>_images`, joined on
imageId; the pictures are read in stretches and their questions sought, so that no picture is read twice, and questions
whose picture is in none of the files are refused (`image.missing`). The hub has no scene graphs; `sceneGraphs/` beside
the folders is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from perceptdata.draft import BadRow, Draft, ImageRef, with_facts
from perceptdata.errors import Rejected, UsageError
from perceptdata.example import IMAGE, Answer, Stage
from perceptdata.plugins import Part

from ..reading.entries import Lookup
from ..reading.records import stretches
from ..reading.stage_rules import stage_of
from ..reading.tables import read_rows, row_count
from .gqa_graph import facts, only_looks, regions
from .problem import plain_json
from .tabular import Row, Tabular

IMAGES_A_PART = 256
_SPLIT = re.compile(r"(train|val|testdev|test|challenge|submission)_(?:all|balanced)")
_MISSING = "image.missing"


class GQA(Tabular):
    """The folder of either layout, or one questions file. `kind`: the balanced questions, or all (22 million)."""

    name: ClassVar[str] = "gqa"
    corpus: ClassVar[str] = "GQA"
    licence: ClassVar[str] = "CC-BY-4.0"
    stages: ClassVar[tuple[Stage, ...]] = ("perception", "visual_reasoning", "textual_reasoning")
    KEYS: ClassVar[Sequence[str]] = ("id",)
    EVALUATED: ClassVar[Sequence[str]] = ("testdev", "test", "challenge", "submission")

    kind: Literal["balanced", "all"] = "balanced"

    def parts(self, source: Path | None) -> Sequence[Part]:
        """Stretches of questions; of the hub's layout stretches of pictures, and last what has no picture."""
        if source is None or not source.is_dir() or not (configs := _configs(source, self.kind)):
            return super().parts(source)
        parts = []
        for split, instructions, images in configs:
            for file in images:
                cuts = stretches(row_count(file, IMAGES_A_PART), IMAGES_A_PART)
                beside = (*instructions, *self.beside(file, split))
                parts += [Part(file, split, *cut, source, beside) for cut in cuts]
            parts += [Part(file, split, 0, None, source, tuple(images)) for file in instructions]
        return parts

    def files(self, source: Path) -> list[Path]:
        """The questions files of the original layout."""
        wanted = re.compile(rf"_{self.kind}_questions(?:_\d+)?$")
        return [file for file in super().files(source) if source.is_file() or wanted.search(file.stem)]

    def split(self, row: Row) -> str:
        """What the file's name or its folder's says."""
        return _split_of(row.file) or row.split

    def beside(self, file: Path, split: str) -> Sequence[Path]:
        """The scene graphs."""
        graphs = _graphs_of(file.parent, _split_of(file) or split)
        return () if graphs is None else (graphs,)

    def read(self, part: Part) -> Iterator[Draft | BadRow]:
        """The questions of a stretch of one file, or those about a stretch of pictures."""
        assert part.path is not None  # parts() always sets both
        assert part.root is not None
        folder = part.path.parent.name
        if folder.endswith("_images"):
            yield from self._about(part, part.path, part.root)
        elif folder.endswith("_instructions"):
            yield from self._without(part.path, part.split)
        else:
            yield from super().read(part)

    def examples(self, row: Row) -> Iterator[Draft]:
        """A question of the original files."""
        image = str(row.need("imageId"))
        picture = row.store.first(f"images/{image}.jpg", f"{image}.jpg")
        yield from self._question(row.fields, row.key, self.split(row), picture, row.file)

    def _about(self, part: Part, path: Path, root: Path) -> Iterator[Draft | BadRow]:
        """The questions about some pictures, in the order of their own files."""
        rows = [row.fields for row in read_rows(path, part.start, part.stop, IMAGES_A_PART)]
        pictures: dict[str, ImageRef] = {}
        for row in rows:
            held = row.get("image") if isinstance(row, Mapping) else None
            data = held.get("bytes") if isinstance(held, Mapping) else held
            if isinstance(row, Mapping) and isinstance(data, bytes):
                pictures[str(row["id"])] = data
        for file in _instructions_of(path):
            for fields in _questions(file, list(pictures)):
                key = str(fields.get("id"))
                try:
                    for draft in self._question(fields, key, part.split, pictures[str(fields["imageId"])], path):
                        draft.split = part.split
                        if part.split in self.EVALUATED:
                            draft.allowed_use = "evaluate"
                        yield draft
                except Rejected as error:
                    yield BadRow(key, error.code, f"{file.name}, question {key}: {error.message}", part.split)

    def _without(self, file: Path, split: str) -> Iterator[BadRow]:
        """The questions whose picture is in none of the files."""
        known = _image_ids(file.parent)
        for batch in _parquet(file).iter_batches(columns=["id", "imageId"]):
            for key, image in zip(batch["id"].to_pylist(), batch["imageId"].to_pylist(), strict=True):
                if str(image) not in known:
                    said = f"{file.name}, question {key}: no file of {_pictures_folder(file.parent).name} has {image}"
                    yield BadRow(str(key), _MISSING, said, split)

    def _question(
        self, fields: Mapping[str, Any], key: str, split: str, picture: ImageRef, file: Path
    ) -> Iterator[Draft]:
        text, given = (str(fields.get(name) or "").strip() for name in ("question", "answer"))
        if not text:
            raise Rejected("field.invalid", "the question is empty")
        if not given:
            raise Rejected("answer.missing", "the question has no answer (withheld of test, challenge and submission)")
        image = str(fields.get("imageId"))
        looks = only_looks(fields.get("semantic"))
        stage = stage_of(text, 1)[0] if looks is None else "perception" if looks else "visual_reasoning"
        draft = Draft(key, stage, f"{IMAGE}{text}", Answer(text=given), twin="picture", group=f"gqa/{image}")
        draft.images = [picture]
        kept = ("fullAnswer", "isBalanced", "groups", "types", "annotations", "semantic", "semanticStr", "entailed")
        draft.meta = plain_json({name: fields[name] for name in kept if fields.get(name) not in (None, "", [], {})})
        graph = _graph(file, split, image)
        if graph is None:
            yield draft
            return
        draft.facts, draft.facts_quality, draft.regions = facts(graph), "reference", regions(graph)
        yield draft
        textual = Draft(key, "textual_reasoning", with_facts(text, draft.facts), draft.answer, twin="text")
        textual.group, textual.meta = draft.group, draft.meta
        textual.facts, textual.facts_quality = draft.facts, "reference"
        yield textual


def _split_of(file: Path) -> str | None:
    found = _SPLIT.match(file.stem) or _SPLIT.match(file.parent.name)
    return found[1] if found else None


def _graph(file: Path, split: str, image: str) -> Mapping[str, Any] | None:
    """The picture's scene graph, from the folder `sceneGraphs` nearest to the file; None where there is none."""
    graphs = _graphs_of(file.parent, split)
    found = None if graphs is None else Lookup.of(graphs).find(image)
    return found if isinstance(found, Mapping) else None


def _graphs_of(folder: Path, split: str) -> Path | None:
    name = f"{split}_sceneGraphs.json"
    places = [place / inner for place in (folder, *list(folder.parents)[:2]) for inner in (f"sceneGraphs/{name}", name)]
    return next((place for place in places if place.is_file()), None)


# --- the hub's two configurations ----------------------------------------------------------------------------------


def _configs(source: Path, kind: str) -> list[tuple[str, list[Path], list[Path]]]:
    """Of each split its files of questions and its files of pictures."""
    found = []
    for folder in sorted({file.parent for file in source.rglob("*.parquet")}):
        named = _SPLIT.match(folder.name)
        if named and folder.name == f"{named[1]}_{kind}_instructions":
            images = sorted(_pictures_folder(folder).glob("*.parquet"))
            if not images:
                said = f"{folder} holds questions, but {_pictures_folder(folder)} no pictures; download both folders"
                raise UsageError(said)
            found.append((named[1], sorted(folder.glob("*.parquet")), images))
    return found


def _pictures_folder(instructions: Path) -> Path:
    return instructions.with_name(instructions.name.replace("_instructions", "_images"))


def _instructions_of(images: Path) -> list[Path]:
    folder = images.parent.with_name(images.parent.name.replace("_images", "_instructions"))
    return sorted(folder.glob("*.parquet"))


def _questions(file: Path, images: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    import pyarrow.dataset as ds  # it loads pandas, where that is installed

    wanted = pc.field("imageId").cast(pa.string()).isin(images)
    for batch in ds.dataset(file, format="parquet").to_batches(filter=wanted):
        yield from batch.to_pylist()


def _image_ids(instructions: Path) -> frozenset[str]:
    found: set[str] = set()
    for file in sorted(_pictures_folder(instructions).glob("*.parquet")):
        for batch in _parquet(file).iter_batches(columns=["id"]):
            found.update(map(str, batch["id"].to_pylist()))
    return frozenset(found)


def _parquet(file: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise UsageError(f"{file} cannot be read as Parquet ({error}); download it again or leave it out") from None
