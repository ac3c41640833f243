"""The shapes of trainers: EasyR1, verl, ShareGPT as LLaMA-Factory reads it, LLaVA.

    easyr1      problem (with <image>), images, answer
    verl        prompt [{role, content}], images, reward_model {style, ground_truth}, extra_info {split, index, …}
    sharegpt    conversations [{from, value}] or messages [{role, content}], images
    llava       id, image, conversations [{from: human | gpt, value}]

A conversation gives one example a turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from ..own.auto import Auto


class EasyR1(Auto):
    """EasyR1's rows: `problem`, `images`, `answer`."""

    name: ClassVar[str] = "easyr1"
    KNOWN: ClassVar[Mapping[str, str]] = {"problem": "question", "images": "images", "answer": "answer"}
    NEEDS: ClassVar[Sequence[Sequence[str]]] = (("problem",), ("answer",))


class Verl(Auto):
    """verl's rows; the answer is `reward_model.ground_truth`, the key `extra_info.index` where it is each row's own."""

    name: ClassVar[str] = "verl"
    KNOWN: ClassVar[Mapping[str, str]] = {
        "prompt": "conversation",
        "images": "images",
        "reward_model.ground_truth": "answer",
        "extra_info.question": "meta.extra_info.question",
        "extra_info.answer": "meta.extra_info.answer",
    }
    NEEDS: ClassVar[Sequence[Sequence[str]]] = (("prompt",), ("reward_model.ground_truth",))


class ShareGPT(Auto):
    """Conversations in ShareGPT's or OpenAI's words, pictures in `images`; `dataset_info.json` is left alone."""

    name: ClassVar[str] = "sharegpt"
    KNOWN: ClassVar[Mapping[str, str]] = {"conversations": "conversation", "messages": "conversation"}
    NEEDS: ClassVar[Sequence[Sequence[str]]] = (("conversations", "messages"),)


class LLaVA(Auto):
    """LLaVA's instruction files: a JSON list of `id, image, conversations`."""

    name: ClassVar[str] = "llava"
    KNOWN: ClassVar[Mapping[str, str]] = {"conversations": "conversation", "image": "images"}
    NEEDS: ClassVar[Sequence[Sequence[str]]] = (("conversations",),)
