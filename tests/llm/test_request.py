"""Requests: their key, and how each dialect sends them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel

from perceptdata.errors import UsageError
from perceptdata.llm import Endpoint, Message, Picture, Request, Sampling, user

A, B = "a" * 64, "b" * 64


class Verdict(BaseModel):
    holds: bool


class Other(BaseModel):
    holds: int


ASKED = Request(
    (Message("system", "Be brief."), user("<image>What is x?", [A])),
    Sampling(temperature=0.7, top_p=0.9, max_tokens=64, seed=5, stop=("END",), extra={"top_k": 20}),
    schema=Verdict,
    prefill="<think>",
    sample=3,
    max_pixels=1000,
)


def test_images_stand_where_their_marks_are() -> None:
    assert user("<image>Left, <image> right?", [A, B]).content == (Picture(A), "Left, ", Picture(B), " right?")
    assert user("Plain.").content == "Plain."
    for text, images in (("<image>", []), ("none", [A]), ("<image><image>", [A])):
        with pytest.raises(UsageError, match="give each exactly one"):
            user(text, images)


def test_the_key_covers_all_that_the_answer_depends_on(endpoint: Callable[..., Endpoint]) -> None:
    here = endpoint()
    others = [
        replace(ASKED, messages=ASKED.messages[1:]),
        replace(ASKED, messages=(Message("user", "Be brief."), ASKED.messages[1])),
        replace(ASKED, messages=(ASKED.messages[0], user("<image>What is x?", [B]))),
        replace(ASKED, messages=(ASKED.messages[0], user("What <image>is x?", [A]))),
        *(
            replace(ASKED, sampling=ASKED.sampling.model_copy(update=change))
            for change in (
                {"temperature": 0.8},
                {"top_p": None},
                {"max_tokens": 65},
                {"seed": 6},
                {"stop": ()},
                {"extra": {"top_k": 21}},
            )
        ),
        replace(ASKED, schema=Other),
        replace(ASKED, schema=None),
        replace(ASKED, prefill=""),
        replace(ASKED, sample=4),
        replace(ASKED, max_pixels=None),
    ]
    keys = [request.key(here) for request in (ASKED, *others)] + [ASKED.key(endpoint(model="n"))]
    assert len(set(keys)) == len(keys)
    assert ASKED.key(endpoint("http://elsewhere/v1", concurrency=3)) == keys[0]


def test_the_key_is_the_same_for_ever(endpoint: Callable[..., Endpoint]) -> None:
    """A change here means that everything is paid for again."""
    key = Request((user("What is x?"),), Sampling(temperature=0)).key(endpoint())
    assert key == "a3f29c58065c6c7b4e6a658b307b252594049cbff1f8938964464c149c439e28"


def test_the_pixel_limit_matters_only_to_images(endpoint: Callable[..., Endpoint]) -> None:
    text = Request((user("What is x?"),))
    assert replace(text, max_pixels=10).key(endpoint()) == text.key(endpoint())


def test_the_body_in_the_protocol(endpoint: Callable[..., Endpoint]) -> None:
    assert ASKED.body(endpoint(extra={"min_p": 0.1}), {A: "data:x"}) == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": "data:x"}},
                    {"type": "text", "text": "What is x?"},
                ],
            },
            {"role": "assistant", "content": "<think>"},
        ],
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 64,
        "seed": 8,  # 5, and sample 3
        "stop": ["END"],
        "top_k": 20,
        "min_p": 0.1,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "Verdict", "schema": Verdict.model_json_schema()},
        },
        "continue_final_message": True,
        "add_generation_prompt": False,
    }
    assert Request((user("x"),)).body(endpoint(), {}) == {"model": "m", "messages": [{"role": "user", "content": "x"}]}


@pytest.mark.parametrize(
    ("options", "has", "lacks"),
    [
        ({"structured": "json_object"}, {"response_format": {"type": "json_object"}}, "n"),
        ({"structured": "none"}, {}, "response_format"),
        ({"limit": "max_completion_tokens"}, {"max_completion_tokens": 64}, "max_tokens"),
        ({"prefill": "plain"}, {}, "continue_final_message"),
        ({"prefill": "prefix"}, {}, "continue_final_message"),
    ],
)
def test_dialects(endpoint: Callable[..., Endpoint], options: dict[str, Any], has: dict[str, Any], lacks: str) -> None:
    body = ASKED.body(endpoint(**options), {A: "data:x"})
    assert has.items() <= body.items()
    assert lacks not in body
    assert body["messages"][-1].get("prefix") == (True if options.get("prefill") == "prefix" else None)
