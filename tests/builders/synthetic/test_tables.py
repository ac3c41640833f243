"""Tables: results by hand, Markdown, claims."""

import random

import pytest
from pydantic import ValidationError

from perceptdata.builders.synthetic.tables import Table, Tables
from perceptdata.errors import UsageError

TABLE = Table(
    ("Points", "Fouls"),
    (("Ann", "Red", (12, 30)), ("Ben", "Blue", (20, 30)), ("Cleo", "Red", (35, 11)), ("Dan", "Red", (15, 90))),
)


@pytest.mark.parametrize(
    ("task", "answer"),
    [
        (("total", "Points"), "82"),
        (("team_total", "Points", "Red"), "62"),
        (("team_total", "Points", "Blue"), None),  # one member
        (("average", "Points"), "20.5"),
        (("average", "Fouls"), None),  # 40.25
        (("difference", "Points", "Ann", "Cleo"), "23"),
        (("difference", "Fouls", "Ann", "Ben"), None),
        (("more", "Points", "Dan"), "2"),
        (("more", "Fouls", "Dan"), "0"),
        (("best", "highest", "Points", "Red"), "Cleo"),
        (("best", "lowest", "Fouls", "Red"), "Cleo"),
    ],
)
def test_results(task: tuple, answer: str | None) -> None:
    family = Tables(task=task)
    if answer is None:
        with pytest.raises(UsageError, match="does not decide"):
            family.solve(TABLE, random.Random(0))
        return
    assert family.solve(TABLE, random.Random(0)).answer == answer
    assert family.check(f"{answer}.", TABLE) == 1.0


@pytest.mark.parametrize(
    "text",
    [
        "Name | Team | Points | Fouls\nAnn | Red | 12 | 30\nBen | Blue | 20 | 30\n"
        "Cleo | Red | 35 | 11\nDan | Red | 15 | 90",
        "Here:\n\n| Name | Team | Points | Fouls |\n|:---|---|---:|---|\n| Ann | Red | 12 | 30 |\n"
        "| Ben | Blue | 20 | 30 |\n| **Cleo** | Red | 35 | 11 |\n| Dan | Red | 15 | 90 |\n\nThat is all.",
    ],
)
def test_tables_in_other_shapes(text: str) -> None:
    assert Tables().parse(text) == TABLE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Name | Team | Points",
        "Name | Team | Points\nAnn | Red",
        "Name | Team | Points\nAnn | Red | many",
        "Name | Team | Points\nAnn | Red | 1\nAnn | Blue | 2",
        "Team | Name | Points\nRed | Ann | 1",
        "|" * 9000,
    ],
)
def test_what_is_no_table(text: str) -> None:
    assert Tables().parse(text) is None


@pytest.mark.parametrize(
    ("claim", "true"),
    [
        ("Ann has 12 Points.", True),
        ("Ann has 13 Points.", False),
        ("The number under Fouls for Dan is 90.", True),
        ("Ben is in team Blue.", True),
        ("Ben is on the Red team.", False),
        ("Cleo has more Points than Ben.", True),
        ("Cleo has fewer Points than Ben.", False),
        ("There are four rows and 4 columns.", True),
        ("There is a column called Fouls.", True),
        ("There is a column called Wins.", False),
        ("Zoe has 12 Points.", None),
        ("The table is long.", None),
    ],
)
def test_claims(claim: str, true: bool | None) -> None:
    assert Tables().check_claim(claim, TABLE) is true


@pytest.mark.parametrize("options", [{"rows_range": (2, 5)}, {"rows_range": (4, 13)}, {"columns": (0, 2)}])
def test_impossible_options_are_refused(options: dict) -> None:
    with pytest.raises(ValidationError):
        Tables(**options)
