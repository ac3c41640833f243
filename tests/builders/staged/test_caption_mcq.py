"""Questions that a model wrote from captions: what is read, what is refused, and where the right option stands."""

import json
from collections import Counter
from typing import Any

import pytest

from perceptdata.builders.staged.caption_mcq import CaptionMCQ, read_mcq
from perceptdata.draft import BadRow, Draft
from perceptdata.errors import Rejected, UsageError
from perceptdata.example import Answer, Example, Image, Source
from perceptdata.layers import Producer, Response, text_sha256

GOOD: dict[str, Any] = {
    "question": "What stands left of the bench?",
    "options": {"A": "a sign", "B": "a tree", "C": "a dog", "D": "a bin"},
    "answer": "B",
}
PICTURE = Image(sha256="0" * 64, width=8, height=8)


def example(key: str = "7", **more: Any) -> Example:
    return Example(
        id=f"photos/train/{key}",
        stage="perception",
        group=f"g{key}",
        images=(PICTURE,),
        question="<image>Describe this picture in detail.",
        answer=Answer(text="A tree stands left of a bench."),
        facts="A tree stands left of a bench.",
        facts_quality="reference",
        source=Source(builder="captions", version="1", corpus="Photos", split="train", key=key, licence="CC-BY-4.0"),
        **more,
    )


def response(text: str, sample: int = 0, key: str = "7") -> Response:
    return Response(
        text_id=f"photos/train/{key}#writes/{sample}",
        example_id=f"photos/train/{key}",
        sample=sample,
        text=text,
        text_sha256=text_sha256(text),
        model="writer-1",
        producer=Producer(name="generate", version="1", config="00000000"),
    )


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(GOOD),
        f"```json\n{json.dumps(GOOD, indent=1)}\n```",
        f"Sure {{here}}:\n```\n{json.dumps(GOOD)}\n```\nIs that all right?",
        json.dumps({**GOOD, "options": ["a sign", "a tree", "a dog", "a bin"]}),
        json.dumps({**GOOD, "answer": "B: a tree"}),
        json.dumps({**GOOD, "answer": "a tree"}),
        json.dumps({**GOOD, "options": {key.lower(): value for key, value in GOOD["options"].items()}}),
    ],
)
def test_what_models_write_is_read(text: str) -> None:
    assert read_mcq(text) == (GOOD["question"], GOOD["options"], "B")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("I am sorry.", "no_json"),
        ("{" * 5000, "no_json"),
        (json.dumps({**GOOD, "question": " "}), "no_question"),
        (json.dumps({**GOOD, "options": {"A": "x", "B": "y"}}), "options"),
        (json.dumps({**GOOD, "options": {**GOOD["options"], "D": "A TREE"}}), "options"),
        (json.dumps({**GOOD, "options": {**GOOD["options"], "D": ""}}), "options"),
        (json.dumps({**GOOD, "answer": "E"}), "answer"),
        (json.dumps({**GOOD, "answer": "Both"}), "answer"),
    ],
)
def test_what_is_no_question_says_why(text: str, code: str) -> None:
    with pytest.raises(Rejected) as caught:
        read_mcq(text)
    assert caught.value.code == f"caption_mcq.{code}"
    (bad,) = CaptionMCQ().make(response(text), example())
    assert isinstance(bad, BadRow)
    assert (bad.key, bad.code) == ("photos/7", f"caption_mcq.{code}")


def test_an_example_shows_the_picture_and_knows_where_it_is_from() -> None:
    (draft,) = CaptionMCQ().make(response(json.dumps(GOOD), sample=2), example())
    assert isinstance(draft, Draft)
    assert (draft.key, draft.stage, draft.split) == ("photos/7/2", "perception", "train")
    assert draft.images == (PICTURE,)
    assert draft.question == "<image>What stands left of the bench?"
    assert draft.choices[draft.answer.index or 0] == draft.answer.text == "a tree"
    assert draft.meta == {
        "of": "photos/train/7",
        "written": "photos/train/7#writes/2",
        "model": "writer-1",
        "letter": "B",
    }


def test_letters_are_balanced_by_the_shuffle_and_kept_without() -> None:
    def letters(**options: Any) -> Counter[int | None]:
        builder = CaptionMCQ(**options)
        made = [next(builder.make(response(json.dumps(GOOD), key=str(n)), example(str(n)))) for n in range(400)]
        return Counter(draft.answer.index for draft in made if isinstance(draft, Draft))

    assert letters(shuffle=False) == {1: 400}
    found = letters()
    assert sorted(found) == [0, 1, 2, 3]
    assert min(found.values()) > 70  # 100 expected, standard deviation 8.7
    assert letters() == found
    assert letters(seed=1) != found


def test_it_reads_no_files() -> None:
    with pytest.raises(UsageError, match="name the step with 'from'"):
        CaptionMCQ().parts(None)
