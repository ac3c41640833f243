"""A Hub for tests, on the loopback, for the clients as they are: huggingface_hub, hf_xet, datasets.

    with Hub(folder) as hub:
        HfApi(endpoint=hub.url, token=hub.token).create_repo("tester/things", repo_type="dataset")
        hub.faults.append(Fault("POST .*/commit/", 503))
        …                               # hub.repos, hub.calls, hub.storage

It holds dataset repositories alone. A client in this process sees it with `hub.here(monkeypatch)`, one in another
process with `hub.environment()`. Object storage is LFS (in parts of `part_bytes`, where that is set) unless the client
asks for the xet store, which it does where hf_xet is at work.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from hub import accounts, changing, reading, uploading  # noqa: F401  (they enter their routes)
from hub.accounts import Account
from hub.exchange import CHUNK, Answer, Refusal, Request, find
from hub.faults import Fault
from hub.repository import Repository
from hub.storage import Storage

if TYPE_CHECKING:
    import pytest

TOKEN = "hf_theTokenThatNobodyMayEverSee0"


class Call(NamedTuple):
    """A request, and the status that it was answered with (0: not at all)."""

    said: str
    status: int


class Hub:
    """The server, and all that it holds."""

    def __init__(self, folder: Path) -> None:
        self.storage = Storage(folder)
        self.token = TOKEN
        self.accounts = {TOKEN: Account("tester", organisations={"acme": "write"})}
        self.repos: dict[str, Repository] = {}
        self.faults: list[Fault] = []
        self.calls: list[Call] = []
        self.page = 1000
        self.part_bytes = 0
        self.quota: int | None = None
        self.url = self.elsewhere = ""
        self._folder = folder
        self._lock = threading.RLock()

    def __enter__(self) -> Self:
        hub = self

        class Handler(_Handler):
            def answer(self) -> None:
                hub.serve(self)

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

        self._server = _Server(("127.0.0.1", 0), Handler)
        port = self._server.server_address[1]
        self.url, self.elsewhere = f"http://127.0.0.1:{port}", f"http://localhost:{port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def account(self, request: Request) -> Account | None:
        """Who asks. Raises Refusal for a token that is nobody's."""
        if request.token is None:
            return None
        if request.token not in self.accounts:
            # Some servers are so kind as to repeat what they were given.
            raise Refusal(401, f"Invalid user token: {request.token}")
        return self.accounts[request.token]

    def check_quota(self, more: int) -> None:
        used = sum(repo.used for repo in self.repos.values())
        if self.quota is not None and used + more > self.quota:
            raise Refusal(403, uploading.FULL)

    def repo(self, repo_id: str, private: bool = False) -> Repository:
        """The repository, made where there is none."""
        return self.repos.setdefault(repo_id, Repository(repo_id, private))

    def commit(self, repo_id: str, files: dict[str, bytes | None], title: str = "by hand") -> str:
        """A commit on main as somebody else would make it; None takes a file away."""
        with self._lock:
            repo = self.repo(repo_id)
            kept = dict(repo.head.files)
            for path, data in files.items():
                kept.pop(path, None)
                if data is not None:
                    oid = changing._git_oid(data)
                    kept[path] = reading.Entry(oid, len(data), self.storage.put(data), lfs=path.endswith(".parquet"))
            oid = repo.add(kept, repo.head.oid, title)
            repo.move("main", oid)
            return oid

    def read(self, repo_id: str, path: str, revision: str = "main") -> bytes:
        """A file's bytes."""
        repo = self.repos[repo_id]
        return self.storage.file(repo.commits[repo.find(revision)].files[path].sha256).read_bytes()

    def asked(self, what: str) -> int:
        """How many requests contain these words."""
        return sum(what in call.said for call in self.calls)

    def environment(self) -> dict[str, str]:
        """What a process needs to see this Hub and no other."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_TOKEN": self.token,
            "HF_HOME": str(self._folder / "home"),
            "HF_HUB_OFFLINE": "0",
            "HF_DATASETS_OFFLINE": "0",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        }

    def here(self, patch: pytest.MonkeyPatch, xet: bool = False) -> None:
        """Let the huggingface_hub of this process, loaded with another address, speak to this Hub."""
        from huggingface_hub import constants

        for name, value in self.environment().items():
            patch.setenv(name, value)
        patch.setattr(constants, "HF_HUB_OFFLINE", False)
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, self.url)
        patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        patch.setattr(constants, "ENDPOINT", self.url)
        patch.setattr(constants, "HF_HUB_DISABLE_XET", not xet)
        patch.setattr(constants, "HF_HUB_CACHE", str(self._folder / "home" / "hub"))

    def serve(self, handler: _Handler) -> None:
        """Answer one request: by a fault that fits, or by the table."""
        request = Request.of(handler.command, handler.path, dict(handler.headers.items()), handler.rfile)
        said = f"{request.method} {request.path}"
        fault = self._fault(said)
        if fault is not None and fault.then is not None:
            fault.then()
        replaced = fault is not None and fault.status is not None
        answer: Answer | None = None
        try:
            if fault is None or fault.after or not replaced:
                answer = self._work(request)
            elif fault.status:
                request.drain()
            if fault is not None and replaced:
                answer = Refusal(fault.status, fault.words).answer() if fault.status else None
                if answer is not None:
                    answer.headers |= fault.headers
        except ConnectionError:
            answer = None
        self.calls.append(Call(said, answer.status if answer else 0))
        handler.send(answer, request.method == "HEAD")

    def _fault(self, said: str) -> Fault | None:
        with self._lock:
            return next((fault for fault in self.faults if fault.strikes(said)), None)

    def _work(self, request: Request) -> Answer:
        try:
            work, found = find(request.method, request.path)
            if work in (uploading.put, uploading.put_part):  # long, and nobody else's business
                return work(self, request, **found)
            with self._lock:
                return work(self, request, **found)
        except Refusal as refusal:
            return refusal.answer()
        finally:
            request.drain()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Calls are kept by the Hub."""

    def send(self, answer: Answer | None, head: bool) -> None:
        """Send an answer, a range of it where one was asked; none at all closes the connection."""
        if answer is None:
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        size = answer.file.stat().st_size if answer.file else len(answer.body)
        status, start, end = answer.status, 0, size
        if answer.file and (asked := self.headers.get("Range", "")).startswith("bytes="):
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start = int(first) if first else max(0, size - int(last))
            end = min(size, int(last) + 1) if first and last else size
            if start >= size:
                status, start, end = 416, 0, 0
            else:
                status, answer.headers["Content-Range"] = 206, f"bytes {start}-{end - 1}/{size}"
        self.send_response(status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(end - start))
        self.end_headers()
        if not head:
            for piece in _pieces(answer, start, end):
                self.wfile.write(piece)


def _pieces(answer: Answer, start: int, end: int) -> Iterator[bytes]:
    if answer.file is None:
        yield answer.body[start:end]
        return
    with answer.file.open("rb") as file:
        file.seek(start)
        while start < end:
            piece = file.read(min(CHUNK, end - start))
            start += len(piece)
            yield piece
