"""The draw: repeatable, every source and stage in it, twins together; and offsets as a browser counts them."""

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptdata.report import sample
from perceptdata.report.sample import draw
from perceptdata.report.subject import Subject
from perceptdata.workspace import Workspace


def test_every_source_and_stage_shows_in_the_smallest_sample(full: Workspace) -> None:
    rows = draw(Subject(full), 1).rows
    assert {(row["corpus"], row["stage"]) for row in rows} == {
        ("Geometry", "perception"),
        ("Geometry", "visual_reasoning"),
        ("Geometry", "textual_reasoning"),
        ("Sums", "textual_reasoning"),
    }


@pytest.mark.parametrize("size", [8, 15, 20])
def test_the_size_holds_and_twins_stand_together_in_the_order_of_stages(full: Workspace, size: int) -> None:
    rows = draw(Subject(full), size).rows
    assert size - 3 < len(rows) <= size
    runs = [(group, [row["stage"] for row in twins]) for group, twins in groupby(rows, key=lambda row: row["group"])]
    assert len({group for group, _ in runs}) == len(runs)
    for group, stages in runs:
        if group.startswith("geometry"):
            assert stages == ["perception", "visual_reasoning", "textual_reasoning"]


def test_the_same_workspace_gives_the_same_sample(full: Workspace) -> None:
    assert draw(Subject(full), 10) == draw(Subject(Workspace(full.path)), 10)


def test_a_larger_sample_holds_the_smaller(full: Workspace) -> None:
    few, many = ([row["id"] for row in draw(Subject(full), size).rows] for size in (8, 29))
    assert many[: len(few)] == few
    assert len(many) == 29


def test_rows_carry_texts_images_and_spans(full: Workspace) -> None:
    drawn = draw(Subject(full), 29)
    rows = {row["id"]: row for row in drawn.rows}
    visual, textual = rows["geometry/train/3/visual_reasoning"], rows["geometry/train/3/textual_reasoning"]
    assert [drawn.images[at]["width"] for at in visual["images"]] == [360]
    assert textual["images"] == []
    assert len(drawn.images) == 8
    assert [text["name"] for text in visual["texts"]] == ["facts", "response"]
    assert visual["texts"][1]["spans"] == {
        # one emoji, two UTF-16 units, stands before the third span
        "tags": [[0, 24, 0, 0.91, 0], [25, 34, 1, 0.5, 0], [38, 56, 0, 0.91, 0], [57, 69, 1, 0.5, 0]]
    }
    assert [text["name"] for text in rows["sums/test/1"]["texts"]] == ["response", "cot/0", "cot/1"]
    assert rows["sums/test/1"]["texts"][0]["spans"] == {}  # its spans were made of another text
    assert drawn.layers == {
        "tags": {"scheme": "pro@1", "labels": ["perception", "reasoning", "other"], "taggers": ["cues"]}
    }


def test_long_texts_are_cut_and_their_spans_with_them(full: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "LONGEST", 30)
    rows = {row["id"]: row for row in draw(Subject(full), 29).rows}
    text = rows["geometry/train/3/visual_reasoning"]["texts"][1]
    assert text["text"] == "In the figure, AB is 32. So x "
    assert text["cut"] == 68 - 30
    assert text["spans"]["tags"] == [[0, 24, 0, 0.91, 0], [25, 30, 1, 0.5, 0]]


def test_an_empty_workspace_has_no_rows(empty: Workspace) -> None:
    assert draw(Subject(empty), 10).to_json() == {"rows": [], "images": [], "layers": {}}


@given(st.text(st.characters(exclude_categories=["Cs"])), st.data())
def test_utf16_places_slice_what_code_points_slice(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    places = sample._utf16(text)
    encoded = text.encode("utf-16-le")
    assert encoded[2 * places[start] : 2 * places[end]].decode("utf-16-le") == text[start:end]
