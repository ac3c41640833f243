"""The example's own checks, its id, and the addresses of its texts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptdata.errors import Rejected, UsageError
from perceptdata.example import Answer, Example, Image, Source, Turn, example_id, split_text_id, text_id

SOURCE = Source(builder="b", version="1", corpus="c", split="train", key="1", licence="CC0-1.0")
PICTURE = Image(sha256="0" * 64, width=2, height=1)


def example(**fields: Any) -> Example:
    given_fields = {
        "id": "b/train/1",
        "stage": "visual_reasoning",
        "group": "g",
        "question": "Find x.",
        "source": SOURCE,
    }
    return Example(**{"answer": Answer(text="13"), **given_fields, **fields})


@pytest.mark.parametrize(
    ("question", "history", "count"),
    [("Find x.", (), 0), ("<image>Find x.", (), 1), ("<image> or <image>?", (), 2), ("And y?", ("<image>Find x.",), 1)],
)
def test_one_placeholder_an_image(question: str, history: tuple[str, ...], count: int) -> None:
    turns = tuple(Turn(role="user", text=text) for text in history)
    assert len(example(question=question, history=turns, images=(PICTURE,) * count).images) == count
    for wrong in (count - 1, count + 1):
        if wrong >= 0:
            with pytest.raises(Rejected, match=f"^{count} <image> .* for {wrong} images") as caught:
                example(question=question, history=turns, images=(PICTURE,) * wrong)
            assert caught.value.code == "image.placeholders"


@pytest.mark.parametrize("index", [-1, 2, 7])
def test_an_index_outside_the_choices_is_refused(index: int) -> None:
    with pytest.raises(Rejected, match="with 2 choices") as caught:
        example(choices=("a", "b"), answer=Answer(text="a", kind="choice", index=index))
    assert caught.value.code == "answer.index"


def test_texts_by_name() -> None:
    row = example(facts="AB = 3", response=None)
    assert (row.text("question"), row.text("facts"), row.text("response")) == ("Find x.", "AB = 3", None)
    with pytest.raises(UsageError, match="question, facts, response, not 'answer'"):
        row.text("answer")


def test_ids() -> None:
    assert example_id("nlvr", "dev", "1572-0") == "nlvr/dev/1572-0"
    assert example_id("nlvr", "dev", "a/b 7#é", "textual") == "nlvr/dev/a/b%207%23%C3%A9/textual"


def test_text_addresses() -> None:
    assert text_id("b/train/1", "facts") == "b/train/1#facts"
    assert text_id("b/train/1", "cot", 3) == "b/train/1#cot/3"
    assert split_text_id("img:00#caps/0") == ("img:00", "caps/0")


@pytest.mark.parametrize("address", ["", "b/train/1", "#facts", "b/train/1#"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match=re.escape(f"'{address}' is not a text address")):
        split_text_id(address)


KEYS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)


@given(
    split=KEYS,
    key=KEYS,
    twin=st.none() | KEYS,
    name=st.sampled_from(["facts", "cot"]),
    sample=st.none() | st.integers(0, 99),
)
def test_any_key_gives_an_address_that_comes_apart(
    split: str, key: str, twin: str | None, name: str, sample: int | None
) -> None:
    owner = example_id("b", split, key, twin)
    assert re.fullmatch(r"[!-~]+", owner)
    assert "#" not in owner
    assert split_text_id(text_id(owner, name, sample)) == (owner, name if sample is None else f"{name}/{sample}")


@given(KEYS, KEYS)
def test_different_keys_give_different_ids(one: str, other: str) -> None:
    assert (example_id("b", "train", one) == example_id("b", "train", other)) == (one == other)
