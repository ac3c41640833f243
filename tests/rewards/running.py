"""A reward server in a thread, and how to call it."""

import asyncio
import json
import threading
import urllib.error
import urllib.request
from typing import Any

from perceptdata.rewards.pool import Pool
from perceptdata.rewards.server import RewardServer, serve


class Running:
    """A server in a thread of its own."""

    def __init__(self, pool: Pool, **options: Any) -> None:
        self.url = ""
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, args=(RewardServer(pool, **options),), daemon=True)
        self._thread.start()
        assert self._ready.wait(60)

    def _run(self, server: RewardServer) -> None:
        def ready(url: str) -> None:
            self.url = url
            self._ready.set()

        self._loop.run_until_complete(serve(server, "127.0.0.1", 0, ready, self._stop))

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(60)


def call(url: str, body: Any = None, token: str | None = None, kind: str = "application/json") -> tuple[int, Any]:
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": kind, **({"Authorization": f"Bearer {token}"} if token else {})}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=120) as answer:
            said = answer.read().decode()
            return answer.status, json.loads(said) if "json" in answer.headers["Content-Type"] else said
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())
