"""Whole runs against a server on the loopback."""

import asyncio
import gc
import logging
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from llm.server import Say, Server, last

from perceptdata.errors import PerceptDataError, UsageError, WorkspaceError
from perceptdata.llm import Budget, Endpoint, Reply, ReplyCache, Request, estimate, hosts, run_requests, user
from perceptdata.packs import ImageStore

NOBODY = "http://127.0.0.1:9/v1"  # the discard port: nothing listens


def questions(count: int) -> Iterator[Request]:
    return (Request((user(f"question {number}"),)) for number in range(count))


def echo(asked: dict, times: int) -> Say:
    return Say.text(last(asked), delay=0.005)


def test_all_are_answered_and_a_second_run_asks_nothing(
    replies: ReplyCache, endpoint: Callable[..., Endpoint], tmp_path: Path
) -> None:
    told: dict[str, str] = {}
    watched: list[int] = []
    with Server(echo) as server:
        options = endpoint(server.url, concurrency=8, gpus=2.0)
        run = run_requests(
            questions(100),
            options,
            replies,
            on_reply=lambda request, reply: told.update({request.messages[0].content: reply.text}),
            watch=lambda done, ledger: watched.append(done),
        )
        assert (run.done, run.stopped, run.given_up, len(server.asked)) == (100, None, (), 100)
        assert server.most_at_once == 8
        assert server.paths == {"/v1/chat/completions"}  # it is not asked for its list of models
        assert (run.ledger.calls, run.ledger.retries, run.ledger.cost) == (100, 0, None)
        assert run.ledger.seconds > 0.06  # 100 / 8 rounds of 5 ms
        assert run.ledger.gpu_hours == pytest.approx(run.ledger.seconds * 2 / 3600)
        with ReplyCache(replies.path, step="cot") as again:
            second = run_requests(questions(100), options, again)
        assert (second.done, second.ledger.calls, second.ledger.cached, len(server.asked)) == (100, 0, 100, 100)
    assert told == {f"question {number}": f"question {number}" for number in range(100)}
    assert watched == list(range(1, 101))


def test_little_is_drawn_ahead(replies: ReplyCache, endpoint: Callable[..., Endpoint]) -> None:
    drawn, told = 0, 0
    ahead = []

    def counted() -> Iterator[Request]:
        nonlocal drawn
        for request in questions(300):
            drawn += 1
            ahead.append(drawn - told)
            yield request

    def tell(request: Request, reply: Reply) -> None:
        nonlocal told
        told += 1

    with Server(echo) as server:
        run_requests(counted(), endpoint(server.url, concurrency=4), replies, on_reply=tell)
    assert (drawn, told) == (300, 300)
    assert max(ahead) <= 8  # 4 under way and as many again


def test_cached_answers_do_not_keep_calls_waiting(replies: ReplyCache, endpoint: Callable[..., Endpoint]) -> None:
    """A call under way is finished in its time although thousands of cached ones stand behind it."""
    here = endpoint(NOBODY)
    replies.put_all((request.key(here), Reply("kept")) for request in questions(20_000))
    order: list[str] = []

    def rows() -> Iterator[Request]:
        yield Request((user("new"),))
        yield from questions(20_000)

    with Server(lambda *_: Say.text("fresh", delay=0.05)) as server:
        run_requests(rows(), endpoint(server.url), replies, on_reply=lambda _, reply: order.append(reply.text))
    assert order.index("fresh") < 12_000
    assert len(order) == 20_001


def test_several_urls_share_the_work(replies: ReplyCache, endpoint: Callable[..., Endpoint]) -> None:
    def slow(asked: dict, times: int) -> Say:
        return Say.text("slow", delay=0.04)

    with Server(echo) as one, Server(slow) as two:
        run_requests(questions(120), endpoint(one.url, two.url, concurrency=4), replies)
        assert len(one.asked) + len(two.asked) == 120
        assert len(one.asked) > 2 * len(two.asked) > 0  # 5 ms against 40 ms
        assert (one.most_at_once, two.most_at_once) == (4, 4)


def test_a_url_that_is_not_there_is_named_and_the_others_go_on(
    replies: ReplyCache, endpoint: Callable[..., Endpoint]
) -> None:
    with Server(echo) as server:
        run = run_requests(questions(40), endpoint(server.url, NOBODY, concurrency=4, retries=0), replies)
    assert (run.done, run.ledger.errors) == (40, {})
    (sentence,) = run.given_up
    assert sentence.startswith(f"{NOBODY} cannot be reached")


def test_when_nobody_is_there_the_run_stops(replies: ReplyCache, endpoint: Callable[..., Endpoint]) -> None:
    with pytest.raises(PerceptDataError, match=f"{NOBODY} cannot be reached .*run the same command again"):
        run_requests(questions(40), endpoint(NOBODY, concurrency=4, retries=0), replies)
    with pytest.raises(PerceptDataError, match=r"http://nowhere\.invalid/v1 cannot be reached"):
        run_requests(questions(3), endpoint("http://nowhere.invalid/v1", retries=0), replies)


def test_a_url_that_fails_for_a_while_rests_and_comes_back(
    replies: ReplyCache, endpoint: Callable[..., Endpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "RESTS", (0.2, 0.2, 0.2))
    began = time.monotonic()

    def script(asked: dict, times: int) -> Say:
        return Say.error(502, "restarting") if 0.1 < time.monotonic() - began < 0.4 else echo(asked, times)

    with Server(script) as server:
        run = run_requests(questions(200), endpoint(server.url, concurrency=4), replies)
    assert (run.done, run.stopped, run.given_up, run.ledger.errors) == (200, None, (), {})
    assert run.ledger.retries > 0


def test_too_many_requests_press_less_and_nothing_is_lost(
    replies: ReplyCache, endpoint: Callable[..., Endpoint]
) -> None:
    """A server that takes four at once, and says 429 with Retry-After to the rest."""

    def script(asked: dict, times: int) -> Say:
        return Say.error(429, "slow down", soon=0.05) if server.now > 4 else Say.text("4", delay=0.02)

    with Server(script) as server:
        run = run_requests(questions(150), endpoint(server.url, concurrency=64, retries=3), replies)
        refused = len(server.asked) - 150
    assert (run.done, run.ledger.errors, len(replies)) == (150, {}, 150)
    assert run.ledger.retries == refused
    assert 60 <= refused < 400  # the first 60, and then it has learnt


def test_retry_after_is_waited_for_by_everybody(replies: ReplyCache, endpoint: Callable[..., Endpoint]) -> None:
    came: list[float] = []

    def script(asked: dict, times: int) -> Say:
        came.append(time.monotonic())
        return Say.error(429, soon=0.5) if len(came) == 1 else Say.text("4")

    with Server(script) as server:
        run_requests(questions(3), endpoint(server.url, concurrency=1), replies)
    assert came[1] - came[0] >= 0.45


def test_hang_ups_slow_bodies_and_silence(replies: ReplyCache, endpoint: Callable[..., Endpoint]) -> None:
    said = {
        "question 10": Say(hang_up=0),
        "question 11": Say.text("half"),
        "question 12": Say.text("dripping", usage=(1, 1)),
        "question 13": Say.text("late", delay=3),
        "question 14": Say(body=b"\xff\xfe nonsense"),
    }
    said["question 11"].hang_up = 20
    said["question 12"].drip = 0.05  # some 200 bytes: 10 s in all, and never long without one

    told: dict[str, Reply] = {}
    with Server(lambda asked, times: said.get(last(asked)) or Say.text("4", delay=0.1)) as server:
        run = run_requests(
            questions(25),
            endpoint(server.url, concurrency=4, timeout=0.5, retries=0),
            replies,
            on_reply=lambda request, reply: told.update({request.messages[0].content: reply}),
        )
    assert [told[f"question {number}"].error for number in range(10, 15)] == [
        "hang_up",
        "hang_up",
        "timeout",
        "timeout",
        "garbled",
    ]
    assert "no whole answer within 0.5 s" in told["question 12"].message
    assert [reply.text for reply in told.values() if reply.ok] == ["4"] * 20
    assert (len(replies), run.done, run.unanswered) == (20, 25, 5)  # trouble on the way is not kept


def test_a_broken_connection_is_tried_again(replies: ReplyCache, endpoint: Callable[..., Endpoint]) -> None:
    with Server(lambda asked, times: Say.text("4") if times else Say(hang_up=0)) as server:
        run = run_requests(questions(2), endpoint(server.url), replies)
    assert (run.done, run.ledger.errors, run.ledger.retries) == (2, {}, 2)


def test_a_row_that_kills_its_server_behind_a_gateway_is_let_go(
    replies: ReplyCache, endpoint: Callable[..., Endpoint]
) -> None:
    def script(asked: dict, times: int) -> Say:
        return Say.error(502, "bad gateway") if last(asked) == "question 3" else echo(asked, times)

    with Server(script) as server:
        run = run_requests(questions(400), endpoint(server.url, concurrency=4), replies)
    assert (run.done, run.unanswered, run.ledger.errors) == (400, 1, {"server": 1})


def test_a_row_that_fails_here_is_tried_at_the_other_url(
    replies: ReplyCache, endpoint: Callable[..., Endpoint]
) -> None:
    def poisoned(asked: dict, times: int) -> Say:
        return Say.error(500) if last(asked) == "question 3" else echo(asked, times)

    with Server(poisoned) as one, Server(echo) as two:
        run = run_requests(questions(20), endpoint(one.url, two.url, concurrency=1, retries=0), replies)
    assert run.ledger.errors == {}
    with Server(poisoned) as one, Server(poisoned) as two, ReplyCache(replies.path.with_name("b.sqlite")) as fresh:
        run = run_requests(questions(20), endpoint(one.url, two.url, concurrency=1, retries=0), fresh)
        asked = sum(last(asked) == "question 3" for asked in one.asked + two.asked)
    assert (run.ledger.errors, run.given_up, asked) == ({"server": 1}, (), 2)


def test_a_key_that_is_taken_back_stops_the_run_and_saves_what_came(
    replies: ReplyCache, endpoint: Callable[..., Endpoint]
) -> None:
    told = []

    def script(asked: dict, times: int) -> Say:
        if len(server.asked) > 30:
            return Say.error(401, "key expired", soon=0)
        return Say.text("4", delay=0.02)

    with Server(script) as server:
        with pytest.raises(UsageError, match=r"does not let us in without a key \(401: key expired\)"):
            run_requests(
                questions(500), endpoint(server.url, concurrency=8), replies, on_reply=lambda *_: told.append(1)
            )
        assert len(server.asked) <= 30 + 8
    assert len(replies) == len(told) == 30


def test_a_budget_leaves_the_rest_for_the_next_run(replies: ReplyCache, endpoint: Callable[..., Endpoint]) -> None:
    with Server(echo) as server:
        here = endpoint(server.url, concurrency=8)
        run = run_requests(questions(100), here, replies, budget=Budget(max_calls=30))
        assert (run.done, run.ledger.calls, len(server.asked)) == (30, 30, 30)
        assert run.stopped == (
            "the budget of 30 calls is spent: what was answered is saved, run the same command again to go on"
        )
        with ReplyCache(replies.path, "cot") as again:  # 15 tokens a call, 8 under way
            run = run_requests(questions(100), here, again, budget=Budget(max_tokens=300))
        assert 20 <= run.ledger.calls <= 28
        with ReplyCache(replies.path, "cot") as again:
            run = run_requests(questions(100), here, again)
            assert again.ledgers()["cot"].calls == 100
        assert (run.stopped, len(server.asked), len(set(server.seen.values()))) == (None, 100, 1)


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_saves_what_is_under_way_and_a_second_one_drops_it(
    replies: ReplyCache, endpoint: Callable[..., Endpoint], presses: int
) -> None:
    def press() -> None:
        while len(server.asked) < 20:
            time.sleep(0.01)
        for _ in range(presses):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)

    handler = signal.getsignal(signal.SIGINT)
    with Server(lambda asked, _: Say.text("4", delay=0.05 if len(server.asked) < 20 else 0.6)) as server:
        hand = threading.Thread(target=press)
        hand.start()
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            run_requests(questions(1000), endpoint(server.url, concurrency=4), replies)
        took = time.monotonic() - began
        hand.join()
        assert len(server.asked) < 40
    if presses == 1:
        assert len(replies) == len(server.asked)
    else:
        assert len(replies) < len(server.asked)
        assert took < 0.9
    assert signal.getsignal(signal.SIGINT) is handler


def test_an_error_of_the_caller_ends_the_run_and_what_came_is_saved(
    replies: ReplyCache, endpoint: Callable[..., Endpoint]
) -> None:
    def complain(request: Request, reply: Reply) -> None:
        raise ZeroDivisionError("a bug of the caller")

    with Server(echo) as server:
        with pytest.raises(ZeroDivisionError):
            run_requests(questions(100), endpoint(server.url, concurrency=4), replies, on_reply=complain)
        assert len(replies) == len(server.asked) <= 16

        def broken() -> Iterator[Request]:
            yield from questions(40)
            raise ZeroDivisionError("a bug in what makes the requests")

        with pytest.raises(ZeroDivisionError):
            run_requests(broken(), endpoint(server.url, concurrency=4), replies)
        assert 24 < len(replies) <= 40  # what had been drawn and not sent is left
        request = Request((user("<image>?", ["0" * 64]),))
        with pytest.raises(WorkspaceError, match="in no pack"):
            run_requests([request], endpoint(server.url), replies, images=ImageStore([]))


def test_it_runs_where_a_loop_runs_already(replies: ReplyCache, endpoint: Callable[..., Endpoint]) -> None:
    async def cell() -> int:
        with Server(echo) as server:
            return run_requests(questions(5), endpoint(server.url), replies).done

    assert asyncio.run(cell()) == 5


def test_the_key_is_sent_and_is_found_nowhere_else(
    replies: ReplyCache,
    endpoint: Callable[..., Endpoint],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    secret, stranger = "sk-secret-1f2e3d4c5b6a", "sk-meant-for-another-host"
    monkeypatch.setenv("THE_KEY", secret)
    monkeypatch.setenv("OPENAI_API_KEY", stranger)
    caplog.set_level(logging.DEBUG)
    said = []

    def tells(asked: dict, times: int) -> Say:
        """Servers repeat keys: in rejections, in refusals, in garbled bodies."""
        number = int(last(asked).split()[1])
        kinds = (
            Say.text("fine"),
            Say.error(400, f"key {secret} may not", soon=0),
            Say.text(None, refusal=f"{secret} refused"),
            Say(body=f"<p>{secret}".encode()),
            Say.error(401, f"Incorrect API key provided: {secret}", soon=0),
        )
        return kinds[number] if number < 4 else kinds[4 if number > 8 else 0]

    with Server(tells) as server:
        here = endpoint(server.url, key_env="THE_KEY", concurrency=1, retries=0)
        with pytest.raises(UsageError, match=r"with the key in \$THE_KEY \(401: Incorrect API key provided: \*\*\*\)"):
            run_requests(questions(40), here, replies, on_reply=lambda _, reply: said.append(repr(reply)))
        assert set(server.keys) == {f"bearer {secret}"}
    with Server(echo) as server, ReplyCache(tmp_path / "other.sqlite") as other:
        run_requests(questions(4), endpoint(server.url), other)
        assert set(server.keys) == {"bearer none"}  # and not what another variable happens to hold
    out = capsys.readouterr()
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    everything = b"\n".join([*written, *(text.encode() for text in (*said, caplog.text, out.out, out.err, repr(here)))])
    assert b"*** may not" in everything
    for one in (secret, stranger):
        assert one.encode() not in everything


def test_memory_holds_what_is_under_way_alone(replies: ReplyCache, endpoint: Callable[..., Endpoint]) -> None:
    def alive() -> int:
        gc.collect()
        return sum(isinstance(thing, Request | Reply) for thing in gc.get_objects())

    most = 0

    def look(request: Request, reply: Reply) -> None:
        nonlocal most
        if reply.text.endswith("00"):
            most = max(most, alive())

    with Server(echo) as server:
        run_requests(questions(600), endpoint(server.url, concurrency=16), replies, on_reply=look)
    assert 0 < most < 150


def test_an_estimate_before_and_after_the_first_answers(replies: ReplyCache, endpoint: Callable[..., Endpoint]) -> None:
    here = endpoint(concurrency=10, gpus=4.0, price={"prompt": 1.0, "completion": 10.0})
    rows = [Request((user("x" * 400),)) for _ in range(1)] + list(questions(19))
    guess = estimate(rows, here, replies, total=2000)
    # 100 + 4 tokens once, and 19 times ceil(11 or 10.. / 4) = 3 + 4; answers of 1,024 tokens at 40 a second, 10 at once
    prompt = (104 + 19 * 7) * 100
    assert (guess.requests, guess.calls, guess.cached, guess.measured) == (2000, 2000, 0, False)
    assert (guess.prompt_tokens, guess.completion_tokens) == (prompt, 2000 * 1024)
    assert guess.cost == pytest.approx((prompt + 10 * 2000 * 1024) / 1e6)
    assert guess.seconds == pytest.approx(200 * 1024 / 40, abs=0.1)
    assert guess.gpu_hours == pytest.approx(guess.seconds * 4 / 3600)

    kept = Reply("x", completion_tokens=50, seconds=2.0)
    replies.put_all((request.key(here), kept) for request in rows[:10])
    later = estimate(rows, here, replies, total=2000)
    assert (later.calls, later.cached, later.measured) == (1000, 1000, True)
    assert (later.completion_tokens, later.seconds) == (50_000, 200.0)
    assert estimate([], endpoint(), replies) == estimate(rows[:10], here, replies).__class__(
        0, 0, 0, 0, 0, None, 0.0, None, True
    )
    assert sqlite3.connect(replies.path).execute("select count(*) from replies").fetchone() == (10,)
