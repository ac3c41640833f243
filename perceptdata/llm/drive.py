"""A stream of requests through one endpoint: bounded look-ahead, everything saved, one way to stop.

    with ReplyCache(path, step="cot") as replies:
        run = run_requests(requests, endpoint, replies, images=ws.images, budget=Budget(max_calls=60_000))
        run.stopped                     # None: all were asked; else one sentence, such as the budget's

The requests may be a generator over millions of rows: only a little more than what is under way is ever drawn from it.
Whatever ends the run (the budget, a server that turns us away, Ctrl-C), calls under way finish and are saved; a second
Ctrl-C drops them. A run that was killed loses what had not arrived, and nothing else.
"""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from perceptdata.errors import PerceptDataError
from perceptdata.llm.cache import ReplyCache
from perceptdata.llm.client import Client, Stopped
from perceptdata.llm.endpoint import Endpoint
from perceptdata.llm.ledger import Budget, Ledger
from perceptdata.llm.reply import TRANSIENT, Reply
from perceptdata.llm.request import Request
from perceptdata.packs import ImageStore

if TYPE_CHECKING:
    import httpx2

OnReply = Callable[[Request, Reply], None]
"""Told of each reply, as it comes; it is on disk by then."""
Watch = Callable[[int, Ledger], None]
"""Told of progress: how many requests have their reply, and what was spent so far."""

AHEAD = 64  # requests drawn beyond those under way: being saved, looked up, or waiting for a place
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Run:
    """How a run ended: `done` requests have their reply.

    `unanswered` of them met trouble on the way (`reply.TRANSIENT`), which is not kept: the same run asks them again.
    `stopped` says why other requests were left; `given_up` names urls that failed, each with the reason.
    """

    done: int
    unanswered: int
    ledger: Ledger
    stopped: str | None = None
    given_up: tuple[str, ...] = ()


def run_requests(
    requests: Iterable[Request],
    endpoint: Endpoint,
    replies: ReplyCache,
    *,
    images: ImageStore | None = None,
    budget: Budget | None = None,
    retry_failed: bool = False,
    on_reply: OnReply | None = None,
    watch: Watch | None = None,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> Run:
    """Ask them all. Raises UsageError or PerceptDataError when the endpoint ends the run, KeyboardInterrupt at Ctrl-C.

    Replies come in the order in which they arrive. One with an error of its own is a reply like another.
    """
    client = Client(endpoint, replies, images=images, budget=budget, retry_failed=retry_failed, transport=transport)
    drive = _Drive(client, requests, on_reply, watch)
    return _run(drive.go)


class _Drive:
    def __init__(
        self, client: Client, requests: Iterable[Request], on_reply: OnReply | None, watch: Watch | None
    ) -> None:
        self.client, self.requests = client, iter(requests)
        self.on_reply, self.watch = on_reply, watch
        self.interruptible = _gets_interrupts()
        self.done = self.unanswered = 0
        self.ended: BaseException | None = None
        self.interrupts = 0
        self.workers: list[asyncio.Task[None]] = []

    async def go(self) -> Run:
        endpoint = self.client.endpoint
        async with self.client:
            under_way = endpoint.concurrency * len(endpoint.urls)
            with _handling_interrupts(self._interrupt if self.interruptible else None):
                self.workers = [asyncio.create_task(self._work()) for _ in range(under_way + min(under_way, AHEAD))]
                clock = asyncio.create_task(self._keep_time())
                await asyncio.gather(*self.workers, return_exceptions=True)
                clock.cancel()
                await asyncio.wait([clock])
        if self.ended is not None and not isinstance(self.ended, Stopped):
            raise self.ended
        stopped = None if self.ended is None else str(self.ended)
        return Run(self.done, self.unanswered, self.client.ledger, stopped, tuple(self.client.given_up))

    async def _work(self) -> None:
        try:
            for request in self.requests:  # one iterator for all workers
                if self.ended is not None:
                    return
                reply = await self.client.ask(request)
                self.done += 1
                self.unanswered += reply.error in TRANSIENT
                if self.on_reply is not None:
                    self.on_reply(request, reply)
                if self.watch is not None:
                    self.watch(self.done, self.client.ledger)
                await asyncio.sleep(0)  # a worker that finds only cached replies would keep all calls waiting
        except Exception as error:  # kept, and raised when the others have finished
            self._end(error)

    def _end(self, error: BaseException) -> None:
        if self.ended is None or isinstance(self.ended, Stopped):
            self.ended = error
        self.client.stop(error if isinstance(error, PerceptDataError) else Stopped(str(error)))

    def _interrupt(self) -> None:
        self.interrupts += 1
        if self.interrupts > 1:
            for worker in self.workers:
                worker.cancel()
        self._end(KeyboardInterrupt())

    async def _keep_time(self) -> None:
        """The ledger's time, second by second: for whoever watches, and for what is left after a kill."""
        before = time.monotonic()
        try:
            while True:
                await asyncio.sleep(1)
                before = self._note_time(before)
        finally:
            self._note_time(before)

    def _note_time(self, before: float) -> float:
        now = time.monotonic()
        self.client.ledger.lasted(now - before, self.client.endpoint.gpus)
        return now


@contextmanager
def _handling_interrupts(handler: Callable[[], None] | None) -> Iterator[None]:
    """Ctrl-C calls the handler instead of raising."""
    if handler is None:
        yield
        return
    loop, before = asyncio.get_running_loop(), signal.getsignal(signal.SIGINT)
    loop.add_signal_handler(signal.SIGINT, handler)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)


def _gets_interrupts() -> bool:
    """Whether Ctrl-C would raise here; a program that handles or ignores it in its own way goes on doing so."""
    here = threading.current_thread() is threading.main_thread()
    return here and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def _run(make: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
    """The coroutine's result; in a thread of its own where a loop runs here already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(make())
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(make())).result()
