"""Labelled texts from files and workspaces, and the labels of their clauses."""

import json
from pathlib import Path

import pytest

from perceptdata.errors import UsageError
from perceptdata.labelled import LabelledText, clause_labels, from_layer, read_labelled, sources
from perceptdata.spans import Span, SpanSet
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import run_step
from perceptdata.workspace import Workspace

ROW = {"id": "a", "text": "A red cup, so one.", "spans": [{"start": 0, "end": 10, "label": "perception"}]}


def written(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_a_file(tmp_path: Path) -> None:
    whole = [{"start": 0, "end": 18, "label": "reasoning"}]
    more = {"source": "s", "model": "m", "question": "How many?", "first_pass": whole, "second_pass": []}
    bare, full = read_labelled(written(tmp_path / "a.jsonl", ROW, {**ROW, **more, "id": "b", "unknown": 1}))
    assert (bare.id, bare.source, bare.question, bare.passes) == ("a", "", "", ())
    assert list(bare.spans) == [Span(0, 10, "perception")]
    assert (full.source, full.model, full.question) == ("s", "m", "How many?")
    assert [len(one) for one in full.passes] == [1, 0]
    assert sources([bare, full, bare]) == ["", "s"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "holds no labelled text"),
        ([[1]], "line 1 is no labelled text"),
        ([{"id": "a"}], "it has no 'text'"),
        ([{**ROW, "spans": [{"start": 0, "end": 99, "label": "other"}]}], "outside a text of 18"),
        ([{**ROW, "spans": [{"start": 0, "end": 9, "label": "seen"}]}], "'seen' is not a label"),
        ([{**ROW, "text": "cafe\u0301, and more words"}], "is not NFC"),
        ([ROW, ROW], "line 2: there is a text 'a' already"),
    ],
)
def test_files_that_are_none(tmp_path: Path, rows: list[object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_labelled(written(tmp_path / "a.jsonl", *rows))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_labelled(tmp_path / "a.jsonl")


def test_clauses_take_the_label_of_most_of_their_characters() -> None:
    text = "A red cup, so one. Hm.\nWell."
    # Clauses: "A red cup," "so one." "Hm." "Well."; the first has 5 perceived characters ("A red" less its space is 4,
    # "cup" 3), the border inside it gives the other label the comma alone, and nothing covers the last.
    spans = SpanSet.of([Span(0, 9, "perception"), Span(9, 18, "reasoning"), Span(19, 22, "other")])
    label, weight = clause_labels([LabelledText("a", text, spans)])
    assert label.tolist() == [0, 1, 2, -1]
    assert weight.tolist() == [7, 6, 3, 0]


def test_a_layer(tmp_path: Path) -> None:
    row = {"question": "How many?", "answer": "1", "response": "There is a red cup. So the answer is 1."}
    rows = written(tmp_path / "rows.jsonl", row)
    ws = Workspace.create(tmp_path / "ws")
    with ws.lock("test"):
        run_step(ws, "rows", make_step("build", {"use": "auto", "path": rows, "licence": "MIT"}))
        run_step(ws, "tags", make_step("tag", {"use": "cues"}))
    (one,) = from_layer(ws, "tags")
    assert one.text == row["response"]
    assert one.example is not None
    assert (one.question, one.source) == ("How many?", one.example.source.corpus)
    assert [(span.start, span.end) for span in one.spans] == [(0, 19), (20, 39)]
    with pytest.raises(UsageError, match="no spans or reviews layer 'other'"):
        from_layer(ws, "other")
