"""PRM800K (Lightman et al. 2023, arXiv 2305.20050): people's ratings of every step of a model's solutions to MATH.

    prm800k/<split>/phase2_train/17       a problem, its reference solution, and one rated solution path

The path follows `chosen_completion` (or the step that the labeller wrote), not the order in the file. It becomes a row
of the responses layer, scored 1 where it reached the answer and 0 where an error was found; `meta.steps` keeps each
step's rating (-1, 0, 1), and the alternatives that were not chosen. `meta` of the example says how the labelling ended.

Its own split of MATH trains on 4,500 problems of MATH's test set. `math_splits/` of the repository tells which: their
rows are for evaluation here, whatever file they stand in, and so are those of problems that it does not know.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from perceptdata.draft import BadRow, Draft, DraftResponse
from perceptdata.errors import Rejected, UsageError
from perceptdata.example import Stage
from perceptdata.plugins import Part

from .problem import problem
from .questions import question_hash
from .tabular import Row, Tabular

SPLITS = "math_splits"
SCORES = {"solution": 1.0, "found_error": 0.0}


class PRM800K(Tabular):
    """The folder of `phase1_train.jsonl` and its like. `splits`: the folder `math_splits` with MATH's own ids.

    `splits` is found by itself beside a phase file or in the folder above.
    """

    name: ClassVar[str] = "prm800k"
    corpus: ClassVar[str] = "PRM800K"
    licence: ClassVar[str] = "MIT"
    stages: ClassVar[tuple[Stage, ...]] = ("textual_reasoning",)
    FILES: ClassVar[Sequence[str]] = ("phase*.jsonl",)
    EVALUATED: ClassVar[Sequence[str]] = ("test",)

    splits: Path | None = None

    def beside(self, file: Path, split: str) -> Sequence[Path]:
        """MATH's own splits. UsageError where nothing tells the problems of MATH's test set."""
        return sorted(self._splits(file).glob("*.jsonl"))

    def read(self, part: Part) -> Iterator[Draft | BadRow]:
        """Rows of problems that MATH tests on are for evaluation."""
        assert part.path is not None  # parts() always sets it
        trained = _trained(self._splits(part.path))
        for draft in super().read(part):
            if isinstance(draft, Draft) and draft.allowed_use is None:
                draft.allowed_use = "train" if question_hash(draft.question) in trained else "evaluate"
            yield draft

    def examples(self, row: Row) -> Iterator[Draft | BadRow]:
        """The problem with its rated path."""
        asked, label = row.need("question"), row.need("label")
        if not isinstance(asked, Mapping) or not isinstance(label, Mapping):
            raise Rejected("field.invalid", "question and label are not objects")
        ended = str(label.get("finish_reason") or "")
        if ended == "bad_problem":
            raise Rejected("prm800k.bad_problem", "the labeller found the problem unfit")
        answer = str(asked.get("ground_truth_answer") or "").strip()
        if not answer:
            raise Rejected("answer.missing", "the question has no ground_truth_answer")
        steps, undecided = _path(label.get("steps"))
        text = "\n".join(step["text"] for step in steps)
        reference = str(asked.get("ground_truth_solution") or "").strip() or None
        meta = {"finish_reason": ended, "labeler": row.get("labeler"), "generation": row.get("generation")}
        also = ("is_quality_control_question", "is_initial_screening_question")
        draft = problem(
            row,
            str(asked.get("problem") or "").strip(),
            answer,
            choices=(),
            response=reference or (text if ended == "solution" else None),
            meta=meta | {name: True for name in also if row.get(name)} | {"undecided": undecided},
        )
        if steps:
            draft.responses = [DraftResponse(text, score=SCORES.get(ended), meta={"steps": steps})]
        yield draft

    def _splits(self, file: Path) -> Path:
        places = [self.splits] if self.splits else [file.parent / SPLITS, file.parent.parent / SPLITS]
        found = next((place for place in places if place.is_dir()), None)
        if found is None:
            raise UsageError(
                f"{self.splits or file.parent} has no {SPLITS}/, which tells MATH's test problems in its training "
                f"files; name the repository's folder with splits"
            )
        return found


def _path(steps: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The chosen steps in order (text, rating, the alternatives), and the completions of a last step without a choice.

    A lone completion of such a step is the one in which the error was found, and belongs to the path. Raises Rejected
    for a choice that names nothing.
    """
    if not isinstance(steps, list):
        raise Rejected("field.invalid", "label.steps is not a list")
    path: list[dict[str, Any]] = []
    for number, step in enumerate(steps):
        completions = step.get("completions") or [] if isinstance(step, Mapping) else None
        if completions is None or not all(isinstance(each, Mapping) for each in completions):
            raise Rejected("field.invalid", f"step {number} is not an object with completions")
        chosen, written = step.get("chosen_completion"), step.get("human_completion")
        if chosen is None and written is None:
            if len(completions) != 1:
                return path, list(map(_rated, completions))
            chosen = 0
        if chosen is not None and (isinstance(chosen, bool) or chosen not in range(len(completions))):
            raise Rejected("field.invalid", f"step {number} chooses completion {chosen!r} of {len(completions)}")
        own = written if chosen is None else completions[chosen]
        made = _rated(own if isinstance(own, Mapping) else {"text": own})
        if not made["text"].strip():
            raise Rejected("field.invalid", f"step {number} has no text")
        others = [_rated(each) for place, each in enumerate(completions) if place != chosen]
        path.append(made | ({"by": "labeller"} if chosen is None else {}) | ({"others": others} if others else {}))
    return path, []


def _rated(completion: Mapping[str, Any]) -> dict[str, Any]:
    rated = {"text": str(completion.get("text") or ""), "rating": completion.get("rating")}
    return rated | ({"flagged": True} if completion.get("flagged") else {})


def _trained(splits: Path) -> frozenset[str]:
    """The hashes of the problems that MATH itself trains on. UsageError where the files do not say."""
    files = tuple((file, file.stat().st_size, file.stat().st_mtime_ns) for file in sorted(splits.glob("*.jsonl")))
    if not files:
        raise UsageError(f"{splits} holds no .jsonl file; name the folder math_splits of PRM800K's repository")
    return _hashes(files)


@lru_cache(maxsize=2)
def _hashes(files: tuple[tuple[Path, int, int], ...]) -> frozenset[str]:
    found = set()
    for file, _, _ in files:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    row = json.loads(line)
                    if str(row["unique_id"]).startswith("train/"):
                        found.add(question_hash(row["problem"]))
                except (ValueError, KeyError, TypeError) as error:
                    raise UsageError(f"{file}, line {number}: no problem with a unique_id ({error}); mend it") from None
    return frozenset(found)
