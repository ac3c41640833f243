"""A local model's answers, filed as an endpoint's would be: the same replies, the same resume, the same layer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from perceptdata import llm
from perceptdata.packs import ImageStore
from perceptdata.steps.prompt import Prompt
from perceptdata.vlm.generation import Answered, Sampling, generate
from perceptdata.vlm.loading import LocalModel
from perceptdata.vlm.rendering import Request

if TYPE_CHECKING:
    from perceptdata.steps.answered import GenerateWork

TOO_LONG = "prompt.too_long"


def answer_locally(
    model: Path,
    works: Iterable[GenerateWork],
    images: ImageStore,
    replies: llm.ReplyCache,
    batch_size: int,
    done: Callable[[int], None],
) -> None:
    """Answer every prompt whose replies are not all there. `done` is told how many replies there are."""
    count = 0
    loaded: LocalModel | None = None
    for work in works:
        open_prompts = []
        for prompt in work.prompts():
            if isinstance(prompt, Prompt):
                keys = [request.key(work.endpoint) for request in work.requests(prompt)]
                if all(replies.settled(key) is not None for key in keys):
                    count += len(keys)
                else:
                    open_prompts.append((prompt, keys))
        done(count)
        if not open_prompts:
            continue
        loaded = loaded or LocalModel.load(model)
        sampling = Sampling(
            n=work.n,
            temperature=work.sampling.temperature or 0.0,
            top_p=work.sampling.top_p or 1.0,
            max_new_tokens=work.sampling.max_tokens or 2048,
            seed=work.sampling.seed or 0,
        )
        requests = (_request(prompt, work, images) for prompt, _ in open_prompts)
        answers = generate(loaded, requests, sampling, batch_size)
        for (prompt, keys), answered in zip(open_prompts, answers, strict=True):
            replies.put_all(zip(keys, _replies(prompt, answered, work.endpoint.model, len(keys)), strict=True))
            count += len(keys)
            done(count)


def _request(prompt: Prompt, work: GenerateWork, images: ImageStore) -> Request:
    return Request(
        key=prompt.key,
        question=prompt.question,
        images=tuple(memoryview(images[sha256]) for sha256 in prompt.images),
        system=prompt.system,
        history=prompt.history,
        prefill=prompt.prefill,
        max_pixels=work.form.max_pixels,
        max_prompt_tokens=work.form.max_prompt_tokens,
    )


def _replies(prompt: Prompt, answered: Answered, model: str, n: int) -> Iterator[llm.Reply]:
    if answered.rejected is not None:
        code = "prompt_too_long" if answered.rejected.code == TOO_LONG else "rejected"
        yield from [llm.Reply("", model=model, error=code, message=answered.rejected.message)] * n
        return
    for sample in answered.samples:
        # The template may have opened the answer with more than our prefill, such as a think tag.
        text = f"{sample.opened}{sample.text}".removeprefix(prompt.prefill)
        error = "length" if sample.finish_reason == "length" else None if text.strip() else "empty"
        yield llm.Reply(
            text,
            finish_reason=sample.finish_reason,
            model=model,
            prompt_tokens=sample.prompt_tokens,
            completion_tokens=sample.completion_tokens,
            error=error,
            message=llm.ERRORS[error] if error else "",
        )
