"""Geometry3K (Lu et al. 2021, Inter-GPS, arXiv 2105.04165): textbook problems with the logic forms of their diagrams.

    geometry3k/<split>/<problem>/visual       the problem with img_diagram.png
    geometry3k/<split>/<problem>/text         the same problem with the diagram's facts in place of the picture
    geometry3k/<split>/<problem>/facts        "state what the figure shows", on img_diagram_point.png
    geometry3k/<split>/<problem>/value-AB …   questions that single logic forms answer, on img_diagram_point.png

`img_diagram_point.png` is the only picture in which every point's name can be seen; `img_problem.png` is never used,
because it prints the question. The facts are annotators' work with known slips (a lost fraction, a label given to the
wrong segment), hence `facts_quality="reference"`.

Which of the three texts: `annotat_text`, the annotators' transcript. Its maths is in `$…$` and its arcs keep their
braces; in `problem_text` the letters stand apart (`A B = 30`) and maths is not marked, and `compact_text` breaks arcs
(`\\widehat AB` puts the arc over A alone). It also keeps assumptions that the other two drop ("segments that appear to
be tangent are tangent"). Where it is empty, `compact_text` stands in. Choices come from `compact_choices`, which closes
LaTeX up (`5\\sqrt{2}`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from perceptdata.draft import BadRow, Draft, FileIn, with_facts
from perceptdata.errors import Rejected, UsageError
from perceptdata.example import IMAGE, STAGES, Answer, Stage
from perceptdata.plugins import Builder, Part

from .geometry_forms import Diagram, facts, read_diagram
from .geometry_questions import ask

PROBLEM, FORMS = "data.json", "logic_form.json"
FIGURE, NAMED_FIGURE = "img_diagram.png", "img_diagram_point.png"
BULK = "diagram_logic_forms_annot.json"
SPLITS = ("train", "val", "test")

STATE_FACTS = (
    "State everything the figure shows: its points, segments and circles, which points lie on which lines and circles, "
    "which segments are perpendicular or parallel, and every length and angle that is marked."
)


class Geometry3K(Builder):
    """A folder of problem folders, `<id>/` or `{train,val,test}/<id>/`.

    `logic_forms` names the bulk file of diagram logic forms; it is found by itself in the source, or beside it in
    `logic_forms/`. It fills in for a missing `logic_form.json`; its entries without a problem are rejects. `questions`
    is the most questions of one kind asked of a figure.
    """

    name: ClassVar[str] = "geometry3k"
    corpus: ClassVar[str] = "Geometry3K"
    licence: ClassVar[str] = "MIT"
    stages: ClassVar[tuple[Stage, ...]] = STAGES
    PROBLEMS: ClassVar[int] = 256  # problems a part; each gives about a dozen examples

    logic_forms: Path | None = None
    questions: int = Field(4, ge=0)

    def parts(self, source: Path | None) -> Sequence[Part]:
        """Stretches of the sorted problem folders; where there is a bulk file, one more part for its leftovers."""
        super().parts(source)
        assert source is not None  # super() has refused it
        problems = _problems(source)
        if not problems:
            raise UsageError(f"{source} holds no problem folder with a {PROBLEM}; name the folder of problem folders")
        parts = [
            Part(source, "", start, min(start + self.PROBLEMS, len(problems)))
            for start in range(0, len(problems), self.PROBLEMS)
        ]
        return [*parts, Part(source, BULK)] if self._bulk_file(source) else parts

    def read(self, part: Part) -> Iterator[Draft | BadRow]:
        """The examples of some problems, or the rejects of the bulk file."""
        assert part.path is not None  # parts() always sets it
        bulk_file = self._bulk_file(part.path)
        bulk = _load_bulk(bulk_file) if bulk_file else {}
        problems = _problems(part.path)
        if part.split == BULK:
            known = {folder.name for folder in problems}
            for key in sorted(set(bulk) - known, key=lambda key: (len(key), key)):
                said = f"there are logic forms of problem {key}, but the source has no such problem"
                yield BadRow(key, "geometry3k.no_problem", said)
            return
        for folder in problems[part.start : part.stop]:
            yield from self._problem(folder, bulk.get(folder.name))

    def _bulk_file(self, source: Path) -> Path | None:
        if self.logic_forms is not None:
            if not self.logic_forms.is_file():
                raise UsageError(f"{self.logic_forms} does not exist; logic_forms names the bulk file {BULK}")
            return self.logic_forms
        places = (source / BULK, source / "logic_forms" / BULK, source.parent / "logic_forms" / BULK)
        return next((place for place in places if place.is_file()), None)

    def _problem(self, folder: Path, bulk: Mapping[str, Any] | None) -> Iterator[Draft | BadRow]:
        key, split = folder.name, folder.parent.name if folder.parent.name in SPLITS else "train"
        try:
            record = _read_json(folder / PROBLEM)
            split = str(record.get("data_type") or split)
            problem = _visual(folder, key, split, record)
        except Rejected as error:
            yield BadRow(key, error.code, error.message, split)
            return
        try:
            own = folder / FORMS
            written = _read_json(own) if own.is_file() else bulk
            if written is None:
                raise Rejected("geometry3k.no_logic_form", f"{folder} has no {FORMS}, and no bulk file has its forms")
            diagram = read_diagram(written)
        except Rejected as error:
            yield problem
            yield BadRow(f"{key}/facts", error.code, error.message, split)
            return
        stated = facts(diagram)
        problem.facts, problem.facts_quality = stated, "reference"
        yield problem
        yield _textual(problem, stated)
        yield from self._perception(problem, folder, diagram, stated)

    def _perception(self, problem: Draft, folder: Path, diagram: Diagram, stated: str) -> Iterator[Draft]:
        def draft(twin: str, text: str, answer: Answer, choices: Sequence[str] = ()) -> Draft:
            return Draft(
                key=problem.key,
                split=problem.split,
                twin=twin,
                group=problem.group,
                stage="perception",
                question=f"{IMAGE}{text}",
                answer=answer,
                choices=choices,
                images=[FileIn(folder, NAMED_FIGURE)],
                facts=stated,
                facts_quality="reference",
                meta={"figure": NAMED_FIGURE},
            )

        yield draft("facts", STATE_FACTS, Answer(text=stated, kind="structure"))
        for asked in ask(diagram, f"{self.name}/{self.version}/{problem.key}", self.questions):
            yield draft(asked.twin, asked.text, asked.answer, asked.choices)


def _visual(folder: Path, key: str, split: str, record: Mapping[str, Any]) -> Draft:
    """The problem as printed, with its figure. Raises Rejected where the record contradicts itself."""
    choices = [str(choice).strip() for choice in record.get("compact_choices") or record.get("choices") or ()]
    letter = str(record.get("answer", "")).strip().upper()
    if not letter:
        raise Rejected("answer.missing", f"problem {key} has no answer")
    if len(letter) != 1 or not 0 <= ord(letter) - ord("A") < len(choices):
        raise Rejected("answer.index", f"problem {key}: answer '{letter}' with {len(choices)} choices")
    if len(set(choices)) < len(choices):
        raise Rejected("answer.index", f"problem {key} has the same choice twice: {', '.join(choices)}")
    index = ord(letter) - ord("A")
    precise = record.get("precise_value") or []
    value = _number(precise[index]) if index < len(precise) else choices[index]
    answer = Answer(
        text=choices[index], kind="choice", index=index, accepts=() if value == choices[index] else (value,)
    )
    kept = ("answer", "choices", "precise_value", "rough_value", "unit", "problem_text", "compact_text", "annotat_text")
    also = ("problem_type_graph", "problem_type_goal", "source")
    return Draft(
        key=key,
        split=split,
        twin="visual",
        group=f"geometry3k/{key}",
        stage="visual_reasoning",
        question=f"{IMAGE}{problem_text(record)}",
        answer=answer,
        choices=choices,
        images=[FileIn(folder, FIGURE)],
        meta={"figure": FIGURE, **{name: record[name] for name in (*kept, *also) if name in record}},
    )


def _textual(problem: Draft, stated: str) -> Draft:
    return Draft(
        key=problem.key,
        split=problem.split,
        twin="text",
        group=problem.group,
        stage="textual_reasoning",
        question=with_facts(problem.question, stated),
        answer=problem.answer,
        choices=problem.choices,
        facts=stated,
        facts_quality="reference",
    )


_MATHS = re.compile(r"\$[^$]*\$")
_SPACED = re.compile(r"(?<![A-Za-z\\])(?:[A-Z] )+[A-Z](?![A-Za-z])")


def problem_text(record: Mapping[str, Any]) -> str:
    """The question in one line: point names closed up inside maths, a full stop at the end."""
    written = record.get("annotat_text") or record.get("compact_text") or record.get("problem_text") or ""
    text = " ".join(str(written).split())
    if not text:
        raise Rejected("field.invalid", "the problem has no text")
    text = _MATHS.sub(lambda maths: _SPACED.sub(lambda names: names[0].replace(" ", ""), maths[0]), text)
    return text if text[-1] in ".?!" else f"{text}."


def _number(value: float) -> str:
    """`30` for 30.0, else the shortest decimal that reads back."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _problems(source: Path) -> list[Path]:
    """The problem folders, by split and number."""
    tops = [source / split for split in SPLITS if (source / split).is_dir()] or [source]
    found = [folder for top in tops for folder in top.iterdir() if (folder / PROBLEM).is_file()]
    return sorted(found, key=lambda folder: (folder.parent.name, len(folder.name), folder.name))


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        record = json.loads(path.read_text("utf-8-sig"))
    except (ValueError, OSError) as error:
        raise Rejected("row.unreadable", f"{path} cannot be read: {error}") from None
    if not isinstance(record, dict):
        raise Rejected("row.unreadable", f"{path} holds a {type(record).__name__}, not an object")
    return record


@lru_cache(maxsize=1)
def _load_bulk(path: Path) -> Mapping[str, Mapping[str, Any]]:
    try:
        return _read_json(path)
    except Rejected as error:
        raise UsageError(f"{error.message}; mend the file or leave out logic_forms") from None
