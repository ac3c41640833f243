"""How the fixture came about: two builds, a generate step, a tag step, one view."""

import pytest

from perceptdata.report import history
from perceptdata.report.history import History
from perceptdata.view import ViewSpec
from perceptdata.workspace import Workspace


def test_funnels_count_what_was_read_and_why_it_was_left_out(full: Workspace) -> None:
    geometry, sums = History.of(full).funnels
    assert (geometry.step, geometry.read, geometry.accepted, geometry.rejected) == ("geometry", 28, 24, 4)
    assert [(reason.code, reason.count) for reason in geometry.reasons] == [("image.missing", 3), ("geometry.odd", 1)]
    assert geometry.reasons[0].meaning == "the image is not where the row says it is"
    assert geometry.reasons[0].rows[0]["key"] == "bad-0"
    assert (sums.step, sums.read, sums.reasons) == ("sums", 5, [])


def test_rows_of_a_reason_are_bounded_and_its_count_is_not(full: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "SHOWN_REJECTS", 2)
    reason = History.of(full).funnels[0].reasons[0]
    assert (reason.count, [row["key"] for row in reason.rows]) == (3, ["bad-0", "bad-1"])


def test_steps_say_what_they_made(full: Workspace) -> None:
    steps = {line.step: line for line in History.of(full).steps}
    assert list(steps) == ["geometry", "sums", "cot", "tags"]
    assert steps["geometry"].made == {"examples": 24, "images": 8}
    assert (steps["geometry"].rejected, steps["geometry"].state, steps["geometry"].plugins) == (4, "done", "geometry 1")
    assert (steps["tags"].made, steps["tags"].plugins) == ({"spans": 18}, "cues 3")


def test_replaced_and_partial_runs_are_told_apart(empty: Workspace) -> None:
    with empty.lock("test"):
        empty.finish(empty.begin("tags", "aaaaaaaa", "tag", {"do": "tag"}, 0))
        empty.begin("tags", "bbbbbbbb", "tag", {"do": "tag"}, 3)
    lines = History.of(empty).steps
    assert [(line.version, line.state, line.expected) for line in lines] == [
        ("bbbbbbbb", "partial", 3),
        ("aaaaaaaa", "replaced", 0),
    ]


def test_views_say_what_they_dropped(full: Workspace) -> None:
    (line,) = History.of(full).views
    assert (line.name, line.rows, line.dropped) == ("hard", 8, {"not chosen": 21})
    assert ViewSpec.model_validate(line.definition).spans == "tags"


def test_the_fingerprint_is_of_the_contents(full: Workspace, empty: Workspace) -> None:
    assert History.of(full).fingerprint == History.of(Workspace(full.path)).fingerprint
    assert History.of(full).fingerprint != History.of(empty).fingerprint
