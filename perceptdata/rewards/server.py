"""The reward server: the mixture over HTTP, for trainers that call a reward from elsewhere.

    POST /score   {"example_id": "geo/train/7", "response": "…"}, or a list of such, or {"rollouts": [...]}
                  {"example_id": …, "total": 0.9, "parts": {"outcome": 1.0, "consensus": null},
                   "unscored": ["consensus"], "reason": {"consensus": "no_peers"}}
    GET  /health  what is served
    GET  /metrics counters, as Prometheus reads them

Scoring takes CPU time, so it runs in processes (`pool`); the loop only reads and writes. Rows that cannot be scored
come back with the reason and status 200, since a trainer must go on; only a body that is no such request is refused.
Whoever is not on this machine needs the token. A page in a browser cannot post JSON to another origin without leave,
which is never given, nor reach it by a name of its own that leads here.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from aiohttp import web

from perceptdata.errors import UsageError
from perceptdata.rewards.pool import Asked, Pool

MOST_BYTES = 64 << 20
MOST_ROWS = 8192
PATIENCE = 60.0
"""Seconds that requests under way may take to finish after a stop."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class RewardServer:
    """`token` None: nobody is asked for one. `most_bytes` bounds a request's body, `most_rows` its rollouts."""

    def __init__(
        self, pool: Pool, token: str | None = None, most_bytes: int = MOST_BYTES, most_rows: int = MOST_ROWS
    ) -> None:
        self._pool, self._token, self._most_rows = pool, token, most_rows
        self._counts: Counter[str] = Counter()
        self._seconds = 0.0
        self._under_way = 0
        self.app = web.Application(client_max_size=most_bytes, middlewares=[self._guard])
        self.app.add_routes(
            [
                web.post("/score", self._score),
                web.get("/health", self._health),
                web.get("/metrics", self._metrics),
            ]
        )

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Tokens, counts, and every refusal as JSON."""
        try:
            if self._token is None and not is_loopback(request.url.host or ""):
                raise _Refused(403, "without a token it answers to this machine's own names only")
            if self._token is not None and request.path != "/health":
                given = request.headers.get("Authorization", "").removeprefix("Bearer ")
                if not hmac.compare_digest(given.encode(), self._token.encode()):
                    raise _Refused(401, "send the server's token: Authorization: Bearer TOKEN")
            response = await handler(request)
        except _Refused as refused:
            response = web.json_response({"error": str(refused)}, status=refused.status)
        except web.HTTPRequestEntityTooLarge as error:
            response = web.json_response({"error": f"the body is too large: {error.text}"}, status=413)
        except web.HTTPException as error:
            response = web.json_response({"error": error.reason}, status=error.status)
        self._counts[f'requests_total{{path="{_known(request.path)}",status="{response.status}"}}'] += 1
        return response

    async def _score(self, request: web.Request) -> web.Response:
        rows, single = await self._read(request)
        begun = time.perf_counter()
        self._under_way += 1
        try:
            answers = await self._pool.score(rows)
        finally:
            self._under_way -= 1
            self._seconds += time.perf_counter() - begun
        self._counts["rollouts_total"] += len(answers)
        for answer in answers:
            for name in answer["unscored"]:
                self._counts[f'unscored_total{{part="{name}"}}'] += 1
        return web.json_response(answers[0] if single else answers)

    async def _read(self, request: web.Request) -> tuple[list[Asked], bool]:
        """The rollouts of a request, and whether it was one alone."""
        if request.content_type != "application/json":
            raise _Refused(415, "send JSON, with Content-Type: application/json")
        try:
            body = json.loads(await request.read())
        except (ValueError, RecursionError):
            raise _Refused(400, "the body is no JSON") from None
        single = isinstance(body, dict) and "rollouts" not in body
        rows = [body] if single else body["rollouts"] if isinstance(body, dict) else body
        if not isinstance(rows, list):
            raise _Refused(400, 'send {"example_id": …, "response": …}, or a list of such')
        if len(rows) > self._most_rows:
            raise _Refused(413, f"{len(rows)} rollouts in one request; send {self._most_rows} at most")
        return [Asked.of(row) for row in rows], single

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", **self._pool.about()})

    async def _metrics(self, request: web.Request) -> web.Response:
        lines = [f"perceptdata_rewards_{name} {count}" for name, count in sorted(self._counts.items())]
        lines.append(f"perceptdata_rewards_seconds_total {self._seconds:.6f}")
        lines.append(f"perceptdata_rewards_under_way {self._under_way}")
        return web.Response(text="\n".join(lines) + "\n", content_type="text/plain")


class _Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def _known(path: str) -> str:
    """The path, or `other`: a stranger must not make new counters."""
    return path if path in ("/score", "/health", "/metrics") else "other"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_open(host: str, token: str | None) -> None:
    """Raises UsageError where others could reach the server without a token."""
    if token is None and not is_loopback(host):
        raise UsageError(
            f"{host} can be reached from other machines: put a token into an environment variable and name it with "
            "--token-env, or serve on 127.0.0.1"
        )


async def serve(server: RewardServer, host: str, port: int, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    """Serve until `stop` is set; what is under way then finishes. `ready` is told the url, once it answers.

    Raises UsageError where the port cannot be had.
    """
    runner = web.AppRunner(server.app, access_log=None, shutdown_timeout=PATIENCE)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        address = runner.addresses[0]
        ready(f"http://{f'[{address[0]}]' if ':' in address[0] else address[0]}:{address[1]}")
        await stop.wait()
    except OSError as error:
        raise UsageError(f"nothing can be served on {host}:{port} ({error.strerror}); name another --port") from error
    finally:
        await runner.cleanup()


async def serve_until_told(server: RewardServer, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await serve(server, host, port, ready, stop)
