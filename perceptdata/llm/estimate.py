"""What a run would take, before anything is sent.

    estimate(requests, endpoint, replies)          # Estimate(calls=…, cached=…, cost=…, seconds=…, measured=False)

Approximate: a token is taken to be four characters of text, or 28 x 28 pixels of an image, which is about right for
English prose and for the Qwen-VL family, and wrong by a factor of two elsewhere. Length and time of an answer are those
of this step's answers so far (`measured`); before there are any, every answer is taken to be as long as it may be, and
to be written at 40 tokens a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from perceptdata.llm.cache import ReplyCache
from perceptdata.llm.endpoint import Endpoint
from perceptdata.llm.request import Request
from perceptdata.llm.upload import fitted
from perceptdata.packs import ImageStore

CHARACTERS_A_TOKEN = 4
PIXELS_A_TOKEN = 28 * 28
TOKENS_A_MESSAGE = 4  # role and separators of the chat template
TOKENS_A_SECOND = 40.0
ANSWER_TOKENS = 1024  # of a request without a limit


@dataclass(frozen=True, slots=True)
class Estimate:
    """`requests` would need `calls`, the others being `cached`. `cost` and `gpu_hours` are None where unknown."""

    requests: int
    cached: int
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    seconds: float
    gpu_hours: float | None
    measured: bool


def estimate(
    requests: Iterable[Request],
    endpoint: Endpoint,
    replies: ReplyCache,
    *,
    images: ImageStore | None = None,
    total: int | None = None,
    retry_failed: bool = False,
) -> Estimate:
    """Estimate a run of `requests`; of `total` requests like them where only a sample is given.

    Repair turns are not foreseen. Nothing is sent, and no image is decoded.
    """
    seen = cached = prompt = longest = 0
    for request in requests:
        seen += 1
        if replies.settled(request.key(endpoint), retry_failed) is not None:
            cached += 1
            continue
        prompt += prompt_tokens(request, _sizes(request, images))
        longest += request.sampling.max_tokens or ANSWER_TOKENS
    scale = 1.0 if total is None or not seen else total / seen
    calls = round((seen - cached) * scale)
    known = replies.typical(replies.step)
    if known is not None:
        per_call, answer = known
        completion = round(answer * calls)
    else:
        completion = round(longest * scale)
        per_call = completion / calls / TOKENS_A_SECOND if calls else 0.0
    prompt = round(prompt * scale)
    # The calls that run side by side; a last round that is not full still takes its time.
    rounds = -(-calls // (endpoint.concurrency * len(endpoint.urls)))
    seconds = rounds * per_call
    return Estimate(
        requests=round(seen * scale),
        cached=round(seen * scale) - calls,
        calls=calls,
        prompt_tokens=prompt,
        completion_tokens=completion,
        cost=None if endpoint.price is None else endpoint.price.of(prompt, completion),
        seconds=round(seconds, 1),
        gpu_hours=None if endpoint.gpus is None else seconds * endpoint.gpus / 3600,
        measured=known is not None,
    )


def prompt_tokens(request: Request, sizes: Iterable[tuple[int, int]] = ()) -> int:
    """About how many tokens the prompt has; `sizes` are width and height of its images, in pixels."""
    tokens = -(-request.characters() // CHARACTERS_A_TOKEN) + TOKENS_A_MESSAGE * len(request.messages)
    for width, height in sizes:
        width, height = fitted(width, height, request.max_pixels)
        tokens += -(-width * height // PIXELS_A_TOKEN)
    return tokens


def _sizes(request: Request, images: ImageStore | None) -> Iterator[tuple[int, int]]:
    if images is not None:
        for row in map(images.row, request.pictures()):
            yield row["width"], row["height"]
