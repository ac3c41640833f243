"""Full-vocabulary divergences per token, with a clip inside the sum over the vocabulary.

`perceptdata.kernels` gives the divergences without the clip, and without ever holding [N, V]. A clip of single entries
cannot be taken afterwards; `clipped` takes it in chunks of rows, each computed again in the backward pass.

    forward_kl    KL(teacher ‖ student)
    reverse_kl    KL(student ‖ teacher)
    jsd           β·KL(teacher ‖ m) + (1-β)·KL(student ‖ m), m = β·teacher + (1-β)·student (arXiv 2306.13649)
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from perceptdata.errors import UsageError

Kind = Literal["forward_kl", "reverse_kl", "jsd"]
KINDS: tuple[Kind, ...] = ("forward_kl", "reverse_kl", "jsd")


def divergence(
    student: Tensor, teacher: Tensor, kind: Kind, beta: float = 0.5, entry_clip: float | None = None
) -> Tensor:
    """[N] from log-probabilities [N, V]. With `entry_clip`, no entry of the vocabulary adds more than that.

    An entry of a KL may be negative, and is left so. Raises UsageError for a kind without a name here, and for a β of
    `jsd` outside (0, 1), where it would be 0 rather than one of the KLs.
    """
    if kind == "forward_kl":
        entries = teacher.exp() * (teacher - student)
    elif kind == "reverse_kl":
        entries = student.exp() * (student - teacher)
    elif kind == "jsd":
        if not 0 < beta < 1:
            raise UsageError(f"beta is {beta}; between 0 and 1 lies a JSD, for its ends write forward_kl or reverse_kl")
        share = torch.tensor(beta, dtype=student.dtype, device=student.device)
        middle = torch.logaddexp(teacher + share.log(), student + (1 - share).log())
        entries = beta * teacher.exp() * (teacher - middle) + (1 - beta) * student.exp() * (student - middle)
    else:
        raise UsageError(f"'{kind}' is no divergence; write {', '.join(KINDS)}")
    return (entries if entry_clip is None else entries.clamp(max=entry_clip)).sum(dim=-1)


def clipped(
    hidden: Tensor,
    weight: Tensor,
    teacher_hidden: Tensor,
    teacher_weight: Tensor,
    entry_clip: float,
    kind: Kind,
    beta: float = 0.5,
    temperature: float = 1.0,
    chunk: int = 256,
) -> Tensor:
    """[N] from hidden states [N, H] and heads [V, H], `chunk` rows at a time, in fp32 or better. The teacher has no
    gradient.
    """
    parts = [
        checkpoint(
            _chunk, *rows, weight, teacher_weight.detach(), entry_clip, kind, beta, temperature, use_reentrant=False
        )
        for rows in zip(hidden.split(chunk), teacher_hidden.detach().split(chunk), strict=True)
    ]
    return torch.cat(parts)


def _chunk(
    hidden: Tensor,
    teacher_hidden: Tensor,
    weight: Tensor,
    teacher_weight: Tensor,
    entry_clip: float,
    kind: Kind,
    beta: float,
    temperature: float,
) -> Tensor:
    student, teacher = (
        torch.log_softmax(_wide(h @ w.T) / temperature, dim=-1)
        for h, w in ((hidden, weight), (teacher_hidden, teacher_weight))
    )
    return divergence(student, teacher, kind, beta, entry_clip)


def _wide(logits: Tensor) -> Tensor:
    return logits.to(torch.promote_types(logits.dtype, torch.float32))
