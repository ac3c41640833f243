"""What a model is given of an example: the image, a caption in its place, nothing, or the oracle facts.

prompt_of(example, "image", form)                 # question with <image>, and which images
prompt_of(example, "facts", form).question        # the facts stand where the image stood
prompt_of(example, "caption", form, captions, template="Caption: {{ caption }}\n{{ question }}\n{{ options }}")

A template (Jinja, sandboxed) says the whole turn in somebody's own words, instead of question, choices and the format's
rule. It may name `question`, `options` (a line `A: …` each), `choices`, `facts` and `caption`; another name is an
error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from perceptdata import llm
from perceptdata.draft import with_facts
from perceptdata.errors import Rejected, UsageError
from perceptdata.example import IMAGE, Example, Turn
from perceptdata.formats import Format

See = Literal["image", "caption", "nothing", "facts"]
REASON = "Reason step by step. End with the final answer inside \\boxed{}."
"""What a text-only reasoner is told: the facts are given to it, so the format's own rule would have it repeat them."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question as it is put: `question` has one `<image>` for each of `images` (sha256) that the history has not."""

    key: str
    question: str
    images: tuple[str, ...]
    system: str
    history: tuple[Turn, ...]
    prefill: str

    def request(self, sampling: llm.Sampling, sample: int, max_pixels: int | None) -> llm.Request:
        """As a request to an endpoint."""
        messages = [llm.Message("system", self.system)] if self.system else []
        left = list(self.images)
        for turn in (*self.history, Turn(role="user", text=self.question)):
            count = turn.text.count(IMAGE)
            mine, left = left[:count], left[count:]
            said = llm.user(turn.text, mine)
            messages.append(said if turn.role == "user" else llm.Message("assistant", said.content))
        return llm.Request(
            tuple(messages),
            sampling,
            prefill=self.prefill,
            sample=sample,
            max_pixels=max_pixels if self.images else None,
        )


def prompt_of(
    example: Example,
    see: See,
    form: Format,
    captions: Mapping[str, str] | None = None,
    template: str | None = None,
) -> Prompt:
    """The prompt of an example. `captions` are texts by image (sha256); `template` puts it in other words.

    Raises Rejected `generate.no_facts` or `generate.no_caption` where what should stand for the image is not there.
    """
    if template is not None:
        return _templated(example, see, captions or {}, template)
    question, images, history = example.question, example.images, example.history
    if see != "image" and images:
        question = _without_images(example, see, captions or {})
        history = tuple(Turn(role=turn.role, text=turn.text.replace(IMAGE, "").strip()) for turn in history)
        images = ()
    asked = form.ask(question, example.choices)
    system, prefill = form.system, form.prefill
    if see == "facts":
        asked = form.model_copy(update={"rule": REASON, "place": "question"}).ask(question, example.choices)
        system, prefill = "", ""
    return Prompt(example.id, asked, tuple(image.sha256 for image in images), system, history, prefill)


def _without_images(example: Example, see: See, captions: Mapping[str, str]) -> str:
    if see == "nothing":
        return example.question.replace(IMAGE, "").strip()
    if see == "facts":
        if not example.facts:
            raise Rejected("generate.no_facts", f"{example.id} has no facts to stand for its image")
        return with_facts(example.question, example.facts)
    return with_facts(example.question, _caption(example, captions))


def _caption(example: Example, captions: Mapping[str, str]) -> str:
    texts = [captions.get(image.sha256) for image in example.images]
    if None in texts or not texts:
        raise Rejected("generate.no_caption", f"{example.id} has an image without a caption")
    numbered = texts if len(texts) == 1 else [f"Image {place + 1}: {text}" for place, text in enumerate(texts)]
    return "\n".join(str(text) for text in numbered)


def _templated(example: Example, see: See, captions: Mapping[str, str], template: str) -> Prompt:
    """The turn that a template makes. Its images stand where the question has them, or in front."""
    shown = tuple(image.sha256 for image in example.images) if see == "image" else ()
    said = {
        "question": example.question if shown else example.question.replace(IMAGE, "").strip(),
        "choices": list(example.choices),
        "options": "\n".join(f"{chr(ord('A') + at)}: {choice}" for at, choice in enumerate(example.choices)),
        "facts": (example.facts or "").replace(IMAGE, ""),
    }
    if see == "facts" and not example.facts:
        raise Rejected("generate.no_facts", f"{example.id} has no facts to stand for its image")
    if see == "caption":
        said["caption"] = _caption(example, captions).replace(IMAGE, "")
    try:
        text = compiled(template).render(said).strip()
    except jinja2.exceptions.SecurityError as error:
        raise UsageError(f"the prompt may not do that: {error}") from None
    except jinja2.UndefinedError as error:
        raise UsageError(f"the prompt names what it is not given: {error} (it is given {', '.join(said)})") from None
    history = example.history
    if not shown:
        history = tuple(Turn(role=turn.role, text=turn.text.replace(IMAGE, "").strip()) for turn in history)
    before = sum(turn.text.count(IMAGE) for turn in history)
    if shown and text.count(IMAGE) == 0 and before < len(shown):
        text = IMAGE * (len(shown) - before) + text
    return Prompt(example.id, text, shown, "", history, "")


@lru_cache(maxsize=16)
def compiled(template: str) -> jinja2.Template:
    """The template, ready to be filled in. Raises UsageError where it is none."""
    environment = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined)  # plain text: nothing is escaped
    try:
        return environment.from_string(template)
    except jinja2.TemplateSyntaxError as error:
        raise UsageError(f"the prompt is no template: {error.message} (line {error.lineno})") from None
