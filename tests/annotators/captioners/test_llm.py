"""`llm` captions images by a model's replies, and says why where there is none."""

from dataclasses import replace

import pytest

from perceptdata.errors import Rejected, UsageError
from perceptdata.llm import Picture, Reply, Request
from perceptdata.plugins import Captioned, Captioner, ImageItem
from perceptdata.registry import make

ITEM = ImageItem("ab" * 32, memoryview(b""))
WHOLE = Reply("Two cups.", finish_reason="stop", model="served", prompt_tokens=9, completion_tokens=3, cost=0.1)
ENDPOINT = {"urls": ["http://localhost/v1"], "model": "m"}


def captioner(**options: object) -> Captioner:
    return make("captioners", "llm", {"endpoint": ENDPOINT, **options})


def test_the_image_comes_first_and_each_sample_is_a_request_of_its_own() -> None:
    asks = list(captioner(n=2, temperature=0.7, max_pixels=100).asks([ITEM], lambda request: None))
    assert [ask.request.sample for ask in asks] == [0, 1]
    (message,) = asks[0].request.messages
    assert message.content[0] == Picture("ab" * 32)
    assert "State only what can be seen." in message.content[1]
    assert asks[0].request.max_pixels == 100


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (None, "caption.unanswered"),
        (replace(WHOLE, error="length"), "caption.length"),
        (replace(WHOLE, error="refusal", message="I will not."), "caption.refusal"),
    ],
)
def test_a_reply_of_no_use_is_a_reason(reply: Reply | None, code: str) -> None:
    ((made,),) = captioner().told([ITEM], lambda request: reply)
    assert isinstance(made, Rejected)
    assert made.code == code


def test_a_whole_reply_is_a_caption_with_what_it_took() -> None:
    seen: list[Request] = []

    def answers(request: Request) -> Reply:
        seen.append(request)
        return WHOLE

    ((made,),) = captioner(prompt="What is there?").told([ITEM], answers)
    assert made == Captioned("Two cups.", "stop", "served", 9, 3, 0.1)
    assert seen[0].messages[0].content[1] == "What is there?"


def test_options_that_make_no_sense_are_refused() -> None:
    with pytest.raises(UsageError, match="temperature 0 gives the same caption 2 times"):
        captioner(n=2)
    with pytest.raises(UsageError, match="captioner 'llm' asks a model: run it in a step"):
        captioner().caption([ITEM])
