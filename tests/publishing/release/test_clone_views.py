"""A clone of named views: their rows as they were, each example once, and word of what stays behind."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import releases

from perceptdata.errors import UsageError, WorkspaceError
from perceptdata.publishing.release.bring_views import BringViews
from perceptdata.publishing.release.clone import clone
from perceptdata.view import ViewSpec, define_view
from perceptdata.workspace import Workspace

Publish = Callable[..., Path]

VIEWS = {
    "own": {"where": "stage <> 'perception'", "spans": "tags", "captions": "caps", "order": "random"},
    "best": {"text": "cards.best", "spans": "tries", "order": "cards.rate desc", "splits": {"train": 3, "dev": 1}},
    "many": {"text": "cards", "where": "cards.best > 0.5", "order": "capability+random"},
    "sided": {"splits": "parts", "order": "cards.rate desc+id"},
    "mixed": {"mix": {"perception": 1, "textual_reasoning": 2}, "order": "cards.rate"},
}


@pytest.fixture(scope="module")
def ws(toy_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = releases.make(toy_site, tmp_path_factory.mktemp("views"))
    releases.run(made, "parts", "split", into={"train": 0.5, "held": 0.5})
    with made.lock("test"):
        for name, definition in VIEWS.items():
            define_view(made, name, ViewSpec.model_validate(definition))
    return made


def shown(ws: Workspace, name: str) -> list[dict[str, Any]]:
    """The rows of a view with the hash of their images, which checks the bytes."""
    return [row for table in ws.view(name).batches() for row in table.drop_columns(["response"]).to_pylist()]


def texts(ws: Workspace, name: str) -> list[Any]:
    return [text for table in ws.view(name).batches() for text in table.column("response").to_pylist()]


def by_one(ws: Workspace, room: str, step: str) -> int:
    """The most shards of a step that speak of one shard of examples."""
    about = [entry.about for _, _, entry, _ in ws.shards(room, step)]
    return max(map(about.count, about))


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_comes_back_row_by_row(ws: Workspace, publish: Publish, tmp_path: Path, name: str) -> None:
    done = clone(str(publish(ws, views=(name,))), tmp_path / "clone")
    other = Workspace(tmp_path / "clone")
    assert len(ws.view(name)) > 3
    assert shown(other, name) == shown(ws, name)
    assert texts(other, name) == texts(ws, name)
    assert (
        done.rows["examples"] == len({row["id"] for row in shown(ws, name)}) == len(releases.rows_of(other, "examples"))
    )
    assert done.left[0].startswith("steps ")
    assert "verdicts" in done.left[0]


def test_several_views_share_their_examples(ws: Workspace, publish: Publish, tmp_path: Path) -> None:
    done = clone(str(publish(ws, views=("best", "own", "mixed"))), tmp_path / "clone")
    other = Workspace(tmp_path / "clone")
    for name in ("own", "best", "mixed"):
        assert shown(other, name) == shown(ws, name)
        assert texts(other, name) == texts(ws, name)
    examples = releases.rows_of(other, "examples")
    assert len(examples) == len({row["id"] for row in examples}) == done.rows["examples"]
    theirs = {row["id"]: row for row in releases.rows_of(ws, "examples")}
    with_own = {row["id"] for name in ("own", "mixed") for row in shown(ws, name)}
    for row in examples:
        expected = theirs[row["id"]]
        assert row == (expected if row["id"] in with_own else {**expected, "response": None})
    assert any(said.startswith("own responses of examples that no view shows with them") for said in done.left)


def test_of_two_choices_of_texts_the_one_that_grew_is_named(ws: Workspace, publish: Publish, tmp_path: Path) -> None:
    with ws.lock("test"):
        define_view(ws, "worst", ViewSpec.model_validate({"text": "cards.worst", "spans": "tries"}))
        define_view(ws, "all_texts", ViewSpec.model_validate({"text": "cards", "where": "cards.n > 1", "size": 4}))
    done = clone(str(publish(ws, views=("best", "worst", "all_texts"), shard_bytes=20_000)), tmp_path / "clone")
    other = Workspace(tmp_path / "clone")
    for name in ("best", "worst"):  # each chooses among the texts of both
        assert shown(other, name) == shown(ws, name)
        assert texts(other, name) == texts(ws, name)
    assert any("view 'all_texts' as it was: it has" in said for said in done.left)
    # The texts of one shard of examples, brought by several files, stand in one shard: what the next step reads.
    assert by_one(other, "layers/responses", "cards") == by_one(other, "layers/spans", "tries") == 1
    releases.run(other, "again", "score", **{"from": "cards"})
    assert len(releases.rows_of(other, "layers/scores", "again")) >= len(releases.rows_of(other, "layers/responses"))


def test_steps_go_on_from_it(with_toys: None, ws: Workspace, publish: Publish, tmp_path: Path) -> None:
    clone(str(publish(ws, views=("own", "best"))), tmp_path / "clone")
    other = Workspace(tmp_path / "clone")
    releases.run(other, "fresh", "tag", use="toy_words", **{"from": ["cards"]})
    made = {row["text_id"]: row["spans"] for row in releases.rows_of(other, "layers/spans", "fresh")}
    first = {row["text_id"]: row["spans"] for row in releases.rows_of(ws, "layers/spans", "tries")}
    assert made
    assert all(first[name] == spans for name, spans in made.items())
    (scheme,) = {row["scheme"] for row in releases.rows_of(other, "layers/spans", "tries")}
    assert scheme == "pro@1"


@pytest.mark.parametrize("call", [1, 4])
def test_an_interrupted_clone_goes_on(
    ws: Workspace, publish: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    folder = publish(ws, views=("best", "own"), shard_bytes=20_000)
    whole, calls = BringViews.write, iter(range(100))

    def write(self: BringViews, *given: Any) -> None:
        if next(calls) == call:
            raise KeyboardInterrupt
        whole(self, *given)

    with monkeypatch.context() as patch:
        patch.setattr(BringViews, "write", write)
        with pytest.raises(KeyboardInterrupt):
            clone(str(folder), tmp_path / "clone")
    done = clone(str(folder), tmp_path / "clone")
    assert done.kept >= 1
    clone(str(folder), tmp_path / "whole")
    other, straight = Workspace(tmp_path / "clone"), Workspace(tmp_path / "whole")
    for name in ("own", "best"):
        assert shown(other, name) == shown(ws, name)
        assert texts(other, name) == texts(ws, name)
    for room in ("examples", "layers/responses", "layers/spans", "layers/captions", "layers/scores"):
        assert releases.rows_of(other, room) == releases.rows_of(straight, room)
    assert list((tmp_path / "clone").rglob("*.part")) == []

    next((tmp_path / "clone" / "layers" / "spans").rglob("*.parquet")).unlink()
    again = clone(str(folder), tmp_path / "clone")
    assert again.kept == 0
    assert releases.rows_of(Workspace(tmp_path / "clone"), "layers/spans") == releases.rows_of(straight, "layers/spans")


def test_captions_of_several_images_stay_behind(with_toys: None, publish: Publish, tmp_path: Path) -> None:
    from toys import card, picture, write_lines

    two = {"stage": "visual_reasoning", "question": "<image><image>Which?", "images": ["0.png", "1.png"]}
    write_lines(
        tmp_path / "cards" / "0.jsonl",
        [card(0, **two), card(1, **{**two, "question": "<image>A?", "images": ["2.png"]})],
    )
    for number in range(3):
        (tmp_path / "cards" / f"{number}.png").write_bytes(picture(number))
    made = Workspace.create(tmp_path / "ws")
    releases.run(made, "cards", "build", use="toy_cards", path=tmp_path / "cards")
    releases.run(made, "caps", "caption", use={"toy_sizes": {"n": 2}})
    with made.lock("test"):
        define_view(made, "seen", ViewSpec.model_validate({"captions": "caps"}))
    done = clone(str(publish(made, views=("seen",))), tmp_path / "clone")
    assert done.rows == {"examples": 2, "captions": 2, "images": 3}
    assert any(said.startswith("captions of 1 rows of 'seen'") for said in done.left)
    other = [row["captions"] for row in shown(Workspace(tmp_path / "clone"), "seen")]
    assert other == [[], shown(made, "seen")[1]["captions"]]


def test_a_stage_is_a_view_too(ws: Workspace, publish: Publish, tmp_path: Path) -> None:
    clone(str(publish(ws, views=("perception",))), tmp_path / "clone")
    other = Workspace(tmp_path / "clone")
    assert other.manifest.views == {}
    assert shown(other, "perception") == shown(ws, "perception")


def test_other_rows_than_the_manifest_counts_are_refused(ws: Workspace, publish: Publish, tmp_path: Path) -> None:
    folder = publish(ws, views=("own",))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["configs"]["own"]["rows"] += 1
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(WorkspaceError, match="rows of view 'own', and"):
        clone(str(folder), tmp_path / "clone")


def test_a_config_without_whole_examples_is_refused(
    ws: Workspace, publish: Publish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = publish(ws, views=("own",))
    whole = BringViews.write
    monkeypatch.setattr(
        BringViews, "write", lambda self, table, *more: whole(self, table.drop_columns(["facts"]), *more)
    )
    with pytest.raises(UsageError, match=r"view 'own' of .* has no column facts: it cannot be cloned"):
        clone(str(folder), tmp_path / "clone")
