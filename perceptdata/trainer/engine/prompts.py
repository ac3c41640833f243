"""Rows as the prompts of TRL's trainers that sample: conversations with their pictures, and what opens the answer.

    opening = Opening.of(reader, form)                     # what stands in the assistant's turn before it is sampled
    rows = as_prompts(rows, reader, form)                  # {"prompt": [...], "row": {...}}, made when a row is read
    processor = opening.processor(reader)                  # its chat template opens the turn

TRL renders prompts itself and knows no prefill. So the prefill is put into the chat template of a copy of the
processor, and every place where TRL renders opens the turn the same way.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perceptdata import images
from perceptdata.example import IMAGE, Turn
from perceptdata.formats import Format
from perceptdata.trainer.rows import request_of
from perceptdata.vlm.loading import LocalModel, Reader
from perceptdata.vlm.rendering import VARIABLES, Request, render

if TYPE_CHECKING:
    import datasets

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Opening:
    """`text` is what the answer already holds when it is sampled; `added` the part of it that the template lacks."""

    text: str
    added: str

    @classmethod
    def of(cls, reader: Reader, form: Format) -> Opening:
        """Found by rendering a question. Raises UsageError where template and format open different ones."""
        plain, _ = render(reader, Request(key="opening", question="?"))
        whole, opened = render(reader, Request(key="opening", question="?", prefill=form.prefill))
        return cls(opened, whole.removeprefix(plain))

    def processor(self, reader: Reader) -> Any:
        """The reader's processor, or the tokenizer of a text model, with the opening in its template."""
        made: Any = copy.copy(reader.processor or reader.tokenizer)
        if self.added:
            opening = json.dumps(self.added)  # a string of Jinja's too
            made.chat_template = (
                f"{made.chat_template}{{%- if add_generation_prompt %}}{{{{- {opening} }}}}{{%- endif %}}"
            )
        return made


def variables(reader: Reader) -> dict[str, Any]:
    """The template variables that a rendered prompt is made with, as far as the template knows them."""
    template = str((reader.processor or reader.tokenizer).chat_template)
    return {name: value for name, value in VARIABLES.items() if name in template}


@dataclass(frozen=True, slots=True)
class ToPrompts:
    """What a dataset does to rows as they are read. Holds nothing heavy: `datasets` hashes it, and workers copy it."""

    form: Format
    parts: bool

    def __call__(self, batch: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
        """Columns of rows as columns of prompts."""
        count = len(next(iter(batch.values())))
        rows = [{name: values[at] for name, values in batch.items()} for at in range(count)]
        return {"prompt": [messages(request_of(row, self.form), self.parts) for row in rows], "row": rows}


def as_prompts(rows: datasets.Dataset, reader: Reader, form: Format) -> datasets.Dataset:
    """The rows, each as a conversation and itself. Pictures are decoded when a row is read, and not before."""
    return rows.with_transform(ToPrompts(form, reader.sees_images))


def messages(request: Request, parts: bool) -> list[Message]:
    """A request as messages: parts with the pictures among them for a model that sees images, else strings."""
    pictures = iter([images.decode(data).convert("RGB") for data in request.images])
    turns = [Turn(role="user", text=request.question)]
    found = [_message(turn.role, turn.text, pictures, parts) for turn in [*request.history, *turns]]
    return [_message("system", request.system, pictures, parts), *found] if request.system else found


def _message(role: str, text: str, pictures: Iterator[Any], parts: bool) -> Message:
    if not parts:
        return {"role": role, "content": text}
    content: list[Message] = []
    for place, piece in enumerate(text.split(IMAGE)):
        if place:
            content.append({"type": "image", "image": next(pictures)})
        if piece:
            content.append({"type": "text", "text": piece})
    return {"role": role, "content": content}


def suppressed(reader: LocalModel, vllm: bool) -> dict[str, Any]:
    """Sampling options under which no image token can be written: a sampled one would promise features nobody gave."""
    if not reader.media_ids:
        return {}
    if vllm:  # in words, which a server can be told as well
        return {"bad_words": reader.tokenizer.convert_ids_to_tokens(list(reader.media_ids))}
    return {"suppress_tokens": list(reader.media_ids)}
