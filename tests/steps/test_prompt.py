"""What a model is given of an example."""

from typing import Any

import pytest

from perceptdata import llm, registry
from perceptdata.errors import Rejected, UsageError
from perceptdata.example import Answer, Example, Image, Source, Turn
from perceptdata.steps.prompt import REASON, prompt_of

SOURCE = Source(builder="b", version="1", corpus="c", split="train", key="a", licence="MIT")
FORM = registry.make("formats", "answer_only", {"rule": "Only the answer.", "place": "system"})


def example(images: int = 1, **given: Any) -> Example:
    fields: dict[str, Any] = {
        "id": "a",
        "stage": "visual_reasoning",
        "group": "a",
        "question": "<image>" * images + "How many dots?",
        "images": tuple(Image(sha256=f"{place}" * 64, width=2, height=2) for place in range(images)),
        "answer": Answer(text="3"),
        "source": SOURCE,
    }
    return Example(**{**fields, **given})


def test_the_image_is_shown_where_it_stands() -> None:
    prompt = prompt_of(example(2), "image", FORM)
    assert (prompt.question, prompt.images) == ("<image><image>How many dots?", ("0" * 64, "1" * 64))
    request = prompt.request(llm.Sampling(), 0, None)
    assert [message.role for message in request.messages] == ["system", "user"]
    assert request.messages[0].content == "Only the answer."
    assert request.messages[1].content == (llm.Picture("0" * 64), llm.Picture("1" * 64), "How many dots?")


def test_images_of_earlier_turns_go_with_their_turn() -> None:
    history = (Turn(role="user", text="<image>What is it?"), Turn(role="assistant", text="A die."))
    asked = example(2, question="<image>And this?", history=history)
    messages = prompt_of(asked, "image", FORM).request(llm.Sampling(), 0, None).messages
    assert [message.role for message in messages] == ["system", "user", "assistant", "user"]
    assert messages[1].content == (llm.Picture("0" * 64), "What is it?")
    assert messages[3].content == (llm.Picture("1" * 64), "And this?")
    blind = prompt_of(asked, "nothing", FORM)
    assert (blind.images, blind.history[0].text, blind.question) == ((), "What is it?", "And this?")


def test_captions_stand_for_images() -> None:
    one = prompt_of(example(), "caption", FORM, {"0" * 64: "Three dots."})
    assert one.question == "How many dots?\n\nThe figure shows:\nThree dots."
    two = prompt_of(example(2), "caption", FORM, {"0" * 64: "Three dots.", "1" * 64: "None."})
    assert two.question.endswith("Image 1: Three dots.\nImage 2: None.")
    with pytest.raises(Rejected, match="an image without a caption") as refused:
        prompt_of(example(2), "caption", FORM, {"0" * 64: "Three dots."})
    assert refused.value.code == "generate.no_caption"


def test_facts_are_given_to_a_reasoner_without_the_formats_own_rule() -> None:
    prompt = prompt_of(example(facts="dots: 3"), "facts", FORM)
    assert prompt.question == f"How many dots?\n\nThe figure shows:\ndots: 3\n\n{REASON}"
    assert (prompt.system, prompt.images) == ("", ())
    with pytest.raises(Rejected) as refused:
        prompt_of(example(), "facts", FORM)
    assert refused.value.code == "generate.no_facts"


def test_a_text_only_example_is_asked_as_it_is() -> None:
    for see in ("caption", "nothing"):
        assert prompt_of(example(0), see, FORM).question == "How many dots?"


def test_a_template_says_the_whole_turn() -> None:
    one = example(choices=("three", "four"), facts="Three dots.")
    template = "{{ question }}\n{{ options }}\n{{ choices | length }} options; {{ facts }}"
    prompt = prompt_of(one, "image", FORM, template=template)
    assert prompt.question == "<image>How many dots?\nA: three\nB: four\n2 options; Three dots."
    assert (prompt.images, prompt.system, prompt.prefill) == (("0" * 64,), "", "")
    assert prompt_of(one, "image", FORM, template="What is there?").question == "<image>What is there?"


def test_a_template_without_the_image() -> None:
    captions = {"0" * 64: "Dots <image> in a row."}
    prompt = prompt_of(example(), "caption", FORM, captions, template="{{ caption }}|{{ question }}")
    assert (prompt.question, prompt.images) == ("Dots  in a row.|How many dots?", ())
    assert prompt.request(llm.Sampling(), 0, None).messages[-1].content == prompt.question
    with pytest.raises(Rejected, match="without a caption"):
        prompt_of(example(), "caption", FORM, {}, template="{{ caption }}")
    with pytest.raises(Rejected, match="no facts"):
        prompt_of(example(), "facts", FORM, template="{{ facts }}")
    history = (Turn(role="user", text="<image>Look."), Turn(role="assistant", text="I do."))
    talk = example(question="How many?", history=history)
    assert prompt_of(talk, "image", FORM, template="{{ question }}").question == "How many?"
    assert prompt_of(talk, "nothing", FORM, template="{{ question }}").history[0].text == "Look."


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ capshun }}", "names what it is not given: 'capshun' is undefined"),
        ("{{ caption }}", "'caption' is undefined"),  # it is given where captions are shown
        ("{% if %}", "the prompt is no template"),
    ],
)
def test_a_wrong_template_is_one_sentence(template: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        prompt_of(example(), "image", FORM, template=template)


def test_a_template_runs_nothing() -> None:
    with pytest.raises(UsageError, match="may not"):
        prompt_of(example(), "image", FORM, template="{{ question.__class__.__mro__ }}")
