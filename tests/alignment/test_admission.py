"""Which tokenizers are taken, and why others are not."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from models import families, tiny
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers
from tokenizers import models as kinds
from transformers import PreTrainedTokenizerFast

from perceptdata.alignment.admission import admit
from perceptdata.errors import UsageError

SPECIAL = ("<pad>", "<end>")


@pytest.mark.parametrize("trim", [True, False])
@pytest.mark.parametrize("nfc", [True, False])
def test_byte_level_tokenizers_are_admitted(trim: bool, nfc: bool) -> None:
    admit(families.byte_level(SPECIAL, "<end>", ("<think>",), trim=trim, nfc=nfc))


def test_so_are_pieces_with_byte_fallback_and_those_of_every_family() -> None:
    admit(families.pieces(("<pad>", "<bos>", "<end>"), "<end>"))
    admit(tiny.tokenizer())
    for name in families.READERS:
        admit(families.reader(name).tokenizer)


def normalised(normaliser: Any) -> PreTrainedTokenizerFast:
    tokenizer = copy.deepcopy(families.byte_level(SPECIAL, "<end>"))
    tokenizer.backend_tokenizer.normalizer = normaliser
    return tokenizer


class Slow:
    """What transformers gives where there is no tokenizer.json."""

    is_fast = False


def unknown() -> PreTrainedTokenizerFast:
    words = Tokenizer(kinds.WordLevel({"<unk>": 0, "Plain": 1, "words": 2}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=words, unk_token="<unk>")


def shifted(by: Callable[[int, int], tuple[int, int]]) -> Any:
    """A tokenizer that says something else of where its tokens are."""
    inner = families.byte_level(SPECIAL, "<end>")

    class Encoding:
        def __init__(self, text: str) -> None:
            found = inner.backend_tokenizer.encode(text, add_special_tokens=False)
            self.ids = found.ids
            self.offsets = [by(start, end) for start, end in found.offsets]

    class Backend:
        truncation = padding = None

        def encode_batch(self, texts: list[str], add_special_tokens: bool) -> list[Encoding]:
            return [Encoding(text) for text in texts]

    class Fast:
        is_fast = True
        backend_tokenizer = Backend()
        decode = inner.decode

    return Fast()


@pytest.mark.parametrize(
    ("tokenizer", "said"),
    [
        (Slow(), "gives no offsets.*use the fast tokenizer"),
        (normalised(normalizers.NFKC()), "must keep every character"),
        (normalised(normalizers.Lowercase()), "must keep every character"),
        (normalised(normalizers.Replace(Regex("[0-9]"), "0")), "must keep every character"),
        (
            normalised(normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()])),
            "must keep every character",
        ),
        (unknown(), "must keep every character"),
        (shifted(lambda start, end: (max(0, start - 1), max(0, end - 1))), "must keep every character"),
        (shifted(lambda start, end: (start + 1, end + 1)), "cannot be used"),
        (shifted(lambda start, end: (0, 0)), "must keep every character"),
        (shifted(lambda start, end: (9 - start, 9 - start)), "it has a token at"),
    ],
)
def test_others_are_refused_in_a_sentence(tokenizer: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said) as error:
        admit(tokenizer)
    assert "\n" not in str(error.value)
