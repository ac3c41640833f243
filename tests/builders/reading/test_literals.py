from pathlib import Path

import pytest

from perceptdata.builders.reading.literals import is_written_list, read_list
from perceptdata.errors import Rejected


@pytest.mark.parametrize(
    ("value", "items"),
    [
        (["a", 1], ["a", 1]),
        (("a",), ["a"]),
        ('["it\'s", null]', ["it's", None]),
        ("['it', None, (1, 2)]", ["it", None, (1, 2)]),
        ("[]", []),
    ],
)
def test_lists_in_every_spelling(value: object, items: list[object]) -> None:
    assert read_list(value) == items


@pytest.mark.parametrize(
    "value", ["open('x')", "[open('x')]", "['a'", "{'a': 1}", "[" * 3000, "", None, 3, "[1]*10**9"]
)
def test_anything_else_is_refused_and_not_run(value: object) -> None:
    with pytest.raises(Rejected, match="expected a list") as caught:
        read_list(value)
    assert caught.value.code == "field.invalid"


def test_code_is_not_run(tmp_path: Path) -> None:
    target = tmp_path / "made"
    with pytest.raises(Rejected):
        read_list(f"[__import__('pathlib').Path({str(target)!r}).touch()]")
    assert not target.exists()


def test_what_looks_like_a_list() -> None:
    assert is_written_list(" ['a'] ")
    assert not is_written_list("a [b]")
    assert not is_written_list(["a"])
