"""GSM8K (Cobbe et al. 2021, arXiv 2110.14168): grade-school word problems with written solutions.

    gsm8k/train/train/0                            a problem; its rationale is the response
    gsm8k/test/test_socratic/0                     the same kind of row, its steps led by sub-questions
    gsm8k/test/example_model_solutions/0           a test problem with four models' solutions, right or wrong

A rationale carries calculator marks, `48/2 = <<48/2=24>>24`: the response is without them, `meta.calculations` lists
them and `meta.raw` keeps the text. The answer stands after `####` and may have thousands separators (`109,200,000`):
the answer's text is without, `accepts` has the original. The same question stands in several files, and in other
corpora that were made from this one, so a row's group is the hash of its normalised question: no view puts it on both
sides of a split.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from perceptdata.draft import BadRow, Draft, DraftResponse
from perceptdata.errors import Rejected, UsageError
from perceptdata.example import Answer, Stage
from perceptdata.plugins import Builder, Part

from ..reading.records import read_records, record_index, stretches
from .questions import same_question

FILES = {
    "train": "train",
    "test": "test",
    "train_socratic": "train",
    "test_socratic": "test",
    "example_model_solutions": "test",
}
SUB_QUESTION = " ** "

_MARK = re.compile(r"<<([^<>]*)>>")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


class GSM8K(Builder):
    """A folder with any of the five JSON-lines files, or one of them. Its split follows from the file's name."""

    name: ClassVar[str] = "gsm8k"
    corpus: ClassVar[str] = "GSM8K"
    licence: ClassVar[str] = "MIT"
    version: ClassVar[str] = "2"
    stages: ClassVar[tuple[Stage, ...]] = ("textual_reasoning",)

    def parts(self, source: Path | None) -> Sequence[Part]:
        """Stretches of SHARD rows of each file."""
        super().parts(source)
        assert source is not None  # refused above
        files = [source] if source.is_file() else [source / f"{stem}.jsonl" for stem in FILES]
        files = [file for file in files if file.is_file() and file.stem in FILES]
        if not files:
            names = ", ".join(f"{stem}.jsonl" for stem in FILES)
            raise UsageError(f"{source} holds none of {names}; name their folder")
        return [
            Part(file, FILES[file.stem], start, stop)
            for file in files
            for start, stop in stretches(record_index(file, self.SHARD).rows, self.SHARD)
        ]

    def read(self, part: Part) -> Iterator[Draft | BadRow]:
        """One draft a line."""
        assert part.path is not None  # parts() always sets it
        for row in read_records(part.path, part.start, part.stop, self.SHARD):
            key = f"{part.path.stem}/{row.number}"
            try:
                record = _parse(row.data)
                made = _solved if "ground_truth" in record else _problem
                yield made(record, key, part.split)
            except Rejected as error:
                yield BadRow(key, error.code, f"{part.path.name}, line {row.line}: {error.message}", part.split)


def _parse(line: bytes) -> Mapping[str, Any]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise Rejected("row.unreadable", f"not JSON: {error}") from None
    if not isinstance(record, dict) or not isinstance(record.get("question"), str):
        raise Rejected("field.invalid", "not an object with a question")
    return record


def _problem(record: Mapping[str, Any], key: str, split: str) -> Draft:
    rationale, mark, final = str(record.get("answer", "")).rpartition("####")
    if not mark:
        raise Rejected("answer.missing", "the answer has no '####' line")
    questions, steps = _socratic(rationale.strip()) if SUB_QUESTION in rationale else ([], rationale.strip())
    meta = {"raw": record["answer"], "calculations": calculations(rationale)}
    return _draft(record, key, split, final, steps, meta | ({"sub_questions": questions} if questions else {}))


def _solved(record: Mapping[str, Any], key: str, split: str) -> Draft:
    """A row of the model-solution file: `ground_truth` ends in `A: 18`, and each model has an object of its own."""
    truth = str(record["ground_truth"])
    rationale, mark, final = truth.rpartition("A:")
    if not mark:
        raise Rejected("answer.missing", "the ground truth has no 'A:' line")
    draft = _draft(record, key, split, final, rationale.strip(), {"raw": truth, "calculations": calculations(truth)})
    draft.responses = [
        DraftResponse(
            text=without_marks(str(solution["solution"])),
            model=model,
            score=float(bool(solution["is_correct"])),
            meta={"raw": solution["solution"]},
        )
        for model, solution in record.items()
        if isinstance(solution, dict) and "solution" in solution and "is_correct" in solution
    ]
    return draft


def _draft(
    record: Mapping[str, Any], key: str, split: str, final: str, response: str, meta: Mapping[str, Any]
) -> Draft:
    return Draft(
        key=key,
        split=split,
        group=same_question(record["question"]),
        stage="textual_reasoning",
        question=record["question"].strip(),
        answer=final_answer(final),
        response=without_marks(response) or None,
        meta=meta,
    )


def final_answer(written: str) -> Answer:
    """A number without separators; the spelling of the file is accepted too. Raises Rejected `field.invalid`."""
    written = written.strip()
    text = written.replace(",", "").removeprefix("$")
    if not _NUMBER.fullmatch(text):
        raise Rejected("field.invalid", f"the final answer '{written}' is not a number")
    return Answer(text=text, kind="number", accepts=() if written == text else (written,))


def without_marks(text: str) -> str:
    """The text without its calculator marks: `48/2 = <<48/2=24>>24` reads `48/2 = 24`."""
    return _MARK.sub("", text)


def calculations(text: str) -> list[str]:
    """The calculator marks, in order: `["48/2=24"]`."""
    return _MARK.findall(text)


def _socratic(rationale: str) -> tuple[list[str | None], str]:
    """The sub-question of each line (None where it has none), and the steps alone."""
    parted = [line.partition(SUB_QUESTION) for line in rationale.splitlines()]
    questions = [first.strip() if mark else None for first, mark, _ in parted]
    return questions, "\n".join(step.strip() if mark else first for first, mark, step in parted)
