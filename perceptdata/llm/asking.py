"""Questions whose follow-ups depend on the answers: asked in rounds until nothing is left to ask.

    def wanted(answers):                            # every question, follow-ups included; called once a round
        for text in texts:
            yield Ask(first := question(text))
            if (reply := answers(first)) and not complete(reply):
                yield Ask(rest(text, reply))

    asked = ask_rounds(wanted, endpoint, replies, max_calls=60_000)

What the cache holds is never asked again, so `wanted` may be walked as often as it takes. `max_calls` bounds what a
whole run may ask; the most urgent questions are asked then.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from perceptdata.llm.cache import ReplyCache
from perceptdata.llm.drive import Watch, run_requests
from perceptdata.llm.endpoint import Endpoint
from perceptdata.llm.ledger import Budget
from perceptdata.llm.reply import TRANSIENT, Reply
from perceptdata.llm.request import Request
from perceptdata.packs import ImageStore

ROUNDS = 4  # a question, what it left out, what that left out again, and one to be sure

Answers = Callable[[Request], Reply | None]
"""The reply to a request, if there is one that makes asking needless."""


class Ask(NamedTuple):
    """A request, and how much it matters that it is asked: the higher the sooner, where there is a limit."""

    request: Request
    urgency: float = 0.0


Wanted = Callable[[Answers], Iterator[Ask]]


@dataclass(frozen=True, slots=True)
class Asked:
    """How it ended. `unasked` counts questions that a limit left; `stopped` says why a run ended early."""

    unasked: int = 0
    stopped: str | None = None


def answers_of(replies: ReplyCache, endpoint: Endpoint) -> Answers:
    """What the cache knows of this endpoint's answers, and of its refusals: they are why something has no answer."""
    return lambda request: replies.get(request.key(endpoint))


def ask_rounds(
    wanted: Wanted,
    endpoint: Endpoint,
    replies: ReplyCache,
    *,
    images: ImageStore | None = None,
    max_calls: int | None = None,
    budget: Budget | None = None,
    retry_failed: bool = False,
    watch: Watch | None = None,
) -> Asked:
    """Ask round by round. Raises what `run_requests` raises."""
    tried: set[str] = set()  # what failed is asked once a run, not in every round

    def answers(request: Request) -> Reply | None:
        key = request.key(endpoint)
        return replies.get(key) if key in tried else replies.settled(key)

    for _ in range(ROUNDS):
        chosen = _Chosen.all(wanted, endpoint, answers)
        if max_calls is not None:
            chosen = _Chosen.of(wanted, endpoint, answers, max_calls)
            if not chosen.asked and not retry_failed:
                return Asked(chosen.unasked)
        failed: Counter[str] = Counter()

        def note(request: Request, reply: Reply, failed: Counter[str] = failed) -> None:
            if not reply.ok:
                tried.add(request.key(endpoint))
            if reply.error in TRANSIENT:
                failed[reply.message] += 1

        requests = chosen.requests(lambda key: retry_failed and key not in tried)
        run = run_requests(
            requests,
            endpoint,
            replies,
            images=images,
            budget=budget,
            retry_failed=retry_failed,
            on_reply=note,
            watch=watch,
        )
        if run.stopped is not None:
            return Asked(chosen.unasked, run.stopped)
        if failed:
            why = f"{failed.total():,} requests found no answer ({', '.join(failed)}); run it again to ask them anew"
            return Asked(chosen.unasked, why)
        if not run.done:
            return Asked(chosen.unasked)
    left = _Chosen.of(wanted, endpoint, answers, max_calls)
    return Asked(left.asked + left.unasked)


class _Chosen(NamedTuple):
    """Which of the open questions are asked: those above the line, and the first `ties` of those on it."""

    wanted: Wanted
    endpoint: Endpoint
    answers: Answers
    asked: int
    unasked: int
    line: float
    ties: int

    @classmethod
    def all(cls, wanted: Wanted, endpoint: Endpoint, answers: Answers) -> _Chosen:
        """Every open question, without a look at them first: walking them costs as much as asking does."""
        return cls(wanted, endpoint, answers, 0, 0, -np.inf, sys.maxsize)

    @classmethod
    def of(cls, wanted: Wanted, endpoint: Endpoint, answers: Answers, max_calls: int | None) -> _Chosen:
        """The most urgent, as far as `max_calls` reaches, counting what is known already."""
        known = 0
        urgency = []
        for ask in wanted(answers):
            if answers(ask.request) is not None:
                known += 1
            else:
                urgency.append(ask.urgency)
        room = len(urgency) if max_calls is None else min(len(urgency), max(0, max_calls - known))
        falling = np.sort(np.array(urgency))[::-1]
        if room == len(urgency):
            return cls(wanted, endpoint, answers, room, 0, -np.inf, room)
        if room == 0:
            return cls(wanted, endpoint, answers, 0, len(urgency), np.inf, 0)
        line = float(falling[room - 1])
        return cls(wanted, endpoint, answers, room, len(urgency) - room, line, room - int((falling > line).sum()))

    def requests(self, again: Callable[[str], bool]) -> Iterator[Request]:
        """The chosen ones, in the order in which they are wanted; answered ones too where they may be asked again."""
        ties = self.ties
        for ask in self.wanted(self.answers):
            reply = self.answers(ask.request)
            if reply is not None:
                if not reply.ok and again(ask.request.key(self.endpoint)):
                    yield ask.request
            elif ask.urgency > self.line:
                yield ask.request
            elif ties > 0 and self.line in (ask.urgency, -np.inf):
                ties -= 1
                yield ask.request
