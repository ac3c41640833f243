"""CLEVR v1.0 (Johnson et al. 2017, arXiv 1612.06890): drawn scenes of simple objects, with programs that answer.

    clevr/<split>/<image>/facts             "state what the picture shows" (perception)
    clevr/<split>/<image>/color, count …    questions about single things and kinds (perception)
    clevr/<split>/<image>/<question>/question     the corpus's question (visual reasoning; perception where its program
                                            only finds and names or counts)
    clevr/<split>/<image>/<question>/text   the same from the scene's facts (textual reasoning)

Questions and scenes are joined on split (the files') and image_index: a part has all that is asked about its pictures,
and each picture is stored once. A program is run on its scene: an answer that it does not give is refused
(`clevr.program_disagrees`), and its steps are the response, behind the facts, with gold spans. A split without a scenes
file gives its questions alone. Train has 700,000 questions: no file is ever read whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from perceptdata.draft import BadRow, Draft, ImageRef, with_facts
from perceptdata.errors import Rejected, UsageError
from perceptdata.example import IMAGE, STAGES, Answer, Region, Stage
from perceptdata.plugins import Builder, Part
from perceptdata.spans import PRO, Span, SpanSet

from ..reading.entries import Lookup
from ..reading.pictures import Store
from ..reading.records import stretches
from ..reading.tables import read_rows, row_count
from .clevr_programs import Step, only_looks, read_program, run
from .clevr_questions import ask
from .clevr_scene import Scene, facts, read_scene

SPLITS = ("train", "val", "test", "trainA", "valA", "testA", "valB", "testB")  # A and B are those of CoGenT
FRAME = (
    "A place (x, y) is in pixels from the upper left corner. Of two objects one is left of or in front of the other, "
    "seen along the table, unless they are level."
)
STATE_FACTS = (
    "State what the picture shows: number its objects from left to right, and say of each its size, color, material "
    "and shape and the place (x, y) of its center; then which objects stand left of each, and which in front of it. "
    f"{FRAME}"
)
SYNONYMS = {
    "large": ("big",),
    "small": ("tiny",),
    "gray": ("grey",),
    "metal": ("metallic", "shiny"),
    "rubber": ("matte",),
    "cube": ("block",),
    "sphere": ("ball",),
}
_GAP = "\n\n"
SCENES = 256  # a part; each with about ten questions, and so some 6,000 examples


class CLEVR(Builder):
    """The folder with `scenes/`, `questions/` and `images/<split>/`. `questions` perception questions a scene."""

    name: ClassVar[str] = "clevr"
    corpus: ClassVar[str] = "CLEVR"
    licence: ClassVar[str] = "CC-BY-4.0"
    stages: ClassVar[tuple[Stage, ...]] = STAGES
    EVALUATED: ClassVar[Sequence[str]] = ("test", "testA", "testB")

    images: Path | None = None
    questions: int = Field(4, ge=0)

    def parts(self, source: Path | None) -> Sequence[Part]:
        """Of each split stretches of scenes, each with the questions about them; then the questions without a scene."""
        super().parts(source)
        assert source is not None  # refused above
        parts = []
        for split in SPLITS:
            scenes, questions = (_file(source, split, name) for name in ("scenes", "questions"))
            if scenes:
                cuts = stretches(row_count(scenes, SCENES, ("scenes",)), SCENES)
                parts += [Part(scenes, split, *cut, source, (questions,) if questions else ()) for cut in cuts]
            if questions:
                every = self.SHARD * 16 if scenes else self.SHARD  # where there are scenes, few are left
                cuts = stretches(row_count(questions, self.SHARD, ("questions",)), every)
                parts += [Part(questions, split, *cut, source, (scenes,) if scenes else ()) for cut in cuts]
        if not parts:
            raise UsageError(
                f"{source} holds no scenes/CLEVR_<split>_scenes.json and no questions/CLEVR_<split>_questions.json"
            )
        return parts

    def read(self, part: Part) -> Iterator[Draft | BadRow]:
        """The examples of some scenes with their questions, or of some questions that have no scene."""
        assert part.path is not None  # parts() always sets it
        made = self._of_scenes(part, part.path) if part.path.stem.endswith("_scenes") else self._left(part, part.path)
        for draft in made:
            if isinstance(draft, Draft):
                draft.split = part.split
                draft.group = f"clevr/{part.split}/{draft.key.partition('/')[0]}"
                if part.split in self.EVALUATED:
                    draft.allowed_use = "evaluate"
            yield draft

    def _of_scenes(self, part: Part, file: Path) -> Iterator[Draft | BadRow]:
        asked = Lookup.of(part.beside[0], ("image_index",), ("questions",)) if part.beside else None
        for row in read_rows(file, part.start, part.stop, SCENES, ("scenes",)):
            key, scene, why = f"scenes-{row.number}", None, Rejected("row.unreadable", "the scene cannot be read")
            fields: Mapping[str, Any] = {}
            try:
                fields = _fields(row.fields)
                key = _key(fields)
                scene, _ = read_scene(fields)
                yield from self._scene(scene, key, part, self._picture(part, fields))
            except Rejected as error:
                why = error
                yield BadRow(key, error.code, f"{row.where}: {error.message}", part.split)
            if asked is None or not isinstance(fields.get("image_index"), int):
                continue
            for entry in asked.find_all(fields.get("image_index")):
                where = f"{part.beside[0].name}, entry {entry.number + 1}"
                if scene is None:
                    named = _name(entry.value, entry.number)
                    yield BadRow(named, why.code, f"{where}: its scene: {why.message}", part.split)
                else:
                    yield from self._one(entry.value, entry.number, where, part, scene)

    def _left(self, part: Part, file: Path) -> Iterator[Draft | BadRow]:
        """Questions alone where their split has no scenes; else those whose scene is not in its file."""
        scenes = Lookup.of(part.beside[0], ("image_index",), ("scenes",)) if part.beside else None
        known: tuple[int, bool] | None = None  # ten questions in a row are about one picture
        for row in read_rows(file, part.start, part.stop, self.SHARD, ("questions",)):
            index = row.fields.get("image_index") if isinstance(row.fields, Mapping) else None
            if scenes is None or not isinstance(index, int):
                yield from self._one(row.fields, row.number, row.where, part, None)
                continue
            if known is None or known[0] != index:
                known = (index, scenes.holds(index))
            if not known[1]:
                said = f"{row.where}: {part.beside[0].name} has no scene of image {index}"
                yield BadRow(_name(row.fields, row.number), "clevr.no_scene", said, part.split)

    def _one(
        self, found: Mapping[str, Any] | Rejected, number: int, where: str, part: Part, scene: Scene | None
    ) -> Iterator[Draft | BadRow]:
        """One question's examples, or why there are none."""
        try:
            fields = _fields(found)
            _key(fields)
            picture = self._picture(part, fields)
            yield from self._question(fields, _name(fields, number), scene, picture)
        except Rejected as error:
            yield BadRow(_name(found, number), error.code, f"{where}: {error.message}", part.split)

    def _picture(self, part: Part, fields: Mapping[str, Any]) -> ImageRef:
        assert part.root is not None  # by read()
        name = str(fields.get("image_filename") or f"CLEVR_{part.split}_{int(fields['image_index']):06d}.png")
        root = self.images or part.root / "images"
        inner = Path(root) / part.split
        return _store(inner if inner.is_dir() else Path(root)).find(name)

    def _scene(self, scene: Scene, key: str, part: Part, picture: ImageRef) -> Iterator[Draft]:
        stated, regions = facts(scene), _regions(scene)

        def draft(twin: str, text: str, answer: Answer, choices: Sequence[str] = ()) -> Draft:
            made = Draft(key, "perception", f"{IMAGE}{text}", answer, twin=twin, choices=choices, images=[picture])
            made.facts, made.facts_quality, made.regions = stated, "oracle", regions
            return made

        yield draft("facts", STATE_FACTS, Answer(text=stated, kind="structure"))
        for asked in ask(scene, f"{self.name}/{self.version}/{part.split}/{key}", self.questions):
            yield draft(asked.twin, asked.text, asked.answer, asked.choices)

    def _question(self, fields: Mapping[str, Any], key: str, scene: Scene | None, picture: ImageRef) -> Iterator[Draft]:
        text = str(fields.get("question") or "").strip()
        if not text:
            raise Rejected("field.invalid", "the question is empty")
        if fields.get("answer") in (None, ""):
            raise Rejected("answer.missing", "the question has no answer (test's are withheld)")
        given = str(fields["answer"]).strip().lower()
        program = fields.get("program")
        steps = read_program(program) if program else ()
        stage: Stage = "perception" if steps and only_looks(steps) else "visual_reasoning"
        draft = Draft(key, stage, f"{IMAGE}{text}", typed(given), twin="question", images=[picture])
        draft.meta = {"program": [step.written() for step in steps]} if steps else {}
        if (family := fields.get("question_family_index")) is not None:
            draft.meta = {**draft.meta, "family": family}
        if scene is None:
            yield draft
            return
        draft.facts, draft.facts_quality, draft.regions = facts(scene), "oracle", _regions(scene)
        textual = Draft(key, "textual_reasoning", with_facts(f"{text} {FRAME}", draft.facts), draft.answer, twin="text")
        textual.facts, textual.facts_quality, textual.meta = draft.facts, "oracle", draft.meta
        if steps:
            _derive(draft, textual, steps, scene, given)
        yield draft
        yield textual


def _derive(draft: Draft, textual: Draft, steps: Sequence[Step], scene: Scene, given: str) -> None:
    """The program's way to the answer: behind the facts where there is a picture, alone where they are given."""
    answer, trace = run(steps, scene)
    if answer != given:
        raise Rejected("clevr.program_disagrees", f"the program gives {answer!r}, the answer is {given!r}")
    stated, trace = str(draft.facts), f"{trace}\n\nThe answer is {answer}."
    draft.response = f"{stated}{_GAP}{trace}"
    spans = [Span(0, len(stated), "perception"), Span(len(stated) + len(_GAP), len(draft.response), "reasoning")]
    draft.spans = {"response": SpanSet.of(spans, PRO)}
    textual.response = trace
    textual.spans = {"response": SpanSet.of([Span(0, len(trace), "reasoning")], PRO)}


def typed(answer: str) -> Answer:
    """A word of the corpus's vocabulary, with the words its templates use for the same; or a count."""
    if answer.isdigit():
        return Answer(text=answer, kind="number")
    return Answer(text=answer, kind="text", accepts=SYNONYMS.get(answer, ()))


def _regions(scene: Scene) -> list[Region]:
    return [Region(label=str(thing), coords=(float(thing.x), float(thing.y))) for thing in scene.things]


def _fields(found: Mapping[str, Any] | Rejected) -> Mapping[str, Any]:
    if isinstance(found, Rejected):
        raise found
    if not isinstance(found, Mapping):
        raise Rejected("row.unreadable", "not an object")
    return found


def _key(fields: Mapping[str, Any]) -> str:
    """The picture's number, as in its file's name."""
    index = fields.get("image_index")
    if not isinstance(index, int):
        raise Rejected("field.invalid", f"image_index is {index!r}, not a number")
    return f"{index:06d}"


def _name(found: Mapping[str, Any] | Rejected, number: int) -> str:
    """`<image>/<question>`; the row's number where one of these is not known."""
    if not isinstance(found, Mapping) or not isinstance(found.get("image_index"), int):
        return f"questions-{number}"
    return f"{found['image_index']:06d}/{found.get('question_index', number)}"


def _file(source: Path, split: str, name: str) -> Path | None:
    file = f"CLEVR_{split}_{name}.json"
    return next((path for path in (source / name / file, source / file) if path.is_file()), None)


@lru_cache(maxsize=8)
def _store(root: Path) -> Store:
    return Store(root)
