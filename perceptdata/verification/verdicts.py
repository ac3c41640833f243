"""Verdicts: the closed set of words that a judge or a person may say of a claim, as codes in arrays.

    codes = encode(["supported", "not_visible", None])      # int8: 0, 2, -1
    supports(codes)                                         # True, False, False

A claim is `supported` when the image shows it, `contradicted` when the image shows otherwise, and `not_visible` when
the image cannot tell. Only what is supported may be accepted: a claim that the image cannot show is no perception,
however true it is. -1 is silence: nobody read the claim, or the judge failed on it. Silence is never a vote.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from perceptdata.errors import UsageError

VERDICTS = ("supported", "contradicted", "not_visible")
SUPPORTED, CONTRADICTED, NOT_VISIBLE = range(3)
SILENT = -1

Codes = NDArray[np.int8]
"""Codes of `VERDICTS`, or -1; one column a judge or person where there are two axes."""


def encode(words: Iterable[str | None]) -> Codes:
    """Words as codes, None as silence. Raises UsageError for the first word that is no verdict, with its place."""
    code: dict[str | None, int] = {None: SILENT, **{word: at for at, word in enumerate(VERDICTS)}}
    found = []
    for place, word in enumerate(words):
        if word not in code:
            raise UsageError(f"verdict {place} is {word!r}; write one of {', '.join(VERDICTS)}, or nothing")
        found.append(code[word])
    return np.array(found, np.int8)


def decode(codes: Codes) -> list[str | None]:
    """Codes as words, silence as None."""
    return [VERDICTS[code] if code >= 0 else None for code in codes.tolist()]


def checked(codes: ArrayLike, name: str = "verdicts") -> Codes:
    """The codes as int8. Raises UsageError where one is outside the scheme."""
    found = np.asarray(codes)
    wrong = (found < SILENT) | (found >= len(VERDICTS))
    if wrong.any():
        place = tuple(int(axis[0]) for axis in np.nonzero(wrong))
        raise UsageError(f"{name}: code {found[place]} at {place} is no verdict; codes are -1 to {len(VERDICTS) - 1}")
    return found.astype(np.int8)


def supports(codes: Codes) -> NDArray[np.bool_]:
    """Where the claim is said to be supported; silence supports nothing."""
    return codes == SUPPORTED
