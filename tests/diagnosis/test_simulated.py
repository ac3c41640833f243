"""A model whose true a_p and a_r are known, asked over a real server: the numbers found hold the true ones."""

from collections.abc import Callable

import pytest

from perceptdata.diagnosis.diagnosis import load, save
from perceptdata.diagnosis.rates import condition
from perceptdata.errors import UsageError
from perceptdata.steps.declared import make_step
from perceptdata.steps.diagnose import diagnose, foresee
from perceptdata.steps.run import run_step
from perceptdata.workspace import Workspace

from diagnosis.conftest import FORMAT, Found  # isort: skip
from diagnosis.simulated import Simulated  # isort: skip
from llm.server import Server  # isort: skip

Run = Callable[..., Found]


@pytest.fixture(scope="module")
def poor_eyes(diagnosed_as: Run) -> Found:
    """It sees 55 % of the grids, and solves 90 %."""
    return diagnosed_as(a_p=0.55, a_r=0.9, n=2, temperature=0.7, items=64)


def test_the_true_rates_lie_in_the_intervals(poor_eyes: Found) -> None:
    found = poor_eyes.diagnosis.overall
    assert found.items == 64
    for measured, true in ((found.a, 0.55 * 0.9), (found.a_p, 0.55), (found.a_r, 0.9), (found.a_r_text, 0.9)):
        assert measured.low <= true <= measured.high
        assert measured.answers == 128
    assert found.perceived == "exact"
    assert found.bottleneck.verdict == "perception"
    assert "Perception is the bottleneck" in poor_eyes.diagnosis.sentence
    low, high = found.bottleneck.dependence_low, found.bottleneck.dependence_high
    assert low is not None
    assert high is not None
    assert low <= 1 <= high  # its errors are independent


def test_errors_are_attributed_exactly(poor_eyes: Found) -> None:
    # of the wrong answers .45 / (1 - .495) are misread, the rest misreasoned
    perception, reasoning, extraction = poor_eyes.diagnosis.errors.shares
    assert perception.low is not None
    assert perception.high is not None
    assert perception.low <= 0.45 / 0.505 <= perception.high
    assert reasoning.corrected == pytest.approx(1 - (perception.corrected or 0) - (extraction.corrected or 0))
    assert extraction.corrected == 0


def test_the_picture_is_what_it_answers_from(poor_eyes: Found) -> None:
    found = poor_eyes.diagnosis.shortcuts
    assert [each.condition for each in found.losses] == ["blank", "shuffled", "removed"]
    assert all(each.accuracy.value is not None and each.accuracy.value < 0.05 for each in found.losses)
    assert found.reads == "reads the description"


def test_coupling_and_the_surrogate_that_would_help(poor_eyes: Found) -> None:
    found = poor_eyes.diagnosis
    # phi of a and a_p, a = a_p · r: sqrt(.9 · .45 / (1 - .495)) = .896
    assert found.coupling.perception.low is not None
    assert found.coupling.perception.high is not None
    assert found.coupling.perception.low <= 0.896 <= found.coupling.perception.high
    assert found.coupling.mixed is not None
    assert 0.2 < found.coupling.mixed < 0.8
    solver = next(each for each in found.surrogates if each.name == "solver")
    assert solver.passes  # a misread grid does not lead to the known answer


def test_the_shuffled_picture_is_of_another_item(poor_eyes: Found) -> None:
    (shown,) = (run for run in poor_eyes.asked.outcomes if run.step == "diag_shuffled")
    assert shown.made == {"layers/responses": 128}
    rows = condition(poor_eyes.table, "shuffled")
    assert sum(rows.column("seen").to_pylist()) < 10  # it describes what it is shown


def test_poor_reasoning_is_told_as_such(diagnosed_as: Run) -> None:
    found = diagnosed_as(("image", "oracle"), a_p=0.95, a_r=0.4).diagnosis
    assert found.overall.bottleneck.verdict == "reasoning"
    assert found.overall.a_r.low <= 0.4 <= found.overall.a_r.high
    assert found.coupling.lopsided


def test_a_trace_that_peeks_is_caught(diagnosed_as: Run) -> None:
    found = diagnosed_as(("image", "oracle", "oracle_blank"), a_p=0.9, a_r=0.9, peeks=True).diagnosis
    assert found.shortcuts.reads == "peeks at the picture"


def test_answers_that_cannot_be_read_stand_apart(diagnosed_as: Run) -> None:
    found = diagnosed_as(("image", "facts"), a_p=0.9, a_r=0.95, unparsed=0.3).diagnosis
    states = found.overall.answers[0].states
    assert 5 < states["unparsed"] < 60
    readable = found.overall.answers[0].readable
    assert readable.low <= 0.9 * 0.95 <= readable.high
    assert any("could not be read" in note for note in found.notes)
    extraction = found.errors.shares[2]
    assert extraction.corrected is not None
    assert extraction.corrected > 0.3


def test_an_endpoint_that_ignores_the_prefill_is_found_out(diagnosed_as: Run) -> None:
    found = diagnosed_as(("image", "oracle", "facts", "oracle_blank"), prefill="ignored")
    assert found.asked.continuation.honoured is False
    assert set(found.asked.left_out) == {"oracle", "oracle_blank"}
    overall = found.diagnosis.overall
    assert overall.a_r.value is None
    assert overall.a_r_text.low <= 0.9 <= overall.a_r_text.high
    assert overall.bottleneck.verdict == "perception"
    assert any("ignores what an answer is opened with" in note for note in found.diagnosis.notes)
    # nine canaries; after that nothing is opened for it
    assert sum(asked["messages"][-1]["role"] == "assistant" for asked in found.model.calls) == 9


def test_an_endpoint_that_sends_the_prefill_back(diagnosed_as: Run) -> None:
    found = diagnosed_as(("image", "oracle"), prefill="echoed").diagnosis
    assert found.continuation.words == ("echoed",) * 3
    assert found.overall.a_r.low <= 0.9 <= found.overall.a_r.high
    assert found.overall.answers[1].restarted == 0


def test_answers_that_begin_anew_are_not_counted(diagnosed_as: Run) -> None:
    found = diagnosed_as(("image", "oracle", "facts"), prefill="deaf", a_p=0.5).diagnosis
    assert found.continuation.honoured is None
    assert found.overall.a_r.value is None
    assert "begin anew" in found.left_out["oracle"]


def test_few_items_conclude_nothing(diagnosed_as: Run) -> None:
    found = diagnosed_as(("image", "oracle"), items=20).diagnosis
    assert found.overall.bottleneck.verdict == "too few"
    assert found.overall.a.low < (found.overall.a.value or 0) < found.overall.a.high
    assert "Fewer than 30 items" in found.sentence
    assert not found.errors.enough


def test_it_goes_on_where_it_stopped_and_pays_nothing_twice(poor_eyes: Found, grids: object) -> None:
    ws, model = poor_eyes.ws, Simulated.of(poor_eyes.ws, a_p=0.55, a_r=0.9)
    with Server(model) as server, ws.lock("test"):
        endpoint = {"urls": [server.url], "model": "m", "retries": 0}
        options = {"endpoint": endpoint, "format": FORMAT, "n": 2, "temperature": 0.7, "items": 64}
        assert foresee(ws, "diag", options, ("image", "oracle"))["total"]["calls"] == 0
        again = diagnose(ws, "diag", options, ("image", "oracle"))
        assert model.calls == []
        assert again.stopped is None
        options["temperature"] = 0.8
        cut = diagnose(ws, "other", {**options, "items": 20, "budget": {"max_calls": 10}}, ("image",))
        assert cut.stopped is not None
        asked = len(model.calls)
        whole = diagnose(ws, "other", {**options, "items": 20}, ("image",))
    assert whole.stopped is None
    assert asked <= 10
    assert len(model.calls) == 40


def test_what_is_saved_is_what_is_loaded(poor_eyes: Found, tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path)) / "diag"
    save(poor_eyes.diagnosis, poor_eyes.table, folder)
    found, table = load(folder)
    assert found == poor_eyes.diagnosis
    assert table.equals(poor_eyes.table)
    (folder / "diagnosis.json").write_text('{"version": 99}')
    with pytest.raises(UsageError, match="is of version 99"):
        load(folder)
    (folder / "diagnosis.json").write_text("{")
    with pytest.raises(UsageError, match="cannot be read"):
        load(folder)
    with pytest.raises(UsageError, match="holds no diagnosis"):
        load(folder / "nowhere")


def test_wrong_use(grids: object, tmp_path: object) -> None:
    from pathlib import Path

    ws = Workspace(str(grids))
    options = {"endpoint": {"urls": ["http://127.0.0.1:9/v1"], "model": "m"}}
    nobody = make_step("diagnose", {**options, "where": "stage = 'perception'"})
    with pytest.raises(UsageError, match="there is nothing to diagnose"):
        nobody.plan(ws, "diag_image")
    plain = make_step("diagnose", {**options, "condition": "oracle", "format": {"use": "think_boxed"}})
    with pytest.raises(UsageError, match="no place for facts before the reasoning"):
        plain.plan(ws, "diag_oracle")
    empty = Workspace.create(Path(str(tmp_path)) / "empty")
    with empty.lock("test"):
        run_step(empty, "maths", make_step("build", {"use": "sudoku", "size": 4, "rows": {"test": 1}}))
    assert len(make_step("diagnose", options).plan(empty, "diag_image")) == 1
