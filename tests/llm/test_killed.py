"""`kill -9` of a run of thousands of calls: what had arrived is never asked again.

A call is *answered* once the client was told of it (it is on disk by then), and *under way* from when it is sent until
then. No answered call may be repeated; those under way at the kill may, and there are at most twice `concurrency`: as
many at the server, as many being saved. The server counts.
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from llm.server import Say, Server, last

from perceptdata.llm import ReplyCache

CONCURRENCY, CALLS = 32, 3000
CLIENT = f"""
import os, sys
from pathlib import Path
from perceptdata.llm import Endpoint, ReplyCache, Request, run_requests, user
told = os.open(sys.argv[3], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
rows = (Request((user(f"question {{number}}"),)) for number in range({CALLS}))
with ReplyCache(Path(sys.argv[2]), step="cot") as replies:
    run_requests(
        rows, Endpoint(urls=(sys.argv[1],), model="m", concurrency={CONCURRENCY}), replies,
        on_reply=lambda request, reply: os.write(told, f"{{reply.text}}\\n".encode()),
    )
"""


def test_a_killed_run_goes_on_without_one_repeated_call(tmp_path: Path) -> None:
    path = tmp_path / "replies.sqlite"
    with Server(lambda asked, times: Say.text(last(asked), delay=0.01)) as server:

        def start(told: str) -> subprocess.Popen[bytes]:
            return subprocess.Popen([sys.executable, "-c", CLIENT, server.url, path, tmp_path / told])

        def times() -> Counter[str]:
            return Counter(last(asked) for asked in server.asked)

        answered: dict[str, int] = {}  # and how often it had been asked by then
        for attempt, asked in enumerate((500, 1200)):
            process = start(f"told-{attempt}")
            while len(server.asked) < asked:
                assert process.poll() is None
                time.sleep(0.005)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            told, by_now = (tmp_path / f"told-{attempt}").read_text().splitlines()[:-1], times()
            assert len(told) > asked - 4 * CONCURRENCY
            answered = {question: by_now[question] for question in told} | answered
        assert len(server.asked) < CALLS
        assert start("told-last").wait(120) == 0

        in_the_end = times()
        assert len(in_the_end) == CALLS
        assert {question: in_the_end[question] for question in answered} == answered
        assert in_the_end.total() - CALLS <= 2 * 2 * CONCURRENCY  # two kills
    with ReplyCache(path) as replies:
        assert len(replies) == CALLS
        ledger = replies.ledgers()["cot"]
    # The ledger is in the same commits, and has what was spent: a call under way at a kill was paid for twice.
    assert CALLS <= ledger.calls <= CALLS + 4 * CONCURRENCY
    assert CALLS <= ledger.prompt_tokens / 10 <= ledger.calls
