"""The page of a diagnosis: what it says first, that it asks for nothing, and that no name can add markup."""

from typing import Any

import pyarrow as pa

from perceptdata.diagnosis.attribution import Attribution, KindShare
from perceptdata.diagnosis.continuation import Continuation
from perceptdata.diagnosis.diagnosis import Diagnosis, conclude
from perceptdata.diagnosis.gains import sweep
from perceptdata.diagnosis.shares import Course, Role, Training
from perceptdata.report.diagnosis import frontier, render, render_sweep

from diagnosis.answering import answers, diagnosed, ones  # isort: skip

TOLD = Continuation(dialect="prefix", honoured=True)


def whole(**more: Any) -> Diagnosis:
    families = ["grid"] * 40 + ["<b>graph"] * 40
    table = pa.concat_tables(
        [
            answers("image", ones(30, 80), seen=ones(35, 80), reasoned=ones(60, 80), family=families),
            answers("oracle", ones(70, 80), family=families),
            answers("oracle_blank", ones(66, 80), family=families),
            answers("blank", ones(4, 80), family=families),
        ]
    )
    return conclude("run <1>", table, model="m", format={"use": "facts_trace"}, continuation=TOLD, **more)


def test_the_conclusion_comes_first() -> None:
    html = render(whole())
    assert html.index("Perception is the bottleneck") < html.index("Where it is lost")
    assert "run &lt;1&gt;" in html
    assert "<b>graph" not in html
    assert "&lt;b&gt;graph" in html
    assert "default-src &#39;none&#39;" in html or "default-src 'none'" in html
    assert "http" not in html.replace("http-equiv", "")
    assert "<script" not in html
    assert html == render(whole())


def test_items_of_training_splits_are_told() -> None:
    table = answers(
        "image", ones(30, 80), seen=ones(35, 80), id=[f"own/{'train' if at < 9 else 'test'}/{at}" for at in range(80)]
    )
    (note,) = conclude("d", table, model="m", format={"use": "facts_trace"}, continuation=TOLD).notes
    assert note.startswith("9 of 80 items are of a split for training")


def test_every_part_is_shown_where_it_is_there() -> None:
    training = Training(
        run="sft",
        courses=(Course(name="token_share", mean=0.05, first=0.05, last=0.05, steps=2),),
        curves={"token_share": ((1, 0.05), (2, 0.05)), "loss_share": ((2, 0.01),), "palr/all": ((1, 0.1), (4, 0.2))},
    )
    judged = Attribution(
        basis="corrected by exact labels",
        wrong=50,
        unjudged=2,
        shares=(KindShare(kind="knowledge", said=1.0, corrected=1.0, low=0.9, high=1.0),),
        confusion={},
        accuracy=None,
        guessed=(),
        enough=False,
    )
    roles = (Role(role="description", tokens=100, mean=4.2, part=0.9),)
    left = {"facts": "no row has facts"}
    html = render(whole(training=training, judged=judged, roles=roles, left_out=left, spent={"calls": 7, "cost": 0.5}))
    for words in (
        "In training: sft",
        "Leakage of the answer (PALR)",
        "Told by judges",
        "Too few to conclude",
        "description",
        "no row has facts",
    ):
        assert words in html
    assert "It took 7 calls, cost 0.5000" in html


def test_little_is_known() -> None:
    table = answers("image", [1.0, 0.0])
    html = render(conclude("x", table, model="m", format={"use": "think_boxed"}, continuation=TOLD))
    assert "The bottleneck cannot be told" in html
    assert "too few to conclude from" in html
    assert "It was not asked" in html


def test_a_frontier() -> None:
    runs = {"standard": diagnosed(ones(20, 40), ones(20, 40), ones(30, 40)), "0.3": diagnosed(*[ones(25, 40)] * 3)}
    html = render_sweep(sweep(runs))
    assert "standard · a 50" in html
    assert html.count("<circle") == 3  # two on the frontier, one that gained over the first
    assert "What each run gained over the first" in html
    assert frontier(sweep({"a": answers("image", [1.0]), "b": answers("image", [1.0])})) is None
    assert "was not measured" in render_sweep(sweep({"a": answers("image", [1.0]), "b": answers("image", [1.0])}))
