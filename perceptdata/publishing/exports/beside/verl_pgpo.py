"""PGPO (arXiv 2604.01840) as an advantage estimator of verl: `algorithm.adv_estimator=pgpo`. Torch alone.

    PYTHONPATH=. VERL_USE_EXTERNAL_MODULES=verl_pgpo python -m verl.trainer.main_ppo algorithm.adv_estimator=pgpo …

GRPO's advantage of a response, times a weight for each token by how much it depends on the image (Eq. 4 to 8). So the
batch has to hold `blind_log_probs` [B, T], the log-probabilities of the sampled tokens with the image masked, beside
`old_log_probs`; or `visual_dependency` [B, T], the score itself. verl gives an estimator neither, so `install` hands
them over. A trainer puts them there after its pass for the old policy, and before it computes advantages:

    blind = self.actor_rollout_wg.compute_log_prob(without_images(batch, image_token_ids))
    batch.batch["blind_log_probs"] = blind.batch["old_log_probs"]

The V1 trainer also names the fields that reach `_compute_advantage`: add "blind_log_probs" to them. Without either the
run stops: PGPO without scores would be GRPO under another name.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor

EPS = 1e-8
_batch: ContextVar[Any] = ContextVar("batch", default=None)


def dependency(image: Tensor, blind: Tensor) -> Tensor:
    """S_t at the sampled tokens, by Schulman's k3 (App. A.1): how far seeing the image moves the policy there.

    Clamped as VPPO's published code does it: log ratios to 20, scores to 10.
    """
    ratio = (blind - image).clamp(-20.0, 20.0)
    return (ratio.expm1() - ratio).clamp(0.0, 10.0)


def weights(score: Tensor, mask: Tensor, tau: float = 0.4, beta: float = 2.0) -> Tensor:
    """[B, T]: what each token of a response weighs, with mean 1 (Eq. 4 to 7).

    All 1 where scores tell no tokens apart: constant, not finite, or a single token.
    """
    mask = mask.bool()
    finite = (torch.isfinite(score) | ~mask).all(dim=-1, keepdim=True)
    logged = torch.log1p(torch.where(mask & finite, score, 0))
    low = torch.where(mask, logged, torch.inf).amin(dim=-1, keepdim=True)
    high = torch.where(mask, logged, -torch.inf).amax(dim=-1, keepdim=True)
    apart = finite & (high - low > EPS)
    share = torch.where(mask & apart, (logged - low) / (high - low + EPS), 0)
    found = torch.where(share >= tau, 1 + beta * (share - tau) / (1 - tau + EPS), share / (tau + EPS)) * mask
    length = mask.sum(dim=-1, keepdim=True)
    found = found * torch.where(apart, length / torch.where(apart, found.sum(dim=-1, keepdim=True), 1), 1)
    return torch.where(apart, found, mask.to(score.dtype))


def group_advantages(rewards: Tensor, index: Iterable[Any], scale: bool = True, epsilon: float = 1e-6) -> Tensor:
    """[B]: (R - mean)/(std + ε) among the rollouts of one prompt; 0 where a group's rewards are equal, or only one."""
    places: dict[Any, list[int]] = {}
    for at, name in enumerate(index):
        places.setdefault(name, []).append(at)
    found = torch.zeros_like(rewards)
    for group in places.values():
        mine = rewards[group]
        if len(group) > 1 and bool(mine.max() > mine.min()):
            apart = mine - mine.mean()
            found[group] = apart / (mine.std() + epsilon) if scale else apart
    return found


def pgpo(
    token_level_rewards: Tensor,
    response_mask: Tensor,
    index: Iterable[Any],
    epsilon: float = 1e-6,
    norm_adv_by_std_in_grpo: bool = True,
    config: Any = None,
    **given: Any,
) -> tuple[Tensor, Tensor]:
    """Advantages and returns, [B, T] each, as verl calls an estimator.

    `algorithm.pgpo_tau` and `algorithm.pgpo_beta` (0.4, 2.0) may be set in its config, or PGPO_TAU and PGPO_BETA in the
    environment. Raises KeyError where the batch has no score.
    """
    if config is not None:
        norm_adv_by_std_in_grpo = config.get("norm_adv_by_std_in_grpo", norm_adv_by_std_in_grpo)
    with torch.no_grad():
        score = _score(given).to(token_level_rewards.dtype)
        advantage = group_advantages(token_level_rewards.sum(dim=-1), index, norm_adv_by_std_in_grpo, epsilon)
        shaped = weights(score, response_mask, _setting(config, "tau", 0.4), _setting(config, "beta", 2.0))
        advantages = advantage[:, None] * shaped
    return advantages, advantages


def without_images(batch: Any, image_token_ids: Iterable[int]) -> Any:
    """A copy of a verl batch in which no token sees an image: their places are masked, positions stay as they are.

    `image_token_ids` are the placeholder's ids (Qwen-VL: `processor.tokenizer.convert_tokens_to_ids("<|image_pad|>")`).
    Pixels are left out, since nothing would look at them. This blinds attention; layers that carry a state along
    (hybrid models) still see, and need their image embeddings replaced.
    """
    blind = batch.select(deepcopy=True)
    places = torch.isin(blind.batch["input_ids"], torch.tensor(list(image_token_ids), device=blind.batch.device))
    blind.batch["attention_mask"] = blind.batch["attention_mask"].masked_fill(places, 0)
    blind.non_tensor_batch.pop("multi_modal_inputs", None)
    return blind


def _score(given: dict[str, Any]) -> Tensor:
    batch = _batch.get()
    known = {**(dict(batch.items()) if batch is not None else {}), **given}
    if "visual_dependency" in known:
        found: Tensor = known["visual_dependency"]
        return found
    if "blind_log_probs" in known and "old_log_probs" in known:
        return dependency(known["old_log_probs"], known["blind_log_probs"])
    raise KeyError(
        "PGPO needs blind_log_probs beside old_log_probs in the batch, or visual_dependency; see verl_pgpo.py"
    )


def _setting(config: Any, name: str, default: float) -> float:
    key = f"pgpo_{name}"
    if config is not None and config.get(key) is not None:
        return float(config.get(key))
    return float(os.environ.get(key.upper(), default))


def handing_over(compute_advantage: Callable[..., Any]) -> Callable[..., Any]:
    """verl's function, which lets the estimator see the whole batch while it runs."""

    def compute(data: Any, *args: Any, **kwargs: Any) -> Any:
        token = _batch.set(data.batch)
        try:
            return compute_advantage(data, *args, **kwargs)
        finally:
            _batch.reset(token)

    vars(compute)["hands_over"] = True
    return compute


def install() -> None:
    """Register `pgpo` with verl, and wrap what calls it. The V1 trainer takes that from the older one's module."""
    importlib.import_module("verl.trainer.ppo.core_algos").register_adv_est("pgpo")(pgpo)
    importlib.import_module("verl.trainer.ppo.ray_trainer")
    for name in ("verl.trainer.ppo.ray_trainer", "verl.trainer.ppo.v1.utils"):
        module = sys.modules.get(name)
        if module is not None and not hasattr(module.compute_advantage, "hands_over"):
            vars(module)["compute_advantage"] = handing_over(module.compute_advantage)


if os.environ.get("VERL_USE_EXTERNAL_MODULES"):
    install()
