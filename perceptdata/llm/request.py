"""What is asked: messages of text and images, how to sample, and what shape the answer must have.

    Request((user("<image>What is the value of x?", [sha256]),), Sampling(temperature=0.7, max_tokens=2048), sample=3)

A request has a key: the hash of everything its answer depends on. The same key is never paid for twice, whatever the
run, the step or the order. Images are named by the hash of their content and read only when the request is sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from perceptdata.errors import UsageError
from perceptdata.example import IMAGE
from perceptdata.llm.endpoint import Endpoint, Extra
from perceptdata.records import canonical_json

KEY_VERSION = 1


class Picture(NamedTuple):
    """An image of the workspace, by the hash of its content."""

    sha256: str


class Message(NamedTuple):
    """One turn. `content` is text, or text and images in the order in which the model sees them."""

    role: Literal["system", "user", "assistant"]
    content: str | tuple[str | Picture, ...]


def user(text: str, images: Sequence[str] = ()) -> Message:
    """A user's turn in which each `<image>` stands for the next of `images` (sha256).

    Raises UsageError when their numbers differ.
    """
    if not images and IMAGE not in text:
        return Message("user", text)
    pieces = text.split(IMAGE)
    if len(pieces) - 1 != len(images):
        raise UsageError(f"the text has {len(pieces) - 1} {IMAGE} for {len(images)} images; give each exactly one")
    parts: list[str | Picture] = [pieces[0]]
    for sha256, piece in zip(images, pieces[1:], strict=True):
        parts += [Picture(sha256), piece]
    return Message("user", tuple(part for part in parts if part))


class Sampling(BaseModel):
    """How an answer is drawn. What is None is left to the server. `extra` goes into the request as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    temperature: float | None = Field(None, ge=0)
    top_p: float | None = Field(None, gt=0, le=1)
    max_tokens: int | None = Field(None, ge=1)
    seed: int | None = None
    stop: tuple[str, ...] = ()
    extra: Extra = Field(default_factory=dict)


AS_SERVED = Sampling()
"""Everything is left to the server."""


@dataclass(frozen=True, slots=True)
class Request:
    """One answer that is wanted.

    `schema` is what it must parse as; `prefill` opens the assistant's turn; `sample` numbers answers to the same
    question, and is added to the seed where there is one. Images of more than `max_pixels` are made smaller.
    """

    messages: tuple[Message, ...]
    sampling: Sampling = AS_SERVED
    schema: type[BaseModel] | None = None
    prefill: str = ""
    sample: int = 0
    max_pixels: int | None = None

    def pictures(self) -> Iterator[str]:
        """The images, by hash, in order."""
        for message in self.messages:
            if not isinstance(message.content, str):
                yield from (part.sha256 for part in message.content if isinstance(part, Picture))

    def characters(self) -> int:
        """The length of all text, prefill included."""
        texts = [
            (message.content,) if isinstance(message.content, str) else message.content for message in self.messages
        ]
        return len(self.prefill) + sum(len(part) for parts in texts for part in parts if isinstance(part, str))

    def key(self, endpoint: Endpoint) -> str:
        """SHA-256, in hex, of all that the answer depends on: identity of the endpoint, messages, images, sampling."""
        content = {
            "version": KEY_VERSION,
            "endpoint": endpoint.identity(),
            "messages": [[message.role, _content(message, _named)] for message in self.messages],
            "sampling": self.sampling.model_dump(exclude_none=True),
            "schema": None if self.schema is None else json_schema(self.schema),
            "prefill": self.prefill,
            "sample": self.sample,
            "max_pixels": self.max_pixels if any(self.pictures()) else None,
        }
        return hashlib.sha256(canonical_json(content).encode("utf-8", "surrogatepass")).hexdigest()

    def body(self, endpoint: Endpoint, uris: Mapping[str, str]) -> dict[str, Any]:
        """What is sent, as the chat protocol has it; `uris` are the images as data URIs."""

        def shown(sha256: str) -> dict[str, Any]:
            return {"type": "image_url", "image_url": {"url": uris[sha256]}}

        messages: list[dict[str, Any]] = [
            {"role": message.role, "content": _content(message, shown)} for message in self.messages
        ]
        body: dict[str, Any] = {"model": endpoint.model, "messages": messages, **endpoint.extra, **self.sampling.extra}
        for name in ("temperature", "top_p"):
            if (value := getattr(self.sampling, name)) is not None:
                body[name] = value
        if self.sampling.max_tokens is not None:
            body[endpoint.limit] = self.sampling.max_tokens
        if self.sampling.seed is not None:
            body["seed"] = self.sampling.seed + self.sample
        if self.sampling.stop:
            body["stop"] = list(self.sampling.stop)
        if self.schema is not None and endpoint.structured == "json_schema":
            named = {"name": self.schema.__name__, "schema": json_schema(self.schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": named}
        elif self.schema is not None and endpoint.structured == "json_object":
            body["response_format"] = {"type": "json_object"}
        if self.prefill:
            opened: dict[str, Any] = {"role": "assistant", "content": self.prefill}
            if endpoint.prefill == "prefix":
                opened["prefix"] = True
            elif endpoint.prefill == "continue_final_message":
                body |= {"continue_final_message": True, "add_generation_prompt": False}
            messages.append(opened)
        return body


@cache
def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The model's JSON Schema."""
    return model.model_json_schema()


def _named(sha256: str) -> dict[str, Any]:
    return {"image": sha256}


def _content(message: Message, picture: Any) -> str | list[dict[str, Any]]:
    if isinstance(message.content, str):
        return message.content
    return [
        picture(part.sha256) if isinstance(part, Picture) else {"type": "text", "text": part}
        for part in message.content
    ]
