"""A real OpenAI-compatible server: `transformers serve` with a tiny random model, on a port of the loopback."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

import pytest
from services.ports import free_port


class Server(NamedTuple):
    """Where it listens, and the folder of the model it serves, which is also the model's name."""

    url: str
    model: str


def answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@pytest.fixture(scope="session")
def server(tiny: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A tiny LLaVA behind `transformers serve`, in float32 on the CPU.

    LLaVA, because the server builds the whole processor, and that of Qwen-VL cannot be built without torchvision.
    """
    folder, home, port = tiny("llava"), tmp_path_factory.mktemp("home"), free_port()
    (home / "hub").mkdir()  # /v1/models fails where there is no such folder
    command = [str(Path(sys.executable).parent / "transformers"), "serve", str(folder)]
    command += ["--device", "cpu", "--dtype", "float32", "--host", "127.0.0.1", "--port", str(port)]
    log = home / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, "HF_HOME": str(home)}
        )
    try:
        until = time.monotonic() + 120
        while not answers(port):
            if process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"transformers serve did not start:\n{log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.2)
        yield Server(f"http://127.0.0.1:{port}/v1", str(folder))
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
