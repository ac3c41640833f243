"""Answers: the same in every batch, drawn from the distribution asked for, and ended where the model ended them."""

import dataclasses
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from models import tiny as factory
from models.pictures import draw
from models.tiny import Load

from perceptdata.errors import UsageError
from perceptdata.vlm.generation import WINDOW, Generated, Picker, Sampling, generate
from perceptdata.vlm.loading import LocalModel
from perceptdata.vlm.rendering import Request

RED, BLUE = draw("red", 96, 64), draw("blue", 40, 90)
REQUESTS = [
    Request(key="a", question="How many shapes are there, and what colour is the largest of them?"),
    Request(key="b", question="<image>What colour?", images=(RED,)),
    Request(key="c", question="Between <image> and <image> how many?", images=(BLUE, RED), prefill="<description>"),
    Request(key="d", question="<image>", images=(BLUE,)),
    Request(key="e", question="2 + 3?", system="Add."),
]
GREEDY = Sampling(max_new_tokens=10)
DRAWN = Sampling(n=3, temperature=1.0, top_p=0.9, max_new_tokens=8, seed=7)


def asked(model: LocalModel) -> list[Request]:
    return [request for request in REQUESTS if model.sees_images or not request.images]


def answers(
    model: LocalModel, requests: list[Request], sampling: Sampling, batch_size: int = 4
) -> dict[str, tuple[Generated, ...]]:
    return {answered.request.key: answered.samples for answered in generate(model, requests, sampling, batch_size)}


@pytest.mark.parametrize("family", factory.MODELS)
def test_greedy_answers_do_not_depend_on_the_batch(load: Load, family: str) -> None:
    model = load(family)
    alone = answers(model, asked(model), GREEDY, 1)
    assert list(alone) == [request.key for request in asked(model)]
    assert alone == answers(model, asked(model), GREEDY, 4)
    assert alone == answers(model, asked(model)[::-1], GREEDY, 3)


@pytest.mark.parametrize("family", factory.MODELS)
def test_drawn_answers_do_not_depend_on_the_batch(load: Load, family: str) -> None:
    model = load(family)
    alone = answers(model, asked(model), DRAWN, 1)
    assert [[one.sample for one in samples] for samples in alone.values()] == [[0, 1, 2]] * len(alone)
    for batch_size in (2, 3, 7, 64):
        assert answers(model, asked(model), DRAWN, batch_size) == alone
    last = asked(model)[-1]
    assert answers(model, [last], DRAWN) == {last.key: alone[last.key]}
    more = answers(model, [last], dataclasses.replace(DRAWN, n=5))[last.key]
    assert more[:3] == alone[last.key]  # asking for more keeps those there are


def test_draws_differ_by_sample_by_request_and_by_seed(load: Load) -> None:
    model = load("qwen3")
    twins = [dataclasses.replace(REQUESTS[0], key=key) for key in ("x", "y")]
    drawn = answers(model, twins, dataclasses.replace(DRAWN, top_p=1.0))
    texts = [one.text for samples in drawn.values() for one in samples]
    other = answers(model, twins, dataclasses.replace(DRAWN, top_p=1.0, seed=8))
    texts += [one.text for samples in other.values() for one in samples]
    assert len(set(texts)) == 12


@pytest.mark.parametrize("family", factory.WITH_IMAGES)
def test_a_greedy_answer_is_the_librarys_own(load: Load, family: str) -> None:
    from perceptdata.vlm.batch import collate
    from perceptdata.vlm.rendering import prepare

    model = load(family)
    row = prepare(model, REQUESTS[1])
    ids = model.network.generate(
        **collate(model, [row]), max_new_tokens=10, do_sample=False, suppress_tokens=list(model.media_ids)
    )[0, row.tokens :]
    (answer,) = answers(model, [REQUESTS[1]], GREEDY)["b"]
    assert answer.text == model.tokenizer.decode(ids, skip_special_tokens=True)
    assert (answer.prompt_tokens, answer.completion_tokens) == (row.tokens, len(ids))


def test_the_image_decides_the_answer(load: Load) -> None:
    texts = {
        answers(load("qwen3_vl"), [dataclasses.replace(REQUESTS[1], images=(image,))], GREEDY)["b"][0].text
        for image in (RED, draw("white", 96, 64))
    }
    assert len(texts) == 2


def favour(model: LocalModel, ids: list[int]) -> Any:
    """Make the network want the first of `ids` most, then the second, and so on."""

    def push(_module: Any, _inputs: Any, logits: torch.Tensor) -> torch.Tensor:
        logits[..., ids] = torch.arange(len(ids), 0, -1, dtype=logits.dtype) * 100
        return logits

    return model.network.lm_head.register_forward_hook(push)


def test_image_tokens_are_never_written(load: Load) -> None:
    model = load("qwen3_vl")
    seven = model.tokenizer.convert_tokens_to_ids("7")
    hook = favour(model, [*model.media_ids, seven])
    try:
        (answer,) = answers(model, [REQUESTS[1]], Sampling(max_new_tokens=3))["b"]
        drawn = answers(model, [REQUESTS[1]], Sampling(n=2, temperature=1, max_new_tokens=3))["b"]
        careless = dataclasses.replace(model, media_ids=())
        assert answers(careless, [REQUESTS[1]], Sampling(max_new_tokens=3))["b"][0].text == ""  # all special tokens
    finally:
        hook.remove()
    assert [one.text for one in (answer, *drawn)] == ["777"] * 3


def test_an_answer_ends_at_its_end_token(load: Load) -> None:
    model = load("qwen3")
    stop = model.tokenizer.convert_tokens_to_ids("<|im_start|>")
    two_ends = dataclasses.replace(model, end_ids=(*model.end_ids, stop))
    hook = favour(model, [stop])
    try:
        (stopped,) = answers(two_ends, [REQUESTS[0]], Sampling(max_new_tokens=5))["a"]
        (endless,) = answers(model, [REQUESTS[0]], Sampling(max_new_tokens=5))["a"]
    finally:
        hook.remove()
    assert (stopped.text, stopped.finish_reason, stopped.completion_tokens) == ("", "stop", 1)
    assert (endless.text, endless.finish_reason, endless.completion_tokens) == ("", "length", 5)


def test_what_cannot_be_asked_keeps_its_place(load: Load) -> None:
    model = load("qwen3_vl")
    requests = [
        dataclasses.replace(REQUESTS[0], max_prompt_tokens=3),
        REQUESTS[1],
        Request(key="x", question="<image>"),
        REQUESTS[4],
    ]
    found = list(generate(model, requests, GREEDY))
    assert [answered.request for answered in found] == requests
    assert [len(answered.samples) for answered in found] == [0, 1, 0, 1]
    codes = [answered.rejected.code if answered.rejected else None for answered in found]
    assert codes == ["prompt.too_long", None, "image.placeholders", None]
    room = 4096 - found[1].samples[0].prompt_tokens
    (full,) = generate(model, [REQUESTS[1]], Sampling(max_new_tokens=room + 1))
    assert full.rejected is not None
    assert full.rejected.code == "prompt.too_long"


def test_requests_are_read_a_window_at_a_time(load: Load) -> None:
    read = []

    def source() -> Iterator[Request]:
        for number in range(3 * WINDOW):
            read.append(number)
            yield dataclasses.replace(REQUESTS[4], key=str(number))

    found = generate(load("qwen3"), source(), Sampling(max_new_tokens=1), batch_size=1)
    assert read == []
    assert next(found).request.key == "0"
    assert len(read) == WINDOW
    assert [answered.request.key for answered in found] == [str(number) for number in range(1, 3 * WINDOW)]
    assert list(generate(load("qwen3"), [])) == []


def test_a_batch_that_does_not_fit_says_what_to_lower(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_options: Any) -> torch.Tensor:
        raise torch.OutOfMemoryError("no memory")

    monkeypatch.setattr(load("qwen3").network, "generate", full)
    with pytest.raises(UsageError, match=r"2 sequences of up to .* do not fit on cpu; set a smaller batch size"):
        list(generate(load("qwen3"), [REQUESTS[0], REQUESTS[4]], GREEDY))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"n": 0}, "n is 0"),
        ({"max_new_tokens": 0}, "max_new_tokens 0"),
        ({"temperature": -0.1}, "below 0"),
        ({"top_p": 0.0}, "outside"),
        ({"n": 2}, "the same answer 2 times"),
    ],
)
def test_sampling_that_makes_no_sense(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Sampling(**wrong)


def test_the_batch_size_starts_at_one(load: Load) -> None:
    with pytest.raises(UsageError, match="batch size is 0"):
        list(generate(load("qwen3"), REQUESTS, batch_size=0))


class Fixed(random.Random):
    """A stream that always says the same."""

    def __init__(self, value: float) -> None:
        super().__init__(0)
        self.value = value

    def random(self) -> float:
        return self.value


def pick(probabilities: list[float], draws: list[float], temperature: float = 1.0, top_p: float = 1.0) -> list[int]:
    scores = torch.tensor([probabilities] * len(draws)).log()
    left = Picker([Fixed(draw) for draw in draws], temperature, top_p)(torch.zeros(len(draws), 1), scores)
    assert torch.equal(left.isfinite().sum(-1), torch.ones(len(draws), dtype=torch.long))
    return left.argmax(-1).tolist()


def test_the_picker_inverts_the_distribution() -> None:
    # In falling order: token 1 up to 0.5, token 3 up to 0.8, token 0 up to 1.
    assert pick([0.2, 0.5, 0.0, 0.3], [0.0, 0.49, 0.51, 0.79, 0.81, 0.999999]) == [1, 1, 3, 3, 0, 0]
    # top_p 0.7 keeps 1 and 3 (the one that passes it belongs to it), together 0.8: the border is at 0.5 / 0.8 = 0.625.
    assert pick([0.2, 0.5, 0.0, 0.3], [0.62, 0.63, 0.999999], top_p=0.7) == [1, 3, 3]
    assert pick([0.2, 0.5, 0.0, 0.3], [0.999999], top_p=1e-6) == [1]
    # The largest u below 1 is 1 in float32; it still draws the last token that was kept.
    assert pick([0.2, 0.5, 0.0, 0.3], [1 - 2**-53], top_p=0.7) == [3]
    assert pick([0.2, 0.5, 0.3], [1 - 2**-53]) == [0]
    # Temperature 1/2 squares: 4 + 25 + 9 = 38 parts, so the borders are 25/38 = 0.658 and 34/38 = 0.895.
    assert pick([0.2, 0.5, 0.0, 0.3], [0.65, 0.66, 0.89, 0.90], temperature=0.5) == [1, 3, 3, 0]


def test_drawn_tokens_have_the_asked_for_frequencies() -> None:
    draws, shares = 20_000, [0.1, 0.6, 0.25, 0.05]
    streams = [random.Random(f"0/row/{number}") for number in range(draws)]
    left = Picker(streams, 1.0, 1.0)(torch.zeros(draws, 1), torch.tensor([shares] * draws).log())
    counts = Counter(left.argmax(-1).tolist())
    for token, share in enumerate(shares):
        assert abs(counts[token] - draws * share) < 4 * (draws * share * (1 - share)) ** 0.5
