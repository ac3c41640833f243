"""Does the response keep to its format: 1 or 0, told apart from whether its answer is right."""

from __future__ import annotations

from collections.abc import Sequence

from perceptdata.formats import Format
from perceptdata.plugins import Rollout, Scored


def layout(rollouts: Sequence[Rollout], form: Format) -> list[Scored]:
    """One a rollout, in order; the reason is the format's."""
    read = [form.parse(rollout.response) for rollout in rollouts]
    return [Scored(float(parsed.valid), parsed.reason) for parsed in read]
