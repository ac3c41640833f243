"""A response to an example, and what one reward says of it."""

from __future__ import annotations

from typing import NamedTuple

from perceptdata.example import Example


class Rollout(NamedTuple):
    """What a model wrote to an example, prefill included."""

    example: Example
    response: str


class Scored(NamedTuple):
    """In [0, 1]; or None, and why."""

    value: float | None
    reason: str | None = None
