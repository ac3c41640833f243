"""Every answer that was paid for, kept: one SQLite file, written before an answer is handed on.

    with ReplyCache(folder / "replies.sqlite", step="cot") as replies:
        replies.get(key)                     # the latest Reply to this key, or None
        await replies.put(key, reply)        # returns once it is on disk
        replies.ledgers()                    # {"cot": Ledger, …}: what was ever spent here, by step

The file is a log: rows are added, never changed, and the latest of a key counts. Answers that arrive together are
committed together, each commit is synced, and the run's ledger goes into the same commit, so that a kill at any moment
leaves both. Several processes may share the file; on a network file system only those of one machine, for the index of
SQLite's log lies in shared memory.
"""

from __future__ import annotations

import asyncio
import json
import math
import sqlite3
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any

from perceptdata.errors import WorkspaceError
from perceptdata.llm.ledger import Ledger
from perceptdata.llm.reply import PAID, Reply
from perceptdata.records import canonical_json

FORMAT = 1
BUSY_SECONDS = 120.0  # how long another process may hold the file
COMMIT_SECONDS = 0.02  # between commits: each takes the interpreter from the calls for a moment

_TABLES = """
create table replies (
    id integer primary key,
    key blob not null,
    run text not null,
    error text, message text not null,
    text text not null, reasoning text, parsed text,
    finish_reason text, model text,
    prompt_tokens integer, completion_tokens integer, cost real, seconds real not null, calls integer not null
);
create index replies_key on replies (key);
create table runs (run text primary key, step text not null, started text not null, ledger text not null);
"""
_COLUMNS = tuple(field.name for field in fields(Reply))
_NAMED = ", ".join(_COLUMNS)
_INSERT = f"insert into replies (key, run, {_NAMED}) values (?, ?{', ?' * len(_COLUMNS)})"
_SELECT = f"select {_NAMED} from replies where key = ? order by id desc limit 1"
_NOTE_RUN = "insert into runs values (?, ?, ?, ?) on conflict (run) do update set ledger = excluded.ledger"

Saved = asyncio.Future[None]


class ReplyCache:
    """The answers of one workspace. `step` is whose ledger this run's spending is entered under."""

    def __init__(self, path: Path, step: str = "") -> None:
        self.path, self.step = path, step
        self.run = uuid.uuid4().hex
        self.ledger = Ledger()
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._reader, self._writer = self._open(), self._open()
        except (OSError, sqlite3.Error) as error:
            raise self._trouble(error) from error
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="replies")
        self._pending: list[tuple[tuple[Any, ...], Saved]] = []
        self._saving: asyncio.Task[None] | None = None
        self._saved_at = -math.inf

    def _open(self) -> sqlite3.Connection:
        # One connection reads, where the answers are asked for; the other writes, in a thread of its own.
        connection = sqlite3.connect(self.path, BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")
        connection.execute("begin immediate")
        (version,) = connection.execute("pragma user_version").fetchone()
        if version == 0:
            for statement in _TABLES.split(";"):
                connection.execute(statement)
            connection.execute(f"pragma user_version = {FORMAT}")
        connection.execute("commit")
        if version > FORMAT:
            raise WorkspaceError(f"{self.path} was written by a newer perceptdata; update this one to read it")
        return connection

    def close(self) -> None:
        """Save this run's ledger and close the file."""
        try:
            if self._has_spent():
                self._thread.submit(self._commit, [], self._note()).result()
        finally:
            self._thread.shutdown()
            self._reader.close()
            self._writer.close()

    def __enter__(self) -> ReplyCache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return self._read("select count(*) from (select distinct key from replies)")[0][0]

    def get(self, key: str) -> Reply | None:
        """The latest reply to this key."""
        rows = self._read(_SELECT, bytes.fromhex(key))
        if not rows:
            return None
        values = dict(zip(_COLUMNS, rows[0], strict=True))
        if values["parsed"] is not None:
            values["parsed"] = json.loads(values["parsed"])
        return Reply(**values)

    def settled(self, key: str, retry_failed: bool = False) -> Reply | None:
        """The reply that makes asking again needless, if there is one: usable, or a failure that was paid for."""
        reply = self.get(key)
        if reply is None or reply.ok or (reply.error in PAID and not retry_failed):
            return reply
        return None

    async def put(self, key: str, reply: Reply) -> None:
        """Keep a reply. Returns when it is on disk; WorkspaceError when it cannot be written."""
        saved = asyncio.get_running_loop().create_future()
        self._pending.append((self._row(key, reply), saved))
        if self._saving is None:
            self._saving = asyncio.create_task(self._save_pending())
        await saved

    async def flush(self) -> None:
        """Wait until all that was put is on disk, whoever no longer waits for it."""
        if self._saving is not None:
            await self._saving

    async def _save_pending(self) -> None:
        """Commit what is there, and what came meanwhile, until nothing is."""
        loop = asyncio.get_running_loop()
        try:
            while self._pending:
                await asyncio.sleep(self._saved_at + COMMIT_SECONDS - loop.time())
                batch, self._pending = self._pending, []
                rows = [row for row, _ in batch]
                failure: Exception | None = None
                try:
                    await loop.run_in_executor(self._thread, self._commit, rows, self._note())
                except WorkspaceError as error:
                    failure = error
                self._saved_at = loop.time()
                for _, saved in batch:
                    if not saved.done():  # cancelled: nobody waits any more
                        _resolve(saved, failure)
        finally:
            self._saving = None

    def put_all(self, replies: Iterable[tuple[str, Reply]]) -> None:
        """Keep many replies at once, outside any loop."""
        self._thread.submit(self._commit, [self._row(key, reply) for key, reply in replies], self._note()).result()

    def ledgers(self) -> dict[str, Ledger]:
        """What all runs together have spent, by step."""
        found: dict[str, Ledger] = {}
        for step, ledger in self._read("select step, ledger from runs order by rowid"):
            found[step] = found.get(step, Ledger()) + Ledger.from_json(json.loads(ledger))
        return found

    def typical(self, step: str, latest: int = 1000) -> tuple[float, float] | None:
        """Seconds and completion tokens of a call, on average over the latest usable replies of a step."""
        question = (
            "select avg(seconds / calls), avg(completion_tokens / calls) from (select replies.* from replies "
            "join runs using (run) where step = ? and error is null and completion_tokens is not null "
            "order by replies.id desc limit ?)"
        )
        ((seconds, tokens),) = self._read(question, step, latest)
        return None if seconds is None else (seconds, tokens)

    def _row(self, key: str, reply: Reply) -> tuple[Any, ...]:
        values = {name: getattr(reply, name) for name in _COLUMNS}
        if reply.parsed is not None:
            values["parsed"] = canonical_json(reply.parsed)
        return (bytes.fromhex(key), self.run, *values.values())

    def _has_spent(self) -> bool:
        return self.ledger != Ledger()

    def _note(self) -> tuple[str, ...]:
        return (self.run, self.step, self._started, canonical_json(self.ledger.to_json()))

    def _commit(self, rows: list[tuple[Any, ...]], note: tuple[str, ...]) -> None:
        """One transaction, in the writer's thread."""
        try:
            self._writer.execute("begin immediate")
            try:
                self._writer.executemany(_INSERT, rows)
                self._writer.execute(_NOTE_RUN, note)
                self._writer.execute("commit")
            except BaseException:
                self._writer.rollback()
                raise
        except sqlite3.Error as error:
            raise self._trouble(error) from error

    def _read(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            return self._reader.execute(question, values).fetchall()
        except sqlite3.Error as error:
            raise self._trouble(error) from error

    def _trouble(self, error: Exception) -> WorkspaceError:
        return WorkspaceError(
            f"{self.path} cannot be used ({error}); free or mend its disk and run the same command again: "
            "what was saved before is intact"
        )


@contextmanager
def known_replies(path: Path, step: str = "") -> Iterator[ReplyCache]:
    """What is known so far, for a look: where there is no file yet, an empty cache that leaves nothing behind."""
    with TemporaryDirectory() as nowhere:
        file = path if path.exists() else Path(nowhere) / path.name
        with ReplyCache(file, step) as replies:
            yield replies


def _resolve(saved: Saved, failure: Exception | None) -> None:
    if failure is None:
        saved.set_result(None)
    else:
        saved.set_exception(failure)
