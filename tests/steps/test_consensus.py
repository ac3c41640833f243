"""Consensus: one layer out of several, with the source of every label; repeatable, resumable, and open where unsure."""

from pathlib import Path
from typing import Any

import pytest
from toys import card, write_lines

from perceptdata.errors import UsageError
from perceptdata.layers import Producer, SpanRecord, Spans, text_sha256
from perceptdata.segmentation import VERSION
from perceptdata.shard import ShardWriter
from perceptdata.steps.consensus import Consensus
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import Outcome, plan_step, run_step
from perceptdata.workspace import EXAMPLES, Workspace

pytestmark = pytest.mark.usefixtures("with_toys")
TEXTS = {"one": "question", "two": "response", "three": "cards"}
USES = {"one": ["see"], "two": ["see", "total"], "three": ["sum", "see"]}


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    """Three shards of four responses of two clauses each: `I see …` and `So the sum …`; a word differs in some."""
    tried = {"responses": [{"text": "I see one try. So another."}]}
    for shard in range(3):
        rows = [card(shard * 4 + at, **(tried if at == 0 else {})) for at in range(4)]
        write_lines(tmp_path / "cards" / f"{shard}.jsonl", rows)
    made = Workspace.create(tmp_path / "ws")
    run(made, "cards", "build", use="toy_cards", path=tmp_path / "cards")
    for name, see in USES.items():
        run(made, name, "tag", use={"toy_words": {"see": see}}, **{"from": ["response", "cards"]})
    return made


def run(ws: Workspace, name: str, do: str, **options: Any) -> Outcome:
    with ws.lock("test"):
        return run_step(ws, name, make_step(do, options))


def rows(ws: Workspace, step: str = "consensus") -> list[dict[str, Any]]:
    return ws.layer(step, "spans").to_table().to_pylist()


def test_the_layer_is_of_clauses_and_names_whose_label_it_is(ws: Workspace) -> None:
    outcome = run(ws, "consensus", "consensus", **{"from": list(USES)})
    assert outcome.made == {"layers/spans": 15}  # twelve responses and three tries
    assert (outcome.shards, outcome.rejected) == (3, {})
    row = next(row for row in rows(ws) if row["text_id"] == "cards/train/1#response")
    # "I see 1 and 0." perceives, say all; "So the sum is 1." reasons, say two, and the third is outvoted.
    told = [(each["start"], each["end"], each["label"], each["tagger"]) for each in row["spans"]]
    assert told == [(0, 14, "perception", "one+two+three"), (15, 31, "reasoning", "one+two")]
    assert all(0.5 < each["score"] <= 1 for each in row["spans"])
    assert row["spans"][0]["score"] > row["spans"][1]["score"]
    assert (row["scheme"], row["segmenter"]) == ("pro@1", VERSION)
    assert row["text_sha256"] == text_sha256("I see 1 and 0. So the sum is 1.")
    assert row["producer"] == {"name": "consensus", "version": "2", "config": outcome.version}
    tried = next(row for row in rows(ws) if row["text_id"] == "cards/train/0#cards/0")
    assert [each["label"] for each in tried["spans"]] == ["perception", "reasoning"]


def test_it_leaves_open_what_is_not_sure_enough(ws: Workspace) -> None:
    def labelled(margin: float) -> dict[str, float]:
        """The lowest score of each group of annotators whose label was kept."""
        run(ws, "consensus", "consensus", margin=margin, **{"from": list(USES)})
        assert len(rows(ws)) == 15  # a text without a sure clause keeps its row
        return {each["tagger"]: each["score"] for row in rows(ws) for each in row["spans"]}

    everything = labelled(0.0)
    assert set(everything) == {"one+two+three", "one+two"}
    unsure, sure = sorted(everything.values())
    # A label of probability p leads the second by 2p - 1 at least, and by p at most.
    between = (unsure + 2 * sure - 1) / 2
    assert unsure < between < 2 * sure - 1
    assert set(labelled(between)) == {"one+two+three"}
    assert labelled(1.0) == {}


def test_a_second_run_has_nothing_to_do_and_a_changed_layer_remakes_all(ws: Workspace) -> None:
    first = run(ws, "consensus", "consensus", **{"from": list(USES)})
    again = run(ws, "consensus", "consensus", **{"from": list(USES)})
    assert (again.skipped, again.version) == (3, first.version)
    run(ws, "three", "tag", use={"toy_words": {"see": ["nothing"]}}, **{"from": ["response", "cards"]})
    assert len(plan_step(ws, "consensus", make_step("consensus", {"from": list(USES)})).todo) == 3


def test_what_is_made_after_an_interruption_is_what_would_have_been_made(ws: Workspace) -> None:
    """The model is of all shards, also when only some are left to make."""

    def files() -> list[str]:
        return [file.sha256 for _, _, _, file in ws.shards("layers/spans", "consensus")]

    run(ws, "consensus", "consensus", **{"from": list(USES)})
    whole = files()
    made = ws.manifest.steps["consensus"].current
    del made.shards["cards-00001"]
    made.finished = None
    ws.save()
    outcome = run(ws, "consensus", "consensus", **{"from": list(USES)})
    assert outcome.skipped == 2
    assert files() == whole


def test_a_row_that_does_not_fit_its_text_is_rejected_and_the_rest_goes_on(ws: Workspace) -> None:
    step, shard, _, file = ws.shards(EXAMPLES)[0]

    def said(address: str, text: str, *borders: tuple[int, int]) -> Spans:
        marked = tuple(SpanRecord(start=a, end=b, label="other", score=1.0, tagger="x") for a, b in borders)
        by = Producer(name="x", version="1", config="00000000")
        sha256 = text_sha256(text)
        return Spans(text_id=address, text_sha256=sha256, scheme="pro@1", spans=marked, producer=by)

    texts = [f"I see {number} and 0. So the sum is {number}." for number in range(4)]
    table = Spans.table(
        [
            said("cards/train/0#response", "another text", (0, 3)),
            said("cards/train/1#response", texts[1], (0, 9), (5, 12)),
            said("cards/train/2#response", texts[2], (0, 99)),
            said("cards/train/3#response", texts[3], (0, 14)),
            said("cards/train/99#response", "gone", (0, 4)),
        ]
    )
    with ShardWriter(ws.path, "foreign", "00000000", "all") as writer:
        writer.write("layers/spans", table)
    with ws.lock("test"):
        begun = ws.begin("foreign", "00000000", "tag", {}, 1)
        begun.shards["all"] = writer.entry(file.sha256, about=f"{step}/{shard}")
        ws.finish(begun)
    outcome = run(ws, "consensus", "consensus", **{"from": ["one", "two", "foreign"]})
    assert outcome.rejected == {"text.changed": 1, "spans.range": 2, "text.missing": 1}
    assert outcome.made["layers/spans"] == 15
    rejects = ws.rejects("consensus").to_table().to_pylist()
    assert {reject["key"] for reject in rejects if reject["code"] == "text.missing"} == {"cards/train/99#response"}


def test_annotators_of_different_texts_have_nothing_to_agree_on(ws: Workspace) -> None:
    for name, words in USES.items():
        run(ws, name, "tag", use={"toy_words": {"see": words}}, **{"from": [TEXTS[name]]})
    with pytest.raises(UsageError, match="no clause is labelled by two of one, two, three: there is nothing to agree"):
        run(ws, "consensus", "consensus", **{"from": list(USES)})


def test_a_surer_vote_counts_more(ws: Workspace) -> None:
    """Two that are hardly sure give in to a third that is; two that are sure do not."""

    def layer(name: str, labels: tuple[str, str], score: float) -> None:
        for number, (step, shard, _, file) in enumerate(ws.shards(EXAMPLES)):
            texts = {at: f"I see {at} and 0. So the sum is {at}." for at in range(number * 4, number * 4 + 4)}
            table = Spans.table([said(at, text, labels, score) for at, text in texts.items()])
            with ShardWriter(ws.path, name, "00000000", f"all-{number}") as writer:
                writer.write("layers/spans", table)
            made[name].shards[f"all-{number}"] = writer.entry(file.sha256, about=f"{step}/{shard}")

    def said(at: int, text: str, labels: tuple[str, str], score: float) -> Spans:
        cut = text.index(". ") + 1
        borders = ((0, cut), (cut + 1, len(text)))
        marked = tuple(
            SpanRecord(start=a, end=b, label=label, score=score, tagger="x")
            for (a, b), label in zip(borders, labels, strict=True)
        )
        address, by = f"cards/train/{at}#response", Producer(name="x", version="1", config="00000000")
        return Spans(text_id=address, text_sha256=text_sha256(text), scheme="pro@1", spans=marked, producer=by)

    decided = {}
    for unsure in (0.1, 1.0):
        made: dict[str, Any] = {}
        with ws.lock("test"):
            for name, labels, score in (
                ("left", ("perception", "other"), unsure),
                ("right", ("perception", "other"), unsure),
                ("third", ("perception", "reasoning"), 1.0),
            ):
                made[name] = ws.begin(name, f"0000000{int(unsure)}", "tag", {}, 3)
                layer(name, labels, score)
                ws.finish(made[name])
        run(ws, "consensus", "consensus", margin=0.0, **{"from": ["left", "right", "third"]})
        decided[unsure] = {row["spans"][1]["label"] for row in rows(ws)}
    assert decided == {0.1: {"reasoning"}, 1.0: {"other"}}


def test_a_layer_about_examples_that_are_gone_is_said(ws: Workspace) -> None:
    del ws.manifest.steps["cards"].current.shards["00001"]
    ws.save()
    with pytest.raises(UsageError, match=r"one/cards-00001-\w+ speaks of cards/00001, which is not there"):
        run(ws, "consensus", "consensus", **{"from": list(USES)})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"from": []}, "'from': Tuple should have at least 1 item"),
        ({"from": ["one", "two"], "margin": 2}, "'margin': Input should be less than or equal to 1"),
        ({"from": ["one", "cards"]}, "step 'cards' has no spans or reviews"),
        ({"from": ["one", "two"]}, "which of 2 annotators errs cannot be told without a third"),
    ],
)
def test_what_is_asked_wrongly_is_said(ws: Workspace, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        run(ws, "consensus", "consensus", **options)
    assert said in str(caught.value)


def test_no_shard_is_made_without_the_model(ws: Workspace) -> None:
    step = make_step("consensus", {"from": list(USES)})
    assert isinstance(step, Consensus)
    assert step.needs() == tuple(USES)
    work = step.plan(ws, "consensus")[0].work
    with (
        pytest.raises(UsageError, match="the step first fits a model over all"),
        ShardWriter(ws.path, "consensus", step.fingerprint, "x") as writer,
    ):
        work.run(writer)
