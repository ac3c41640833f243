"""The `llm` judge against an endpoint that answers after 50 ms: `python benchmarks/judge.py [--captions 2000]`.

Captions of drawn graphs, an image each, are judged claim by claim over the whole way: images, cache, checks of the
reply, verdicts on disk. The stub runs in a process of its own and supports whatever it is asked. Wall time, since
concurrency / latency is a claim about it. Prints JSON; hold: asking >= 90 % of concurrency / latency at 400 calls
a second (20 in flight).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LATENCY, IN_FLIGHT = 0.05, (20, 64)
CLAIM = re.compile(r'\[(\d+)\] (\\"(?:[^"\\]|\\.)*\\")')


class Stub(asyncio.Protocol):
    """HTTP/1.1: supports every numbered claim of a request, after the latency."""

    def __init__(self) -> None:
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where to answer."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each whole request."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            length = int(re.search(rb"content-length: *(\d+)", self._received[:end], re.I)[1])
            if len(self._received) < end + 4 + length:
                return
            body = self._received[end + 4 : end + 4 + length].decode()
            del self._received[: end + 4 + length]
            asyncio.get_running_loop().call_later(LATENCY, self._answer, _reply(body))

    def _answer(self, response: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(response)


def _reply(body: str) -> bytes:
    found = {int(number): json.loads(json.loads(f'"{claim}"')) for number, claim in CLAIM.findall(body)}
    verdicts = [
        {"id": number, "words": " ".join(text.split()[:4]), "evidence": "drawn so", "verdict": "supported"}
        for number, text in found.items()
    ]
    text = json.dumps({"verdicts": verdicts})
    message = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 400, "completion_tokens": 60, "total_tokens": 460}
    said = json.dumps({"object": "chat.completion", "model": "stub", "choices": [message], "usage": usage}).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(said) + said


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def stub() -> Iterator[str]:
    process = subprocess.Popen([sys.executable, __file__, "--stub"], stdout=subprocess.PIPE, text=True, env=os.environ)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
    finally:
        process.kill()
        process.wait()


def judged(folder: Path, url: str, captions: int, in_flight: int) -> dict[str, float]:
    """Seconds of asking and of the whole step, on a workspace of its own."""
    from perceptdata.steps.declared import make_step
    from perceptdata.steps.run import plan_step, run_step
    from perceptdata.workspace import Workspace

    ws = Workspace.create(folder)
    with ws.lock("bench"):
        run_step(ws, "graphs", make_step("build", {"use": "graph_coloring", "rows": {"train_rl": captions}}))
        run_step(ws, "caps", make_step("caption", {"from": "facts"}))
        endpoint = {"urls": [url], "model": "stub", "concurrency": in_flight}
        judge = {"from": "caps", "use": [{"llm": {"endpoint": endpoint}}], "probes": []}
        step = make_step("judge", judge)
        shards = plan_step(ws, "judged", step).todo
        begun = time.perf_counter()
        step.prepare(ws, "judged", shards, lambda done, total, rows: None)
        asked = time.perf_counter() - begun
        done = run_step(ws, "judged", step)
        whole = time.perf_counter() - begun
    calls = float((done.spent or {})["calls"])
    verdicts = float(done.made["layers/verdicts"])
    ideal = in_flight / LATENCY
    return {
        "calls": calls,
        "verdicts": verdicts,
        "calls_per_s": round(calls / asked, 1),
        "of_ideal": round(calls / asked / ideal, 3),
        "verdicts_per_s": round(verdicts / whole, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--captions", type=int, default=2000)
    parser.add_argument("--stub", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stub:
        asyncio.run(serve())
    found = {}
    with tempfile.TemporaryDirectory() as folder, stub() as url:
        judged(Path(folder) / "warm", url, 20, IN_FLIGHT[0])  # imports and connections are no part of a rate
        for in_flight in IN_FLIGHT:
            found[str(in_flight)] = judged(Path(folder) / str(in_flight), url, options.captions, in_flight)
    print(json.dumps({"latency_s": LATENCY, "in_flight": found, "hold": {"of_ideal": 0.9, "at": "20"}}, indent=1))


if __name__ == "__main__":
    main()
