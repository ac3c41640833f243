"""Bodies with status 200, good and bad."""

import json
from typing import Any

import pytest
from llm.server import Say

from perceptdata.llm.reply import ERRORS, FREE, PAID, TRANSIENT, Garbled, read_completion


def test_a_good_one() -> None:
    reply = read_completion(Say.text("x = 4", reasoning_content="hm").body)
    assert (reply.text, reply.reasoning, reply.finish_reason, reply.model) == ("x = 4", "hm", "stop", "served-1")
    assert (reply.prompt_tokens, reply.completion_tokens, reply.error, reply.ok) == (10, 5, None, True)
    assert read_completion(Say.text("x", usage=None).body).prompt_tokens is None
    assert read_completion(b'\xef\xbb\xbf{"choices":[{"message":{"content":"x"}}],"usage":{"prompt_tokens":-1}}') == (
        read_completion(b'{"choices":[{"message":{"content":"x"}}],"usage":7}')
    )


@pytest.mark.parametrize(
    ("said", "error", "text"),
    [
        (Say.text("half an", finish_reason="length"), "length", "half an"),
        (Say.text(None, finish_reason="length", reasoning="…"), "length", ""),
        (Say.text("", finish_reason="content_filter"), "content_filter", ""),
        (Say.text(None, refusal="I cannot."), "refusal", ""),
        (Say.text("x", choices=0), "choices", ""),
        (Say.text("x", choices=3), "choices", ""),
        (Say.text(" \n"), "empty", " \n"),
        (Say.text(None, finish_reason="tool_calls", tool_calls=[]), "empty", ""),
    ],
)
def test_answers_that_were_paid_for_and_cannot_be_used(said: Say, error: str, text: str) -> None:
    reply = read_completion(said.body)
    assert (reply.error, reply.text, reply.ok) == (error, text, False)
    assert error in PAID
    assert reply.message
    assert reply.prompt_tokens == 10  # they are counted all the same


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", None, "not JSON"),
        (b"<html>502 Bad Gateway</html>", None, "not JSON"),
        (b"[" * 100_000, None, "not JSON"),
        (b"[]", None, "list, not a completion"),
        (b'{"id": 1}', None, "no choices, but 'id'"),
        (b'{"choices": null, "error": {"message": "slow down", "code": 429}}', 429, "slow down"),
        (b'{"error": {"message": "odd", "code": "bad"}}', None, "odd"),
        (b'{"error": "plain words"}', None, "plain words"),
        (b'{"object": "error", "message": "too long", "code": 40303}', None, "too long"),
        (b'{"choices": [{}]}', None, "no message"),
        (b'{"choices": [7]}', None, "no message"),
        (b'{"choices": [{"message": {"content": [1]}}]}', None, "list, not text"),
    ],
)
def test_bodies_that_are_no_completion(body: bytes, status: int | None, said: str) -> None:
    with pytest.raises(Garbled, match=said) as caught:
        read_completion(body)
    assert caught.value.status == status


def test_a_lone_surrogate_can_be_saved() -> None:
    body: dict[str, Any] = json.loads(Say.text("x").body)
    body["choices"][0]["message"] |= {"content": "a\ud800b", "reasoning": "\udfff"}
    reply = read_completion(json.dumps(body).encode())
    assert (reply.text, reply.reasoning) == ("a?b", "?")


def test_the_kinds_of_error_are_disjoint() -> None:
    assert len(ERRORS) == len(PAID) + len(FREE) + len(TRANSIENT)
