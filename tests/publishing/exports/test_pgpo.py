"""The file that verl loads: the weights of `trainer.core`, GRPO's advantages, and how the batch reaches it."""

import runpy
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from perceptdata.kernels import k3
from perceptdata.publishing.exports.beside import verl_pgpo as ours
from perceptdata.trainer.core.reshape import pgpo
from perceptdata.trainer.core.rewards import normalise

SCORE = torch.tensor([[0, 0.01, 0.05, 0.2, 0.5, 1.5, 4.0]], dtype=torch.float64)
# Worked out beside the paper's Eq. 4 to 7, with τ = 0.4 and β = 2; they add up to 7.
WEIGHTS = [0, 0.019429, 0.095267, 0.355999, 0.791707, 1.966511, 3.771087]


def test_weights_are_those_of_the_equations() -> None:
    found = ours.weights(SCORE, torch.ones(1, 7))
    assert found[0].tolist() == pytest.approx(WEIGHTS, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_weights_and_scores_are_those_of_our_trainer(seed: int) -> None:
    torch.manual_seed(seed)
    image, blind = -torch.rand(6, 40).double() * 3, -torch.rand(6, 40).double() * 9
    mask = (torch.arange(40) < torch.tensor([[40], [17], [1], [0], [2], [33]])).double()
    score = k3(image, blind)
    assert torch.equal(ours.dependency(image, blind), score)
    score[0, 3] = torch.inf if seed == 1 else score[0, 3]
    score[1] = 2.0  # constant
    torch.testing.assert_close(ours.weights(score, mask), pgpo(score, mask).weights)
    assert ours.weights(score, mask).sum(-1).tolist() == pytest.approx(mask.sum(-1).tolist())


def test_advantages_of_a_group_are_those_of_our_trainer() -> None:
    torch.manual_seed(0)
    rewards = torch.rand(12).double()
    rewards[4:8] = 0.3
    index = ["a"] * 4 + ["b"] * 4 + ["c"] * 4
    for scale in (True, False):
        expected = normalise(rewards, 4, scale)
        torch.testing.assert_close(ours.group_advantages(rewards, index, scale), expected)
    assert ours.group_advantages(torch.tensor([3.0]), ["alone"]).tolist() == [0.0]


def estimate(batch: dict[str, Any], **given: Any) -> torch.Tensor:
    def compute(data: Any) -> torch.Tensor:
        return ours.pgpo(data.rewards, torch.ones(2, 7), ["p", "p"], **given)[0]

    rewards = torch.zeros(2, 7)
    rewards[0, -1] = 1.0
    return ours.handing_over(compute)(SimpleNamespace(batch=batch, rewards=rewards))


def test_the_estimator_weighs_grpos_advantage() -> None:
    found = estimate({"visual_dependency": SCORE.float().expand(2, 7)})
    half = 0.5**0.5  # two rewards, 1 and 0: (1 - ½) / sample deviation
    assert found[0].tolist() == pytest.approx([half * weight for weight in WEIGHTS], abs=1e-5)
    assert found[1].tolist() == pytest.approx([-half * weight for weight in WEIGHTS], abs=1e-5)


def test_scores_come_from_two_passes_where_they_are_not_given() -> None:
    image, blind = -torch.rand(2, 7), -torch.rand(2, 7) * 4
    found = estimate({"old_log_probs": image, "blind_log_probs": blind})
    torch.testing.assert_close(found, estimate({"visual_dependency": k3(image, blind)}))


def test_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = {"visual_dependency": SCORE.float().expand(2, 7)}
    plain = estimate(batch)
    by_config = estimate(batch, config={"pgpo_beta": 0.5, "pgpo_tau": 0.2})
    assert not torch.allclose(plain, by_config)
    monkeypatch.setenv("PGPO_BETA", "0.5")
    monkeypatch.setenv("PGPO_TAU", "0.2")
    torch.testing.assert_close(estimate(batch), by_config)
    raw = estimate(batch, config={"norm_adv_by_std_in_grpo": False, "pgpo_beta": 2.0, "pgpo_tau": 0.4})
    torch.testing.assert_close(raw[0], torch.tensor(WEIGHTS) * 0.5, atol=1e-5, rtol=0)


def test_without_scores_the_run_stops() -> None:
    with pytest.raises(KeyError, match="blind_log_probs"):
        estimate({"old_log_probs": torch.zeros(2, 7)})
    assert ours._batch.get() is None  # handed over for the call alone


def test_a_blind_batch_masks_images_and_keeps_positions() -> None:
    class Batch:
        def __init__(self, batch: dict[str, torch.Tensor], more: dict[str, Any]) -> None:
            self.batch, self.non_tensor_batch = Tensors(batch), more

        def select(self, deepcopy: bool) -> "Batch":
            return Batch({key: value.clone() for key, value in self.batch.items()}, dict(self.non_tensor_batch))

    class Tensors(dict[str, torch.Tensor]):
        device = torch.device("cpu")

    ids = torch.tensor([[0, 5, 9, 9, 6]])
    seeing = Batch(
        {"input_ids": ids, "attention_mask": (ids > 0).long(), "position_ids": torch.arange(5)[None]},
        {"multi_modal_inputs": "pixels", "uid": "p"},
    )
    blind = ours.without_images(seeing, [9])
    assert blind.batch["attention_mask"].tolist() == [[0, 1, 0, 0, 1]]
    assert blind.batch["position_ids"].tolist() == [[0, 1, 2, 3, 4]]
    assert blind.non_tensor_batch == {"uid": "p"}
    assert seeing.batch["attention_mask"].tolist() == [[0, 1, 1, 1, 1]]


def test_it_registers_where_verl_loads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """With modules of verl's names; the real ones are tried by examples/exports/consumers."""
    known: dict[str, Any] = {}
    core: Any = ModuleType("verl.trainer.ppo.core_algos")
    core.register_adv_est = lambda name: lambda function: known.setdefault(name, function)
    trainer: Any = ModuleType("verl.trainer.ppo.ray_trainer")
    trainer.compute_advantage = lambda data, **options: ours.pgpo(torch.eye(2), torch.ones(2, 2), ["p", "p"])
    for module in (core, trainer):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.delitem(sys.modules, "verl.trainer.ppo.v1.utils", raising=False)
    monkeypatch.setenv("VERL_USE_EXTERNAL_MODULES", "verl_pgpo")
    runpy.run_path(str(Path(ours.__file__)))
    assert known["pgpo"].__name__ == "pgpo"
    wrapped = trainer.compute_advantage
    ours.install()
    assert trainer.compute_advantage is wrapped  # once is enough
