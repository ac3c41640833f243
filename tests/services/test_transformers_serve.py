"""What a real server does with what we send: images arrive, requests run side by side, response_format is ignored.

Its model is random, so texts mean nothing; but they are the same texts as the same weights give without a server.
"""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from models.pictures import draw
from openai import OpenAI
from openai.types.chat import ChatCompletion

from perceptdata.vlm.generation import Sampling, generate
from perceptdata.vlm.loading import LocalModel
from perceptdata.vlm.rendering import Request

pytestmark = pytest.mark.services

QUESTION = "What colour is the square?"


@pytest.fixture(scope="module")
def client(server: Any) -> OpenAI:
    return OpenAI(base_url=server.url, api_key="none", max_retries=0, timeout=120)


def ask(client: OpenAI, model: str, image: bytes | None, tokens: int = 8, **options: Any) -> ChatCompletion:
    content: list[dict[str, Any]] = [{"type": "text", "text": QUESTION}]
    if image is not None:
        uri = "data:image/png;base64," + base64.b64encode(image).decode()
        content.insert(0, {"type": "image_url", "image_url": {"url": uri}})
    messages: Any = [{"role": "user", "content": content}]
    return client.chat.completions.create(model=model, messages=messages, max_tokens=tokens, temperature=0, **options)


def test_an_image_in_a_data_uri_arrives(client: OpenAI, server: Any) -> None:
    """Served and local answers are one: the chat template, the pixels and the arithmetic are the same."""
    local = LocalModel.load(server.model)
    for colour in ("red", "white"):
        image = draw(colour, 96, 64)
        served = ask(client, server.model, image)
        request = Request(key=colour, question=f"<image>{QUESTION}", images=(image,))
        (answered,) = generate(local, [request], Sampling(max_new_tokens=8))
        (own,) = answered.samples
        assert served.choices[0].message.content == own.text
        assert served.usage is not None
        assert (served.usage.prompt_tokens, served.usage.completion_tokens) == (
            own.prompt_tokens,
            own.completion_tokens,
        )
        assert served.choices[0].finish_reason == own.finish_reason == "length"


def test_the_image_is_looked_at(client: OpenAI, server: Any) -> None:
    texts = {
        ask(client, server.model, image).choices[0].message.content
        for image in (None, draw("red", 96, 64), draw("white", 96, 64))
    }
    assert len(texts) == 3


def test_response_format_is_accepted_and_ignored(client: OpenAI, server: Any) -> None:
    """So whoever asks for JSON validates it: the status is 200 and the text is anything."""
    schema = {"type": "object", "properties": {"score": {"type": "integer"}}, "required": ["score"]}
    wanted: Any = {"type": "json_schema", "json_schema": {"name": "verdict", "schema": schema, "strict": True}}
    plain = ask(client, server.model, draw("red"), response_format=wanted).choices[0].message.content
    assert plain == ask(client, server.model, draw("red")).choices[0].message.content
    with pytest.raises(json.JSONDecodeError):
        json.loads(plain or "")


def test_more_choices_are_accepted_and_ignored(client: OpenAI, server: Any) -> None:
    assert len(ask(client, server.model, None, n=3).choices) == 1


def test_four_requests_at_a_time(client: OpenAI, server: Any) -> None:
    images = [draw(colour, side, 64) for colour, side in [("red", 64), ("blue", 96), ("lime", 128), ("white", 80)]]
    one_by_one = [ask(client, server.model, image).choices[0].message.content for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda image: ask(client, server.model, image), images))
    assert [answer.choices[0].message.content for answer in together] == one_by_one
    assert len(set(one_by_one)) == 4
    assert len({answer.id for answer in together}) == 4


def test_a_stream_gives_the_same_text(client: OpenAI, server: Any) -> None:
    whole = ask(client, server.model, draw("red"))
    pieces: Any = ask(client, server.model, draw("red"), stream=True)
    texts = [chunk.choices[0].delta.content or "" for chunk in pieces if chunk.choices]
    assert "".join(texts) == whole.choices[0].message.content


def test_the_list_of_models_may_be_empty(client: OpenAI) -> None:
    """It lists what its cache folder holds, not the folder that it serves: clients cannot insist on one."""
    assert [model.id for model in client.models.list()] == []
