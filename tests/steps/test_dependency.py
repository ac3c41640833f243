"""`dependency` in a workspace: rows, rejects, resuming, and the tagger over them. A real model, a tiny one."""

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from perceptdata.errors import UsageError
from perceptdata.execution.local import Local
from perceptdata.layers import text_sha256
from perceptdata.steps import local_scores
from perceptdata.steps.declared import make_step
from perceptdata.steps.dependency import DependencyWork
from perceptdata.steps.run import Outcome, plan_step, run_step
from perceptdata.vlm.loading import LocalModel
from perceptdata.workspace import Workspace

from toys import picture  # isort: skip

SAID = "<think>The picture shows a red square. So 1 + 2 = 3.</think> \\boxed{3}"
CARDS = [
    {"key": "a", "images": ["one.png"], "question": "<image>How many?", "response": SAID},
    {"key": "b", "images": ["two.png"], "question": "<image>Which?", "response": "Red. Then blue."},
    {"key": "c", "question": "What is 1 + 2?", "response": SAID},
    {"key": "d", "images": ["one.png"], "question": "<image>Unanswered?"},
    {"key": "e", "images": ["two.png"], "question": "<image>Long?", "response": "word " * 3000},
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, toy_site: Path) -> Path:
    folder = tmp_path_factory.mktemp("dependency")
    (folder / "cards").mkdir()
    for number, name in enumerate(("one.png", "two.png")):
        (folder / "cards" / name).write_bytes(picture(number, (64, 64)))
    for part, cards in (("first", CARDS[:3]), ("last", CARDS[3:])):
        lines = "\n".join(
            json.dumps({"stage": "visual_reasoning", **card} if "images" in card else card) for card in cards
        )
        (folder / "cards" / f"{part}.jsonl").write_text(lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(toy_site)
        ws = Workspace.create(folder / "ws")
        with ws.lock("test"):
            done = run_step(ws, "cards", make_step("build", {"use": "toy_cards", "path": str(folder / "cards")}))
    assert done.made["examples"] == 5
    return folder / "ws"


@pytest.fixture
def ws(built: Path, tmp_path: Path) -> Workspace:
    """Two shards: two responses to images and one to words alone; one overlong, and an example without any."""
    shutil.copytree(built, tmp_path / "ws")
    return Workspace(tmp_path / "ws")


@pytest.fixture(scope="module")
def model(tiny: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is surer of itself than random weights are."""
    folder = tmp_path_factory.mktemp("sure") / "llava"
    shutil.copytree(tiny("llava"), folder)
    network = LocalModel.load(folder).network
    network.lm_head.weight *= 20
    network.save_pretrained(folder)
    return folder


def depend(ws: Workspace, model: Path, name: str = "dep", **options: Any) -> Outcome:
    with ws.lock("test"):
        return run_step(ws, name, make_step("dependency", {"model": model, **options}))


def rows(ws: Workspace, name: str = "dep") -> dict[str, dict[str, Any]]:
    return {row["text_id"]: row for row in ws.layer(name, "token_scores").to_table().to_pylist()}


def test_a_row_for_each_response_to_an_image(ws: Workspace, model: Path) -> None:
    done = depend(ws, model)
    assert (done.made, done.stopped) == ({"layers/token_scores": 2}, None)
    assert done.rejected == {"response.too_long": 1}
    texts = {f"{row['id']}#response": row["response"] for row in ws.examples().to_table().to_pylist()}
    for address, row in rows(ws).items():
        assert row["text_sha256"] == text_sha256(texts[address])
        assert row["name"] == "visual_dependency/k3"
        assert row["tokenizer"].startswith("local:")
        assert len(row["values"]) == len(row["start"]) == len(row["end"])
        words = [texts[address][a:b] for a, b in zip(row["start"], row["end"], strict=True)]
        assert "".join(words) == texts[address]
        assert min(row["values"]) >= 0
        assert max(row["values"]) > 0
    (reject,) = ws.rejects("dep").to_table().to_pylist()
    assert reject["key"].endswith("e#response")
    assert "does not fit" in reject["message"]
    assert not (ws.path / "cache" / "dependency" / "dep" / done.version).exists()


def test_options_decide_the_identity_and_the_place_of_the_model_does_not(
    ws: Workspace, model: Path, tmp_path: Path
) -> None:
    def made(**options: Any) -> str:
        return make_step("dependency", {"model": model, **options}).fingerprint

    shutil.copytree(model, tmp_path / "moved")
    assert made() == made(model=tmp_path / "moved", batch_size=3) == made(seed=1)
    assert len({made(), made(blind="drop"), made(estimator="full_kl"), made(format={"use": "answer_only"})}) == 4
    assert made(blind="noise") != made(blind="noise", seed=1)
    (tmp_path / "moved" / "config.json").write_text("{}")
    assert made() != made(model=tmp_path / "moved")
    with pytest.raises(UsageError, match="blind"):
        made(blind="gauze")


def test_nothing_is_scored_twice(ws: Workspace, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = depend(ws, model, "whole", batch_size=1)
    read: list[str] = []
    inner = local_scores.Scorer.rows

    def noted(self: local_scores.Scorer, work: DependencyWork, texts: Any) -> Any:
        if len(read) == 1:
            raise KeyboardInterrupt
        read.extend(address for address, _, _ in texts)
        return inner(self, work, texts)

    monkeypatch.setattr(local_scores.Scorer, "rows", noted)
    monkeypatch.setattr(local_scores, "WINDOW", 1)
    with pytest.raises(KeyboardInterrupt):
        depend(ws, model, batch_size=1)
    step = make_step("dependency", {"model": model})
    plan = plan_step(ws, "dep", step)
    assert step.estimate(ws, "dep", plan.todo) == {"texts": 3, "to_score": 2, "characters": 15 + 15000}
    first = read.pop()
    monkeypatch.setattr(
        local_scores.Scorer, "rows", lambda *given: read.extend(a for a, *_ in given[2]) or inner(*given)
    )
    done = depend(ws, model, batch_size=1)
    assert first not in read
    assert len(read) == 2
    assert (done.made, done.rejected) == (whole.made, whole.rejected)
    assert [row | {"producer": None} for row in rows(ws).values()] == [
        row | {"producer": None} for row in rows(ws, "whole").values()
    ]
    read.clear()
    assert depend(ws, model).skipped == 2
    assert read == []


def test_shards_are_made_from_their_journals_alone(ws: Workspace, model: Path) -> None:
    step = make_step("dependency", {"model": model})
    plan = plan_step(ws, "dep", step)
    seen: list[tuple[int, int]] = []
    ready, stopped = step.prepare(ws, "dep", plan.todo, lambda done, total, made: seen.append((done, total)))
    assert (len(ready), stopped) == (2, None)
    assert seen[-1] == (3, 3)
    shutil.rmtree(ws.path / "images")
    with ws.lock("test"):
        done = run_step(ws, "dep", step, Local(workers=2))
    assert done.made == {"layers/token_scores": 2}


def test_a_workspace_without_images_has_an_empty_layer(ws: Workspace, model: Path) -> None:
    for path in ws.path.glob("examples/*/*/*.parquet"):
        table = pq.read_table(path)
        pq.write_table(table.filter(np.array([not images for images in table.column("images").to_pylist()])), path)
    done = depend(ws, model)
    assert done.made == {}
    assert rows(ws) == {}


def test_responses_of_a_step_are_read_in_the_question_of_their_format(ws: Workspace, model: Path) -> None:
    asked = {"model": model, "max_tokens": 6, "format": {"use": "answer_only"}}
    with ws.lock("test"):
        run_step(ws, "cot", make_step("generate", {**asked, "where": "len(images) > 0"}))
    done = depend(ws, model, **{"from": "cot", "format": {"use": "answer_only"}, "estimator": "full_kl"})
    answers = ws.layer("cot", "responses").to_table().to_pylist()
    assert answers
    assert done.made == {"layers/token_scores": len(answers)}
    assert set(rows(ws)) == {row["text_id"] for row in answers}
    assert {row["name"] for row in rows(ws).values()} == {"visual_dependency/full_kl"}
    with pytest.raises(UsageError, match="'none' has no responses"):
        depend(ws, model, "other", **{"from": "none"})


def test_the_tagger_reads_the_layer(ws: Workspace, model: Path) -> None:
    depend(ws, model, estimator="full_kl")
    chain = ["structure", {"visual-dependency": {"scores": "dep"}}]
    with ws.lock("test"):
        done = run_step(ws, "tags", make_step("tag", {"use": chain}))
    assert done.made == {"layers/spans": 4}
    found = {row["text_id"]: row["spans"] for row in ws.layer("tags", "spans").to_table().to_pylist()}
    (address,) = [address for address in rows(ws) if address.endswith("b#response")]
    scores = np.log1p(rows(ws)[address]["values"])
    second = np.array(rows(ws)[address]["end"]) > len("Red.")
    most = (5, 15) if scores[second].mean() > scores[~second].mean() else (0, 4)  # "Then blue." or "Red."
    (span,) = found[address]
    assert (span["start"], span["end"], span["label"]) == (*most, "perception")
    assert (span["score"], span["tagger"]) == (1.0, "visual-dependency")
    unscored = [span for other in found.keys() - rows(ws).keys() for span in found[other]]
    assert {span["tagger"] for span in unscored} == {"structure"}


def test_a_model_that_cannot_be_used_is_one_sentence(ws: Workspace, tiny: Callable[[str], Path]) -> None:
    with pytest.raises(UsageError, match="is a text model"):
        depend(ws, tiny("qwen3"))
    with pytest.raises(UsageError, match="there is no folder"):
        depend(ws, Path("/nowhere/model"))


def test_a_number_that_is_none_is_a_reject(ws: Workspace, model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "ill")
    loaded = LocalModel.load(model)
    (equals,) = loaded.tokenizer.encode("=", add_special_tokens=False)
    loaded.network.get_input_embeddings().weight[loaded.tokenizer.encode(" =")] = float("nan")
    loaded.network.get_input_embeddings().weight[equals] = float("nan")
    loaded.network.save_pretrained(tmp_path / "ill")
    done = depend(ws, tmp_path / "ill")
    assert done.rejected == {"response.too_long": 1, "scores.not_finite": 1}
    assert [address[-10:] for address in rows(ws)] == ["b#response"]


def test_a_hybrid_model_is_warned_of(ws: Workspace, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from models import kin

    monkeypatch.setattr(local_scores.LocalModel, "load", lambda path: kin.model("hybrid"))
    with pytest.warns(UserWarning, match="linear_attention"):
        depend(ws, model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        depend(ws, model, "dropped", blind="drop")
