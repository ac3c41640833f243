"""The process is killed at twenty moments: the repository always loads, and always at one version."""

import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hub.server import Hub

REPO = "tester/toys"
MOMENTS = 20
SHARDS = 4


class Publisher:
    """The process, and what it was asked last."""

    def __init__(self, hub: Hub, scratch: Path, root: Path) -> None:
        env = {**os.environ, **hub.environment(), "HF_HUB_DISABLE_XET": "1", "PYTHONPATH": str(root / "tests")}
        script = root / "tests" / "hub" / "publisher.py"
        self._process = subprocess.Popen(
            [sys.executable, str(script), str(scratch)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
        )

    def begin(self, version: str, **more: object) -> int:
        assert self._process.stdin
        asked = {"repo": REPO, "version": version, "shards": SHARDS, "pause": 0.005, **more}
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        return int(self._line())

    def end(self) -> int:
        """The status: 0, or by which signal it ended."""
        assert self._process.stdin
        print(file=self._process.stdin, flush=True)
        return int(self._line())

    def _line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(10)


@pytest.fixture
def publisher(hub: Hub, scratch: Path, root: Path) -> Iterator[Publisher]:
    process = Publisher(hub, scratch, root)
    yield process
    process.close()


def loaded(hub: Hub) -> str:
    """The one version that all rows of all files on main are of, read by the manifest there."""
    said = json.loads(hub.read(REPO, "manifest.json"))
    paths = [file["path"] for file in said["files"]]
    assert sorted(paths) == sorted(path for path in hub.repos[REPO].head.files if path.endswith(".parquet"))
    versions = {said["version"]}
    for path in paths:
        versions |= set(pq.read_table(io.BytesIO(hub.read(REPO, path)))["version"].to_pylist())
    assert len(versions) == 1
    return versions.pop()


@pytest.mark.slow
def test_a_killed_publication_leaves_one_version(hub: Hub, publisher: Publisher) -> None:
    chance = random.Random(20)
    publisher.begin("first")
    assert publisher.end() == 0
    began = time.monotonic()
    publisher.begin("second")
    assert publisher.end() == 0
    whole = time.monotonic() - began
    before, struck, resumed = "second", 0, 0
    for moment in range(MOMENTS):
        version = f"version {moment}"
        pid = publisher.begin(version)
        time.sleep(chance.uniform(0, 1.1) * whole)
        os.kill(pid, signal.SIGKILL)
        struck += publisher.end() == signal.SIGKILL
        now = loaded(hub)
        assert now in (before, version)
        if chance.random() < 0.5:
            sent = hub.asked("PUT /lfs/")
            publisher.begin(version)
            assert publisher.end() == 0
            now = loaded(hub)
            assert now == version
            resumed += hub.asked("PUT /lfs/") - sent < SHARDS
        before = now
    assert struck >= MOMENTS // 2
    assert resumed >= 3
    tags = hub.repos[REPO].tags.values()
    assert len(set(tags)) == len(tags)  # a version has one name


@pytest.mark.slow
def test_a_killed_merge_leaves_one_version(
    hub: Hub, publisher: Publisher, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same where the commit is a pull request's: it goes on with the same one."""
    chance = random.Random(4)
    publisher.begin("first")
    assert publisher.end() == 0
    for _ in range(6):
        pid = publisher.begin("second", target={"pr": True})
        time.sleep(chance.uniform(0.02, 0.5))
        os.kill(pid, signal.SIGKILL)
        publisher.end()
        assert loaded(hub) == "first"
    publisher.begin("second", target={"pr": True})
    assert publisher.end() == 0
    assert [pull.status for pull in hub.repos[REPO].pulls] == ["open"]
