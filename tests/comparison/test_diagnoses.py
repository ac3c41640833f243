"""Two diagnoses compared: numbers by hand, items to look at, and refusals."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from perceptdata.comparison.diagnoses import Diagnosed, DiagnosisFindings, compare_diagnoses
from perceptdata.comparison.sides import Choices, compared
from perceptdata.diagnosis.continuation import Continuation
from perceptdata.diagnosis.diagnosis import conclude, load, save
from perceptdata.errors import UsageError
from perceptdata.report.comparison import render
from perceptdata.steps.diagnosed import write_diagnosis

from diagnosis.answering import diagnosed, ones  # isort: skip
from diagnosis.conftest import Found, diagnosed_as, grids  # isort: skip

__all__ = ["diagnosed_as", "grids"]


def keep(folder: Path, table: pa.Table) -> Path:
    told = Continuation(dialect="plain", honoured=True)
    save(conclude(folder.name, table, model="m", format={"use": "facts_trace"}, continuation=told), table, folder)
    return folder


@pytest.fixture
def by_hand(tmp_path: Path) -> tuple[Path, Path]:
    """a from 20 to 60, a_p from 80 to 90, a_r from 60 to 160, of 200."""
    before, after = (
        diagnosed(ones(20, 200), ones(80, 200), ones(60, 200)),
        diagnosed(ones(60, 200), ones(90, 200), ones(160, 200)),
    )
    return keep(tmp_path / "before", before), keep(tmp_path / "after", after)


def test_what_was_gained(by_hand: tuple[Path, Path], tmp_path: Path) -> None:
    found = compared(*map(str, by_hand), tmp_path)
    assert isinstance(found, DiagnosisFindings)
    (every,) = found.gains
    assert [pair and pair.difference for pair in (every.a, every.a_p, every.a_r, every.asymmetry)] == pytest.approx(
        [0.2, 0.05, 0.5, 0.45]
    )
    assert (found.won, found.lost) == (40, 0)
    assert found.sentence.startswith(f"{by_hand[1]} has +20.0 [")
    assert found.sentence.endswith("Reasoning gained more than perception.")
    assert len(found.wins) == 12
    assert all(20 <= int(each.item[1:]) < 60 for each in found.wins)
    assert {found.seen[each.item] for each in found.wins} == {(1.0, 1.0)}  # i20 to i59 are among the first 80
    assert "cannot be shown" in found.notes[0]
    told = found.to_json()
    assert (told["kind"], told["gains"][0]["verdict"], len(told["wins"])) == ("diagnoses", "reasoning gained more", 12)
    html = render(found)
    assert html.index("Reasoning gained more") < html.index("What was gained, in points")
    assert 'class="diagonal"' in html
    assert "described rightly: yes → yes" in html
    assert html == render(found)


def test_the_same_gain_is_no_gain(by_hand: tuple[Path, Path], tmp_path: Path) -> None:
    found = compared(str(by_hand[0]), str(by_hand[0]), tmp_path)
    assert isinstance(found, DiagnosisFindings)
    assert (found.won, found.lost, found.wins) == (0, 0, ())
    assert "which may be chance" in found.sentence
    assert "Perception and reasoning do not surely gain differently." in found.sentence


def test_other_items_are_refused_or_left_out(by_hand: tuple[Path, Path], tmp_path: Path) -> None:
    fewer = keep(tmp_path / "fewer", diagnosed(ones(10, 100), ones(10, 100), ones(10, 100)))
    with pytest.raises(UsageError, match=r"different items .* or compare what both have with --intersection"):
        compared(str(by_hand[0]), str(fewer), tmp_path)
    found = compared(str(by_hand[0]), str(fewer), tmp_path, Choices(intersection=True))
    assert isinstance(found, DiagnosisFindings)
    assert found.gains[0].items == 100
    assert found.notes[0].startswith("compared on the items that both were asked")
    strange = load(by_hand[0])[1]
    names = [f"x{id}" for id in strange.column("id").to_pylist()]
    strangers = keep(tmp_path / "strange", strange.set_column(0, "id", pa.array(names)))
    with pytest.raises(UsageError, match="no item in common"):
        compared(str(by_hand[0]), str(strangers), tmp_path, Choices(intersection=True))


def test_few_items_conclude_nothing(tmp_path: Path) -> None:
    one, two = (
        keep(tmp_path / name, diagnosed([value] * 9, [0.0] * 9, [value] * 9))
        for name, value in (("a", 0.0), ("b", 1.0))
    )
    found = compared(str(one), str(two), tmp_path)
    assert isinstance(found, DiagnosisFindings)
    assert "Too few items: intervals are shown, and nothing is concluded." in found.sentence


def test_what_was_not_measured_is_said(tmp_path: Path) -> None:
    none = [None] * 40
    sides = [keep(tmp_path / name, diagnosed(ones(many, 40), none, none)) for name, many in (("a", 10), ("b", 20))]
    found = compared(*map(str, sides), tmp_path)
    assert isinstance(found, DiagnosisFindings)
    assert found.sentence.endswith("was not measured on both sides.")
    assert 'class="diagonal"' not in render(found)


def test_items_are_shown_out_of_the_workspaces(diagnosed_as: Callable[..., Found], tmp_path: Path) -> None:
    folders = []
    for name, a_p in (("base", 0.3), ("sft", 0.9)):
        found = diagnosed_as(("image",), a_p=a_p, items=40)
        shutil.copytree(found.ws.path, tmp_path / name)
        folder = tmp_path / name / "diagnosis" / "diag"
        write_diagnosis(found.diagnosis, found.table, folder)
        folders.append(folder)
    found = compared(f"{tmp_path}/base:diag", f"{tmp_path}/sft:diag", tmp_path, Choices(shown=2))
    assert isinstance(found, DiagnosisFindings)
    assert found.won > 10
    (first, _) = found.wins
    assert first.asked.question.startswith("<image>")
    assert first.asked.images[0].startswith(b"\x89PNG")
    assert first.said_a != first.said_b
    assert "<description>" in first.said_b
    assert found.notes == tuple(note for note in found.notes if "cannot be shown" not in note)
    assert "data:image" in render(found)
    again = compare_diagnoses(*(Diagnosed.open(folder) for folder in folders), shown=0)
    assert (again.wins, again.won) == ((), found.won)
