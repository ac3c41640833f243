"""What a name means: diagnoses, layers and views of workspaces, training runs, folders; and a refusal for the rest."""

import json
from pathlib import Path
from typing import Any

import pytest
from toys import card, picture, write_lines

from perceptdata.comparison.findings import Findings
from perceptdata.comparison.runs import RunFindings
from perceptdata.comparison.scored import Scored
from perceptdata.comparison.sides import Choices, compared, resolve
from perceptdata.comparison.texts import LayerFindings
from perceptdata.errors import UsageError
from perceptdata.report.comparison import render
from perceptdata.steps.declared import make_step
from perceptdata.steps.run import Outcome, run_step
from perceptdata.view import ViewSpec, define_view
from perceptdata.workspace import Workspace

pytestmark = pytest.mark.usefixtures("with_toys")


def run(ws: Workspace, name: str, do: str, **options: Any) -> Outcome:
    with ws.lock("test"):
        return run_step(ws, name, make_step(do, options))


def workspace(path: Path, wrong: int) -> Workspace:
    """Forty rows with a picture, each with two answers brought along; the first `wrong` rows answer wrongly."""
    (path / "cards").mkdir(parents=True)
    for at in range(12):
        (path / "cards" / f"{at}.png").write_bytes(picture(at))
    rows = [
        card(
            at,
            question=f"<image> What is {at} + 0?",
            images=[f"{at % 12}.png"],
            stage="visual_reasoning",
            responses=[
                {"text": f"<think>I see {at}.</think> \\boxed{{{at + (at < wrong)}}}"},
                {"text": "I cannot say."},
            ],
        )
        for at in range(40)
    ]
    write_lines(path / "cards" / "0.jsonl", rows)
    ws = Workspace.create(path / "ws")
    run(ws, "cards", "build", use="toy_cards", path=path / "cards")
    run(ws, "checked", "score", **{"from": "cards"}, format={"use": "think_boxed"})
    return ws


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, toy_site: Path) -> tuple[Workspace, Workspace]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(toy_site))
        root = tmp_path_factory.mktemp("two")
        return workspace(root / "a", 30), workspace(root / "b", 4)


def test_scored_steps_of_two_workspaces(two: tuple[Workspace, Workspace]) -> None:
    a, b = two
    found = compared(f"{a.path}:checked", f"{b.path}:checked", a.path)
    assert isinstance(found, Findings)
    row = found.rows[0]
    assert (row.items, row.wins, row.losses, row.verdict) == (40, 26, 0, "better")
    assert row.states_a["unparsed"] == 40  # the second answer of each
    moved = found.wins[0]
    assert moved.asked.images
    assert moved.asked.question.startswith("<image> What is")
    assert "boxed" in moved.said_b
    assert found.a != found.b
    html = render(found)
    assert "data:image/png;base64" in html or "data:image/jpeg;base64" in html
    assert "better" in html
    assert html == render(found)


def test_a_step_that_was_scored_and_one_of_other_items(two: tuple[Workspace, Workspace]) -> None:
    a, _ = two
    results = Scored.of(a, "checked")
    assert len(results.table) == 80
    assert results.states()["right"] == 10
    with pytest.raises(UsageError, match="step 'cards' has no scores"):
        Scored.of(a, "cards")


def test_layers_of_captions_responses_and_spans(two: tuple[Workspace, Workspace]) -> None:
    a, _ = two
    run(a, "caps", "caption", use="toy_sizes")
    run(a, "caps2", "caption", use={"toy_sizes": {"n": 2}})
    found = compared("caps", "caps2", a.path)
    assert isinstance(found, LayerFindings)
    assert found.counts == {"same": 12, "changed": 0, "only_a": 0, "only_b": 12}
    run(a, "see", "tag", use={"toy_words": {"see": ["see"]}}, **{"from": ["response"]})
    run(a, "total", "tag", use={"toy_words": {"see": ["see", "sum"]}}, **{"from": ["response"]})
    spans = compared("see", "total", a.path)
    assert isinstance(spans, LayerFindings)
    assert spans.moves == {"reasoning → perception": 40}
    assert spans.counts == {"same": 40, "changed": 40, "texts": 40}
    assert spans.changed[0].asked.images
    page = render(spans)
    assert "Labels that changed" in page
    with pytest.raises(UsageError, match="caps is of captions, see of spans"):
        compared("caps", "see", a.path)


def test_views(two: tuple[Workspace, Workspace]) -> None:
    a, _ = two
    with a.lock("test"):
        define_view(a, "few", ViewSpec(where="id < 'cards/train/2'"))
        define_view(a, "turned", ViewSpec(order="random", seed=3))
    found = compared("all", "few", a.path)
    assert isinstance(found, LayerFindings)
    rows = len(a.view("few"))
    assert found.counts == {"both": rows, "only_a": 40 - rows, "only_b": 0, "other_split": 0}
    assert "where: as by default in all, id < 'cards/train/2' in few" in found.notes
    assert len(found.changed) == 6
    assert found.changed[0].asked.images
    turned = compared("all", "turned", a.path)
    assert "the same rows stand in another order" in turned.notes
    same = compared("all", "all", a.path)
    assert any("same fingerprint" in note for note in same.notes)


def training(folder: Path, loss: float, steps: int, **options: Any) -> Path:
    folder.mkdir(parents=True)
    record = {"method": "sft", "source": "model", "view": "v", "options": {"lora": {"r": 8}, "seed": 0, **options}}
    (folder / "run.json").write_text(json.dumps(record))
    lines = [{"step": at, "seconds": at, "loss": loss + 1 / at, "odd": None} for at in range(1, steps + 1)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_training_runs(tmp_path: Path) -> None:
    one, other = training(tmp_path / "a", 0.5, 20), training(tmp_path / "b", 0.25, 30, seed=1, lora={"r": 16})
    found = compared(str(one), str(other), tmp_path)
    assert isinstance(found, RunFindings)
    assert found.told == {"lora.r": (8, 16), "seed": (0, 1)}
    tail = (1 / 18 + 1 / 19 + 1 / 20) / 3  # the last tenth of the twenty steps that both have
    assert found.measures == {"loss": (pytest.approx(0.5 + tail), pytest.approx(0.25 + tail))}
    assert "they have 20 and 30 steps; the last tenth is of the first 20" in found.notes
    page = render(found)
    assert "<svg" in page
    assert "lora.r" in page


def test_names_that_mean_nothing(two: tuple[Workspace, Workspace], tmp_path: Path) -> None:
    a, b = two
    with pytest.raises(UsageError, match="is a workspace; say what of it"):
        resolve(str(a.path), tmp_path)
    with pytest.raises(UsageError, match=r"no workspace with a layer of that name.*perceptdata eval import"):
        resolve("nothing", tmp_path)
    with pytest.raises(UsageError, match="has no diagnosis, layer or view 'nothing'"):
        resolve(f"{a.path}:nothing", tmp_path)
    for ws in (a, b):
        run(ws, "caps", "caption", use="toy_sizes")
    with pytest.raises(UsageError, match="layers of two workspaces"):
        compared(f"{a.path}:caps", f"{b.path}:caps", tmp_path)
    with pytest.raises(UsageError, match="has no score 'nothing'"):
        compared(f"{a.path}:checked", f"{b.path}:checked", tmp_path, Choices(score="nothing"))
