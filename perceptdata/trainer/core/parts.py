"""Which parameters train: the four parts of a vision-language model, told by name.

    trains(name for name, _ in model.named_parameters(), ("language", "head"))     # {name: bool}

The names are those of Qwen2.5-VL, Qwen3-VL and InternVL3/3.5 in their Hugging Face form, bare or wrapped (DDP, FSDP,
torch.compile, PEFT: an adapter belongs to the part of the layer it adapts).

    vision      the tower                        projector   what maps its features to the language model's width
    language    embeddings and decoder           head        the output layer, where it is not tied to the embeddings

A tied head is one parameter with the embeddings, goes by their name, and trains with `language`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Literal, get_args

from perceptdata.errors import UsageError

Part = Literal["vision", "projector", "language", "head"]
PARTS: tuple[Part, ...] = get_args(Part)

# The first that matches counts: Qwen's mergers are projectors inside the tower.
_RULES: tuple[tuple[Part, re.Pattern[str]], ...] = (
    ("projector", re.compile(r"(^|\.)(visual\.(deepstack_)?merger(_list)?|multi_modal_projector)\.")),
    ("vision", re.compile(r"(^|\.)(visual|vision_tower)\.")),
    ("head", re.compile(r"(^|\.)lm_head\.")),
    ("language", re.compile(r"(^|\.)language_model\.")),
)
_WRAPPERS = re.compile(r"(?:(?<=\.)|^)(_fsdp_wrapped_module|_checkpoint_wrapped_module|_orig_mod|module)\.")
_LAYER = re.compile(r"(?:^|\.)language_model\.(?:model\.)?layers\.(\d+)\.")


def part_of(name: str) -> Part:
    """The part a parameter belongs to. Raises UsageError for a name of another family."""
    bare = _WRAPPERS.sub("", name)
    for part, rule in _RULES:
        if rule.search(bare):
            return part
    raise UsageError(f"parameter {name} belongs to no known part; known are Qwen2.5-VL, Qwen3-VL and InternVL (HF)")


def trains(names: Iterable[str], train: Collection[Part]) -> dict[str, bool]:
    """For every parameter, whether it trains. Raises UsageError where none would, or a part is not known."""
    unknown = sorted(set(train) - set(PARTS))
    if unknown:
        raise UsageError(f"'{unknown[0]}' is no part of a model; write {', '.join(PARTS)}")
    chosen = {name: part_of(name) in train for name in names}
    if not any(chosen.values()):
        raise UsageError(f"nothing would train: the model has no parameters in {', '.join(train) or 'no part'}")
    return chosen


def last_block(names: Iterable[str]) -> list[str]:
    """The parameters of the decoder's last block, a cheap stand-in for all where only gradient norms are compared."""
    layers = [(int(found.group(1)), name) for name in names if (found := _LAYER.search(_WRAPPERS.sub("", name)))]
    last = max((number for number, _ in layers), default=-1)
    return [name for number, name in layers if number == last]
