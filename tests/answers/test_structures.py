"""JSON values, whatever their spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptdata.answers.structures import Unreadable, structure


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ('{"b": 1.0, "a": [2]}', '{"a":[2],"b":1}', True),
        ("[1e2]", "[100]", True),
        ("[[1, 2], [3, 4]]", "[[1,2],[3,4]]", True),
        ("[[1, 2], [3, 4]]", "[[1,2],[4,3]]", False),
        ("[(1, 2)]", "[[1, 2]]", True),  # as Python writes it
        ("{'a': None}", '{"a": null}', True),
        ("[true]", "[1]", False),
        ('["Red"]', '["red"]', True),
        ('{"A": 1}', '{"a": 1}', False),
        ('["b c"]', '["bc"]', False),
        ("```json\n[1]\n```", "[1]", True),
        ("[12345678901234567890.1]", "[12345678901234567890.2]", False),
    ],
)
def test_equality(one: str, other: str, same: bool) -> None:
    assert (structure(one) == structure(other)) is same


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1",
        "[NaN]",
        "__import__('os')",
        "{[1]: 2}",
        "[" * 50_000,
        "-" * 9_000 + "1",
        "1+2j",
        "b'x'",
        "9" * 300_000,
    ],
)
def test_what_is_no_structure_says_so(text: str) -> None:
    with pytest.raises(Unreadable):
        structure(text)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda x: st.lists(x, max_size=3)))
def test_python_and_json_spellings_are_one(value: object) -> None:
    import json

    assert structure(json.dumps(value)) == structure(repr(value))
