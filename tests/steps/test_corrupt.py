"""Layers with known errors: as many as were asked for, drawn by the text, and said to be errors."""

from pathlib import Path
from typing import Any

import pytest
from toys import card, write_lines

from perceptdata.comparison.texts import compare_spans, compare_texts
from perceptdata.errors import UsageError
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import Outcome, run_step
from perceptdata.workspace import Workspace

pytestmark = pytest.mark.usefixtures("with_toys")


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    """Two shards of responses of two clauses each."""
    for shard in range(2):
        write_lines(tmp_path / "cards" / f"{shard}.jsonl", [card(shard * 40 + at) for at in range(40)])
    made = Workspace.create(tmp_path / "ws")
    run(made, "cards", "build", use="toy_cards", path=tmp_path / "cards")
    run(made, "tags", "tag", use={"toy_words": {"see": ["see"]}}, **{"from": ["response"]})
    return made


def run(ws: Workspace, name: str, do: str, **options: Any) -> Outcome:
    with ws.lock("test"):
        return run_step(ws, name, make_step(do, options))


def corrupted(ws: Workspace, name: str, **options: Any) -> list[dict[str, Any]]:
    run(ws, name, "corrupt", **{"from": "tags"}, **options)
    return ws.layer(name, "spans").to_table().to_pylist()


def labels(rows: list[dict[str, Any]]) -> list[list[str]]:
    return [[span["label"] for span in row["spans"]] for row in rows]


def test_no_flips_is_the_control(ws: Workspace) -> None:
    before = ws.layer("tags", "spans").to_table().to_pylist()
    after = corrupted(ws, "control", flip=0.0)
    assert [row["spans"] for row in after] == [row["spans"] for row in before]
    assert {row["producer"]["name"] for row in after} == {"corrupt"}


def test_flips_are_as_many_as_asked_and_nested(ws: Workspace) -> None:
    before = labels(ws.layer("tags", "spans").to_table().to_pylist())
    flipped = {}
    for share in (0.1, 0.3, 1.0):
        rows = corrupted(ws, f"flip{int(share * 100)}", flip=share)
        flipped[share] = {
            (at, place)
            for at, (old, new) in enumerate(zip(before, labels(rows), strict=True))
            for place, pair in enumerate(zip(old, new, strict=True))
            if pair[0] != pair[1]
        }
        told = {
            (at, place)
            for at, row in enumerate(rows)
            for place, span in enumerate(row["spans"])
            if span["tagger"].startswith("corrupt+")
        }
        assert told == flipped[share]
    total = sum(map(len, before))
    assert total == 160
    assert 6 <= len(flipped[0.1]) <= 28  # of 160, 16 are expected; four standard deviations are 15
    assert 32 <= len(flipped[0.3]) <= 64
    assert len(flipped[1.0]) == total
    assert flipped[0.1] < flipped[0.3] < flipped[1.0]


def test_the_seed_and_the_text_say_what_is_drawn(ws: Workspace) -> None:
    one = corrupted(ws, "one", flip=0.3)
    assert labels(corrupted(ws, "again", flip=0.3)) == labels(one)
    assert labels(corrupted(ws, "other", flip=0.3, seed=1)) != labels(one)


def test_shuffled_labels_keep_their_shares(ws: Workspace) -> None:
    before = labels(ws.layer("tags", "spans").to_table().to_pylist())
    after = labels(corrupted(ws, "shuffled", shuffle=True))
    assert [sorted(each) for each in after] == [sorted(each) for each in before]
    changed = sum(one != other for one, other in zip(before, after, strict=True))
    assert 20 <= changed <= 60  # of 80 texts with two labels, half are turned


def test_a_long_span_errs_clause_by_clause(ws: Workspace) -> None:
    """One span of perception and one of reasoning over many clauses: it is clauses that err, not the two spans."""
    run(ws, "graphs", "build", use="graph_coloring", rows={"train_sft": 8}, vertices=[6])
    run(ws, "layout", "tag", use="structure", **{"from": ["response"]})
    before = {row["text_id"]: row["spans"] for row in ws.layer("layout", "spans").to_table().to_pylist()}
    assert max(map(len, before.values())) <= 3

    def layer(name: str, **options: Any) -> dict[str, list[dict[str, Any]]]:
        run(ws, name, "corrupt", **{"from": "layout"}, **options)
        return {row["text_id"]: row["spans"] for row in ws.layer(name, "spans").to_table().to_pylist()}

    assert layer("control", flip=0.0) == before
    changed = {}
    for share in (0.3, 1.0):
        layer(f"turned{int(10 * share)}", flip=share)
        changed[share] = compare_spans(ws, "layout", f"turned{int(10 * share)}", shown=0).counts["changed"]
    labelled = changed[1.0]
    assert labelled > 60
    assert abs(changed[0.3] / labelled - 0.3) < 4 * (0.21 / labelled) ** 0.5
    for text, spans in layer("again", flip=0.3).items():
        # What is covered stays covered, in order, and pieces that say the same are one.
        assert [each["start"] for each in spans[:1]] == [each["start"] for each in before[text][:1]]
        assert sum(each["end"] - each["start"] for each in spans) == sum(
            each["end"] - each["start"] for each in before[text]
        )
    layer("shuffled", shuffle=True)
    moved = compare_spans(ws, "layout", "shuffled", shown=0)
    # As many clauses of each label as before: as many went one way as the other.
    assert moved.moves["perception → reasoning"] == moved.moves["reasoning → perception"]


def test_a_comparison_counts_them(ws: Workspace) -> None:
    corrupted(ws, "flipped", flip=0.3)
    found = compare_spans(ws, "tags", "flipped", shown=4)
    assert found.counts["same"] + found.counts["changed"] == 160
    assert set(found.moves) == {"perception → reasoning", "reasoning → perception"}
    assert sum(found.moves.values()) == found.counts["changed"]
    assert len(found.changed) == 4
    assert found.changed[0].asked.question


def test_captions_of_other_images(ws: Workspace) -> None:
    run(ws, "graphs", "build", use="graph_coloring", rows={"test": 12})
    run(ws, "caps", "caption", **{"from": "facts"})
    before = {row["image"]: row["text"] for row in ws.layer("caps", "captions").to_table().to_pylist()}
    done = run(ws, "wrong", "corrupt", **{"from": "caps"}, mismatch=True)
    after = ws.layer("wrong", "captions").to_table().to_pylist()
    assert {row["image"] for row in after} <= set(before)
    assert after
    for row in after:
        assert row["text"] != before[row["image"]]
        assert row["text_id"] == f"img:{row['image']}#wrong/{row['sample']}"
    assert len(after) + sum(done.rejected.values()) == len(before)
    found = compare_texts(ws, "caps", "wrong", "captions", shown=3)
    assert found.counts == {"same": 0, "changed": len(after), "only_a": len(before) - len(after), "only_b": 0}


def test_one_kind_of_error_a_layer(ws: Workspace) -> None:
    for options in ({}, {"flip": 0.1, "shuffle": True}):
        with pytest.raises(UsageError, match="say one of flip, shuffle and mismatch"):
            make_step("corrupt", {"from": "tags", **options})
    with pytest.raises(UsageError, match="step 'tags' has no captions"):
        run(ws, "wrong", "corrupt", **{"from": "tags"}, mismatch=True)
