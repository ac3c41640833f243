"""Rounds of questions: follow-ups, limits, and what is asked again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from llm.server import Say, Server, last

from perceptdata import llm
from perceptdata.llm.asking import ROUNDS, Answers, Ask, Asked, ask_rounds


def question(text: str) -> llm.Request:
    return llm.Request((llm.Message("user", text),))


def endpoint(server: Server) -> llm.Endpoint:
    return llm.Endpoint(urls=(server.url,), model="m", retries=0, concurrency=1)


def echo(asked: dict[str, Any], times: int) -> Say:
    return Say.text(last(asked).upper())


@pytest.fixture
def replies(tmp_path: Path) -> Iterator[llm.ReplyCache]:
    with llm.ReplyCache(tmp_path / "replies.sqlite", step="ask") as cache:
        yield cache


def plainly(*texts: str) -> Any:
    return lambda answers: (Ask(question(text), float(len(text))) for text in texts)


def test_a_follow_up_is_asked_when_its_answer_is_there(replies: llm.ReplyCache) -> None:
    def wanted(answers: Answers) -> Iterator[Ask]:
        yield Ask(question("a"))
        reply = answers(question("a"))
        if reply is not None:
            yield Ask(question(f"after {reply.text}"))

    with Server(echo) as server:
        assert ask_rounds(wanted, endpoint(server), replies) == Asked()
        assert [last(asked) for asked in server.asked] == ["a", "after A"]
        assert ask_rounds(wanted, endpoint(server), replies) == Asked()
        assert len(server.asked) == 2  # nothing is asked twice


def test_the_most_urgent_are_asked_and_ties_in_order(replies: llm.ReplyCache) -> None:
    with Server(echo) as server:
        asked = ask_rounds(plainly("aa", "b", "ccc", "dd", "ee"), endpoint(server), replies, max_calls=3)
        assert asked == Asked(unasked=2)
        assert {last(each) for each in server.asked} == {"ccc", "aa", "dd"}
        again = ask_rounds(plainly("aa", "b", "ccc", "dd", "ee"), endpoint(server), replies, max_calls=3)
        assert (again, len(server.asked)) == (Asked(unasked=2), 3)  # the limit counts what is known already
        more = ask_rounds(plainly("aa", "b", "ccc", "dd", "ee"), endpoint(server), replies, max_calls=4)
        assert (more, last(server.asked[-1])) == (Asked(unasked=1), "ee")


def test_a_paid_failure_is_asked_again_only_when_told_to_and_once_a_run(replies: llm.ReplyCache) -> None:
    with Server(lambda asked, times: Say.text("no end", finish_reason="length")) as server:
        for times, retry in ((1, False), (1, False), (2, True)):
            assert ask_rounds(plainly("a"), endpoint(server), replies, retry_failed=retry) == Asked()
            assert len(server.asked) == times


def test_trouble_on_the_way_ends_the_run_with_a_sentence(replies: llm.ReplyCache) -> None:
    with Server(lambda asked, times: Say.error(500) if last(asked) == "b" else echo(asked, times)) as server:
        asked = ask_rounds(plainly("a", "b"), endpoint(server), replies)
    assert asked.stopped is not None
    assert asked.stopped.startswith("1 requests found no answer")


def test_questions_that_never_end_do(replies: llm.ReplyCache) -> None:
    def wanted(answers: Answers) -> Iterator[Ask]:
        number = 0
        while True:
            yield Ask(question(str(number)))
            if answers(question(str(number))) is None:
                return
            number += 1

    with Server(echo) as server:
        assert ask_rounds(wanted, endpoint(server), replies) == Asked(unasked=1)
        assert len(server.asked) == ROUNDS
