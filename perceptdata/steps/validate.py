"""Validate: what a builder would make of a source, without a workspace.

    found = validate(Build.of({"use": "chartqa", "path": "ChartQA Dataset"}))
    found.ok                        # no gold answer fails by its own checker, and none lets garbage pass
    found.rejected                  # Counter({"answer.missing": 3, "image.missing": 1})

Every row goes through the gate that `build` uses; nothing is written. Memory holds a hash an id and what is kept.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from perceptdata import answers
from perceptdata.draft import BadRow, Draft
from perceptdata.errors import Rejected
from perceptdata.example import Example
from perceptdata.ingest import Ingest
from perceptdata.layers import Reject
from perceptdata.steps.build import DUPLICATE, Build

GOLD_FAILS = "answer.gold_fails"
GARBAGE = "zzqx no such answer qxzz"  # no gold answer is near it; a checker that takes it takes anything
KEPT = 1000


@dataclass(slots=True)
class Validation:
    """`rejected` counts reasons, `rejects` are the first of them; `kept` the first examples; `uses` counts rows by
    corpus, licence and allowed use; `lenient` are the ids of examples whose checker lets garbage pass.
    """

    builder: str
    examples: int = 0
    stages: Counter[str] = field(default_factory=Counter)
    uses: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    rejects: list[Reject] = field(default_factory=list)
    lenient: list[str] = field(default_factory=list)
    kept: list[Example] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """How many rows contradict themselves: the gold answer is wrong by its own checker, or any answer is right."""
        return self.rejected[GOLD_FAILS] + len(self.lenient)

    @property
    def ok(self) -> bool:
        """There are examples, and none fails."""
        return self.examples > 0 and not self.failed

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        uses = [
            {"corpus": corpus, "licence": licence, "allowed_use": use, "examples": count}
            for (corpus, licence, use), count in sorted(self.uses.items())
        ]
        return {
            "builder": self.builder,
            "ok": self.ok,
            "examples": self.examples,
            "stages": dict(sorted(self.stages.items())),
            "uses": uses,
            "gold_fails": self.rejected[GOLD_FAILS],
            "lenient": self.lenient[:KEPT],
            "rejected": dict(self.rejected.most_common()),
            "rejects": [{"key": each.key, "code": each.code, "message": each.message} for each in self.rejects],
        }


def validate(build: Build, keep: int = KEPT) -> Validation:
    """Look at every row that `build` would make, or at the first `build.limit`. Raises UsageError as building does."""
    builder, found, seen = build.builder, Validation(build.use), set[int]()
    ingest = Ingest(builder, build.use, build.producer(), build.max_image_pixels)
    rows = (row for part in builder.parts(build.place()) for row in builder.read(part))
    for row in islice(rows, build.limit):
        try:
            example = _example(ingest, row, seen)
        except Rejected as rejected:
            found.rejected[rejected.code] += 1
            if len(found.rejects) < keep:
                found.rejects.append(ingest.reject(row, rejected))
            continue
        found.examples += 1
        found.stages[example.stage] += 1
        source = example.source
        found.uses[source.corpus, source.licence, source.allowed_use] += 1
        if answers.score(GARBAGE, example) > 0:
            found.lenient.append(example.id)
        if len(found.kept) < keep:
            found.kept.append(example)
    return found


def _example(ingest: Ingest, row: Draft | BadRow, seen: set[int]) -> Example:
    if isinstance(row, BadRow):
        raise Rejected(row.code, row.message)
    example = ingest(row).example
    if hash(example.id) in seen:
        raise Rejected(DUPLICATE, f"an earlier row has the id {example.id}; give rows distinct keys")
    seen.add(hash(example.id))
    return example
