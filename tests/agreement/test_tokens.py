"""Tokens of a tokenizer on disk: a real one, made here."""

from pathlib import Path

import pytest

from perceptdata.agreement.tokens import tokenizer_in
from perceptdata.errors import UsageError

tokenizers = pytest.importorskip("tokenizers", reason="the extra `train` is not installed")


def test_offsets_are_code_points_of_the_text_as_it_is(tmp_path: Path) -> None:
    model = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    model.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    model.normalizer = tokenizers.normalizers.NFC()
    model.save(str(tmp_path / "tokenizer.json"))
    assert tokenizer_in(tmp_path)("日本 is 😀 far") == [(0, 2), (3, 5), (6, 7), (8, 11)]


def test_what_is_no_tokenizer_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"tokenizer\.json is not there; name a folder"):
        tokenizer_in(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(UsageError, match=r"tokenizer\.json is not a tokenizer"):
        tokenizer_in(tmp_path)
