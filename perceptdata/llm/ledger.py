"""What was spent, and how much may be.

    ledger.calls, ledger.cached, ledger.cost          # 1200, 800, None when a price or a count is unknown
    Budget(max_calls=60_000).exhausted(ledger)        # None, or a sentence

A call is one completion that was asked for. Attempts at it beyond the first are `retries`; a second turn after an
answer that broke its schema is a `repair`, and a call too. Unknown stays unknown: a sum that lacks one price is None.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from perceptdata.errors import UsageError
from perceptdata.llm.endpoint import Endpoint


@dataclass(slots=True)
class Ledger:
    """Sums over a run, or over several. `seconds` is wall time; `gpu_seconds` that times the GPUs, where known.

    `known_cost` leaves out the calls counted as `unpriced`; `uncounted` are those whose tokens the server did not say.
    """

    calls: int = 0
    cached: int = 0
    retries: int = 0
    repairs: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    uncounted: int = 0
    known_cost: float = 0.0
    unpriced: int = 0
    seconds: float = 0.0
    gpu_seconds: float | None = None
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def cost(self) -> float | None:
        """What all calls cost; None as soon as that of one is unknown."""
        return None if self.unpriced else self.known_cost

    @property
    def gpu_hours(self) -> float | None:
        """GPU time; None where the number of GPUs is unknown."""
        return None if self.gpu_seconds is None else self.gpu_seconds / 3600

    def charge(self, endpoint: Endpoint, prompt_tokens: int | None, completion_tokens: int | None) -> float | None:
        """Enter what a finished call used; what it cost, where known."""
        self.prompt_tokens += prompt_tokens or 0
        self.completion_tokens += completion_tokens or 0
        if prompt_tokens is None or completion_tokens is None:
            self.uncounted += 1
        elif endpoint.price is not None:
            cost = endpoint.price.of(prompt_tokens, completion_tokens)
            self.known_cost += cost
            return cost
        self.unpriced += 1
        return None

    def lasted(self, seconds: float, gpus: float | None) -> None:
        """The run has gone on for so many seconds more."""
        self.seconds += seconds
        self.gpu_seconds = None if gpus is None else (self.gpu_seconds or 0.0) + seconds * gpus

    def __add__(self, other: Ledger) -> Ledger:
        """Both together. GPU time is known only where both know it, or the other took no time."""
        values: dict[str, Any] = {
            name.name: getattr(self, name.name) + getattr(other, name.name)
            for name in fields(self)
            if name.name != "gpu_seconds"
        }
        known = [one.gpu_seconds for one in (self, other) if one.seconds]
        total = None if None in known or not known else sum(filter(None, known))
        return Ledger(**values, gpu_seconds=total)

    def to_json(self) -> dict[str, Any]:
        """Plain values, `cost` and `gpu_hours` among them."""
        plain = {item.name: getattr(self, item.name) for item in fields(self)}
        plain["errors"] = dict(sorted(self.errors.items()))
        return {**plain, "cost": self.cost, "gpu_hours": self.gpu_hours}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Ledger:
        """What `to_json` gave."""
        known = {item.name for item in fields(cls)} - {"errors"}
        return cls(**{name: value for name, value in values.items() if name in known}, errors=Counter(values["errors"]))


class Budget(BaseModel):
    """How much one run may spend. None: no bound. Cached answers are free.

    No call begins once a bound is reached. Those under way finish, their repair turns included, and are saved: calls
    and tokens may pass their bound by as many as were under way, and no more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    max_calls: int | None = Field(None, ge=0)
    max_tokens: int | None = Field(None, ge=0)
    max_cost: float | None = Field(None, ge=0)

    def check(self, endpoint: Endpoint) -> None:
        """Raises UsageError for a bound on the cost of an endpoint without a price."""
        if self.max_cost is not None and endpoint.price is None:
            raise UsageError(
                f"max_cost needs the price of {endpoint.model}: give its endpoint price: {{prompt: …, completion: …}} "
                "for a million tokens, or bound max_calls or max_tokens instead"
            )

    def exhausted(self, ledger: Ledger) -> str | None:
        """What has been reached, in words; None while there is something left.

        Raises UsageError when the server does not count the tokens that are to be bounded.
        """
        if ledger.uncounted and (self.max_tokens is not None or self.max_cost is not None):
            raise UsageError("the endpoint does not say how many tokens it used; bound max_calls instead")
        tokens = ledger.prompt_tokens + ledger.completion_tokens
        bounds = (("calls", ledger.calls, self.max_calls), ("tokens", tokens, self.max_tokens))
        for name, spent, bound in bounds:
            if bound is not None and spent >= bound:
                return f"the budget of {bound:,} {name} is spent"
        if self.max_cost is not None and ledger.known_cost >= self.max_cost:
            return f"the budget of {self.max_cost:g} is spent"
        return None
