"""What one request meets, on a mocked transport: no socket is opened."""

import asyncio
import base64
import io
import json
import re
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from llm.server import Say, last
from PIL import Image as Pillow
from pydantic import BaseModel, ConfigDict

from perceptdata.errors import PerceptDataError, UsageError
from perceptdata.llm import Budget, Endpoint, Price, Reply, ReplyCache, Request, Sampling, user
from perceptdata.llm.client import Client, Stopped
from perceptdata.packs import ImageStore

Ask = Callable[..., list[Any]]
ASKED = Request((user("What is x?"),))


class Verdict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    holds: bool
    why: str


@pytest.fixture
def ask(replies: ReplyCache, endpoint: Callable[..., Endpoint]) -> Ask:
    """`ask(script, request, …)`: what each request gives, a Reply or the exception, all asked at once."""

    def call(script: Callable[[dict[str, Any], int], Say], *requests: Request, **options: Any) -> list[Any]:
        times: dict[str, int] = {}
        chosen = options.pop("endpoint", None) or endpoint()

        async def handle(request: httpx2.Request) -> httpx2.Response:
            text = request.content.decode()
            times[text] = times.get(text, -1) + 1
            say = script(json.loads(text), times[text])
            await asyncio.sleep(say.delay)
            return httpx2.Response(say.status, content=say.body, headers=say.headers)

        async def go() -> list[Any]:
            async with Client(chosen, replies, transport=httpx2.MockTransport(handle), **options) as client:
                return await asyncio.gather(*map(client.ask, requests), return_exceptions=True)

        return asyncio.run(go())

    return call


def test_an_answer_is_saved_priced_and_not_asked_again(
    ask: Ask, replies: ReplyCache, endpoint: Callable[..., Endpoint]
) -> None:
    bodies: list[dict[str, Any]] = []

    def script(asked: dict[str, Any], times: int) -> Say:
        bodies.append(asked)
        return Say.text("x = 4", usage=(1000, 100))

    priced = endpoint(price=Price(prompt=1.0, completion=10.0))
    (reply,) = ask(script, ASKED, endpoint=priced)
    assert (reply.text, reply.ok, reply.calls, reply.model) == ("x = 4", True, 1, "served-1")
    assert reply.cost == pytest.approx(0.002)  # 1000 / 1e6 + 10 x 100 / 1e6
    assert reply.seconds > 0
    assert ask(script, ASKED, endpoint=priced) == [reply]
    assert bodies == [{"model": "m", "messages": [{"role": "user", "content": "What is x?"}]}]
    assert (replies.ledger.calls, replies.ledger.cached, replies.ledger.cost) == (1, 1, pytest.approx(0.002))


def test_the_same_question_under_way_is_asked_once(ask: Ask, replies: ReplyCache) -> None:
    bodies = []
    said = ask(lambda asked, _: bodies.append(asked) or Say.text("4", delay=0.02), ASKED, ASKED, ASKED)
    assert [reply.text for reply in said] == ["4", "4", "4"]
    assert (len(bodies), replies.ledger.calls, replies.ledger.cached, len(replies)) == (1, 1, 2, 1)


def test_samples_are_questions_of_their_own(ask: Ask) -> None:
    seeds = Sampling(seed=7)
    requests = [Request(ASKED.messages, seeds, sample=number) for number in range(3)]
    said = ask(lambda asked, _: Say.text(str(asked["seed"])), *requests)
    assert sorted(reply.text for reply in said) == ["7", "8", "9"]


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ('{"holds": true, "why": "½"}', {"holds": True, "why": "½"}),
        ('\n```json\n{"holds": false, "why": ""}\n```\n', {"holds": False, "why": ""}),
    ],
)
def test_an_answer_that_fits_its_schema(ask: Ask, replies: ReplyCache, text: str, parsed: dict[str, Any]) -> None:
    (reply,) = ask(lambda *_: Say.text(text), Request(ASKED.messages, schema=Verdict))
    assert (reply.parsed, reply.text, reply.error, replies.ledger.repairs) == (parsed, text, None, 0)


def test_a_prefilled_answer_is_parsed_with_its_beginning(ask: Ask) -> None:
    request = Request(ASKED.messages, schema=Verdict, prefill='{"holds": ')
    for rest in ('true, "why": "a"}', '{"holds": true, "why": "a"}'):
        (reply,) = ask(lambda *_, rest=rest: Say.text(rest), request, retry_failed=True)
        assert (reply.parsed, reply.text) == ({"holds": True, "why": "a"}, 'true, "why": "a"}')


def test_not_a_number_is_not_json(ask: Ask) -> None:
    """The validator takes NaN, and the disk would not."""

    class Score(BaseModel):
        value: float

    (reply,) = ask(lambda *_: Say.text('{"value": NaN}'), Request(ASKED.messages, schema=Score))
    assert (reply.error, reply.message) == ("invalid", "NaN and Infinity are no JSON numbers")


def test_one_repair_turn_with_the_validators_words(ask: Ask, replies: ReplyCache) -> None:
    turns: list[list[dict[str, Any]]] = []

    def script(asked: dict[str, Any], times: int) -> Say:
        turns.append(asked["messages"])
        return Say.text('{"holds": "maybe"}' if len(turns) == 1 else '{"holds": true, "why": "seen"}')

    (reply,) = ask(script, Request(ASKED.messages, schema=Verdict))
    assert (reply.parsed, reply.error, reply.calls) == ({"holds": True, "why": "seen"}, None, 2)
    assert (reply.prompt_tokens, reply.completion_tokens) == (20, 10)  # both turns
    assert turns[1][:2] == [turns[0][0], {"role": "assistant", "content": '{"holds": "maybe"}'}]
    assert "holds: Input should be a valid boolean" in turns[1][2]["content"]
    assert "why: Field required" in turns[1][2]["content"]
    assert (replies.ledger.calls, replies.ledger.repairs) == (2, 1)
    assert replies.get(Request(ASKED.messages, schema=Verdict).key(Endpoint(urls=("http://a",), model="m"))) == reply


@pytest.mark.parametrize(
    "second",
    [
        Say.text("still not"),
        Say.text("{", finish_reason="length"),
        Say.error(400, "maximum context length is 10 tokens", soon=0),
    ],
)
def test_then_it_is_invalid_and_not_asked_again(ask: Ask, replies: ReplyCache, second: Say) -> None:
    def script(asked: dict[str, Any], times: int) -> Say:
        return Say.text("not JSON") if len(asked["messages"]) == 1 else second

    request = Request(ASKED.messages, schema=Verdict)
    (reply,) = ask(script, request)
    assert (reply.error, reply.parsed, reply.calls) == ("invalid", None, 2)
    assert "Invalid JSON" in reply.message
    assert ask(script, request) == [reply]
    assert (replies.ledger.calls, replies.ledger.errors) == (2, {"invalid": 1})
    ask(script, request, retry_failed=True)
    assert replies.ledger.calls == 4


def test_an_answer_cut_off_is_not_repaired(ask: Ask, replies: ReplyCache) -> None:
    (reply,) = ask(lambda *_: Say.text('{"holds":', finish_reason="length"), Request(ASKED.messages, schema=Verdict))
    assert (reply.error, reply.text, replies.ledger.calls) == ("length", '{"holds":', 1)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
def test_the_sdk_tries_again(ask: Ask, replies: ReplyCache, status: int) -> None:
    (reply,) = ask(lambda _, times: Say.error(status) if not times else Say.text("4"), ASKED)
    assert (reply.text, replies.ledger.calls, replies.ledger.retries) == ("4", 1, 1)


@pytest.mark.parametrize(
    ("said", "error", "kept"),
    [
        (Say.error(400, "no such thing", soon=0), "rejected", True),
        (Say.error(422, "no", soon=0), "rejected", True),
        (Say.error(413, "no", soon=0), "rejected", True),
        (Say.error(400, "This model's maximum context length is 8 tokens", soon=0), "prompt_too_long", True),
        (Say.error(400, "no", soon=0, code="context_length_exceeded"), "prompt_too_long", True),
        (Say.text("x", choices=2), "choices", True),
        (Say.error(500), "server", False),
        (Say(body=b"<html>"), "garbled", False),
        (Say(body=b'{"error": {"message": "odd"}}'), "garbled", False),
        (Say(body=b'{"error": {"message": "oops", "code": 500}}'), "server", False),
        (Say(body=b'{"error": {"message": "long", "code": 400}}'), "rejected", True),
    ],
)
def test_failures_of_one_row_let_the_rest_go_on(
    ask: Ask, replies: ReplyCache, said: Say, error: str, kept: bool
) -> None:
    fine = Request((user("fine"),))
    bad, good = ask(lambda asked, _: Say.text("4") if last(asked) == "fine" else said, ASKED, fine)
    assert (bad.error, bad.ok, good.text) == (error, False, "4")
    assert bad.message
    assert replies.ledger.errors == {error: 1}
    assert (replies.get(ASKED.key(Endpoint(urls=("http://a",), model="m"))) is not None) == kept


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (Say.error(401, "bad key", soon=0), r"does not let us in without a key \(401: bad key\)"),
        (Say.error(403, "no", soon=0), "does not let us in"),
        (Say.error(404, "The model `m` does not exist.", soon=0), "has no model 'm', or no chat completions at this"),
        (Say.error(402, "pay", soon=0), "has no credit left"),
        (Say.error(429, "You exceeded your quota", code="insufficient_quota"), "has no credit left"),
        (Say(301, headers={"Location": "http://127.0.0.1:1/"}), "sends us elsewhere"),
        (Say(body=b'{"error": {"message": "bad key", "code": 401}}'), "does not let us in"),
    ],
)
def test_an_endpoint_that_turns_us_away_ends_the_run(ask: Ask, replies: ReplyCache, said: Say, sentence: str) -> None:
    outcome = ask(lambda *_: said, *(Request((user(str(n)),)) for n in range(3)))
    assert {type(error) for error in outcome} == {UsageError}
    for error in outcome:
        assert re.search(sentence, str(error))
    assert len(replies) == 0


def test_a_forbidden_prompt_is_one_rows_matter_once_others_were_answered(ask: Ask) -> None:
    first, second = Request((user("fine"),)), Request((user("forbidden"),))

    def script(asked: dict[str, Any], times: int) -> Say:
        if last(asked) == "fine":
            return Say.text("4")
        return Say(403, b'{"error": {"message": "flagged"}}', delay=0.05)

    good, bad = ask(script, first, second)
    assert (good.text, bad.error, bad.message) == ("4", "rejected", "403: flagged")


def test_when_everything_is_rejected_the_run_ends(ask: Ask, replies: ReplyCache) -> None:
    said = ask(
        lambda *_: Say.error(400, "unknown parameter: 'min_p'", soon=0), *(Request((user(str(n)),)) for n in range(20))
    )
    assert sum(isinstance(one, Reply) for one in said) == 7
    assert all(
        "rejects every request (400: unknown parameter" in str(one) for one in said if not isinstance(one, Reply)
    )


def test_rows_that_were_rejected_before_do_not_end_a_later_run(ask: Ask, replies: ReplyCache) -> None:
    rows = [Request((user(str(n)),)) for n in range(20)]
    for _ in range(2):  # the second time the answered row comes from the cache, and all that is asked is rejected
        said = ask(lambda asked, _: Say.text("4") if last(asked) == "0" else Say.error(400, soon=0), *rows)
        assert [one.error for one in said] == [None, *["rejected"] * 19]


def test_a_server_that_only_fails_ends_the_run(ask: Ask, replies: ReplyCache) -> None:
    said = ask(lambda *_: Say.error(500, "broken"), *(Request((user(str(n)),)) for n in range(5)))
    stopped = [one for one in said if isinstance(one, PerceptDataError)]
    assert stopped
    assert all("fails (500: broken). What was answered is saved" in str(one) for one in stopped)
    assert all(one.error == "server" for one in said if one not in stopped)  # the first ones might have been to blame
    assert len(replies) == 0


def test_a_budget_stops_new_calls_alone(ask: Ask, replies: ReplyCache) -> None:
    rows = [Request((user(str(n)),)) for n in range(5)]
    said = ask(lambda *_: Say.text("4"), *rows, budget=Budget(max_calls=2))
    assert [type(one) for one in said] == [Reply, Reply, Stopped, Stopped, Stopped]
    assert str(said[2]).startswith("the budget of 2 calls is spent: what was answered is saved")
    said = ask(lambda *_: Say.text("4"), *rows, budget=Budget(max_calls=0))
    assert [type(one) for one in said] == [Reply, Reply, Stopped, Stopped, Stopped]  # cached ones are free


def test_images_are_read_when_the_request_is_sent(ask: Ask, pack: Callable[..., tuple[ImageStore, str]]) -> None:
    sink = io.BytesIO()
    Pillow.new("RGB", (40, 30), "red").save(sink, "PNG")
    images, sha256 = pack(sink.getvalue(), "image/png", (40, 30))
    requests = [Request((user("<image>Which colour?", [sha256]),), max_pixels=limit) for limit in (None, 300)]

    def echo(asked: dict[str, Any], times: int) -> Say:
        return Say.text(asked["messages"][0]["content"][0]["image_url"]["url"])

    whole, small = ask(echo, *requests, images=images)
    sizes = [Pillow.open(io.BytesIO(base64.b64decode(reply.text.partition(",")[2]))).size for reply in (whole, small)]
    assert sizes == [(40, 30), (20, 15)]
    assert whole.text == f"data:image/png;base64,{base64.b64encode(sink.getvalue()).decode()}"


def test_a_damaged_image_is_one_rows_matter(
    ask: Ask, replies: ReplyCache, pack: Callable[..., tuple[ImageStore, str]]
) -> None:
    images, sha256 = pack(b"\x89PNG\r\n\x1a\n and then nothing", "image/png", (4000, 4000))
    bad = Request((user("<image>Which colour?", [sha256]),), max_pixels=300)
    said = ask(lambda *_: Say.text("4"), bad, ASKED, images=images)
    assert [reply.error for reply in said] == ["image", None]
    (error,) = ask(lambda *_: Say.text("4"), bad)
    assert "was given no image store" in str(error)
