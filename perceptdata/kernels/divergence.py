"""How far a student's next-token distribution is from a teacher's, per token and over the whole vocabulary.

Teachers' hidden states are what is kept of a rollout, [N, H], never their logits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from perceptdata.errors import UsageError
from perceptdata.kernels.backends import Backend, Tiles, chosen
from perceptdata.kernels.function import PerToken, Plan, Vectors
from perceptdata.kernels.head import Head, check_head, inverse, product_dtype, statistics_dtype
from perceptdata.kernels.tile import Tile, pieces
from perceptdata.kernels.torch_tiles import Running

Kind = Literal["forward_kl", "reverse_kl", "jsd"]


@dataclass(frozen=True)
class Divergence:
    """The measure behind `token_divergence`; its constants: the teacher's hidden states, weight and, if any, bias."""

    tiles: Tiles
    kind: Kind
    beta: float
    product: torch.dtype
    """Of the teacher's matrix products."""

    outputs: int = 1

    def values(self, student: Head, constants: Vectors, tokens: slice, vocabulary: int) -> Vectors:
        """The divergence; log of the sum of e^z of student and teacher; the student's KL that the gradient needs."""
        teacher = self._teacher(student, constants)
        columns = list(pieces(student.weight.shape[0], vocabulary))
        own, other = (Running.start(head.hidden[tokens], student.statistics) for head in (student, teacher))
        if self.kind == "jsd":
            return self._jsd(student, teacher, tokens, columns, own, other)
        heads, running = [student, teacher], [own, other]
        if self.kind == "forward_kl":
            heads.reverse()
            running.reverse()
        for part in columns:
            self.tiles.fold_kl(heads[0].tile(tokens, part), heads[1].tile(tokens, part), *running)
        first, second = running
        value = first.moment / first.total - first.log_total() + second.log_total()
        return value.clamp(min=0.0), own.top + own.log_total(), other.top + other.log_total(), value

    def _jsd(
        self, student: Head, teacher: Head, tokens: slice, columns: list[slice], own: Running, other: Running
    ) -> Vectors:
        """In two sweeps: the mixture's logarithm needs both sums before anything can be added up."""
        for part in columns:
            self.tiles.fold_total(student.tile(tokens, part), own)
            self.tiles.fold_total(teacher.tile(tokens, part), other)
        log_total, log_total_teacher = own.top + own.log_total(), other.top + other.log_total()
        of_student, of_teacher = torch.zeros_like(log_total), torch.zeros_like(log_total)
        for part in columns:
            self.tiles.fold_mixture(
                student.tile(tokens, part),
                teacher.tile(tokens, part),
                log_total,
                log_total_teacher,
                self.beta,
                of_student,
                of_teacher,
            )
        value = (1.0 - self.beta) * of_student + self.beta * of_teacher
        return value.clamp(min=0.0), log_total, log_total_teacher, of_student

    def gradient(
        self,
        student: Head,
        constants: Vectors,
        tokens: slice,
        vocabulary: slice,
        saved: Vectors,
        upstream: tuple[Tensor | None, ...],
    ) -> Tensor:
        """By the student's z: p - q; p (log p - log q - KL(p || q)); (1 - beta) p (log p - log m - KL(p || m))."""
        _, log_total, log_total_teacher, inner = saved
        (weights,) = upstream
        return self.tiles.divergence_gradient(
            self.kind,
            student.tile(tokens, vocabulary),
            self._teacher(student, constants).tile(tokens, vocabulary),
            log_total,
            log_total_teacher,
            inner,
            self.beta,
            torch.zeros_like(inner) if weights is None else weights,
        )

    def _teacher(self, student: Head, constants: Vectors) -> Head:
        hidden, weight, *bias = constants
        return Head(hidden, weight, bias[0] if bias else None, student.scale, self.product, student.statistics)


def token_divergence(
    hidden: Tensor,
    weight: Tensor,
    teacher_hidden: Tensor,
    teacher_weight: Tensor,
    *,
    kind: Kind,
    beta: float = 0.5,
    bias: Tensor | None = None,
    teacher_bias: Tensor | None = None,
    temperature: float = 1.0,
    tile: Tile | None = None,
    backend: Backend = "auto",
) -> Tensor:
    """[N]: the divergence of student and teacher over the full vocabulary, without [N, V]; p student, q teacher.

        forward_kl   KL(q || p)
        reverse_kl   KL(p || q)
        jsd          beta KL(q || m) + (1 - beta) KL(p || m) with m = (1 - beta) p + beta q, 0 < beta < 1

    `hidden` [N, H], `weight` [V, H], `teacher_hidden` [N, H'], `teacher_weight` [V, H']: the widths may differ, tokens
    and vocabularies may not. Both sets of logits are divided by `temperature`; nothing is multiplied by its square.
    Differentiable, once, in the student's hidden states, weight and bias; the teacher is a constant, even where both
    are one model. Dtypes as in `token_stats`. Raises `UsageError` for shapes, dtypes, kinds or a beta that do not fit.
    (Agarwal et al. 2024, "On-policy distillation of language models", eq. 1 for the generalised JSD.)
    """
    if kind not in get_args(Kind):
        raise UsageError(f"there is no divergence {kind!r}; choose one of {', '.join(get_args(Kind))}")
    if kind == "jsd" and not 0.0 < beta < 1.0:
        raise UsageError(
            f"beta of the JSD must lie between 0 and 1, not at {beta}; at the ends use forward or reverse KL"
        )
    check_head(hidden, weight, bias)
    check_head(teacher_hidden, teacher_weight, teacher_bias, "teacher's ")
    if teacher_weight.shape[0] != weight.shape[0]:
        raise UsageError(
            f"the teacher's vocabulary has {teacher_weight.shape[0]} entries and the student's {weight.shape[0]}; "
            "divergences over the full vocabulary need the same one: cut padded heads to the smaller"
        )
    if teacher_hidden.shape[0] != hidden.shape[0]:
        raise UsageError(
            f"{teacher_hidden.shape[0]} teacher's tokens cannot stand beside {hidden.shape[0]} of the student"
        )
    product = product_dtype(hidden, weight)
    shape = (tile or Tile.fitting(hidden.shape[0], weight.shape[0])).checked()
    constants = [tensor.detach() for tensor in (teacher_hidden, teacher_weight, teacher_bias) if tensor is not None]
    measure = Divergence(
        chosen(backend, hidden), kind, beta, product_dtype(teacher_hidden, teacher_weight, "teacher's ")
    )
    plan = Plan(measure, shape, inverse(temperature), product, statistics_dtype(product))
    (value,) = PerToken.apply(plan, hidden, weight, bias, *constants)
    return value
