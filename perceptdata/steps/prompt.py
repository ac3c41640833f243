"""What a model is given of an example: the image, a caption in its place, nothing, or the oracle facts.

prompt_of(example, "image", form)                 # question with <image>, and which images
prompt_of(example, "facts", form).question        # the facts stand where the image stood
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from perceptdata import llm
from perceptdata.draft import with_facts
from perceptdata.errors import Rejected
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


def prompt_of(example: Example, see: See, form: Format, captions: Mapping[str, str] | None = None) -> Prompt:
    """The prompt of an example. `captions` are texts by image (sha256).

    Raises Rejected `generate.no_facts` or `generate.no_caption` where what should stand for the image is not there.
    """
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
    texts = [captions.get(image.sha256) for image in example.images]
    if None in texts:
        raise Rejected("generate.no_caption", f"{example.id} has an image without a caption")
    numbered = texts if len(texts) == 1 else [f"Image {place + 1}: {text}" for place, text in enumerate(texts)]
    return with_facts(example.question, "\n".join(str(text) for text in numbered))
