"""The closed scheme of verdicts, as words and codes."""

import numpy as np
import pytest

from perceptdata.errors import UsageError
from perceptdata.verification.verdicts import SILENT, checked, decode, encode, supports


def test_words_and_codes_are_one_another() -> None:
    words = ["supported", "contradicted", None, "not_visible"]
    assert encode(words).tolist() == [0, 1, SILENT, 2]
    assert decode(encode(words)) == words


def test_only_supported_supports() -> None:
    assert supports(encode(["supported", "contradicted", "not_visible", None])).tolist() == [True, False, False, False]


def test_a_word_outside_the_scheme_is_named_with_its_place() -> None:
    with pytest.raises(UsageError, match=r"verdict 1 is 'maybe'; write one of supported, contradicted, not_visible"):
        encode(["supported", "maybe"])


def test_a_code_outside_the_scheme_is_named_with_its_place() -> None:
    assert checked([[0, -1], [2, 1]]).dtype == np.int8
    with pytest.raises(UsageError, match=r"readings: code 7 at \(1, 0\)"):
        checked([[0, -1], [7, 1]], "readings")
