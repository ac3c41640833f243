"""The reward server over the loopback: answers, refusals, tokens, and how it stops."""

import asyncio
import json
import multiprocessing
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from rewards.conftest import DESCRIBE
from rewards.running import Running, call
from rewards.scenes import written

from perceptdata.errors import UsageError
from perceptdata.example import Example
from perceptdata.rewards.pool import Asked, Pool, Serving, _parted
from perceptdata.rewards.server import RewardServer, check_open, is_loopback, serve

TOKEN = "sesame"


@pytest.fixture(scope="module")
def serving(scene_ws: Path) -> Serving:
    return Serving(scene_ws, "visual_reasoning", DESCRIBE, {"outcome": 0.9, "format": 0.1}, {"consensus": 0.5})


@pytest.fixture(scope="module")
def pool(serving: Serving) -> Iterator[Pool]:
    with Pool(serving, 2) as made:
        made.begin()
        yield made


@pytest.fixture(scope="module")
def url(pool: Pool) -> Iterator[str]:
    running = Running(pool, most_bytes=200_000, most_rows=50)
    yield running.url
    running.close()


def test_one_rollout(url: str, tasks: dict[str, Example]) -> None:
    task = tasks["cards/train/0"]
    status, answer = call(
        f"{url}/score", {"example_id": task.id, "response": written(task.facts or "", task.answer.text)}
    )
    assert status == 200
    assert answer == {
        "example_id": "cards/train/0",
        "total": None,  # consensus applies, and had nobody to compare with
        "parts": {"outcome": 1.0, "format": 1.0, "consensus": None},
        "unscored": ["consensus"],
        "reason": {"consensus": "no_peers"},
    }


def test_a_batch_comes_back_in_order_with_groups_together(url: str, tasks: dict[str, Example]) -> None:
    rows = []
    for turn in range(3):
        for number in range(8):
            task = tasks[f"cards/train/{number}"]
            text = task.answer.text if turn else "1"
            rows.append({"example_id": task.id, "response": written(task.facts or "", text)})
    for body in (rows, {"rollouts": rows}):
        status, answers = call(f"{url}/score", body)
        assert status == 200
        assert [each["example_id"] for each in answers] == [row["example_id"] for row in rows]
        assert [each["total"] for each in answers] == pytest.approx([0.6] * 8 + [1.5] * 16)
        assert not any(each["unscored"] for each in answers)


def test_rows_that_are_none_come_back_with_the_reason(url: str, tasks: dict[str, Example]) -> None:
    rows = [
        {"example_id": "nobody", "response": "x"},
        {"example_id": "cards/train/0", "response": None},
        {"response": "x"},
        "x",
        {"example_id": "cards/train/0", "response": "\ud800"},
        {"example_id": "cards/train/0", "response": ""},
    ]
    status, answers = call(f"{url}/score", rows)
    assert status == 200
    assert [each["total"] for each in answers[:4]] == [None] * 4
    assert answers[0]["reason"] == {"total": "there is no example 'nobody' in view 'visual_reasoning'"}
    assert answers[1]["reason"]["total"] == "a rollout is an object with two texts, example_id and response"
    assert [each["unscored"] for each in answers[:4]] == [["total"]] * 4
    assert [each["total"] for each in answers[4:]] == [0.0, 0.0]


def test_an_empty_batch_is_an_empty_answer(url: str) -> None:
    assert call(f"{url}/score", []) == (200, [])


@pytest.mark.parametrize(
    ("body", "kind", "status", "sentence"),
    [
        (b"{", "application/json", 400, "the body is no JSON"),
        (b"[" * 100_000, "application/json", 400, "the body is no JSON"),
        (b'"x"', "application/json", 400, "or a list of such"),
        (b'{"rollouts": 3}', "application/json", 400, "or a list of such"),
        (b"[]", "text/plain", 415, "send JSON"),
        (b" " * 300_000, "application/json", 413, "too large"),
        (json.dumps([{}] * 51).encode(), "application/json", 413, "51 rollouts in one request; send 50 at most"),
    ],
)
def test_what_is_no_request_is_refused(url: str, body: bytes, kind: str, status: int, sentence: str) -> None:
    found, answer = call(f"{url}/score", body, kind=kind)
    assert found == status
    assert sentence in answer["error"]


def test_a_foreign_name_that_leads_here_is_refused(url: str) -> None:
    request = urllib.request.Request(
        f"{url}/score", b"[]", {"Content-Type": "application/json", "Host": "evil.example"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)
    assert refused.value.code == 403


def test_other_paths_and_methods(url: str) -> None:
    assert call(f"{url}/nothing")[0] == 404
    assert call(f"{url}/score")[0] == 405


def test_health_and_metrics(url: str, tasks: dict[str, Example]) -> None:
    status, about = call(f"{url}/health")
    assert (status, about["status"], about["view"], about["examples"]) == (200, "ok", "visual_reasoning", 16)
    assert about["weights"] == {"outcome": 0.9, "format": 0.1, "consensus": 0.5}
    call(f"{url}/score", {"example_id": "cards/train/0", "response": written("x", "1")})
    call(f"{url}/whatever-a-stranger-writes")
    status, text = call(f"{url}/metrics")
    counters = dict(line.rsplit(" ", 1) for line in text.splitlines())
    assert status == 200
    assert int(counters["perceptdata_rewards_rollouts_total"]) >= 1
    assert int(counters['perceptdata_rewards_unscored_total{part="consensus"}']) >= 1
    assert int(counters['perceptdata_rewards_requests_total{path="other",status="404"}']) >= 1
    assert counters["perceptdata_rewards_under_way"] == "0"
    assert float(counters["perceptdata_rewards_seconds_total"]) > 0


def test_many_at_once(url: str, tasks: dict[str, Example]) -> None:
    def ask(number: int) -> tuple[str, Any]:
        task = tasks[f"cards/train/{number % 16}"]
        rows = [{"example_id": task.id, "response": written(task.facts or "", task.answer.text)}] * 2
        return task.id, call(f"{url}/score", rows)[1]

    with ThreadPoolExecutor(8) as threads:
        for name, answers in threads.map(ask, range(32)):
            assert [each["example_id"] for each in answers] == [name] * 2
            assert [each["total"] for each in answers] == pytest.approx([1.5, 1.5])


def test_the_token_is_asked_for(pool: Pool) -> None:
    running = Running(pool, token=TOKEN)
    try:
        assert call(f"{running.url}/score", [])[0] == 401
        assert call(f"{running.url}/score", [], token="sesam")[0] == 401
        assert call(f"{running.url}/metrics")[0] == 401
        assert call(f"{running.url}/health")[0] == 200
        assert call(f"{running.url}/score", [], token=TOKEN) == (200, [])
    finally:
        running.close()


def test_who_can_reach_it_needs_a_token() -> None:
    for host in ("127.0.0.1", "localhost", "::1", "127.9.9.9"):
        assert is_loopback(host)
        check_open(host, None)
    for host in ("0.0.0.0", "::", "192.168.0.7", "box.example"):
        assert not is_loopback(host)
        with pytest.raises(UsageError, match="put a token into an environment variable"):
            check_open(host, None)
        check_open(host, TOKEN)


def test_a_port_that_is_taken_is_a_usage_error(url: str, pool: Pool) -> None:
    port = int(url.rsplit(":", 1)[1])
    with pytest.raises(UsageError, match=f"nothing can be served on 127.0.0.1:{port}"):
        asyncio.run(serve(RewardServer(pool), "127.0.0.1", port, print, asyncio.Event()))


def test_rows_of_an_example_are_never_parted() -> None:
    rows = [Asked(f"e{number % 10}", "x") for number in range(200)]
    parts = _parted(rows, 3)
    assert sorted(place for places in parts for place in places) == list(range(200))
    owners = [{rows[place].example_id for place in places} for places in parts]
    assert len(parts) == 3
    assert not owners[0] & owners[1]
    assert _parted([], 3) == []
    assert len(_parted(rows[:10], 3)) == 1  # too few to be worth a trip


def test_a_view_without_rows_is_told_at_once(scene_ws: Path) -> None:
    with (
        Pool(Serving(scene_ws, "textual_reasoning", DESCRIBE, {"outcome": 1.0}), 1) as pool,
        pytest.raises(UsageError, match=r"view 'textual_reasoning' of .* has no rows"),
    ):
        pool.begin()


def test_a_process_that_dies_is_replaced(serving: Serving, tasks: dict[str, Example]) -> None:
    row = Asked("cards/train/0", written("x", "1"))

    before = set(multiprocessing.active_children())

    async def live() -> None:
        with Pool(serving, 1) as pool:
            assert (await pool.score([row]))[0]["parts"]["outcome"] == 0.0
            for child in set(multiprocessing.active_children()) - before:
                child.kill()
            (lost,) = await pool.score([row])
            assert lost["reason"] == {"total": "a scoring process died; send it again"}
            assert (await pool.score([row]))[0]["parts"]["outcome"] == 0.0
            assert pool.about()["restarts"] == 1

    asyncio.run(live())


def test_it_finishes_what_is_under_way_when_told_to_stop(scene_ws: Path, tasks: dict[str, Example]) -> None:
    command = [
        sys.executable,
        "-m",
        "perceptdata.cli",
        "rewards",
        "serve",
        "-w",
        str(scene_ws),
        "--port",
        "0",
        "--json",
    ]
    command += ["--workers", "1", "--reward", "outcome=1"]
    script = "import sys; from perceptdata.cli import main; sys.argv[0] = 'perceptdata'; main()"
    command[1:3] = ["-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        about = json.loads(process.stdout.readline())
        task = tasks["cards/train/0"]
        rows = [{"example_id": task.id, "response": written(task.facts or "", task.answer.text)}] * 2000
        with ThreadPoolExecutor(1) as threads:
            asked = threads.submit(call, f"{about['url']}/score", rows)
            while "under_way 1" not in call(f"{about['url']}/metrics")[1]:
                assert not asked.done() or asked.result()[0] == 200
                if asked.done():
                    break
            process.send_signal(signal.SIGTERM)
            status, answers = asked.result(timeout=120)
        assert status == 200
        assert [each["total"] for each in answers] == [1.0] * 2000
        assert process.wait(60) == 0
