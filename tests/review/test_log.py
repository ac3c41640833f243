"""The log: each annotation once, as its place has it now; one file, whole or not at all."""

from typing import Any

import pyarrow.parquet as pq
import pytest

from perceptdata.errors import WorkspaceError
from perceptdata.review import Annotation, Pulled, Region
from perceptdata.review.log import Changes, Log, log_path
from perceptdata.workspace import Workspace


def note(name: str, **changed: Any) -> Annotation:
    given: dict[str, Any] = {"id": name, "key": f"t{name}", "reader": "ann", "content": "c", "updated": "1"}
    given["regions"] = (Region("cot", 0, 3, "other", 0.1, "prediction"),)
    return Annotation(**{**given, **changed})


def test_a_pull_adds_changes_and_marks_what_is_gone() -> None:
    log, changes = Log().upserted(Pulled((note("1"), note("2", seconds=1.1)), cursor="a"))
    assert changes == Changes(new=2)
    again, changes = log.upserted(Pulled((note("1", updated="2"), note("2", seconds=1.1)), cursor="b"))
    assert not changes  # the overlap of two pulls says nothing
    assert again.known() == ["1", "2"]
    log, changes = again.upserted(Pulled((note("2", seconds=9.0),), gone=("1", "7"), cursor="c"))
    assert changes == Changes(changed=1, gone=1)
    assert log.known() == ["2"]
    assert log.rows.column("gone").to_pylist() == [True, False]
    assert [row["seconds"] for row in log.here()] == [9.0]
    log, changes = log.upserted(Pulled((note("1"),), cursor="d"))
    assert changes == Changes(changed=1)
    assert log.known() == ["1", "2"]


def test_who_answered_is_who_answered_first_unless_the_answer_changes() -> None:
    log, _ = Log().upserted(Pulled((note("1"), note("2"))), kind="simulated")
    log, _ = log.upserted(Pulled((note("1"), note("2", verdict="wrong"))), kind="person")
    assert [row["kind"] for row in log.here()] == ["simulated", "person"]


def test_refusals_stay_until_the_annotation_comes_or_goes() -> None:
    log, changes = Log().upserted(Pulled(refused={"5": "no", "6": "no"}, cursor="a"))
    assert changes == Changes(refused=2)
    log, changes = log.upserted(Pulled((note("5"),), gone=("6",), cursor="b"))
    assert (dict(log.refused), changes.refused) == ({}, 0)
    log, _ = log.upserted(Pulled(refused={"x, line 1": "no"}))
    log, _ = log.upserted(Pulled(refused={"x, line 2": "no"}))  # files say all of them each time
    assert [*log.refused] == ["x, line 2"]


def test_it_comes_back_from_disk_as_it_was(traces: Workspace) -> None:
    (traces.path / "reviews/people").mkdir(parents=True)
    assert Log.read(traces, "people").known() == []
    log, _ = Log().upserted(Pulled((note("1", meta={"url": "x"}),), refused={"2": "no"}, cursor="a"))
    log.write(traces, "people")
    back = Log.read(traces, "people")
    assert (back.cursor, dict(back.refused), list(back.here())) == ("a", {"2": "no"}, list(log.here()))
    assert back.fingerprint == log.fingerprint
    assert back.upserted(Pulled((note("1", meta={"url": "x"}),), cursor="z"))[0].fingerprint != ""
    assert next(back.here())["meta"] == {"url": "x"}


def test_a_damaged_log_is_named(traces: Workspace) -> None:
    path = log_path(traces, "people")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PAR1 half")
    with pytest.raises(WorkspaceError, match="cannot be read as a log; restore it"):
        Log.read(traces, "people")
    pq.write_table(Log().rows, path)  # without its state
    with pytest.raises(WorkspaceError, match="cannot be read as a log"):
        Log.read(traces, "people")
