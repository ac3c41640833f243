"""The model client against a stub that answers after a while: `python benchmarks/llm.py [--responses 100000]`.

    aiohttp       raw requests, the answer parsed as JSON: what the machine can do
    sdk           the openai SDK as it comes, on httpx
    sdk_aiohttp   the SDK on its aiohttp transport
    ours          `run_requests` with the cache on: every answer is on disk before it counts

The stub and each route run in processes of their own. Requests a second are of wall time, best of several rounds, since
concurrency / latency is a claim about wall time; CPU milliseconds a request say what else the core could do. Then a run
of 10,000 calls is killed half way and resumed while the stub counts what is asked twice, and a run of `--responses`
calls shows whether memory stays flat. Prints JSON; hold: `ours` >= 90 % of concurrency / latency at 400 requests/s, no
answered call repeated, memory of the long run <= 1.1 x that of one a tenth as long.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from _measure import fresh, held

ROUTES = ("aiohttp", "sdk", "sdk_aiohttp", "ours")
# Calls in flight and the stub's latency in seconds. The first two come to the 400 requests/s that are to be held.
SETTINGS = ((20, 0.05), (64, 0.16), (64, 0.05), (256, 0.05))
ROUNDS = 3
PROMPT = "What is the length of side AB in the figure? " * 8
ANSWER = "<think>AB is twice as long as BC, which is 4.</think> So \\boxed{8}. " * 8

Ask = Callable[[int], Awaitable[object]]


# The stub


def _response() -> bytes:
    message = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": ANSWER}}
    usage = {"prompt_tokens": 90, "completion_tokens": 160, "total_tokens": 250}
    return _http(json.dumps({"object": "chat.completion", "model": "stub", "choices": [message], "usage": usage}))


def _http(text: str) -> bytes:
    body = text.encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body


class Stub(asyncio.Protocol):
    """HTTP/1.1 with as little work as possible; counts equal bodies. `GET` tells how many were asked, and how often."""

    asked: ClassVar[Counter[int]] = Counter()
    latency: ClassVar[float] = 0.05
    response: ClassVar[bytes] = _response()

    def __init__(self) -> None:
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where to answer."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each whole request after the latency."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._received[:end]).lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n")[0]) if at >= 0 else 0
            if len(self._received) < end + 4 + length:
                return
            body = bytes(self._received[end + 4 : end + 4 + length])
            del self._received[: end + 4 + length]
            if not length:
                told = {"asked": self.asked.total(), "different": len(self.asked)}
                self._transport.write(_http(json.dumps(told)))
                continue
            self.asked[hash(body)] += 1
            asyncio.get_running_loop().call_later(self.latency, self._answer)

    def _answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(self.response)


async def serve(latency: float) -> None:
    Stub.latency = latency
    server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def stub(latency: float = 0.05) -> Iterator[str]:
    """A stub in a process of its own; its url."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--stub", str(latency)], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
    finally:
        process.kill()
        process.wait()


# The routes


def _body(number: int) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": f"{PROMPT}{number}"}], "max_tokens": 512}


async def _drive(ask: Ask, in_flight: int, calls: int) -> dict[str, Any]:
    """The rate of `calls` calls, after a first round that opens the connections."""
    await asyncio.gather(*(ask(-number) for number in range(1, in_flight + 1)))
    numbers = iter(range(calls))

    async def work() -> None:
        for number in numbers:
            await ask(number)

    began = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(in_flight)))
    return _measured(calls, *began)


def _measured(calls: int, wall: float, cpu: float) -> dict[str, Any]:
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"requests_per_second": calls / wall, "cpu_ms_per_request": 1000 * cpu / calls}


async def _aiohttp(url: str, in_flight: int, calls: int) -> dict[str, Any]:
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=in_flight)) as session:

        async def ask(number: int) -> None:
            async with session.post(f"{url}/chat/completions", json=_body(number)) as response:
                json.loads(await response.read())

        return await _drive(ask, in_flight, calls)


async def _sdk(url: str, in_flight: int, calls: int, aiohttp: bool) -> dict[str, Any]:
    import httpx2
    from openai import AsyncOpenAI, DefaultAioHttpClient

    http = DefaultAioHttpClient(limits=httpx2.Limits(max_connections=in_flight)) if aiohttp else None
    async with AsyncOpenAI(base_url=url, api_key="none", http_client=http) as client:

        async def ask(number: int) -> None:
            await client.chat.completions.create(**_body(number))

        return await _drive(ask, in_flight, calls)


def _ours(url: str, in_flight: int, calls: int, folder: Path) -> dict[str, Any]:
    from perceptdata.llm import Endpoint, Ledger, ReplyCache, Request, Sampling, run_requests, user

    def rows(numbers: range) -> Iterator[Request]:
        return (Request((user(f"{PROMPT}{number}"),), Sampling(max_tokens=512)) for number in numbers)

    began = 0.0, 0.0

    def watch(done: int, ledger: Ledger) -> None:
        nonlocal began
        if done == in_flight:  # as for the others, the first round opens the connections
            began = time.perf_counter(), time.process_time()

    endpoint = Endpoint(urls=(url,), model="m", concurrency=in_flight)
    with ReplyCache(folder / "replies.sqlite", step="bench") as replies:
        run = run_requests(rows(range(calls + in_flight)), endpoint, replies, watch=watch)
        result = _measured(calls, *began)
        assert run.done == len(replies) == calls + in_flight
    return result


def run_route(name: str, url: str, in_flight: int, calls: int) -> dict[str, Any]:
    if name == "ours":
        with tempfile.TemporaryDirectory() as folder:
            return _ours(url, in_flight, calls, Path(folder))
    if name == "aiohttp":
        return asyncio.run(_aiohttp(url, in_flight, calls))
    return asyncio.run(_sdk(url, in_flight, calls, aiohttp=name == "sdk_aiohttp"))


# What is measured


def speed(calls: int) -> dict[str, dict[str, dict[str, float]]]:
    """By setting and route: the best of the rounds, in which the routes take turns to meet the same neighbours."""
    table: dict[str, dict[str, dict[str, float]]] = {}
    for in_flight, latency in SETTINGS:
        of_routes: dict[str, list[dict[str, float]]] = {route: [] for route in ROUTES}
        with stub(latency) as url:
            for _ in range(ROUNDS):
                for route, rounds in of_routes.items():
                    rounds.append(fresh(__file__, "--route", route, url, in_flight, calls))
        table[_name(in_flight, latency)] = {
            route: _best(rounds, in_flight / latency) for route, rounds in of_routes.items()
        }
    return table


def _name(in_flight: int, latency: float) -> str:
    return f"{in_flight} in flight, {1000 * latency:g} ms"


def _best(rounds: list[dict[str, float]], ideal: float) -> dict[str, float]:
    rate = max(round_["requests_per_second"] for round_ in rounds)
    cpu = min(round_["cpu_ms_per_request"] for round_ in rounds)
    return {
        "requests_per_second": round(rate),
        "of_concurrency_over_latency": round(rate / ideal, 3),
        "cpu_ms_per_request": round(cpu, 2),
    }


def kill_and_resume(calls: int, in_flight: int = 64) -> dict[str, int]:
    """Kill a run half way, run it again, and ask the stub what it was asked twice."""
    script = (
        "import sys; from pathlib import Path; from perceptdata.llm import *\n"
        "with ReplyCache(Path(sys.argv[2]), 'bench') as replies:\n"
        f"    rows = (Request((user(f'row {{number}}'),)) for number in range({calls}))\n"
        f"    run_requests(rows, Endpoint(urls=(sys.argv[1],), model='m', concurrency={in_flight}), replies,\n"
        "                 on_reply=lambda *_: print(flush=True))"
    )
    with stub() as url, tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", script, url, str(Path(folder) / "replies.sqlite")]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        told = 0
        while told < calls // 2 and process.stdout.readline():
            told += 1
        process.send_signal(signal.SIGKILL)
        told += len(process.stdout.readlines())  # what it had said before it died
        process.wait()
        before = _asked(url)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = _asked(url)
    repeated = after["asked"] - after["different"]
    return {
        "calls": calls,
        "asked_before_the_kill": before["asked"],
        "answered_before_the_kill": told,
        "under_way_at_the_kill": before["asked"] - told,
        "asked_in_all": after["asked"],
        "repeated": repeated,
        "repeated_beyond_those_under_way": max(0, repeated - (before["asked"] - told)),
    }


def _asked(url: str) -> dict[str, int]:
    import urllib.request

    with urllib.request.urlopen(url) as response:
        return json.loads(response.read())


def memory(responses: int) -> dict[str, int]:
    """The most memory that a run of so many responses and one a tenth as long held, in MiB."""
    with stub(0.001) as url:
        peaks = {
            count: fresh(__file__, "--route", "ours", url, 256, count)["peak_memory_mib"]
            for count in (responses // 10, responses)
        }
    return {f"{count:,} responses": peak for count, peak in peaks.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=4000, help="a round of each route")
    parser.add_argument("--killed", type=int, default=10_000)
    parser.add_argument("--responses", type=int, default=100_000)
    parser.add_argument("--stub", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--route", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stub is not None:
        asyncio.run(serve(options.stub))
        return
    if options.route:
        name, url, in_flight, calls = options.route
        print(json.dumps(run_route(name, url, int(in_flight), int(calls))))
        return
    table, killed, peaks = speed(options.calls), kill_and_resume(options.killed), memory(options.responses)
    short, long = peaks.values()
    at_400 = [_name(*setting) for setting in SETTINGS[:2]]
    report = {
        "speed": table,
        "most_requests_per_second": max(rates["ours"]["requests_per_second"] for rates in table.values()),
        "killed_and_resumed": killed,
        "peak_memory_mib": peaks,
        "hold": [
            *(
                held(
                    f"of concurrency / latency, {name}",
                    table[name]["ours"]["of_concurrency_over_latency"],
                    at_least=0.9,
                )
                for name in at_400
            ),
            held("answered calls repeated after a kill", killed["repeated_beyond_those_under_way"], at_most=0),
            held("memory of the long run over the short one", long / short, at_most=1.1),
        ],
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
