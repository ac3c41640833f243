"""The tables a report asks: the whole workspace, or what one view chose."""

import pytest

from perceptdata.errors import UsageError
from perceptdata.report.subject import Subject
from perceptdata.workspace import Workspace


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("So x = 7.", 5),  # So, x, =, 7, .
        ("32.5 cm", 4),  # 32, ., 5, cm
        ("naïve", 1),
        ("nai\u0308ve", 1),  # the same word with a combining mark
        ("東京 😀\n\t", 2),
        ("$x_{12}$", 7),  # $, x, _, {, 12, }, $
    ],
)
def test_words_numbers_and_symbols_are_tokens(empty: Workspace, text: str, tokens: int) -> None:
    assert Subject(empty).ask("select tokens($text) as n", text=text) == [{"n": tokens}]


def test_every_text_of_every_row_is_there_once_with_its_address(full: Workspace) -> None:
    found = Subject(full).ask(
        "select name, count(*) as n, count(distinct text_id) as ids from _texts group by name order by name"
    )
    assert found == [
        {"name": "cot", "n": 2, "ids": 2},
        {"name": "facts", "n": 24, "ids": 24},
        {"name": "question", "n": 29, "ids": 29},
        {"name": "response", "n": 21, "ids": 21},  # 16 of the 24 geometry rows have one, and all 5 sums
    ]


def test_a_view_narrows_rows_and_traces(full: Workspace) -> None:
    hard = Subject(full, "hard")
    assert hard.ask("select distinct stage from _rows") == [{"stage": "visual_reasoning"}]
    assert hard.ask("select count(*) as n from _texts where name = 'response'") == [{"n": 8}]
    assert hard.ask("select count(*) as n from _texts where name = 'cot'") == [{"n": 0}]


def test_an_unknown_view_is_a_wrong_request(full: Workspace) -> None:
    with pytest.raises(UsageError, match="no view 'soft'"):
        Subject(full, "soft")
