"""The operations of `torch_tiles` as Triton kernels: each reads its tiles once, a gradient is written over the logits.

The matrix products stay with torch. What is fused is everything between them, which in torch takes about ten passes
over a float32 copy. `torch_tiles` says what each operation means; here one program works on one row of a tile,
BLOCK entries at a time, with everything in float32.
"""

from __future__ import annotations

from importlib.util import find_spec
from math import log
from typing import Any

from torch import Tensor

from perceptdata.kernels.head import FLOOR, Logits
from perceptdata.kernels.torch_tiles import Running

INSTALLED = find_spec("triton") is not None
if INSTALLED:
    import triton
    import triton.language as tl


def jit(kernel: Any) -> Any:
    """`triton.jit`. Without Triton a function that cannot run, and that `backends.chosen` never hands out."""
    return triton.jit(kernel) if INSTALLED else kernel


BLOCK, WARPS = 4096, 8


@jit
def _load(
    z: tl.tensor,
    bias: tl.tensor,
    row: tl.tensor,
    stride: tl.tensor,
    column: tl.tensor,
    inside: tl.tensor,
    scale: tl.tensor,
) -> tl.tensor:
    """A block of one row's logits."""
    value = tl.load(z + row * stride + column, mask=inside, other=0.0).to(tl.float32)
    if bias is not None:
        value += tl.load(bias + column, mask=inside, other=0.0)
    return value * scale


@jit
def _log_mixture(s: tl.tensor, t: tl.tensor, log_student: tl.tensor, log_teacher: tl.tensor) -> tl.tensor:
    """log(e^(s + log_student) + e^(t + log_teacher))."""
    one, other = s + log_student, t + log_teacher
    top = tl.maximum(one, other)
    return top + tl.log(tl.exp(one - top) + tl.exp(other - top))


@jit
def _fold(
    z: tl.tensor,
    bias: tl.tensor,
    targets: tl.tensor,
    top: tl.tensor,
    total: tl.tensor,
    moment: tl.tensor,
    picked: tl.tensor,
    stride: tl.tensor,
    width: tl.tensor,
    scale: tl.tensor,
    floor: tl.tensor,
    block: tl.constexpr,
) -> None:
    """Top and total, and with `targets` the moment and the target's logit."""
    row = tl.program_id(0).to(tl.int64)
    high, sum_, mean = tl.load(top + row), tl.load(total + row), tl.load(moment + row)
    for start in range(0, width, block):
        column = start + tl.arange(0, block)
        inside = column < width
        value = tl.where(inside, _load(z, bias, row, stride, column, inside, scale), floor)
        higher = tl.maximum(high, tl.max(value, 0))
        shift, value = high - higher, value - higher
        weight = tl.exp(value)
        if targets is not None:
            mean = tl.exp(shift) * (mean + sum_ * shift) + tl.sum(weight * value, 0)
        sum_ = tl.exp(shift) * sum_ + tl.sum(weight, 0)
        high = higher
    tl.store(top + row, high)
    tl.store(total + row, sum_)
    if targets is not None:
        tl.store(moment + row, mean)
        target = tl.load(targets + row)
        here = (target >= 0) & (target < width)
        tl.store(picked + row, _load(z, bias, row, stride, target, here, scale), mask=here)


@jit
def _fold_kl(
    first: tl.tensor,
    second: tl.tensor,
    bias_first: tl.tensor,
    bias_second: tl.tensor,
    top: tl.tensor,
    total: tl.tensor,
    moment: tl.tensor,
    top_second: tl.tensor,
    total_second: tl.tensor,
    stride: tl.tensor,
    width: tl.tensor,
    scale: tl.tensor,
    floor: tl.tensor,
    block: tl.constexpr,
) -> None:
    row = tl.program_id(0).to(tl.int64)
    high, sum_, mean = tl.load(top + row), tl.load(total + row), tl.load(moment + row)
    high_second, sum_second = tl.load(top_second + row), tl.load(total_second + row)
    for start in range(0, width, block):
        column = start + tl.arange(0, block)
        inside = column < width
        a = tl.where(inside, _load(first, bias_first, row, stride, column, inside, scale), floor)
        b = tl.where(inside, _load(second, bias_second, row, stride, column, inside, scale), floor)
        higher, higher_second = tl.maximum(high, tl.max(a, 0)), tl.maximum(high_second, tl.max(b, 0))
        shift, shift_second = high - higher, high_second - higher_second
        a, b = a - higher, b - higher_second
        weight = tl.exp(a)
        mean = tl.exp(shift) * (mean + sum_ * (shift - shift_second)) + tl.sum(weight * (a - b), 0)
        sum_ = tl.exp(shift) * sum_ + tl.sum(weight, 0)
        sum_second = tl.exp(shift_second) * sum_second + tl.sum(tl.exp(b), 0)
        high, high_second = higher, higher_second
    tl.store(top + row, high)
    tl.store(total + row, sum_)
    tl.store(moment + row, mean)
    tl.store(top_second + row, high_second)
    tl.store(total_second + row, sum_second)


@jit
def _fold_mixture(
    student: tl.tensor,
    teacher: tl.tensor,
    bias_student: tl.tensor,
    bias_teacher: tl.tensor,
    log_total: tl.tensor,
    log_total_teacher: tl.tensor,
    of_student: tl.tensor,
    of_teacher: tl.tensor,
    stride: tl.tensor,
    width: tl.tensor,
    scale: tl.tensor,
    log_student: tl.tensor,
    log_teacher: tl.tensor,
    block: tl.constexpr,
) -> None:
    row = tl.program_id(0).to(tl.int64)
    normal, normal_teacher = tl.load(log_total + row), tl.load(log_total_teacher + row)
    one, other = tl.load(of_student + row), tl.load(of_teacher + row)
    for start in range(0, width, block):
        column = start + tl.arange(0, block)
        inside = column < width
        s = _load(student, bias_student, row, stride, column, inside, scale) - normal
        t = _load(teacher, bias_teacher, row, stride, column, inside, scale) - normal_teacher
        m = _log_mixture(s, t, log_student, log_teacher)
        one += tl.sum(tl.where(inside, tl.exp(s) * (s - m), 0.0), 0)
        other += tl.sum(tl.where(inside, tl.exp(t) * (t - m), 0.0), 0)
    tl.store(of_student + row, one)
    tl.store(of_teacher + row, other)


@jit
def _stats_gradient(
    z: tl.tensor,
    bias: tl.tensor,
    targets: tl.tensor,
    log_total: tl.tensor,
    entropy: tl.tensor,
    nll: tl.tensor,
    spread: tl.tensor,
    stride: tl.tensor,
    width: tl.tensor,
    scale: tl.tensor,
    block: tl.constexpr,
) -> None:
    row = tl.program_id(0).to(tl.int64)
    normal, target = tl.load(log_total + row), tl.load(targets + row)
    for start in range(0, width, block):
        column = start + tl.arange(0, block)
        inside = column < width
        log_p = _load(z, bias, row, stride, column, inside, scale) - normal
        p = tl.exp(log_p)
        gradient = tl.zeros_like(p)
        if nll is not None:
            gradient += tl.load(nll + row) * (p - tl.where(column == target, 1.0, 0.0))
        if spread is not None:
            gradient -= tl.load(spread + row) * p * (log_p + tl.load(entropy + row))
        tl.store(z + row * stride + column, (gradient * scale).to(z.dtype.element_ty), mask=inside)


@jit
def _divergence_gradient(
    student: tl.tensor,
    teacher: tl.tensor,
    bias_student: tl.tensor,
    bias_teacher: tl.tensor,
    log_total: tl.tensor,
    log_total_teacher: tl.tensor,
    inner: tl.tensor,
    upstream: tl.tensor,
    stride: tl.tensor,
    width: tl.tensor,
    scale: tl.tensor,
    log_student: tl.tensor,
    log_teacher: tl.tensor,
    kind: tl.constexpr,
    block: tl.constexpr,
) -> None:
    row = tl.program_id(0).to(tl.int64)
    normal, normal_teacher = tl.load(log_total + row), tl.load(log_total_teacher + row)
    factor = tl.load(upstream + row) * scale
    for start in range(0, width, block):
        column = start + tl.arange(0, block)
        inside = column < width
        s = _load(student, bias_student, row, stride, column, inside, scale) - normal
        t = _load(teacher, bias_teacher, row, stride, column, inside, scale) - normal_teacher
        if kind == "forward_kl":
            gradient = tl.exp(s) - tl.exp(t)
        elif kind == "reverse_kl":
            gradient = tl.exp(s) * (s - t - tl.load(inner + row))
        else:
            m = _log_mixture(s, t, log_student, log_teacher)
            gradient = tl.exp(s + log_student) * (s - m - tl.load(inner + row))
        tl.store(student + row * stride + column, (gradient * factor).to(student.dtype.element_ty), mask=inside)


def fold_stats(logits: Logits, targets: Tensor, running: Running) -> None:
    """Adds a tile to `running`, whose moment is of z - top. Targets count from the tile's first entry."""
    rows, width, block = _shape(logits)
    _fold[rows](
        logits.raw,
        logits.bias,
        targets,
        *running,
        logits.raw.stride(0),
        width,
        logits.scale,
        FLOOR,
        block,
        num_warps=WARPS,
    )


def fold_total(logits: Logits, running: Running) -> None:
    """Adds a tile to top and total alone."""
    rows, width, block = _shape(logits)
    _fold[rows](
        logits.raw,
        logits.bias,
        None,
        *running,
        logits.raw.stride(0),
        width,
        logits.scale,
        FLOOR,
        block,
        num_warps=WARPS,
    )


def fold_kl(first: Logits, second: Logits, one: Running, other: Running) -> None:
    """Adds a tile to both; the moment of `one`, under the first distribution, is of (z - top) - (z' - top')."""
    rows, width, block = _shape(first)
    sums = one.top, one.total, one.moment, other.top, other.total
    stride = first.raw.stride(0)
    _fold_kl[rows](
        first.raw, second.raw, first.bias, second.bias, *sums, stride, width, first.scale, FLOOR, block, num_warps=WARPS
    )


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
    rows, width, block = _shape(student)
    tiles = student.raw, teacher.raw, student.bias, teacher.bias
    vectors = log_total, log_total_teacher, of_student, of_teacher
    stride, logs = student.raw.stride(0), (log(1.0 - beta), log(beta))
    _fold_mixture[rows](*tiles, *vectors, stride, width, student.scale, *logs, block, num_warps=WARPS)


def stats_gradient(
    logits: Logits, targets: Tensor, log_total: Tensor, entropy: Tensor, nll: Tensor | None, spread: Tensor | None
) -> Tensor:
    """[tokens, vocabulary]: the gradient of `logits.raw`, written over it and in its dtype."""
    rows, width, block = _shape(logits)
    weights = [None if vector is None else vector.contiguous() for vector in (nll, spread)]
    vectors = targets, log_total, entropy, *weights
    _stats_gradient[rows](
        logits.raw, logits.bias, *vectors, logits.raw.stride(0), width, logits.scale, block, num_warps=WARPS
    )
    return logits.raw


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
    """[tokens, vocabulary]: the gradient of `student.raw`, written over it and in its dtype."""
    rows, width, block = _shape(student)
    tiles = student.raw, teacher.raw, student.bias, teacher.bias
    vectors = log_total, log_total_teacher, inner, upstream.contiguous()
    logs = (log(1.0 - beta), log(beta)) if kind == "jsd" else (0.0, 0.0)
    _divergence_gradient[rows](
        *tiles, *vectors, student.raw.stride(0), width, student.scale, *logs, kind, block, num_warps=WARPS
    )
    return student.raw


def _shape(logits: Logits) -> tuple[tuple[int], int, int]:
    """The grid, the tile's width, and the block: a power of two."""
    rows, width = logits.raw.shape
    return (rows,), width, min(BLOCK, 1 << max(width - 1, 15).bit_length())
