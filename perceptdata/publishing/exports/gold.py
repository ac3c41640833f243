"""What a reward needs of a row, as JSON that travels through a trainer, and the reward that reads it.

    text = gold_of(row)                                    # {"id", "stage", "question", "choices", "answer"}
    score([json.loads(text)], ["…\\\\boxed{7}"], {"use": "think_boxed"}, {"outcome": 0.9, "format": 0.1})

The workspace is not needed where the trainer runs. What needs more than the row itself (captions, other rollouts, a
model) is scored by `perceptdata rewards serve`.
"""

from __future__ import annotations

import atexit
import json
import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from perceptdata import registry
from perceptdata.errors import UsageError
from perceptdata.example import IMAGE, Example
from perceptdata.publishing.exports.rows import Row
from perceptdata.records import canonical_json
from perceptdata.rewards import Mixture, Rollout

KEYS = ("id", "stage", "question", "choices")
_SCORING = threading.Lock()  # verl asks from several threads, and a mixture's processes serve one at a time


def gold_of(row: Row, facts: bool = True) -> str:
    """The question, its gold answer and what checks it; with `facts`, the canonical perception text too."""
    found: dict[str, Any] = {key: row.values[key] for key in KEYS if row.values[key]}
    found["answer"] = {key: value for key, value in row.values["answer"].items() if value not in (None, [])}
    if facts and row.values["facts"]:
        found["facts"] = row.values["facts"]
    return canonical_json(found)


def example_of(gold: Mapping[str, Any]) -> Example:
    """The example, as far as scoring looks at it: its images and its source stayed behind.

    Raises UsageError for what no export wrote.
    """
    try:
        return Example.from_row(
            {
                "group": gold["id"],
                "images": [{"sha256": "", "width": 0, "height": 0}] * gold["question"].count(IMAGE),
                "source": dict.fromkeys(("builder", "version", "corpus", "split", "key", "licence"), "export"),
                **gold,
            }
        )
    except (KeyError, ValueError) as error:
        raise UsageError(f"this gold record was not written by an export ({error})") from error


def score(
    golds: Sequence[Mapping[str, Any]],
    responses: Sequence[str],
    form: Mapping[str, Any],
    weights: Mapping[str, float],
) -> list[dict[str, Any]]:
    """What the reward server answers, from the rows alone: `total` (None: not scored) and `parts`, one a response."""
    rollouts = [Rollout(example_of(gold), response) for gold, response in zip(golds, responses, strict=True)]
    with _SCORING:
        found = _mixture(canonical_json(dict(form)), canonical_json(dict(weights))).score(rollouts)
    return [
        {
            "example_id": rollout.example.id,
            "total": each.total,
            "parts": {name: scored.value for name, scored in each.parts.items()},
        }
        for rollout, each in zip(rollouts, found, strict=True)
    ]


@lru_cache(maxsize=8)
def _mixture(form: str, weights: str) -> Mixture:
    options = json.loads(form)
    made = Mixture.of(json.loads(weights), registry.make("formats", options.pop("use"), options))
    atexit.register(made.close)
    return made
