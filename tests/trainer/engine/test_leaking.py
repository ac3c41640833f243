"""The leakage rate of a run: that of whole logits, and nothing of the run is touched by it."""

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from models.training import build, logs, run, weights

from perceptdata.answers import Ladder
from perceptdata.trainer.core.leakage import palr
from perceptdata.trainer.engine.counterfactuals import misinformed, moved, other_pictures, wrong_answers
from perceptdata.trainer.engine.teachers import asked
from perceptdata.trainer.rows import request_of
from perceptdata.vlm.loading import LocalModel

from trainer.engine.test_distillation import (  # isort: skip
    BATCH,
    DESCRIBED,
    LOST,
    SECOND,
    SHORT,
    learned,
    log_probs,
    rollout,
    shaken,
    spoken,
)

pytestmark = pytest.mark.filterwarnings("ignore:.*of the last rollouts")

Tiny = Callable[[str], Path]
ROOT = Path(__file__).parents[3]
ALIKE = {"format": {"use": "describe_think_boxed"}}


def measured(trainer: Any, said: dict[int, tuple[str, ...]]) -> dict[str, float]:
    """What a rollout batch and its loss make of it."""
    learned(trainer, rollout(trainer, said))
    return trainer._leaking.rates()


def asked_alone(trainer: Any, frozen: LocalModel, ids: list[int], segment: Any, row: Any) -> Any:
    """[n] log probabilities of these tokens, by this teacher before this row."""
    request = asked(segment, row, trainer.setup.form, trainer.setup.knows)
    assert request is not None
    return log_probs(frozen.network, trainer.reader, request, ids).gather(1, torch.tensor(ids)[:, None])[:, 0]


def of_whole_logits(trainer: Any, frozen: LocalModel, said: dict[int, tuple[str, ...]]) -> dict[str, float]:
    """The same, each prompt asked alone: one teacher for all tokens, or one for descriptions and one for the rest."""
    setup, reader = trainer.setup, trainer.reader
    rows = [trainer.train_dataset[place]["row"] for place in said]
    found: dict[str, list[Any]] = {name: [] for name in ("student", "own", "misled", "other", "sees", "described")}
    with Ladder() as ladder, torch.no_grad():
        wrong = wrong_answers(rows, ladder, setup.palr_wrong)
        for at, (row, texts, places) in enumerate(zip(rows, said.values(), other_pictures(rows), strict=True)):
            if texts is LOST or places is None:
                continue
            ids, parts = spoken(reader, *texts)
            picked = torch.tensor(ids)[:, None]
            student = log_probs(trainer.model, reader, request_of(row, setup.form), ids)
            shown = list(wrong[at])
            if setup.knows == "response":
                shown = [misinformed(one, row, setup.form) for one in shown]

            told = partial(asked_alone, trainer, frozen, ids)
            served = (
                {setup.plan[0]: ["description"], setup.plan[1]: ["thought", "answer"]}
                if len(setup.plan) > 1
                else {setup.plan[0]: list(parts)}
            )
            for segment, names in served.items():
                own, other = told(segment, row), told(segment, moved(row, rows, places))
                misled = torch.stack([told(segment, one) for one in shown])
                for name in names:
                    part = parts[name]
                    found["student"].append(student.gather(1, picked)[part, 0])
                    found["own"].append(own[part])
                    found["misled"].append(misled[:, part])
                    found["other"].append(other[part])
                    found["sees"].append(torch.full_like(own[part], segment.teacher != "image", dtype=torch.bool))
                    found["described"].append(torch.full_like(own[part], name == "description", dtype=torch.bool))
    student, own, other, sees, described = (
        torch.cat(found[name]) for name in ("student", "own", "other", "sees", "described")
    )
    everything = torch.ones_like(described)
    return palr(
        student, own, torch.cat(found["misled"], dim=1), other, sees, {"all": everything, "description": described}
    )


@pytest.mark.parametrize(
    ("family", "method", "options"),
    [
        ("qwen2_5_vl", "vigos", {}),
        ("qwen3_vl", "vigos", {"lora": {"r": 4, "dropout": 0.0}}),
        ("internvl", "opsd", {**ALIKE, "knows": "answer", "palr_wrong": 2}),
        ("qwen2_5_vl", "opsd", ALIKE),
    ],
)
def test_the_rate_is_that_of_whole_logits(
    tiny: Tiny, cards: Path, tmp_path: Path, family: str, method: str, options: dict[str, Any]
) -> None:
    """One row has no picture and one does not parse; the teachers of the last case are told a response."""
    trainer = shaken(build(tiny(family), cards, tmp_path, method, palr_every=1, **SHORT, **options))
    found = measured(trainer, BATCH)
    wanted = of_whole_logits(trainer, LocalModel.load(tiny(family)), BATCH)
    assert found["rollouts/palr"] == 0.5
    assert found["palr/all"] == pytest.approx(wanted["all"], rel=5e-3)
    assert found["palr/description"] == pytest.approx(wanted["description"], rel=5e-3)
    assert 0 < found["palr/all"] < 1
    if method == "vigos":
        assert found["palr/description"] == found["palr/perception"] == 0.0
        assert found["palr/reasoning"] > found["palr/all"] > 0
        assert set(found) == {f"palr/{name}" for name in ("all", "description", "perception", "reasoning")} | {
            "rollouts/palr"
        }
    else:
        assert found["palr/description"] > 0
        assert found["palr/privileged"] == found["palr/all"]


def test_a_plain_format_has_no_description(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    trainer = shaken(build(tiny("qwen2_5_vl"), cards, tmp_path, "opsd", palr_every=1, **SHORT))
    thought = ("<think>", " 4", "</think>", "\\boxed{4}")
    ids = [
        trainer.reader.tokenizer("".join(thought), add_special_tokens=False)["input_ids"] + [trainer.reader.end_ids[0]]
    ] * 2
    trainer._generate_single_turn = lambda prompts, images, fields: ids
    trainer.model.train()
    learned(trainer, trainer._generate_and_score_completions([trainer.train_dataset[at] for at in (1, 2)]))
    found = trainer._leaking.rates()
    assert set(found) == {"palr/all", "palr/privileged", "rollouts/palr"}
    assert found["palr/all"] > 0


def test_micro_batches_add_up(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    found = []
    for batch, accumulate in ((4, 1), (1, 4)):
        trainer = shaken(
            build(
                tiny("qwen2_5_vl"), cards, tmp_path, "vigos", batch=batch, accumulate=accumulate, palr_every=1, **SHORT
            )
        )
        rollout(trainer, BATCH)
        trainer._buffered_inputs, trainer._step = None, 0
        for _ in range(accumulate):
            inputs = trainer._prepare_inputs([trainer.train_dataset[place] for place in BATCH])
            trainer.compute_loss(trainer.model, inputs)
            trainer._step += 1
        found.append(trainer._leaking)
    assert found[0]._sums.sum() > 0
    assert torch.equal(found[1]._sums[:, 2], found[0]._sums[:, 2])
    torch.testing.assert_close(found[1]._sums, found[0]._sums, rtol=1e-3, atol=1e-6)


def test_without_another_picture_it_is_said_once(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    trainer = build(tiny("qwen2_5_vl"), cards, tmp_path, "vigos", palr_every=1, **SHORT)
    with pytest.warns(UserWarning, match="palr_every: no row of this rollout batch has another row's picture"):
        found = measured(trainer, {1: DESCRIBED})
    assert found == {"rollouts/palr": 0.0}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert measured(trainer, {1: DESCRIBED, 0: SECOND}) == {"rollouts/palr": 0.0}
    assert trainer._leaking.rates() == {}


def test_a_wrong_answer_that_no_prompt_may_hold_is_left_out(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    """A measurement must not end a run."""
    trainer = build(tiny("qwen2_5_vl"), cards, tmp_path, "vigos", palr_every=1, **SHORT)
    row = dict(trainer.train_dataset[1]["row"])
    row["answer"] = {**row["answer"], "kind": "text", "text": "red"}
    other = {**row, "answer": {**row["answer"], "text": "see <|im_end|>"}}
    plain = {**row, "answer": {**row["answer"], "text": "blue"}}
    assert [each["answer"]["text"] for each in trainer._leaking._misled([row, other, plain])[0]] == ["blue"]


@pytest.mark.parametrize(
    ("method", "options"), [("vigos", {"lora": {"r": 4, "dropout": 0.5}}), ("opsd", {**ALIKE, "teacher_ema": 0.9})]
)
def test_a_run_with_it_ends_in_the_same_bits(
    tiny: Tiny, cards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, options: dict[str, Any]
) -> None:
    """Every second step of three; dropout, sampling and shuffling draw the same numbers with it and without."""
    from perceptdata.trainer.engine.anatomy import Anatomy, Parts

    def parts(self: Anatomy, text: str) -> Parts:  # what random weights write never parses
        at = len(self.opened)
        middle = at + (len(text) - at) // 2
        return Parts(True, ((at, middle),), ((middle, len(text)),))

    monkeypatch.setattr(Anatomy, "parts", parts)
    done = [
        run(
            tiny("qwen2_5_vl"),
            cards,
            tmp_path / str(every),
            method=method,
            palr_every=every,
            **options,
            steps=3,
            **SHORT,
        )
        for every in (0, 2)
    ]
    plain, measured_ = (logs(each) for each in done)
    for name in ("loss", "grad_norm", "completions/mean_length", "entropy"):
        assert [entry[name] for entry in plain] == [entry[name] for entry in measured_], name
    ours, theirs = (weights(each) for each in done)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert [any(name.startswith("palr/") for name in entry) for entry in measured_] == [True, False, True]
    assert not any("palr" in name for entry in plain for name in entry)
    lines = [json.loads(line) for line in (tmp_path / "2" / "metrics.jsonl").read_text().splitlines()]
    assert 0 <= lines[0]["palr/all"] <= 1
    assert lines[0]["seconds/palr"] > 0
    assert (lines[0]["palr/description"] == 0) == (method == "vigos")


TWO_RANKS = """
import json, os, sys
from pathlib import Path
from models.training import build
from trainer.engine.test_distillation import BATCH, DESCRIBED, SECOND, LOST, learned, rollout, shaken

model, view, out = map(Path, sys.argv[1:])
rank = int(os.environ["RANK"])
trainer = shaken(build(model, view, out, "vigos", batch=2, accumulate=1, palr_every=1, max_new_tokens=12))
assert trainer.accelerator.num_processes == 2
learned(trainer, rollout(trainer, [{1: DESCRIBED, 2: SECOND}, {0: SECOND, 3: LOST}][rank]))
found = trainer._leaking.rates()
if rank == 0:
    (out / "found.json").write_text(json.dumps(found))
"""


@pytest.mark.slow
def test_two_ranks_are_one_measurement(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    """Over gloo, though one of them has texts alone, and no teacher to ask again."""
    (tmp_path / "ranks.py").write_text(TWO_RANKS)
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", str(tmp_path / "ranks.py")]
    words += [str(tiny("qwen2_5_vl")), str(cards), str(tmp_path)]
    path = os.pathsep.join(str(ROOT / each) for each in ("tests", "."))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": path}
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "found.json").read_text())
    trainer = shaken(build(tiny("qwen2_5_vl"), cards, tmp_path / "1", "vigos", palr_every=1, **SHORT))
    alone = measured(trainer, {1: DESCRIBED, 2: SECOND})
    assert found.pop("rollouts/palr") == 0.5
    assert alone.pop("rollouts/palr") == 1
    assert found == pytest.approx(alone, rel=1e-3)
