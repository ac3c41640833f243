"""Faults on order: the n-th request that fits is answered otherwise, or not at all, before or after it did its work."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Fault:
    """`what` is searched in "METHOD /path". `status` 0 closes the connection without an answer, None answers as always.

    With `after` the request does its work and only its answer is replaced. `then` is called when the fault strikes, for
    what others do in the meantime. The first `skip` requests that fit pass; then `times` are struck.
    """

    what: str
    status: int | None = 0
    times: int = 1
    skip: int = 0
    after: bool = False
    words: str = "injected"
    headers: dict[str, str] = field(default_factory=dict)
    then: Callable[[], None] | None = None

    def strikes(self, said: str) -> bool:
        if self.times <= 0 or not re.search(self.what, said):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True
