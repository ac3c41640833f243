"""Tokens as units: what a tokenizer on disk makes of a text.

tokenize = tokenizer_in("Qwen2.5-VL-7B-Instruct")
tokenize("Two cats")                                  # [(0, 3), (3, 8)]
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from perceptdata.agreement.units import Tokenize
from perceptdata.errors import UsageError


def tokenizer_in(folder: Path) -> Tokenize:
    """What the `tokenizer.json` in a folder does. Raises UsageError where there is none, or nothing that reads it."""
    try:
        from tokenizers import Tokenizer  # comes with transformers
    except ImportError as error:
        raise UsageError("counting tokens needs the extra `train`; install perceptdata[train]") from error
    path = folder / "tokenizer.json"
    if not path.exists():
        raise UsageError(f"{path} is not there; name a folder that holds a fast tokenizer")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower for a file it cannot read
        raise UsageError(f"{path} is not a tokenizer ({error})") from error

    def tokenize(text: str) -> Sequence[tuple[int, int]]:
        return tokenizer.encode(text, add_special_tokens=False).offsets

    return tokenize
