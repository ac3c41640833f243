"""A request as the model is given it: rendered by the model's own chat template, images where `<image>` stands.

    request = Request.of(example, form, images)     # or Request(key="judge/3", question="…")
    prepared = prepare(model, request)              # tensors, prompt length, what the answer continues

One request never stops a run: what a model cannot be asked is a `Rejected`. What no request of a model could pass (its
template closes the assistant's turn, say) is a UsageError.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError

from perceptdata import images
from perceptdata.errors import Rejected, UsageError
from perceptdata.example import IMAGE, Example, Turn
from perceptdata.formats import Format
from perceptdata.vlm.loading import LocalModel, Reader

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from torch import Tensor

# Formats write their own think tags, so models that can be asked with or without thinking are asked without.
VARIABLES: Mapping[str, Any] = MappingProxyType({"enable_thinking": False})

THINK = "<think>"
_OPEN_THINK = re.compile(rf"{THINK}\s*\Z")


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to ask. `key` names it, and decides the random numbers of its samples.

    `images` are image files as bytes, in the order in which their `<image>` stand in the history and the question.
    `prefill` opens the answer. `max_pixels` bounds one image, `max_prompt_tokens` the whole prompt. `variables` go to
    the chat template.
    """

    key: str
    question: str
    images: tuple[bytes | memoryview, ...] = ()
    system: str = ""
    history: tuple[Turn, ...] = ()
    prefill: str = ""
    max_pixels: int | None = None
    max_prompt_tokens: int | None = None
    variables: Mapping[str, Any] = field(default_factory=lambda: VARIABLES)

    @classmethod
    def of(cls, example: Example, form: Format, pictures: Sequence[bytes | memoryview]) -> Request:
        """An example in a response format, with the bytes of its images."""
        return cls(
            key=example.id,
            question=form.ask(example.question, example.choices),
            images=tuple(pictures),
            system=form.system,
            history=example.history,
            prefill=form.prefill,
            max_pixels=form.max_pixels,
            max_prompt_tokens=form.max_prompt_tokens,
        )


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request as tensors on the CPU, each with a leading axis of one prompt, or of its images.

    `tokens` is the prompt's length with image tokens expanded. `opened` is what the assistant's turn already holds: the
    format's prefill, or the think tag that the template itself has opened.
    """

    request: Request
    text: str
    opened: str
    inputs: dict[str, Tensor]
    tokens: int


def prepare(model: LocalModel, request: Request, new_tokens: int = 0) -> Prepared:
    """Render, tokenise and fit the images. `new_tokens` is the room that the answer needs in the model's context.

    Raises Rejected: `image.*` for images that cannot be decoded, `prompt.images`, `prompt.template`,
    `prompt.too_long`, `text.special_token`.
    """
    text, opened = render(model, request)
    inputs = encode(model, text, [images.decode(data) for data in request.images], request.max_pixels)
    tokens = inputs["input_ids"].shape[1]
    limit = request.max_prompt_tokens
    if limit is not None and tokens > limit:
        raise Rejected("prompt.too_long", f"the prompt has {tokens} tokens; the format allows {limit}")
    if model.context is not None and tokens + new_tokens > model.context:
        raise Rejected(
            "prompt.too_long",
            f"a prompt of {tokens} tokens and {new_tokens} new ones do not fit the model's {model.context}",
        )
    return Prepared(request, text, opened, inputs, tokens)


def render(model: Reader, request: Request) -> tuple[str, str]:
    """The prompt's text, image tokens not yet expanded, and the end of it that belongs to the answer."""
    turns = [*request.history, Turn(role="user", text=request.question)]
    parts = [_parts(turn.text) for turn in turns]
    _check_parts(model, request, list(chain.from_iterable(parts)))
    messages = [message(model, turn.role, content) for turn, content in zip(turns, parts, strict=True)]
    if request.system:
        messages.insert(0, message(model, "system", [request.system]))
    writer = model.processor or model.tokenizer
    known = {name: value for name, value in request.variables.items() if name in str(writer.chat_template)}
    try:
        text = writer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **known)
    except (TemplateError, TypeError) as error:
        raise Rejected("prompt.template", f"the chat template of {model.name} refuses this prompt: {error}") from error
    asked = [content for turn, content in zip(turns, parts, strict=True) if turn.role == "user"]
    _check_places(model, text, list(chain.from_iterable(asked)))
    already, added = _opening(model, text, request.prefill)
    return text + added, already + added


def _parts(text: str) -> list[str | None]:
    """The text cut at its images, each of which is None."""
    pieces = [piece for part in text.split(IMAGE) for piece in (None, part)][1:]
    return [piece for piece in pieces if piece != ""]


def message(model: Reader, role: str, parts: Sequence[str | None]) -> dict[str, Any]:
    """One turn as templates want it: a list of parts for models that see images, a string for the others."""
    if not model.sees_images:
        return {"role": role, "content": "".join(part or "" for part in parts)}
    content = [{"type": "image"} if part is None else {"type": "text", "text": part} for part in parts]
    return {"role": role, "content": content}


def _check_parts(model: Reader, request: Request, parts: Sequence[str | None]) -> None:
    places, count = parts.count(None), len(request.images)
    if places != count:
        raise Rejected("image.placeholders", f"{places} {IMAGE} for {count} images; give each exactly one")
    if count and not model.sees_images:
        raise Rejected("prompt.images", f"{model.name} is a text model and takes no images")
    reserved = {*model.tokenizer.all_special_tokens, model.image_token or IMAGE} - {None}
    for part in (request.system, request.prefill, *parts):
        found = next((token for token in reserved if part and token in part), None)
        if found:
            raise Rejected("text.special_token", f"the prompt contains {found}, a special token of {model.name}")


def _check_places(model: Reader, text: str, parts: Sequence[str | None]) -> None:
    """Images stand between the same texts as in the request: some templates move them to the front."""
    token = model.image_token
    if token is None:
        return
    at, moved = 0, text.count(token) != parts.count(None)
    for part in parts:
        piece = token if part is None else part.strip()
        found = text.find(piece, at)
        moved = moved or found < 0
        at = found + len(piece)
    if moved:
        raise Rejected("prompt.images", f"the chat template of {model.name} does not keep images where {IMAGE} stands")


def _opening(model: Reader, text: str, prefill: str) -> tuple[str, str]:
    """What the template has put into the assistant's turn, and what the prefill adds to it."""
    ends = tuple(model.tokenizer.convert_ids_to_tokens(list(model.end_ids)))
    if text.rstrip().endswith(ends):
        raise UsageError(
            f"the chat template of {model.name} opens no assistant turn when asked to (add_generation_prompt), so the "
            "model would have to write the turn's header itself; correct its chat_template.jinja"
        )
    thinking = _OPEN_THINK.search(text)
    if thinking is None:
        return "", prefill
    if prefill and not prefill.startswith(THINK):
        raise UsageError(
            f"the chat template of {model.name} opens {THINK} itself, so the answer cannot begin with {prefill!r}; "
            f"set the format's prefill to '{THINK}', or use a model that does not always think"
        )
    return thinking.group(), prefill.removeprefix(THINK).lstrip()


def encode(model: Reader, text: str, pictures: list[Picture], max_pixels: int | None) -> dict[str, Tensor]:
    """The tensors of one prompt: token ids, masks and token types of shape (1, tokens), and what the images became."""
    if model.processor is None:
        return dict(model.tokenizer([text], add_special_tokens=False, return_tensors="pt"))
    options: dict[str, Any] = {}
    if max_pixels is not None:
        pictures, options = fit(model, model.processor.image_processor, pictures, max_pixels)
    try:
        encoded = model.processor(
            text=[text],
            images=pictures or None,
            add_special_tokens=adds_special_tokens(model, text),
            return_tensors="pt",
            **options,
        )
    except ValueError as error:
        raise Rejected("prompt.images", f"the processor of {model.name} refuses an image: {error}") from error
    return dict(encoded)


def adds_special_tokens(model: Reader, text: str) -> bool:
    """Whether the tokenizer adds its own to a rendered text: as the library's own chat route does."""
    bos = model.tokenizer.bos_token
    return model.processor is not None and (bos is None or not text.startswith(bos))


def fit(
    model: Reader, processor: Any, pictures: list[Picture], max_pixels: int
) -> tuple[list[Picture], dict[str, Any]]:
    """Images of at most `max_pixels`, by the model's own rule where that rule counts pixels (Qwen-VL).

    Elsewhere larger ones are shrunk in proportion, and the model's rule follows.
    """
    if "max_pixels" not in getattr(processor.valid_kwargs, "__annotations__", {}):
        return [_shrink(picture, max_pixels) for picture in pictures], {}
    tile = (processor.patch_size * processor.merge_size) ** 2
    if max_pixels < tile:
        raise UsageError(f"max_pixels is {max_pixels}, but one image token of {model.name} takes {tile} pixels")
    least, most = processor.size["shortest_edge"], min(processor.size["longest_edge"], max_pixels)
    # Small images are enlarged to the least size and their sides then rounded up, so it must keep its distance.
    return pictures, {"size": {"shortest_edge": least if 4 * least <= most else tile, "longest_edge": most}}


def _shrink(picture: Picture, max_pixels: int) -> Picture:
    scale = math.sqrt(max_pixels / (picture.width * picture.height))
    if scale >= 1:
        return picture
    return picture.resize((max(1, int(picture.width * scale)), max(1, int(picture.height * scale))))
