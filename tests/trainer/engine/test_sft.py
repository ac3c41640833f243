"""The supervised engine: its loss is the objective of the paper, however the batch is cut, on every family."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest
import torch
from models import tiny as factory
from models.training import build, logs, run, weights
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import cross_entropy

from perceptdata.errors import UsageError
from perceptdata.trainer.core.balance import normalised_sum
from perceptdata.trainer.core.spans import OTHER, PERCEPTION, REASONING
from perceptdata.vlm.loading import LocalModel
from perceptdata.vlm.sight import looks_at_images

Tiny = Callable[[str], Path]
Batch = dict[str, Tensor]


def batches(trainer: Any, *cuts: list[int]) -> list[Batch]:
    return [trainer.data_collator([trainer.train_dataset[place] for place in cut]) for cut in cuts]


def window(trainer: Any, *cuts: list[int]) -> tuple[list[Batch], Tensor]:
    """Micro-batches of these rows, and their counts; λ is set."""
    made = batches(trainer, *cuts)
    return trainer.get_batch_samples(iter(made), len(made), trainer.args.device)


def learned(trainer: Any, *cuts: list[int]) -> tuple[float, dict[str, Tensor]]:
    """The loss and the gradients of a window."""
    made, counts = window(trainer, *cuts)
    trainer.model.zero_grad()
    loss = sum(trainer.compute_loss(trainer.model, batch, num_items_in_batch=counts) for batch in made)
    loss.backward()
    named = trainer.model.named_parameters()
    return loss.item(), {name: value.grad.clone() for name, value in named if value.grad is not None}


def naive(trainer: Any, *cuts: list[int]) -> tuple[Tensor, Tensor]:
    """Every completion token's nll from whole logits, and its role."""
    found, roles = [], []
    for batch in batches(trainer, *cuts):
        given = {name: value for name, value in batch.items() if name not in ("roles", "labels")}
        logits = trainer.model(**given).logits[:, :-1].double()
        role = batch["roles"][:, 1:]
        nll = cross_entropy(logits.transpose(1, 2), batch["input_ids"][:, 1:], reduction="none")
        found.append(nll[role > 0])
        roles.append(role[role > 0])
    return torch.cat(found), torch.cat(roles)


def gradients(trainer: Any, loss: Tensor) -> dict[str, Tensor]:
    trainer.model.zero_grad()
    loss.backward()
    named = trainer.model.named_parameters()
    return {name: value.grad.clone() for name, value in named if value.grad is not None}


def assert_same(ours: dict[str, Tensor], theirs: dict[str, Tensor], relative: float = 1e-4) -> None:
    """Equal, but for what rounding makes of gradients that are 0 in theory (a key's bias)."""
    assert ours.keys() == theirs.keys()
    least = 1e-2 * relative * max(float(value.abs().max()) for value in theirs.values())
    for name, value in theirs.items():
        torch.testing.assert_close(
            ours[name], value, rtol=relative, atol=least + relative * float(value.abs().max()), msg=name
        )


@pytest.mark.parametrize("family", factory.TRAINED)
def test_standard_is_the_mean_over_tokens(tiny: Tiny, cards: Path, tmp_path: Path, family: str) -> None:
    """Text-only rows, rows with one image and with two, side by side; micro-batches of unlike length."""
    trainer = build(tiny(family), cards, tmp_path)
    cuts = ([0, 1, 2], [3, 4, 5, 6, 10])
    loss, ours = learned(trainer, *cuts)
    nll, _ = naive(trainer, *cuts)
    assert loss == pytest.approx(float(nll.mean()), rel=1e-5)
    assert_same(ours, gradients(trainer, nll.mean()))


def test_lambda_at_the_token_share_is_standard(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    cuts = ([0, 1, 2], [3, 4])
    standard = build(tiny("qwen3_vl"), cards, tmp_path)
    loss, ours = learned(standard, *cuts)
    _, roles = naive(standard, *cuts)
    share = float((roles == PERCEPTION).double().mean())
    static = build(tiny("qwen3_vl"), cards, tmp_path, **{"lambda": share})
    again, theirs = learned(static, *cuts)
    assert again == pytest.approx(loss, rel=1e-6)
    assert_same(ours, theirs, relative=1e-6)


@pytest.mark.parametrize(
    ("options", "weights"),
    [
        ({"lambda": 0.3}, {PERCEPTION: 0.3, REASONING: 0.7, OTHER: 0.7}),
        ({"lambda": 0.3, "other": "ignore"}, {PERCEPTION: 0.3, REASONING: 0.7, OTHER: 0.0}),
        ({"perception_first": 5, "lambda": "ngdiff"}, {PERCEPTION: 1.0, REASONING: 0.0, OTHER: 0.0}),
    ],
)
def test_each_span_is_a_mean_of_its_own(
    tiny: Tiny, cards: Path, tmp_path: Path, options: dict[str, Any], weights: dict[int, float]
) -> None:
    trainer = build(tiny("llava"), cards, tmp_path, **options)
    cuts = ([1, 2, 4], [7])
    loss, ours = learned(trainer, *cuts)
    nll, roles = naive(trainer, *cuts)
    ignored = options.get("other") == "ignore"
    reasons = (roles == REASONING) if ignored else (roles != PERCEPTION)
    wanted = weights[PERCEPTION] * nll[roles == PERCEPTION].mean() + weights[REASONING] * nll[reasons].mean()
    assert loss == pytest.approx(float(wanted), rel=1e-5)
    assert_same(ours, gradients(trainer, wanted))


def test_constant_weights_and_dft(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    trainer = build(tiny("llava"), cards, tmp_path, weights={"perception": 3.0, "other": 0.0}, dft=True)
    loss, ours = learned(trainer, [1, 2, 4])
    nll, roles = naive(trainer, [1, 2, 4])
    table = torch.tensor([0.0, 3.0, 1.0, 0.0], dtype=torch.float64)[roles.long()]
    wanted = (table * nll * torch.exp(-nll).detach()).sum() / table.sum()
    assert loss == pytest.approx(float(wanted), rel=1e-5)
    assert_same(ours, gradients(trainer, wanted))


def spans_of(trainer: Any, *cuts: list[int]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """g_p and g_r from whole logits."""
    nll, roles = naive(trainer, *cuts)
    perception = gradients(trainer, nll[roles == PERCEPTION].mean())
    nll, roles = naive(trainer, *cuts)
    return perception, gradients(trainer, nll[roles != PERCEPTION].mean())


def length(grads: dict[str, Tensor], only: str = "") -> float:
    return float(torch.cat([value.flatten() for name, value in grads.items() if only in name]).double().norm())


@pytest.mark.parametrize(("of", "only"), [("all", ""), ("last_block", "language_model.layers.1.")])
def test_ngdiff_balances_the_gradients_of_the_window(
    tiny: Tiny, cards: Path, tmp_path: Path, of: str, only: str
) -> None:
    trainer = build(tiny("qwen2_5_vl"), cards, tmp_path, **{"lambda": "ngdiff", "ngdiff": {"of": of}})
    cuts = ([0, 1, 2], [3, 4])
    _, ours = learned(trainer, *cuts)
    perception, reasoning = spans_of(trainer, *cuts)
    seen, thought = length(perception, only), length(reasoning, only)
    state = trainer.state_of_balance
    assert (state.norm_perception, state.norm_reasoning) == pytest.approx((seen, thought), rel=1e-4)
    assert trainer.lam == pytest.approx(thought / (seen + thought), rel=1e-4)
    wanted = {name: trainer.lam * value + (1 - trainer.lam) * reasoning[name] for name, value in perception.items()}
    assert_same(ours, wanted)


def test_the_literal_sum_divides_each_gradient_by_its_length(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    trainer = build(tiny("qwen2_5_vl"), cards, tmp_path, **{"lambda": "ngdiff", "ngdiff": {"literal": True}})
    _, ours = learned(trainer, [0, 1, 2], [3, 4])
    perception, reasoning = spans_of(trainer, [0, 1, 2], [3, 4])
    wanted = normalised_sum(list(perception.values()), list(reasoning.values()))
    assert_same(ours, {name: value for name, value in zip(perception, wanted, strict=True) if value is not None})


def test_norms_at_the_head_need_no_parameter(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    """By hand: d L_p / d h = (softmax - onehot) W / N_p at each token of the span."""
    trainer = build(tiny("qwen3_vl"), cards, tmp_path, lora={"r": 2}, **{"lambda": "ngdiff", "ngdiff": {"of": "head"}})
    made, _ = window(trainer, [0, 1, 2], [3, 4])
    weight = trainer.model.get_base_model().lm_head.weight.detach()
    squares, counts = torch.zeros(2).double(), torch.zeros(2).double()
    for batch in made:
        given = {name: value for name, value in batch.items() if name not in ("roles", "labels")}
        with torch.no_grad():
            shares = trainer.model(**given).logits[:, :-1].softmax(-1)
        pulls = (shares - torch.eye(len(weight))[batch["input_ids"][:, 1:]]) @ weight
        role = batch["roles"][:, 1:]
        for place, span in enumerate((role == PERCEPTION, role > PERCEPTION)):
            squares[place] += pulls[span].double().square().sum()
            counts[place] += span.sum()
    state = trainer.state_of_balance
    found = (state.norm_perception, state.norm_reasoning)
    assert found == pytest.approx((squares.sqrt() / counts).tolist(), rel=1e-4)


def test_norms_that_cannot_be_taken_are_refused(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"lambda": "ngdiff", "ngdiff": {"of": "last_block"}, "train": ["projector"]}
    trainer = build(tiny("llava"), cards, tmp_path, **options)
    with pytest.raises(UsageError, match=r"nothing in the last block .* is trained; set ngdiff\.of to all"):
        window(trainer, [0, 1])


def test_an_empty_span_leaves_the_other(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    trainer = build(tiny("llava"), cards, tmp_path, **{"lambda": "ngdiff"})
    trainer.train_dataset = trainer.train_dataset.map(
        lambda row: {"spans": []}, features=trainer.train_dataset.features
    )
    loss, _ = learned(trainer, [0, 1])
    nll, roles = naive(trainer, [0, 1])
    assert set(roles.tolist()) == {OTHER}
    assert loss == pytest.approx(float(nll.mean()), rel=1e-5)
    assert trainer.state_of_balance.refreshed == -1  # such a window says nothing of how the two compare


def test_measuring_leaves_no_trace(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    trainer = build(tiny("qwen3_vl"), cards, tmp_path, lora={"r": 2, "dropout": 0.5}, **{"lambda": "ngdiff"})
    before = torch.get_rng_state()
    window(trainer, [0, 1])
    assert torch.equal(torch.get_rng_state(), before)
    assert all(value.grad is None for value in trainer.model.parameters())
    first = trainer.lam
    trainer.state_of_balance = type(trainer.state_of_balance)()
    window(trainer, [0, 1])
    assert trainer.lam == first


@pytest.mark.parametrize("lora", [None, {"r": 4}])
@pytest.mark.parametrize("family", factory.TRAINED)
def test_every_family_trains(tiny: Tiny, cards: Path, tmp_path: Path, family: str, lora: dict[str, int] | None) -> None:
    done = run(tiny(family), cards, tmp_path / "out", lora=lora, **{"lambda": 0.3})
    first, second = logs(done)
    assert second["loss"] < first["loss"]
    assert {"lambda", "token_share", "loss_share", "loss_perception", "tokens_per_second", "grad_norm"} <= first.keys()
    assert first["loss"] == pytest.approx(0.3 * first["loss_perception"] + 0.7 * first["loss_reasoning"], rel=1e-5)
    assert first["loss_share"] == pytest.approx(0.3 * first["loss_perception"] / first["loss"], rel=1e-5)
    record = json.loads((tmp_path / "out" / "run.json").read_text())["trained"]
    assert (record["parameters"] == record["of"]) == (lora is None)
    assert (tmp_path / "out" / "adapter").exists() == (lora is not None)
    assert weights(done).keys() == load_file(tiny(family) / "model.safetensors").keys()
    assert looks_at_images(LocalModel.load(done.model))


def test_an_overfit_batch_is_learned(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    done = run(tiny("llava"), cards, tmp_path / "out", steps=12, batch=11, accumulate=1, learning_rate=1e-2)
    losses = [entry["loss"] for entry in logs(done)]
    assert losses[-1] < 0.6 * losses[0]


def test_only_the_chosen_parts_move(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    trainer = build(tiny("internvl"), cards, tmp_path, train=["projector"])
    _, grads = learned(trainer, [1, 2])
    assert grads
    assert all("multi_modal_projector" in name for name in grads)


@pytest.mark.slow
def test_one_batch_two_micro_batches_and_two_ranks_are_one_gradient(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    """λ too, though it is measured before the step, and though one rank has a text and the other a picture.

    The third is the command itself, under torchrun, over gloo.
    """
    model = tiny("qwen2_5_vl")
    more: dict[str, Any] = {"steps": 1, "order": "view", "lambda": "ngdiff"}
    seen = [logs(run(model, cards, tmp_path / "1", batch=2, accumulate=1, **more))[0]]
    seen.append(logs(run(model, cards, tmp_path / "2", batch=1, accumulate=2, **more))[0])
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "--no-python"]
    words += [str(Path(sys.executable).with_name("perceptdata")), "train", "sft", "--rows", str(cards)]
    words += ["--model", str(model), "--out", str(tmp_path / "3"), "--json"]
    for option in ("batch=1", "accumulate=1", "learning_rate=1e-3", "steps=1", "order=view", "lambda=ngdiff"):
        words += ["-o", option]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["steps"] == 1
    state = json.loads((tmp_path / "3" / "checkpoints" / "checkpoint-1" / "trainer_state.json").read_text())
    seen.append(state["log_history"][0])
    for other in seen[1:]:
        for name in ("loss", "grad_norm", "lambda", "norm_perception", "loss_share", "token_share"):
            assert other[name] == pytest.approx(seen[0][name], rel=1e-4), name


def test_rows_come_in_the_view_s_order_when_asked(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    trainer = build(tiny("llava"), cards, tmp_path, order="view")
    assert isinstance(trainer.train_dataset, datasets.Dataset)
    assert list(trainer._get_train_sampler()) == list(range(11))
    assert list(build(tiny("llava"), cards, tmp_path)._get_train_sampler()) != list(range(11))


@pytest.mark.parametrize("lora", [None, {"r": 2, "dropout": 0.0}])
def test_recomputed_activations_change_nothing(
    tiny: Tiny, cards: Path, tmp_path: Path, lora: dict[str, Any] | None
) -> None:
    """Two gradients are taken of one recomputed graph where λ is measured."""
    found = []
    for recomputed in (False, True):
        trainer = build(tiny("qwen3_vl"), cards, tmp_path, lora=lora, **{"lambda": "ngdiff"})
        if recomputed:
            trainer.model.gradient_checkpointing_enable({"use_reentrant": False})
        found.append((*learned(trainer, [0, 1], [2, 3]), trainer.lam))
    (loss, grads, lam), (again, same, lam_again) = found
    assert (again, lam_again) == pytest.approx((loss, lam), rel=1e-6)
    assert_same(same, grads)


def test_batches_may_come_from_other_processes(tiny: Tiny, cards: Path, tmp_path: Path) -> None:
    alone, helped = (run(tiny("llava"), cards, tmp_path / str(count), workers=count) for count in (0, 1))
    assert [entry["loss"] for entry in logs(helped)] == [entry["loss"] for entry in logs(alone)]
