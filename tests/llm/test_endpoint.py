"""Endpoints as recipes declare them."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from perceptdata.errors import UsageError
from perceptdata.llm import Endpoint, Price
from perceptdata.registry import option_errors

SECRET = "sk-very-secret-0123456789"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"urls": ()}, "urls"),
        ({"urls": ("n1:8000/v1",)}, "begins with http"),
        ({"urls": ("http://",)}, "names a host"),
        ({"urls": (f"https://me:{SECRET}@host/v1",)}, "no user, password or query"),
        ({"urls": (f"https://host/v1?key={SECRET}",)}, "no user, password or query"),
        ({"urls": ("http://a/v1", "http://a/v1/")}, "stands twice"),
        ({"key_env": SECRET}, "not the key itself"),
        ({"api_key": SECRET}, "unknown key 'api_key'"),
        ({"extra": {"temperature": 1, "n": 2}}, "n, temperature cannot stand in extra"),
        ({"concurrency": 0}, "concurrency"),
        ({"price": {"prompt": 1.0}}, "price.completion"),
    ],
)
def test_what_is_wrong_is_said_without_repeating_a_key(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Endpoint(**{"urls": ("http://a/v1",), "model": "m", **options})
    sentence = option_errors(caught.value, Endpoint)
    assert said in sentence
    assert SECRET not in sentence + str(caught.value)


def test_identity_is_what_answers_depend_on(endpoint: Callable[..., Endpoint]) -> None:
    one = endpoint("http://a/v1", model="m", extra={"top_k": 1})
    elsewhere = endpoint(
        "http://b/v1/",
        "http://c/v1",
        model="m",
        extra={"top_k": 1},
        key_env="K",
        concurrency=1,
        timeout=1,
        retries=9,
        price=Price(prompt=1, completion=2),
        gpus=8,
        limit="max_completion_tokens",
    )
    assert one.identity() == elsewhere.identity()
    assert one.identity() == {
        "model": "m",
        "structured": "json_schema",
        "prefill": "continue_final_message",
        "extra": {"top_k": 1},
    }
    for other in ({"model": "n"}, {"extra": {}}, {"structured": "none"}, {"prefill": "plain"}):
        assert endpoint(**{"model": "m", "extra": {"top_k": 1}, **other}).identity() != one.identity()


def test_the_key_comes_from_the_environment(endpoint: Callable[..., Endpoint], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_KEY", f" {SECRET}\n")
    assert endpoint(key_env="THE_KEY").key() == SECRET
    assert SECRET not in repr(endpoint(key_env="THE_KEY"))
    monkeypatch.setenv("THE_KEY", "")
    with pytest.raises(UsageError, match=r"\$THE_KEY, which is not set"):
        endpoint(key_env="THE_KEY").key()
    assert endpoint().key() is None


def test_price_is_for_a_million_tokens() -> None:
    # 2,000 x 0.25 / 1e6 + 500 x 2 / 1e6 = 0.0005 + 0.001
    assert Price(prompt=0.25, completion=2.0).of(2000, 500) == pytest.approx(0.0015)
