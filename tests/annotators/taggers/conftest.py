"""Servers that stop with the test, and a chain with a model in it run over texts."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from llm.labelling import TEXT, Tagged, knows
from llm.server import Script, Server

from perceptdata import llm
from perceptdata.errors import Rejected
from perceptdata.example import Answer, Example, Image, Source
from perceptdata.plugins import Tagger
from perceptdata.registry import make
from perceptdata.tagging import Texts, answers_for, ask_models, tag_batch


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """`serve(script)`: a model that does as the script says, `knows` unless given."""
    opened: list[Server] = []

    def start(script: Script = knows) -> Server:
        opened.append(Server(script).__enter__())
        return opened[-1]

    yield start
    for each in opened:
        each.__exit__(None, None, None)


@pytest.fixture
def asking() -> Callable[..., Tagger]:
    """`asking(server, mode="inline")`: the tagger `llm`; no call is audited unless `audit` says so."""

    def make_tagger(server: Server | None = None, structured: str = "json_schema", **options: Any) -> Tagger:
        endpoint = {"urls": [server.url if server else "http://127.0.0.1:9/v1"], "model": "m", "retries": 0}
        return make("taggers", "llm", {"endpoint": {**endpoint, "structured": structured}, "audit": 0, **options})

    return make_tagger


@pytest.fixture
def tag(tmp_path: Path) -> Callable[..., Tagged]:
    """`tag(tagger, …, texts=…)`: ask all that the chain wants to know, and tag."""

    def run(*chain: Tagger, texts: tuple[str, ...] = (TEXT,), of: Example | None = None, images: Any = None) -> Tagged:
        items = [(str(at), text, of) for at, text in enumerate(texts)]
        problems: dict[str, Rejected] = {}
        with llm.ReplyCache(tmp_path / "replies.sqlite", step="tags") as replies:
            asked = ask_models(lambda: [Texts(items)], chain, replies, images=images)
            assert asked.stopped is None
            known = answers_for(chain, replies)
            sets = tag_batch(items, chain, answers=known, on_problem=lambda who, at, why: problems.update({at: why}))
        for (_, text, _), spans in zip(items, sets, strict=True):
            spans.check(len(text))
        return Tagged(sets, problems)

    return run


@pytest.fixture
def example() -> Callable[..., Example]:
    """`example(question, sha256, …)`: with those images."""

    def of(question: str, *images: str) -> Example:
        return Example(
            id="a",
            stage="visual_reasoning" if images else "textual_reasoning",
            group="a",
            images=tuple(Image(sha256=sha256, width=24, height=16) for sha256 in images),
            question="<image>" * len(images) + question,
            answer=Answer(text="3"),
            source=Source(builder="b", version="1", corpus="c", split="train", key="a", licence="MIT"),
        )

    return of
