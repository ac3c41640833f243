"""What forbids publishing is said before a byte is written, each in a sentence that names what to do."""

import json
from pathlib import Path

import pytest
from releases import run
from toys import card, write_lines

from perceptdata.publishing.release import checks
from perceptdata.publishing.release.build import ReleaseSpec, build_release
from perceptdata.view import ViewSpec, define_view
from perceptdata.workspace import Workspace


@pytest.fixture
def ws(with_toys: None, tmp_path: Path) -> Workspace:
    write_lines(tmp_path / "cards" / "0.jsonl", [card(number) for number in range(6)])
    ws = Workspace.create(tmp_path / "ws")
    run(ws, "cards", "build", use="toy_cards", path=tmp_path / "cards")
    run(ws, "tags", "tag", use="toy_words")
    return ws


def rebuild(ws: Workspace, rows: list[object]) -> None:
    write_lines(ws.path.parent / "cards" / "0.jsonl", rows)
    run(ws, "cards", "build", use="toy_cards", path=ws.path.parent / "cards")


def test_a_sound_workspace_has_no_problem(ws: Workspace) -> None:
    assert build_release(ws).problems() == []


def test_an_empty_workspace_and_an_empty_view_are_said(ws: Workspace, tmp_path: Path) -> None:
    (problem,) = build_release(Workspace.create(tmp_path / "none")).problems()
    assert "has no rows to publish" in problem
    with ws.lock("test"):
        define_view(ws, "none", ViewSpec(where="false"))
        define_view(ws, "some", ViewSpec(where="true"))
    (problem,) = build_release(ws, ReleaseSpec(views=("none",))).problems()
    assert "has no rows to publish" in problem
    (problem,) = build_release(ws, ReleaseSpec(views=("some", "none"))).problems()
    assert problem == "view 'none' has no rows, and `datasets` loads no config without rows; leave it out"


def test_a_layer_of_examples_that_are_gone_is_said(ws: Workspace) -> None:
    rebuild(ws, [card(number) for number in range(4)])
    (problem,) = build_release(ws).problems()
    assert problem == "2 rows of step 'tags' speak of examples or images that are not there; run 'tags' again"


def test_a_layer_of_texts_that_have_changed_is_said(ws: Workspace) -> None:
    rebuild(ws, [card(0, response="Something else."), *(card(number) for number in range(1, 6))])
    (problem,) = build_release(ws).problems()
    assert problem == "1 row of step 'tags' was made from a text that has changed since; run 'tags' again"
    run(ws, "tags", "tag", use="toy_words")
    assert build_release(ws).problems() == []


def test_layers_of_captions_and_responses_find_their_texts(published_ws: Workspace) -> None:
    assert {"tries", "caps", "verdicts"} <= set(published_ws.manifest.steps)
    assert build_release(published_ws).problems() == []


def test_an_unfinished_step_is_said(ws: Workspace) -> None:
    manifest = json.loads(ws.manifest_path.read_text())
    (run_of,) = manifest["steps"]["tags"]["versions"].values()
    run_of["finished"] = None
    ws.manifest_path.write_text(json.dumps(manifest))
    (problem,) = build_release(Workspace(ws.path)).problems()
    assert problem.startswith("step 'tags' is not finished (1 of 1 shards)")


def test_a_row_too_large_for_the_viewer_is_said(published_ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "GROUP_LIMIT", 10)
    problems = build_release(published_ws).problems()
    assert len(problems) == 3  # perception, visual_reasoning, full: textual rows show no image
    assert all("reads no row group above" in problem for problem in problems)


def test_licences_are_counted_by_corpus_over_published_rows(with_toys: None, tmp_path: Path) -> None:
    rows = [{"question": f"What is {n} + 1?", "answer": str(n + 1), "id": str(n)} for n in range(5)]
    write_lines(tmp_path / "mine.jsonl", rows)
    write_lines(tmp_path / "cards" / "0.jsonl", [card(number) for number in range(3)])
    ws = Workspace.create(tmp_path / "ws")
    run(ws, "mine", "build", use="auto", path=tmp_path / "mine.jsonl")
    run(ws, "cards", "build", use="toy_cards", path=tmp_path / "cards")
    (problem,) = build_release(ws).problems()
    assert "(5 rows, unstated) states no licence" in problem
    assert build_release(ws, ReleaseSpec(licence="CC-BY-4.0")).problems() == []
    with ws.lock("test"):
        define_view(ws, "theirs", ViewSpec(where="source.corpus = 'Toys'"))
    assert build_release(ws, ReleaseSpec(views=("theirs",))).problems() == []


def test_a_view_named_like_a_layer_is_said(ws: Workspace) -> None:
    with ws.lock("test"):
        define_view(ws, "full", ViewSpec())
    (problem,) = build_release(ws, ReleaseSpec(views=("full",))).problems()
    assert problem == "view 'full' would bear the name of a layer's config; give it another name"
    assert build_release(ws).problems() == []
