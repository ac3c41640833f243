"""Batched answers from a local model, in the order of the requests.

    for answered in generate(model, requests, Sampling(n=8, temperature=0.7, top_p=0.95, max_new_tokens=512)):
        answered.request.key, answered.samples or answered.rejected

Requests are read in windows, and sorted by length inside one, so that little of a batch is padding and memory does not
depend on how many there are. The random numbers of a sample come from (seed, request key, sample number) alone, one
uniform number a token: a sample does not depend on the batch it runs in, and a run that was interrupted goes on with
the same ones. (The arithmetic may differ: in bfloat16, a batch of another shape can round a tie the other way.)
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from perceptdata.errors import Rejected, UsageError
from perceptdata.vlm.batch import collate
from perceptdata.vlm.loading import LocalModel
from perceptdata.vlm.rendering import Prepared, Request, prepare

if TYPE_CHECKING:
    from torch import Tensor

WINDOW = 8  # batches that are prepared and sorted together


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to answer. Temperature 0 is greedy; `top_p` keeps the likeliest tokens that together have that probability.

    `max_new_tokens` counts the end token.
    """

    n: int = 1
    temperature: float = 0.0
    top_p: float = 1.0
    max_new_tokens: int = 1024
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n < 1 or self.max_new_tokens < 1:
            raise UsageError(f"n is {self.n} and max_new_tokens {self.max_new_tokens}; both start at 1")
        if self.temperature < 0 or not 0 < self.top_p <= 1:
            raise UsageError(f"temperature {self.temperature} is below 0, or top_p {self.top_p} is outside (0, 1]")
        if self.n > 1 and self.temperature == 0:
            raise UsageError(f"temperature 0 gives the same answer {self.n} times; ask for one, or set a temperature")


@dataclass(frozen=True, slots=True)
class Generated:
    """One answer. `text` is what the model wrote; it continues `opened` (the prefill), which it does not repeat.

    `finish_reason` is `length` where no end token came within the limit. `completion_tokens` counts the end token.
    """

    key: str
    sample: int
    text: str
    opened: str
    finish_reason: Literal["stop", "length"]
    prompt_tokens: int
    completion_tokens: int


class Answered(NamedTuple):
    """A request with its samples, in order; or with the reason why it could not be asked."""

    request: Request
    samples: tuple[Generated, ...]
    rejected: Rejected | None = None


def generate(
    model: LocalModel, requests: Iterable[Request], sampling: Sampling | None = None, batch_size: int = 8
) -> Iterator[Answered]:
    """Answer requests as they come. `batch_size` counts sequences: eight samples of one request fill a batch of eight.

    Raises UsageError where no request could be answered: the template, or a batch that does not fit the GPU.
    """
    sampling = sampling or Sampling()
    if batch_size < 1:
        raise UsageError(f"the batch size is {batch_size}; it starts at 1")
    source = iter(requests)
    while window := list(islice(source, max(1, WINDOW * batch_size // sampling.n))):
        rejected: dict[int, Rejected] = {}
        prepared: list[tuple[int, Prepared]] = []
        for place, request in enumerate(window):
            try:
                prepared.append((place, prepare(model, request, sampling.max_new_tokens)))
            except Rejected as error:
                rejected[place] = error
        # The longest first: if memory is short, that shows in the first batch and not in the last.
        prepared.sort(key=lambda item: -item[1].tokens)
        rows = [(place, row, sample) for place, row in prepared for sample in range(sampling.n)]
        samples: list[list[Generated]] = [[] for _ in window]
        for start in range(0, len(rows), batch_size):
            batch = rows[start : start + batch_size]
            written = _write(model, [(row, sample) for _, row, sample in batch], sampling)
            for (place, row, sample), ids in zip(batch, written, strict=True):
                samples[place].append(_read(model, row, sample, ids))
        for place, request in enumerate(window):
            yield Answered(request, tuple(samples[place]), rejected.get(place))


def _write(model: LocalModel, rows: Sequence[tuple[Prepared, int]], sampling: Sampling) -> list[list[int]]:
    """The token ids that the model writes after each prompt, one row a sample; shorter ones are padded.

    Samples of one prompt are rows of their own rather than `num_return_sequences`: transformers 5.17, the oldest we
    take, then puts the images of a LLaVA prompt into another order.
    """
    import torch
    from transformers import GenerationConfig, LogitsProcessorList

    inputs = collate(model, [row for row, _ in rows])
    width = inputs["input_ids"].shape[1]
    pickers: list[Any] = []
    draw: dict[str, Any] = {"do_sample": False}
    if sampling.temperature:
        streams = [random.Random(f"{sampling.seed}/{row.request.key}/{sample}") for row, sample in rows]
        pickers = [Picker(streams, sampling.temperature, sampling.top_p)]
        draw = {"do_sample": True, "top_k": 0}  # from the one token that the picker leaves
    config = GenerationConfig(
        **draw,
        max_new_tokens=sampling.max_new_tokens,
        suppress_tokens=list(model.media_ids) or None,
        eos_token_id=list(model.end_ids),
        pad_token_id=model.pad_id,
    )
    try:
        with torch.inference_mode():
            ids = model.network.generate(
                **inputs, generation_config=config, logits_processor=LogitsProcessorList(pickers)
            )
    except torch.OutOfMemoryError as error:
        raise UsageError(
            f"{len(rows)} sequences of up to {width} + {sampling.max_new_tokens} tokens do not fit on {model.device}; "
            "set a smaller batch size or max_new_tokens"
        ) from error
    return ids[:, width:].tolist()


def _read(model: LocalModel, row: Prepared, sample: int, ids: list[int]) -> Generated:
    """An answer up to its first end token; what stands behind is padding."""
    end = next((place for place, token in enumerate(ids) if token in model.end_ids), None)
    kept = ids if end is None else ids[:end]
    return Generated(
        key=row.request.key,
        sample=sample,
        text=model.tokenizer.decode(kept, skip_special_tokens=True),
        opened=row.opened,
        finish_reason="length" if end is None else "stop",
        prompt_tokens=row.tokens,
        completion_tokens=len(kept) + (end is not None),
    )


class Picker:
    """A logits processor that draws each row's next token itself and leaves no other.

    By inversion: tokens in falling probability, cut where their sum passes `top_p`, and of those the first whose
    running sum exceeds u times the whole. Each row takes one u in [0, 1) a token from its own stream; torch's sampler
    draws from one stream for the whole batch.
    """

    def __init__(self, streams: Sequence[random.Random], temperature: float, top_p: float) -> None:
        self.streams, self.temperature, self.top_p = streams, temperature, top_p

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Scores of shape (rows, vocabulary) to 0 for the chosen token and minus infinity elsewhere."""
        import torch

        ordered, tokens = (scores.float() / self.temperature).softmax(-1).sort(dim=-1, descending=True, stable=True)
        sums = ordered.cumsum(-1)
        last = ((sums - ordered) < self.top_p).sum(-1, keepdim=True) - 1
        uniform = torch.tensor([[stream.random()] for stream in self.streams], dtype=sums.dtype, device=sums.device)
        place = torch.searchsorted(sums, uniform * sums.gather(-1, last), right=True)
        chosen = tokens.gather(-1, torch.minimum(place, last))
        return torch.full_like(scores, float("-inf")).scatter_(-1, chosen, 0.0)
