"""Is the answer right: `a`, by the answer ladder, on the answer that the format takes out of the response."""

from __future__ import annotations

from collections.abc import Sequence

from perceptdata.answers import Ladder
from perceptdata.formats import Format
from perceptdata.plugins import Rollout, Scored


def outcome(rollouts: Sequence[Rollout], form: Format, ladder: Ladder) -> list[Scored]:
    """One a rollout, in order. A response without an answer is wrong (0, with the format's reason).

    Unscored are the pairs for whose gold answer or comparison the ladder has a reason, such as a timeout.
    """
    read = [form.parse(rollout.response) for rollout in rollouts]
    pairs = [
        (parsed.answer, rollout.example)
        for parsed, rollout in zip(read, rollouts, strict=True)
        if parsed.answer is not None
    ]
    verdicts = iter(ladder.judge_many(pairs))
    found = []
    for parsed in read:
        if parsed.answer is None:
            found.append(Scored(0.0, parsed.reason))
        else:
            verdict = next(verdicts)
            found.append(Scored(verdict.score, verdict.reason))
    return found
