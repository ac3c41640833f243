"""The scene behind an example: which family drew it, and what a response says of it.

An example of a synthetic family names that family in its answer's checker. Nothing else is asked of it here: the
scene itself, which its facts state, is for `rewards.perception` alone.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from perceptdata import registry
from perceptdata.example import Example
from perceptdata.formats import Format
from perceptdata.plugins import Family
from perceptdata.records import canonical_json

FAMILY, FAMILY_PERCEPTION = "family", "family_perception"
DESCRIPTION = "description"


def description_of(response: str, form: Format) -> str | None:
    """What stands in the response's description, if it has one."""
    found = next((span for span in form.parse(response).segments if span.label == DESCRIPTION), None)
    return None if found is None else response[found.start : found.end]


def stated(example: Example, response: str, form: Format) -> str | None:
    """The description; or, to a question whose answer is itself the description (a perception twin), the answer."""
    checker = example.answer.checker
    if checker is not None and checker.name == FAMILY_PERCEPTION:
        return form.parse(response).answer
    return description_of(response, form)


def family_of(example: Example) -> Family[Any] | None:
    """The family that drew the example's scene, with its options. Raises UsageError where there is none of its name."""
    checker = example.answer.checker
    if checker is None or checker.name not in (FAMILY, FAMILY_PERCEPTION) or "family" not in checker.args:
        return None
    return _family(str(checker.args["family"]), canonical_json(checker.args.get("family_options") or {}))


@lru_cache(maxsize=64)
def _family(name: str, options: str) -> Family[Any]:
    made: Family[Any] = registry.make("families", name, json.loads(options))
    return made
