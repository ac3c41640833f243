"""What every test may rely on: one thread a library, no network, repeatable examples, real corpora where present."""

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and pyarrow size their pools
os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1")

if "PYTEST_XDIST_WORKER" in os.environ:  # which is deaf to Ctrl-C, and so would be every process that tests start
    signal.signal(signal.SIGINT, signal.default_int_handler)

import pytest
import toys
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK = {"localhost", "127.0.0.1", "::1"}

# `pytest --hypothesis-profile=default` searches at random instead.
settings.register_profile("ci", derandomize=True, deadline=None, database=None)
settings.load_profile("ci")


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """Connections leave this process for the loopback only; a test that needs more is in `tests/services/`."""
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def refuse_remote(address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else None  # a Unix socket's address is a path
        if host is not None and host not in LOOPBACK:
            raise OSError(f"tests reach the loopback only, not {host}")

    def guarded_connect(self: socket.socket, address: Any) -> None:
        refuse_remote(address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        refuse_remote(address)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        refuse_remote((host.decode() if isinstance(host, bytes) else host,))
        return getaddrinfo(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real corpora beside the checkout; tests that read it skip where it is absent."""
    folder = ROOT.parent / "shared"
    if not (folder / "corpora").is_dir():
        pytest.skip("the real corpora (../shared/corpora) are not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def toy_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that makes the toy plugins of `toys.py` findable for a process with it on the path."""
    site = tmp_path_factory.mktemp("site")
    toys.install(site)
    return site


@pytest.fixture
def with_toys(toy_site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy plugins can be found in this process, and by its workers."""
    monkeypatch.syspath_prepend(toy_site)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`tiny("qwen3_vl")`: the folder of a tiny random model of that family, built once (see `models/tiny.py`)."""
    from models import tiny as factory  # imports torch, which most tests do without

    where = tmp_path_factory.mktemp("models")
    return cache(lambda family: factory.write(family, where))


class Said(NamedTuple):
    """What a command left: its exit code, and what it wrote."""

    code: int
    out: str
    err: str


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A Hub on the loopback, which the huggingface_hub of this process takes for the Hub (see `hub/server.py`)."""
    from hub.server import Hub

    with Hub(tmp_path / "hub") as server:
        server.here(monkeypatch)
        yield server


@pytest.fixture
def cli(
    with_toys: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """`cli("build", "gsm8k")`: the command line in this process, standing in `tmp_path`."""
    from perceptdata.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("PERCEPTDATA_WORKSPACE", raising=False)

    def call(*words: object) -> Said:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["perceptdata", *map(str, words)])
        try:
            main()
            code: Any = 0
        except SystemExit as ended:
            code = ended.code or 0
        return Said(code, *capsys.readouterr())

    return call
