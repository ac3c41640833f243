"""The urls of an endpoint, and how hard each may be pressed.

    async with hosts.slot() as host:       # the least busy url that takes another call
        …

Each url has a limit of calls under way. It is halved when the url says that it is too much (429, 503, no answer in
time), once for all calls that were sent before the halving, and grows by one a round of answered calls: additive
increase, multiplicative decrease, as in TCP. A url that keeps failing rests, longer each time, and is given up in the
end; the others go on. When none is left, whoever waits is told so.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from perceptdata.errors import PerceptDataError

STREAK = 3  # so many calls fail in a row, by different requests or through no fault of theirs: the url is at fault
RESTS = (5.0, 15.0, 45.0)  # seconds; then it is given up
LONGEST_WAIT = 600.0  # a server that asks for more is not waited for


class Host:
    """One url: how many calls are under way, how many may be, and how it has behaved."""

    def __init__(self, url: str, concurrency: int) -> None:
        self.url = url
        self.ceiling = concurrency
        self.limit = float(concurrency)
        self.in_flight = 0
        self.answered = 0
        self.given_up = ""
        self.free_at = 0.0
        self._cut_at = 0.0
        self._rests, self._rested_until = 0, 0.0
        self._failing: set[object] = set()

    def is_open(self, now: float) -> bool:
        """Whether a call may begin."""
        return not self.given_up and self.free_at <= now and self.in_flight < int(self.limit)

    def answer(self) -> None:
        """A call was answered, with whatever text."""
        self.answered += 1
        self._failing.clear()
        self._rests = 0
        self.limit = min(float(self.ceiling), self.limit + 1 / self.limit)

    def press_less(self, sent: float) -> None:
        """A call sent at `sent` was too much. Halve, unless that was noticed after the call was sent."""
        if sent >= self._cut_at:
            self.limit = max(1.0, min(self.limit, float(self.in_flight)) / 2)
            self._cut_at = time.monotonic()

    def pause(self, seconds: float, why: str) -> None:
        """The server asks for quiet."""
        if seconds > LONGEST_WAIT:
            self.give_up(f"asks to wait {seconds:,.0f} s ({why})")
        else:
            self.free_at = max(self.free_at, time.monotonic() + seconds)

    def fail(self, began: float, culprit: object, why: str, patient: bool = False) -> None:
        """A call that began at `began` failed for good. After a streak of them the url rests, or is given up.

        `culprit` is the request where it may be at fault: one that always fails must not take the url with it.
        `patient`: the url is there and asks for time, so it may rest before it has ever answered.
        """
        if began < self._rested_until or self.given_up:
            return  # it was under way when the url was sent to rest, and says nothing new
        self._failing.add(culprit)
        if len(self._failing) < STREAK:
            return
        self._failing.clear()
        if self._rests == len(RESTS) or not (self.answered or patient):
            self.give_up(why)
        else:
            self._rested_until = time.monotonic() + RESTS[self._rests]
            self.free_at = max(self.free_at, self._rested_until)
            self._rests += 1

    def give_up(self, why: str) -> None:
        """Nothing more is sent here."""
        self.given_up = self.given_up or why


class Hosts:
    """All urls of an endpoint."""

    def __init__(self, urls: Sequence[str], concurrency: int) -> None:
        self.all = [Host(url, concurrency) for url in urls]
        self._waiting: deque[tuple[asyncio.Future[None], Host | None]] = deque()
        self._alarm: asyncio.TimerHandle | None = None
        self._stopped: Exception | None = None

    @property
    def left(self) -> int:
        """How many have not been given up."""
        return sum(not host.given_up for host in self.all)

    def stop(self, error: Exception) -> None:
        """Whoever waits for a url gets this error, now and from now on."""
        self._stopped = self._stopped or error
        self._wake()

    @asynccontextmanager
    async def slot(self, avoid: Host | None = None, finishing: bool = False) -> AsyncIterator[Host]:
        """The least busy open url, as soon as there is one; another than `avoid` where another is left.

        Raises PerceptDataError when all have been given up, and what `stop` was told unless `finishing` what was begun.
        """
        while (host := self._pick(avoid, finishing)) is None:
            await self._change(avoid)
        host.in_flight += 1
        try:
            yield host
        finally:
            host.in_flight -= 1
            self._wake()

    def _pick(self, avoid: Host | None, finishing: bool) -> Host | None:
        if self._stopped is not None and not finishing:
            raise self._stopped
        if not self.left:
            reasons = "; ".join(f"{host.url} {host.given_up}" for host in self.all)
            raise PerceptDataError(f"{reasons}. What was answered is saved: run the same command again to go on")
        now = time.monotonic()
        open_ones = [host for host in self._left_but(avoid) if host.is_open(now)]
        return min(open_ones, key=lambda host: host.in_flight, default=None)

    def _left_but(self, avoid: Host | None) -> list[Host]:
        left = [host for host in self.all if not host.given_up]
        return [host for host in left if host is not avoid] or left

    async def _change(self, avoid: Host | None) -> None:
        """Wait until a call ends or a rest does."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append((waiter, avoid))
        self._set_alarm()
        await waiter

    def _set_alarm(self) -> None:
        """Those who wait look again when the next rest ends, for there may be no call whose end would wake them."""
        if self._alarm is not None:
            self._alarm.cancel()
        now = time.monotonic()
        rests = [host.free_at - now for host in self.all if not host.given_up and host.free_at > now]
        wanted = self._waiting and rests
        self._alarm = asyncio.get_running_loop().call_later(min(rests), self._wake) if wanted else None

    def _wake(self) -> None:
        """Those for whom there is a free place look again; all of them when there is nothing to wait for."""
        now = time.monotonic()
        free = {host: int(host.limit) - host.in_flight for host in self.all if host.is_open(now)}
        everyone = self._stopped is not None or not self.left
        passed_over = []
        while self._waiting and (everyone or any(free.values())):
            waiter, avoid = self._waiting.popleft()
            if waiter.done():
                continue
            place = next((host for host in self._left_but(avoid) if free.get(host)), None)
            if place is None and not everyone:
                passed_over.append((waiter, avoid))
                continue
            if place is not None:
                free[place] -= 1
            waiter.set_result(None)
        self._waiting.extendleft(reversed(passed_over))
        self._set_alarm()
