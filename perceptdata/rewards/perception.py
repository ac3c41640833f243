"""Does the description state the scene: `a_p` of arXiv 2605.29496, exact or in part.

Where an example's scene is known exactly, its answer's checker names the family that drew it, and the family checks
descriptions too. Everywhere else this reward is unscored: what stands in for it there are surrogates.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from perceptdata import registry
from perceptdata.errors import PerceptDataError
from perceptdata.example import Example
from perceptdata.formats import Format
from perceptdata.plugins import Checker, Rollout, Scored
from perceptdata.records import canonical_json
from perceptdata.rewards.scene import FAMILY, FAMILY_PERCEPTION, stated


def perception(rollouts: Sequence[Rollout], form: Format, dense: bool = False) -> list[Scored]:
    """One a rollout, in order: 1 where the description states exactly the scene, else 0; with `dense`, partial credit.

    A response without a description perceives nothing (0). To a question whose answer is itself the description (a
    perception twin), the answer is what is checked.
    """
    return [_score(rollout, form, dense) for rollout in rollouts]


def _score(rollout: Rollout, form: Format, dense: bool) -> Scored:
    example = rollout.example
    checker = example.answer.checker
    if checker is None or checker.name not in (FAMILY, FAMILY_PERCEPTION):
        return Scored(None, "no_scene", applies=False)
    text = stated(example, rollout.response, form)
    if text is None:
        return Scored(0.0, "no_description")
    return _checked(_checker(canonical_json({**checker.args, "dense": dense})), text, example)


def _checked(checker: Checker, text: str, example: Example) -> Scored:
    try:
        return Scored(checker.score(text, example))
    except PerceptDataError as error:  # the example's own fault, such as facts that state no scene
        return Scored(None, f"checker: {error}", applies=False)


@lru_cache(maxsize=64)
def _checker(args: str) -> Any:
    return registry.make("checkers", FAMILY_PERCEPTION, json.loads(args))
