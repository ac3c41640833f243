"""One request and one answer, and the table that brings them together.

@route("POST", "/api/datasets/{owner}/{name}/commit/{rev}")
def commit(hub, request, owner, name, rev): return Answer.json({...})

Routes see the raw path: a revision is one percent-encoded segment (`refs%2Fpr%2F1`) and is decoded only after it was
found. The last placeholder may be `{path...}`, which takes what is left.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qs, unquote

CHUNK = 1 << 20


class Refusal(Exception):
    """The Hub says no: a status, words, and the code by which its clients choose an error class."""

    def __init__(self, status: int, words: str, code: str | None = None) -> None:
        super().__init__(words)
        self.status, self.words, self.code = status, words, code

    def answer(self) -> Answer:
        headers = {"X-Error-Message": self.words, **({"X-Error-Code": self.code} if self.code else {})}
        return Answer.json({"error": self.words}, self.status, headers)


@dataclass
class Answer:
    """What is sent back: bytes, or a file of which a range may be asked."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    file: Path | None = None

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
        return cls(status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})


@dataclass
class Request:
    """What was asked. The body is read once, whole or in chunks; what nobody read is read away."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    _stream: BinaryIO
    _left: int | None  # None: chunked

    @classmethod
    def of(cls, method: str, target: str, headers: dict[str, str], stream: BinaryIO) -> Request:
        path, _, query = target.partition("?")
        lower = {name.lower(): value for name, value in headers.items()}
        left = None if "chunked" in lower.get("transfer-encoding", "") else int(lower.get("content-length", 0))
        said = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
        return cls(method, path, said, lower, stream, left)

    @property
    def token(self) -> str | None:
        kind, _, token = self.headers.get("authorization", "").partition(" ")
        return token if kind.lower() == "bearer" and token else None

    def chunks(self) -> Iterator[bytes]:
        """The body, piece by piece. Raises ConnectionError where the client left before its end."""
        if self._left is None:
            yield from self._chunked()
            self._left = 0
        while self._left:
            piece = self._stream.read(min(CHUNK, self._left))
            if not piece:
                raise ConnectionError("the client left in the middle of a body")
            self._left -= len(piece)
            yield piece

    def _chunked(self) -> Iterator[bytes]:
        while size := int(self._stream.readline().partition(b";")[0] or b"0", 16):
            left = size
            while left:
                piece = self._stream.read(left)
                if not piece:
                    raise ConnectionError("the client left in the middle of a body")
                left -= len(piece)
                yield piece
            self._stream.readline()
        while self._stream.readline().strip():
            continue

    def body(self) -> bytes:
        return b"".join(self.chunks())

    def json(self) -> dict[str, Any]:
        data = self.body()
        return json.loads(data) if data else {}

    def drain(self) -> None:
        for _ in self.chunks():
            pass


Work = Callable[..., Answer]
ROUTES: list[tuple[str, re.Pattern[str], Work]] = []


def route(methods: str, pattern: str) -> Callable[[Work], Work]:
    """Enter a function in the table."""
    expression = re.sub(r"\{(\w+)\.\.\.\}", r"(?P<\1>.+)", pattern)
    expression = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", expression)

    def enter(work: Work) -> Work:
        ROUTES.extend((method, re.compile(expression), work) for method in methods.split())
        return work

    return enter


def find(method: str, path: str) -> tuple[Work, dict[str, str]]:
    """The function for a request and its placeholders, decoded. Raises Refusal(404)."""
    for known, pattern, work in ROUTES:
        if known == method and (match := pattern.fullmatch(path)):
            return work, {name: unquote(value) for name, value in match.groupdict().items()}
    raise Refusal(404, f"{method} {path} is not an endpoint of this Hub")
