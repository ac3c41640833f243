"""The tagger `llm` before a real server whose model says nothing that could be used: reasons, and not one span."""

import hashlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from models.pictures import draw

from perceptdata import llm
from perceptdata.errors import Rejected
from perceptdata.example import Answer, Example, Image, Source
from perceptdata.packs import ImageStore, PackWriter
from perceptdata.registry import make
from perceptdata.tagging import Texts, answers_for, ask_models, tag_batch

pytestmark = pytest.mark.services

TEXT = "The square is red. So the answer is red."


@pytest.mark.parametrize("mode", ["ids", "inline"])
def test_garbage_ends_in_reasons_and_not_in_spans(server: Any, tmp_path: Path, mode: str) -> None:
    data = draw("red", 96, 64)
    sha256 = hashlib.sha256(data).hexdigest()
    with PackWriter(tmp_path / "pack.arrow") as writer:
        writer.add(SimpleNamespace(sha256=sha256, data=data, media_type="image/png", width=96, height=64))
    example = Example(
        id="a",
        stage="visual_reasoning",
        group="a",
        images=(Image(sha256=sha256, width=96, height=64),),
        question="<image>What colour is the square?",
        answer=Answer(text="red"),
        source=Source(builder="b", version="1", corpus="c", split="train", key="a", licence="MIT"),
    )
    endpoint = {"urls": [server.url], "model": server.model, "concurrency": 2, "timeout": 120}
    options = {"endpoint": endpoint, "mode": mode, "max_tokens": 24, "see_image": True, "audit": 1}
    chain = [make("taggers", "llm", options)]
    items = [(str(at), f"{TEXT} Number {at}.", example) for at in range(3)]
    problems: dict[str, Rejected] = {}
    with llm.ReplyCache(tmp_path / "replies.sqlite", step="tags") as replies:
        asked = ask_models(lambda: [Texts(items)], chain, replies, images=ImageStore([tmp_path / "pack.arrow"]))
        assert asked.stopped is None
        known = answers_for(chain, replies)
        sets = tag_batch(items, chain, answers=known, on_problem=lambda who, at, why: problems.update({at: why}))
    assert [len(spans) for spans in sets] == [0, 0, 0]
    assert {problem.code.partition(".")[0] for problem in problems.values()} == {"tag"}
    assert set(problems) == {"0", "1", "2"}
    assert replies.ledger.calls >= 3
