"""Replies on disk."""

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from perceptdata.errors import WorkspaceError
from perceptdata.llm import ERRORS, Ledger, Reply, ReplyCache
from perceptdata.llm.reply import PAID

KEY = "ab" * 32
WHOLE = Reply(
    text="½ x\0y\n😀",
    reasoning="hm",
    finish_reason="stop",
    model="served-1",
    prompt_tokens=10,
    completion_tokens=5,
    cost=0.25,
    seconds=1.5,
    parsed={"holds": [True, None, 1.5, "é"]},
    error=None,
    message="",
    calls=2,
)


def test_what_is_put_comes_back_equal(replies: ReplyCache) -> None:
    assert replies.get(KEY) is None
    asyncio.run(replies.put(KEY, WHOLE))
    asyncio.run(replies.put("cd" * 32, Reply("")))
    assert replies.get(KEY) == WHOLE
    assert replies.get("cd" * 32) == Reply("")
    assert len(replies) == 2


def test_the_latest_counts_and_nothing_is_lost(replies: ReplyCache) -> None:
    replies.put_all([(KEY, Reply("first", error="length")), (KEY, Reply("second"))])
    assert replies.get(KEY) == Reply("second")
    rows = sqlite3.connect(replies.path).execute("select text from replies order by id").fetchall()
    assert rows == [("first",), ("second",)]
    assert len(replies) == 1


@pytest.mark.parametrize("error", [None, *ERRORS])
def test_what_was_paid_for_is_not_asked_again_unless_wanted(replies: ReplyCache, error: str | None) -> None:
    replies.put_all([(KEY, Reply("x", error=error))])
    assert (replies.settled(KEY) is not None) == (error is None or error in PAID)
    assert (replies.settled(KEY, retry_failed=True) is not None) == (error is None)


def test_replies_that_arrive_together_are_committed_together(
    replies: ReplyCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits, commit = [], replies._commit
    monkeypatch.setattr(replies, "_commit", lambda rows, note: (commits.append(len(rows)), commit(rows, note)))

    async def go() -> None:
        await asyncio.gather(*(replies.put(f"{n:064x}", Reply(str(n))) for n in range(500)))

    asyncio.run(go())
    assert (len(replies), sum(commits)) == (500, 500)
    assert len(commits) < 10


def test_a_reply_is_on_disk_when_put_returns(replies: ReplyCache) -> None:
    other = sqlite3.connect(replies.path)

    async def go() -> None:
        for number in range(5):
            await replies.put(f"{number:064x}", Reply(""))
            assert other.execute("select count(*) from replies").fetchone() == (number + 1,)

    asyncio.run(go())


def test_the_ledger_is_in_the_same_commit_and_runs_add_up(tmp_path: Path) -> None:
    path = tmp_path / "replies.sqlite"
    for step, calls in (("cot", 3), ("cot", 4), ("caps", 1)):
        with ReplyCache(path, step) as replies:
            replies.ledger.calls = calls
            asyncio.run(replies.put(KEY, Reply("")))
            assert ReplyCache(path).ledgers()[step].calls >= calls  # before anything is closed
            replies.ledger.cached = 10
    with ReplyCache(path, "looks on") as replies:
        found = replies.ledgers()
    assert {step: (ledger.calls, ledger.cached) for step, ledger in found.items()} == {"cot": (7, 20), "caps": (1, 10)}
    assert ReplyCache(path).ledgers() == found  # one that spent nothing left no line


def test_what_is_typical_of_a_step(tmp_path: Path) -> None:
    path = tmp_path / "replies.sqlite"
    with ReplyCache(path, "other") as replies:
        replies.put_all([(KEY, Reply("x", seconds=100.0, completion_tokens=9))])
    with ReplyCache(path, "cot") as replies:
        assert replies.typical("cot") is None
        replies.put_all(
            [
                ("01" * 32, Reply("x", seconds=2.0, completion_tokens=100, calls=2)),
                ("02" * 32, Reply("x", seconds=3.0, completion_tokens=150)),
                ("03" * 32, Reply("", seconds=99.0, completion_tokens=999, error="length")),
            ]
        )
        assert replies.typical("cot") == (2.0, 100.0)  # (2/2 + 3) / 2, (100/2 + 150) / 2


WRITER = """
import asyncio, sys
from pathlib import Path
from perceptdata.llm import Reply, ReplyCache
async def go(replies):
    for number in range(50):
        await replies.put(f"{sys.argv[2]}{number:062x}", Reply("x"))
with ReplyCache(Path(sys.argv[1]), sys.argv[2]) as replies:
    replies.ledger.calls = 50
    asyncio.run(go(replies))
"""


def test_processes_may_share_it(tmp_path: Path) -> None:
    path = tmp_path / "replies.sqlite"
    names = ["a1", "b2", "c3"]
    running = [subprocess.Popen([sys.executable, "-c", WRITER, path, name]) for name in names]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    with ReplyCache(path) as replies:
        assert len(replies) == 150
        assert {step: ledger.calls for step, ledger in replies.ledgers().items()} == dict.fromkeys(names, 50)


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "replies.sqlite"
    ReplyCache(path).close()
    connection = sqlite3.connect(path)
    connection.execute("pragma user_version = 99")
    connection.close()
    with pytest.raises(WorkspaceError, match="newer perceptdata"):
        ReplyCache(path)


def test_what_is_no_database_is_said(tmp_path: Path) -> None:
    path = tmp_path / "replies.sqlite"
    path.write_bytes(b"not a database, but long enough to look like a file of its own kind" * 20)
    with pytest.raises(WorkspaceError, match=r"replies\.sqlite cannot be used"):
        ReplyCache(path)


def test_a_full_disk_stops_whoever_waits(replies: ReplyCache) -> None:
    """SQLite's own limit on pages stands for the disk's."""
    replies._writer.execute("pragma max_page_count = 30")

    async def go() -> list[BaseException | None]:
        puts = (replies.put(f"{n:064x}", Reply("x" * 10_000)) for n in range(50))
        return await asyncio.gather(*puts, return_exceptions=True)

    said = asyncio.run(go())
    assert {type(error) for error in said} == {WorkspaceError}
    assert "full" in str(said[0])
    replies._writer.execute("pragma max_page_count = 100000")
    asyncio.run(replies.put(KEY, WHOLE))  # and it can go on
    assert replies.get(KEY) == WHOLE


def test_other_tools_can_read_the_file(replies: ReplyCache) -> None:
    replies.ledger = Ledger(calls=1)
    replies.put_all([(KEY, WHOLE)])
    connection = sqlite3.connect(f"file:{replies.path}?mode=ro", uri=True)
    assert connection.execute("select text, error, calls from replies join runs using (run)").fetchone() == (
        WHOLE.text,
        None,
        2,
    )
