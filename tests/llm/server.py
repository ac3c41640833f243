"""A model server for tests, on the loopback: it does what a script says, and remembers all it was asked.

    with Server(lambda asked, times: Say.text("4")) as server:
        …                               # server.url, server.asked, server.most_at_once

`times` is how often this very request has come before. The server runs in a thread with a loop of its own; its client
may be in this process or in another.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass
class Say:
    """What the server does with one request.

    It waits `delay` seconds, sends the head and the body; `drip` seconds pass before each byte of the body, and with
    `hang_up` the connection closes after so many bytes of it (0: before the head).
    """

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drip: float = 0.0
    hang_up: int | None = None

    @classmethod
    def text(cls, text: str | None, *, usage: tuple[int, int] | None = (10, 5), **message: Any) -> Self:
        """A completion. `finish_reason`, `choices` (how many) and `delay` are the server's; `message` is what else."""
        finish, count = message.pop("finish_reason", "stop"), message.pop("choices", 1)
        delay = message.pop("delay", 0.0)
        choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}
        body: dict[str, Any] = {"object": "chat.completion", "model": "served-1", "choices": [choice] * count}
        if usage is not None:
            body["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
        return cls(body=json.dumps(body).encode(), delay=delay)

    @classmethod
    def error(cls, status: int, message: str = "no", soon: float = 0.01, **more: Any) -> Self:
        """An error that asks to come back `soon`."""
        body = json.dumps({"error": {"message": message, **more}}).encode()
        return cls(status, body, {"Retry-After": f"{soon:g}"} if soon else {})


Script = Callable[[dict[str, Any], int], Say]


def last(asked: dict[str, Any]) -> str:
    """The text of the last turn."""
    return asked["messages"][-1]["content"]


class Server:
    """Use it as a context."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.paths: set[str] = set()
        self.seen: Counter[str] = Counter()
        self.now = self.most_at_once = 0
        self._ready = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *ended: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, backlog=1024)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.now += 1
                self.most_at_once = max(self.most_at_once, self.now)
                try:
                    whole = await self._answer(writer, head[0].split(" ")[1], headers, body)
                finally:
                    self.now -= 1
                if not whole:
                    break
        writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, path: str, headers: dict[str, str], body: bytes) -> bool:
        self.paths.add(path)
        if not body:
            say = Say(404)  # it lists no models
        else:
            asked = json.loads(body)
            self.asked.append(asked)
            self.keys.append(headers.get("authorization", ""))
            text = body.decode()
            times, self.seen[text] = self.seen[text], self.seen[text] + 1
            say = self.script(asked, times)
        if say.delay:
            await asyncio.sleep(say.delay)
        if say.hang_up == 0:
            return False
        fields = {"Content-Type": "application/json", "Content-Length": str(len(say.body)), **say.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        writer.write(f"HTTP/1.1 {say.status} X\r\n{lines}\r\n".encode())
        for byte in say.body if say.drip else b"":
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(say.drip)
        if not say.drip:
            writer.write(say.body[: say.hang_up])
        await writer.drain()
        return say.hang_up is None
