"""The naive way: all logits at once, in plain torch. What the kernels are compared with."""

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def log_p(hidden: Tensor, weight: Tensor, bias: Tensor | None = None, temperature: float = 1.0) -> Tensor:
    """[N, V], in float32 where the logits are of a lower precision."""
    logits = torch.nn.functional.linear(hidden, weight, bias)
    return torch.log_softmax(logits.to(torch.promote_types(logits.dtype, torch.float32)) / temperature, -1)


def nll(log_p: Tensor, targets: Tensor) -> Tensor:
    picked = log_p.gather(1, targets.clamp(min=0)[:, None])[:, 0]
    return torch.where(targets == -100, 0.0, -picked)


def entropy(log_p: Tensor) -> Tensor:
    return -(log_p.exp() * log_p).sum(1)


def kl(first: Tensor, second: Tensor) -> Tensor:
    return (first.exp() * (first - second)).sum(1)


def divergence(kind: str, student: Tensor, teacher: Tensor, beta: float) -> Tensor:
    if kind == "forward_kl":
        return kl(teacher, student)
    if kind == "reverse_kl":
        return kl(student, teacher)
    mixture = ((1 - beta) * student.exp() + beta * teacher.exp()).log()
    return beta * kl(teacher, mixture) + (1 - beta) * kl(student, mixture)


class Largest(TorchDispatchMode):
    """Under it, `nbytes` becomes the size of the largest tensor that any operation has allocated, backward included."""

    nbytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = {tensor.untyped_storage().data_ptr() for tensor in tree_leaves((args, kwargs)) if _is_tensor(tensor)}
        made = func(*args, **(kwargs or {}))
        for tensor in filter(_is_tensor, tree_leaves(made)):
            if tensor.untyped_storage().data_ptr() not in given:
                self.nbytes = max(self.nbytes, tensor.untyped_storage().nbytes())
        return made


def _is_tensor(leaf: Any) -> bool:
    return isinstance(leaf, Tensor)
