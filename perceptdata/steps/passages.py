"""Examples and their responses as what a local model is given to read: one passage, or two where an image is hidden.

    passages = Passages(model, form, blind="none")
    read = passages.read(example, response, key, images)      # the pair, and where its tokens lie in the response

The prompt is the one that the response format asks with, the response stands in the chat template character for
character, and its tokens are those of the whole text: nothing is tokenised apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from perceptdata import images
from perceptdata.alignment.admission import admit, encode_all
from perceptdata.alignment.conversation import Conversation, Frame, converse
from perceptdata.errors import Rejected
from perceptdata.example import Example
from perceptdata.formats import Format
from perceptdata.packs import ImageStore
from perceptdata.steps.prompt import See, prompt_of
from perceptdata.vlm.blinding import ON_PIXELS, Blinding, blinded, visual
from perceptdata.vlm.dependency import Pair
from perceptdata.vlm.forward import Passage
from perceptdata.vlm.loading import LocalModel
from perceptdata.vlm.rendering import Prepared, Request, adds_special_tokens, encode

if TYPE_CHECKING:
    from PIL.Image import Image as Picture


class Read(NamedTuple):
    """A response ready to be scored. `start` and `end` (int32, code points) place each of its tokens in its text."""

    pair: Pair
    start: NDArray[np.int32]
    end: NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Passages:
    """Reads for one model. Raises UsageError where its tokenizer's offsets cannot be trusted, or its template shows no
    answers.
    """

    model: LocalModel
    form: Format
    blind: Blinding = "mask"
    seed: int = 0
    _frame: Frame = field(init=False)

    def __post_init__(self) -> None:
        admit(self.model.tokenizer)
        object.__setattr__(self, "_frame", Frame.of(self.model))

    def read(self, example: Example, response: str, store: ImageStore | Mapping[str, bytes]) -> Read:
        """One response. The example has images; what is random about hiding them depends on it and the seed alone.

        Raises Rejected: what `converse` and `encode` raise; `prompt.too_long`, `response.too_long`, `response.empty`;
        `prompt.images` where no image token came of the images; `tokens.expansion` where the tokens cannot be placed.
        """
        request = self._request(example, "image", store)
        pictures = [images.decode(data) for data in request.images]
        seen, start, end = self._passage(request, response, pictures)
        if not visual(self.model, seen.row.inputs["input_ids"]).any():
            raise Rejected("prompt.images", f"the processor of {self.model.name} made no image token of these images")
        if self.blind == "none":
            other, *_ = self._passage(self._request(example, "nothing", store), response, [])
        elif self.blind in ON_PIXELS:
            hidden = blinded(pictures, self.blind, f"{self.seed}/{example.id}")
            other, *_ = self._passage(request, response, hidden)
        else:
            return Read(Pair(seen), start, end)
        if not seen.targets.equal(other.targets):
            raise Rejected("tokens.expansion", "the response has other tokens when its image is hidden")
        return Read(Pair(seen, other), start, end)

    def _request(self, example: Example, see: See, store: ImageStore | Mapping[str, bytes]) -> Request:
        """What the format asks; the response holds its own beginning, so there is no prefill."""
        prompt = prompt_of(example, see, self.form)
        return Request(
            key=prompt.key,
            question=prompt.question,
            images=tuple(memoryview(store[sha256]) for sha256 in prompt.images),
            system=prompt.system,
            history=prompt.history,
            max_pixels=self.form.max_pixels,
        )

    def _passage(
        self, request: Request, response: str, pictures: list[Picture]
    ) -> tuple[Passage, NDArray[np.int32], NDArray[np.int32]]:
        conversation = converse(self.model, request, response, self._frame)
        text = conversation.text
        (encoding,) = encode_all(self.model.tokenizer, [text], adds_special_tokens(self.model, text))
        own, start, end = self._place(conversation, len(response), encoding.offsets)
        inputs = encode(self.model, text, pictures, request.max_pixels)
        whole = inputs["input_ids"][0].numpy()
        first = len(whole) - (len(encoding.ids) - own)
        if first < 1 or not np.array_equal(whole[first:], encoding.ids[own:]):
            raise Rejected("tokens.expansion", "the processor's sequence does not end with the tokens of this response")
        self._check_fits(first, len(whole))
        return Passage(Prepared(request, text, "", inputs, len(whole)), first, len(start)), start, end

    def _place(
        self, conversation: Conversation, length: int, offsets: list[tuple[int, int]]
    ) -> tuple[int, NDArray[np.int32], NDArray[np.int32]]:
        """The number of the response's first token, and where in the response its tokens lie."""
        start, end = np.array(offsets, np.int32).reshape(-1, 2).T - conversation.start
        inside = np.flatnonzero((end > 0) & (start < length))
        if not len(inside):
            raise Rejected("response.empty", "the response has no tokens")
        part = slice(inside[0], inside[-1] + 1)
        return int(inside[0]), start[part].clip(0, length), end[part].clip(0, length)

    def _check_fits(self, prompt: int, tokens: int) -> None:
        limit, context = self.form.max_prompt_tokens, self.model.context
        if limit is not None and prompt > limit:
            raise Rejected("prompt.too_long", f"the prompt has {prompt} tokens; the format allows {limit}")
        if context is not None and tokens > context:
            code = "prompt.too_long" if prompt >= context else "response.too_long"
            raise Rejected(
                code,
                f"a prompt of {prompt} tokens with a response of {tokens - prompt} does not fit the model's {context}",
            )
