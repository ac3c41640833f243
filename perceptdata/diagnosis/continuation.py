"""Whether an endpoint goes on from a prefilled answer, or ignores it: asked, not assumed.

    found = detect(endpoint, replies)       # Continuation(dialect="continue_final_message", honoured=True, …)

The oracle facts stand at the start of the model's own answer. A server that drops them, or closes the turn and opens
another, still answers fluently, and what it answers would be taken for `a_r`. So a question is put whose answer is
opened with something else than what was asked for: who goes on from there was listening; who does as asked was not. The
ways in which servers differ are tried in turn.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, get_args

from perceptdata import llm
from perceptdata.records import Record

Dialect = Literal["continue_final_message", "prefix", "plain"]
DIALECTS: tuple[Dialect, ...] = get_args(Dialect)
Word = Literal["continued", "echoed", "restarted", "unclear", "failed"]

CANARIES: tuple[tuple[str, str, str, str], ...] = (
    (
        "Write the numbers from one to five as words, with commas, and nothing else.",
        "eleven, twelve, thirteen,",
        r"fourteen",
        r"one\b",
    ),
    ("Write the letters A to F with commas, and nothing else.", "P, Q, R,", r"S\b", r"A\b"),
    ("Name the days of the week from Monday on, with commas, and nothing else.", "Thursday, Friday,", r"Sat", r"Mon"),
)
"""Question, how its answer is opened, how one goes on that was read, how one begins that was not."""
_LIMIT = 16


class Continuation(Record):
    """What was found: by which dialect prefilled answers are continued, if by any.

    `honoured` is None where it cannot be told: the model neither went on nor did as asked (a very small model), or the
    calls failed. `words` holds one finding a canary of the dialect that is named.
    """

    dialect: str | None
    honoured: bool | None
    words: tuple[str, ...] = ()


def detect(
    endpoint: llm.Endpoint, replies: llm.ReplyCache, dialects: Sequence[Dialect] = (), budget: llm.Budget | None = None
) -> Continuation:
    """Ask the canaries, at most three calls a dialect; the endpoint's own dialect first.

    Raises what `llm.run_requests` raises.
    """
    tried = dict.fromkeys([*dialects] or [endpoint.prefill, *DIALECTS])
    unclear: Continuation | None = None
    for dialect in tried:
        asked = endpoint.model_copy(update={"prefill": dialect})
        requests = canaries()
        llm.run_requests(requests, asked, replies, budget=budget)
        words = tuple(
            judge(replies.get(request.key(asked)), canary) for request, canary in zip(requests, CANARIES, strict=True)
        )
        heard = sum(word in ("continued", "echoed") for word in words)
        deaf = words.count("restarted")
        if heard > deaf:
            return Continuation(dialect=str(dialect), honoured=True, words=words)
        found = Continuation(dialect=str(dialect), honoured=False if deaf else None, words=words)
        if unclear is None or (found.honoured is None and unclear.honoured is not None):
            unclear = found
    assert unclear is not None  # there is one dialect at least
    return unclear


def canaries() -> list[llm.Request]:
    """The requests."""
    sampling = llm.Sampling(temperature=0.0, max_tokens=_LIMIT)
    return [llm.Request((llm.user(question),), sampling, prefill=opened) for question, opened, _, _ in CANARIES]


def judge(reply: llm.Reply | None, canary: tuple[str, str, str, str]) -> Word:
    """What one reply says of its server."""
    _, opened, onwards, anew = canary
    if reply is None or reply.error not in (None, "length"):
        return "failed"
    text = re.sub(r"^[\s\"'*,:.]+", "", reply.text)
    if text.startswith(opened.split(",")[0]):
        return "echoed"
    if re.match(onwards, text, re.IGNORECASE):
        return "continued"
    return "restarted" if re.match(anew, text, re.IGNORECASE) else "unclear"


def without_echo(prefill: str, text: str) -> str:
    """A reply without the prefill, where the server sent that back with it."""
    opened = prefill.strip()
    body = text.lstrip()
    return body[len(opened) :] if opened and body.startswith(opened) else text
