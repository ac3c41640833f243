"""What is done with a tile of logits, in torch: folded into running sums; turned into its own gradient.

Sums over the vocabulary run online: kept relative to the largest logit so far (`top`), rescaled when a larger one comes
(Milakov and Gimelshein 2018, arXiv 1805.02867). All vectors are [tokens] in the dtype of the statistics.
"""

from __future__ import annotations

from math import log
from typing import NamedTuple

import torch
from torch import Tensor

from perceptdata.kernels.head import FLOOR, Logits


class Running(NamedTuple):
    """Sums over the part of the vocabulary seen so far, for each token; operations overwrite them."""

    top: Tensor
    """The largest logit."""

    total: Tensor
    """Sum of e^(z - top)."""

    moment: Tensor
    """Sum of e^(z - top) times whatever is averaged."""

    picked: Tensor
    """The target's logit."""

    @classmethod
    def start(cls, like: Tensor, dtype: torch.dtype) -> Running:
        """Nothing seen, for each of the tokens of `like` ([tokens, ...])."""
        sums = torch.zeros(4, like.shape[0], dtype=dtype, device=like.device)
        sums[0] = FLOOR
        return cls(*sums)

    def log_total(self) -> Tensor:
        """log of the sum of e^z, relative to `top`."""
        return self.total.log()


def fold_stats(logits: Logits, targets: Tensor, running: Running) -> None:
    """Adds a tile to `running`, whose moment is of z - top. Targets count from the tile's first entry."""
    z = logits.wide(running.top.dtype)
    inside = (targets >= 0) & (targets < z.shape[1])
    picked = z.gather(1, targets.clamp(0, z.shape[1] - 1)[:, None])[:, 0]
    running.picked.copy_(torch.where(inside, picked, running.picked))
    shift = _lower(z, running)
    weight = z.exp()
    running.moment.addcmul_(running.total, shift).mul_(shift.exp())
    running.total.mul_(shift.exp()).add_(weight.sum(1))
    running.moment.add_(weight.mul_(z).sum(1))


def fold_kl(first: Logits, second: Logits, one: Running, other: Running) -> None:
    """Adds a tile to both; the moment of `one`, under the first distribution, is of (z - top) - (z' - top')."""
    a, b = first.wide(one.top.dtype), second.wide(one.top.dtype)
    shift, shift_other = _lower(a, one), _lower(b, other)
    weight = a.exp()
    one.moment.addcmul_(one.total, shift - shift_other).mul_(shift.exp())
    one.total.mul_(shift.exp()).add_(weight.sum(1))
    one.moment.add_(weight.mul_(a.sub_(b)).sum(1))
    other.total.mul_(shift_other.exp()).add_(b.exp_().sum(1))


def fold_total(logits: Logits, running: Running) -> None:
    """Adds a tile to top and total alone."""
    z = logits.wide(running.top.dtype)
    shift = _lower(z, running)
    running.total.mul_(shift.exp()).add_(z.exp_().sum(1))


def _lower(z: Tensor, running: Running) -> Tensor:
    """Brings `top` up to date and subtracts it from z; how far the old top lies below the new one (<= 0)."""
    top = torch.maximum(running.top, z.amax(1))
    shift = running.top - top
    running.top.copy_(top)
    z -= top[:, None]
    return shift


def fold_mixture(
    student: Logits,
    teacher: Logits,
    log_total: Tensor,
    log_total_teacher: Tensor,
    beta: float,
    of_student: Tensor,
    of_teacher: Tensor,
) -> None:
    """Adds a tile's part of KL(student || m) to the one and of KL(teacher || m) to the other."""
    s, t = _log_p(student, log_total), _log_p(teacher, log_total_teacher)
    m = _mixture(s, t, beta)
    of_student.add_(s.exp().mul_(s.sub_(m)).sum(1))
    of_teacher.add_(t.exp().mul_(t.sub_(m)).sum(1))


def stats_gradient(
    logits: Logits, targets: Tensor, log_total: Tensor, entropy: Tensor, nll: Tensor | None, spread: Tensor | None
) -> Tensor:
    """[tokens, vocabulary]: the gradient of `logits.raw`, from those of NLL (`nll`) and entropy (`spread`)."""
    log_p = _log_p(logits, log_total)
    if spread is None:
        gradient = log_p.exp_() if nll is None else log_p.exp_().mul_(nll[:, None])
    else:
        p = log_p.exp()
        factor = log_p.add_(entropy[:, None]).mul_(-spread[:, None])
        gradient = p.mul_(factor if nll is None else factor.add_(nll[:, None]))
    if nll is not None:
        inside = (targets >= 0) & (targets < gradient.shape[1])
        where = targets.clamp(0, gradient.shape[1] - 1)[:, None]
        gradient.scatter_add_(1, where, torch.where(inside, -nll, 0.0)[:, None])
    return gradient.mul_(logits.scale) if logits.scale != 1.0 else gradient


def divergence_gradient(
    kind: str,
    student: Logits,
    teacher: Logits,
    log_total: Tensor,
    log_total_teacher: Tensor,
    inner: Tensor,
    beta: float,
    upstream: Tensor,
) -> Tensor:
    """[tokens, vocabulary]: the gradient of `student.raw`; `inner` is KL(student || teacher), or || m for the JSD."""
    s, t = _log_p(student, log_total), _log_p(teacher, log_total_teacher)
    if kind == "forward_kl":
        gradient = s.exp_().sub_(t.exp_())
    elif kind == "reverse_kl":
        gradient = s.exp().mul_(s.sub_(t).sub_(inner[:, None]))
    else:
        m = _mixture(s, t, beta)
        gradient = s.exp().mul_(s.sub_(m).sub_(inner[:, None])).mul_(1.0 - beta)
    return gradient.mul_((upstream * student.scale)[:, None])


def _log_p(logits: Logits, log_total: Tensor) -> Tensor:
    return logits.wide(log_total.dtype).sub_(log_total[:, None])


def _mixture(s: Tensor, t: Tensor, beta: float) -> Tensor:
    """log m with m = (1 - beta) p_student + beta p_teacher."""
    return torch.logaddexp(s + log(1.0 - beta), t + log(beta))
