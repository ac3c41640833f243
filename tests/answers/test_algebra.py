"""The algebra processes: killed, replaced, recycled, asked from anywhere, never waited for in vain."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from perceptdata.answers.algebra import Algebra
from perceptdata.errors import WorkerError

TOWER = "9^{9^{9^9}}"


def pid(algebra: Algebra) -> int:
    worker = algebra._places.queue[-1]
    assert worker is not None
    return worker._process.pid


def test_a_pair_that_takes_too_long_costs_its_worker_alone() -> None:
    with Algebra(seconds=1) as algebra:
        assert algebra.compare("x^2-1", "(x-1)(x+1)") == "equal"
        first = pid(algebra)
        began = time.monotonic()
        assert algebra.compare("9", TOWER) == "timeout"
        assert time.monotonic() - began < 60  # two CPU seconds, on a machine that may be busy
        assert algebra.compare("x^2-1", "(x-1)(x+2)") == "different"
        assert pid(algebra) != first
        assert not Path(f"/proc/{first}").exists()


def test_what_cannot_be_read_says_whose_fault_it_is() -> None:
    with Algebra() as algebra:
        assert algebra.compare("x", r"\frac{") == "answer_unreadable"
        assert algebra.compare(r"\frac{", "x") == "gold_unreadable"
        assert algebra.compare("x", "x\n$ $") in ("answer_unreadable", "different")


def test_a_worker_that_is_killed_is_replaced() -> None:
    with Algebra() as algebra:
        assert algebra.compare("x+1", "1+x") == "equal"
        os.kill(pid(algebra), signal.SIGKILL)
        assert algebra.compare("x+1", "1+x") == "died"
        assert algebra.compare("x+1", "1+x") == "equal"


def test_workers_are_recycled() -> None:
    with Algebra(recycle=2) as algebra:
        assert algebra.compare("x+1", "1+x") == "equal"
        first = pid(algebra)
        assert algebra.compare("x+1", "1+x") == "equal"
        assert algebra.compare("x+1", "1+x") == "equal"
        assert pid(algebra) != first


def test_memory_is_bounded() -> None:
    with Algebra(megabytes=400, seconds=20) as algebra:
        assert algebra.compare("x+1", "1+x") == "equal"
        status = Path(f"/proc/{pid(algebra)}/status")
        assert algebra.compare("1", "2^{9999999999}+1") != "equal"  # 1.2 GB, were it computed
        held = [int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmPeak")]
        assert 0 < held[0] <= 400 * 1024
        assert algebra.compare("x+1", "1+x") == "equal"


def test_threads_may_ask_at_once() -> None:
    pairs = [(f"x+{n}", f"{n}+x" if n % 2 else f"{n + 1}+x") for n in range(12)]
    with Algebra(workers=2) as algebra, ThreadPoolExecutor(6) as threads:
        outcomes = list(threads.map(lambda pair: algebra.compare(*pair), pairs))
    assert outcomes == ["equal" if n % 2 else "different" for n in range(12)]


CHILD = """
import sys
from pathlib import Path
from perceptdata.answers.algebra import Algebra
with Algebra() as algebra:
    Path(sys.argv[1]).write_text(algebra.compare("x+1", "1+x"))
"""


def test_a_daemonic_spawned_worker_may_ask(tmp_path: Path) -> None:
    """Such a process may have no children by multiprocessing; ours are plain subprocesses."""
    script = f"""
import multiprocessing, sys
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.apply(exec, ({CHILD!r}, {{"sys": sys.argv[0] and None}}))
"""
    program = tmp_path / "program.py"
    program.write_text(script)
    said = tmp_path / "said"
    subprocess.run([sys.executable, str(program), str(said)], check=True)
    assert said.read_text() == "equal"


def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    """A parent that is killed leaves nothing behind."""
    script = (
        "import os, signal; from perceptdata.answers.algebra import Algebra; a = Algebra(); a.compare('x', 'x'); "
        "print(a._places.queue[-1]._process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    orphan = Path(f"/proc/{int(done.stdout)}/cmdline")
    for _ in range(100):
        try:
            if b"worker.py" not in orphan.read_bytes():
                return
        except (FileNotFoundError, ProcessLookupError):  # it ends between any two looks
            return
        time.sleep(0.1)
    pytest.fail("the worker outlived its parent")


def test_without_the_library_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "math_verify.py").write_text("raise ImportError\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Algebra() as algebra, pytest.raises(WorkerError, match="before it was ready; is math-verify there"):
        algebra.compare("x", "x")
