"""Losses from hidden states, tile by tile, against the same with full logits: `python benchmarks/kernels.py`.

    peak_mib    the most that forward and backward hold above what was there before; the head frozen (as under LoRA), so
                that its own gradient, the same in both, does not hide the rest (hold: <= 1/4 of full logits)
    seconds     forward and backward, best of the rounds, and their ratio
    products    the share of the seconds that the matrix products of the route would take at the speed of one alone

Five losses over a vocabulary of 152k, each token with its own weight; `nll` also with a trained head. Every route in a
process of its own; what it found is compared with what full logits give. On a GPU: 8,192 tokens of width 4096 in
bfloat16, by CUDA events and CUDA's own count of memory. On a CPU: 1,024 of width 256 in float32, by CPU seconds and
resident memory. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any, NamedTuple

import psutil
import torch
from _measure import MIB, fresh, held
from torch import Tensor
from torch.nn.functional import linear

from perceptdata.kernels import token_divergence, token_stats

VOCABULARY = 151_936
LOSSES = ("nll", "nll+entropy", "forward_kl", "reverse_kl", "jsd")
UNITS = (dict(zip(LOSSES, (8, 8, 12, 12, 16), strict=True)), dict(zip(LOSSES, (6, 6, 8, 8, 8), strict=True)))
"""FLOPs over tokens x width x vocabulary, tiled and full, with the head's gradient (2 of them)."""


class Inputs(NamedTuple):
    """Hidden states of student and teacher, the heads of both, targets, and a weight a token."""

    hidden: Tensor
    weight: Tensor
    teacher_hidden: Tensor
    teacher_weight: Tensor
    targets: Tensor
    weights: Tensor


def inputs(tokens: int, width: int, dtype: torch.dtype, device: str) -> Inputs:
    draw = torch.Generator(device).manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw, device=device, dtype=dtype)

    hidden, teacher_hidden = normal(tokens, width), normal(tokens, width)
    weight = normal(VOCABULARY, width).mul_(width**-0.5)
    targets = torch.randint(VOCABULARY, (tokens,), generator=draw, device=device)
    weights = torch.rand(tokens, generator=draw, device=device)
    return Inputs(hidden.requires_grad_(), weight, teacher_hidden, weight.detach(), targets, weights)


def fused(loss: str, given: Inputs, backend: str) -> Tensor:
    """[N]."""
    hidden, weight, *teacher, targets, _ = given
    if loss.startswith("nll"):
        stats = token_stats(hidden, weight, targets, backend=backend)
        return stats.nll - 0.01 * stats.entropy if loss == "nll+entropy" else stats.nll
    return token_divergence(hidden, weight, *teacher, kind=loss, backend=backend)


def full(loss: str, given: Inputs) -> Tensor:
    """[N]: as a trainer writes it that holds its logits, upcast to float32; teachers under no_grad."""
    student = linear(given.hidden, given.weight).float().log_softmax(-1)
    if loss.startswith("nll"):
        nll = -student.gather(1, given.targets[:, None])[:, 0]
        return nll + 0.01 * (student.exp() * student).sum(1) if loss == "nll+entropy" else nll
    with torch.no_grad():
        teacher = linear(given.teacher_hidden, given.teacher_weight).float().log_softmax(-1)
    if loss == "forward_kl":
        return (teacher.exp() * (teacher - student)).sum(1)
    if loss == "reverse_kl":
        return (student.exp() * (student - teacher)).sum(1)
    mixture = torch.logaddexp(student, teacher) - torch.tensor(2.0).log()
    return ((student.exp() * (student - mixture)).sum(1) + (teacher.exp() * (teacher - mixture)).sum(1)) / 2


class Watched:
    """What a block holds at most above what was there when it began: CUDA's own count, or a thread that reads RSS."""

    def __init__(self, device: str) -> None:
        self.cuda, self.nbytes = device == "cuda", 0
        self._over = threading.Event()
        self._process = psutil.Process()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watched:
        if self.cuda:
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
            self._before = torch.cuda.memory_allocated()
        else:
            self._before = self._process.memory_info().rss
            self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._over.wait(0.002):
            self.nbytes = max(self.nbytes, self._process.memory_info().rss - self._before)

    def __exit__(self, *_: object) -> None:
        if self.cuda:
            torch.cuda.synchronize()
            self.nbytes = torch.cuda.max_memory_allocated() - self._before
        else:
            self._over.set()
            self._thread.join()


def timed(device: str, step: Callable[[], Any]) -> tuple[Any, float]:
    """What it returns, and its seconds: of the GPU, or of the CPU."""
    if device == "cpu":
        begun = time.process_time()
        return step(), time.process_time() - begun
    begun_at, ended_at = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begun_at.record()
    result = step()
    ended_at.record()
    torch.cuda.synchronize()
    return result, begun_at.elapsed_time(ended_at) / 1000


def route(options: argparse.Namespace) -> dict[str, Any]:
    """One route of one loss, in this process: its best seconds, its peak, and numbers to compare it by."""
    device, name, loss = options.device, options.route, options.loss
    given = inputs(options.tokens, options.width, getattr(torch, options.dtype), device)
    given.weight.requires_grad_(options.trained)
    leaves = [given.hidden, given.weight] if options.trained else [given.hidden]
    alone = min(timed(device, lambda: linear(given.hidden.detach(), given.weight.detach()))[1] for _ in range(3))
    laps, peak, found = [], 0, {}
    for _ in range(options.rounds):
        with Watched(device) as watched:
            values, forward = timed(device, lambda: full(loss, given) if name == "full" else fused(loss, given, name))
            total = (given.weights * values).sum()
            gradients, backward = timed(device, partial(torch.autograd.grad, total, leaves))
        laps.append((forward, backward))
        peak = max(peak, watched.nbytes)
        found = {"value": total.item(), "gradient_norms": [gradient.double().norm().item() for gradient in gradients]}
        del values, total, gradients
    forward, backward = (min(column) for column in zip(*laps, strict=True))
    flops = UNITS[name == "full"][loss] - (0 if options.trained else 2)
    return {
        "forward": round(forward, 4),
        "backward": round(backward, 4),
        "products": round(flops / 2 * alone / (forward + backward), 2),
        "peak_mib": peak // MIB,
        **found,
    }


def compared(loss: str, trained: bool, options: argparse.Namespace) -> dict[str, Any]:
    """Every route of one loss, and the tiled ones over full logits."""
    shared = ["--device", options.device, "--tokens", options.tokens, "--width", options.width]
    shared += ["--dtype", options.dtype, "--rounds", options.rounds, "--loss", loss]
    if trained:
        shared.append("--trained")
    routes = ["full", "torch"] + (["triton"] if options.device == "cuda" and find_spec("triton") else [])
    results = {name: fresh(__file__, "--route", name, *shared) for name in routes}
    report: dict[str, Any] = {"loss": loss, "head": "trained" if trained else "frozen", "routes": results}
    for result in results.values():
        del result["peak_memory_mib"]  # of the whole process, torch and inputs included
    whole = results["full"]
    for name in routes[1:]:
        ours = results[name]
        memory = ours["peak_mib"] / whole["peak_mib"]
        report[name] = {
            "memory": round(memory, 3) if trained else held("peak memory over full logits", memory, at_most=0.25),
            "time": round(_seconds(ours) / _seconds(whole), 2),
            "value_differs_by": _apart(ours["value"], whole["value"]),
            "gradient_norms_differ_by": max(map(_apart, ours.pop("gradient_norms"), whole["gradient_norms"])),
        }
    return report


def _seconds(result: dict[str, Any]) -> float:
    return result["forward"] + result["backward"]


def _apart(one: float, other: float) -> float:
    return float(f"{abs(one - other) / abs(other):.1e}")


def main() -> None:
    cuda = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda" if cuda else "cpu", choices=["cpu", "cuda"])
    parser.add_argument("--tokens", type=int, default=8192 if cuda else 1024)
    parser.add_argument("--width", type=int, default=4096 if cuda else 256)
    parser.add_argument("--dtype", default="bfloat16" if cuda else "float32")
    parser.add_argument("--rounds", type=int, default=5 if cuda else 2)
    parser.add_argument("--losses", nargs="+", default=LOSSES, choices=LOSSES)
    parser.add_argument("--route", choices=["full", "torch", "triton"], help="only measure this one, and say so")
    parser.add_argument("--loss", choices=LOSSES, default="nll", help="of --route")
    parser.add_argument("--trained", action="store_true", help="the head of --route")
    options = parser.parse_args()
    if options.route:
        print(json.dumps(route(options)))
        return
    shape = {"tokens": options.tokens, "width": options.width, "vocabulary": VOCABULARY, "dtype": options.dtype}
    device = torch.cuda.get_device_name() if options.device == "cuda" else f"cpu, {torch.get_num_threads()} threads"
    found = [compared(loss, False, options) for loss in options.losses]
    if "nll" in options.losses:
        found.append(compared("nll", True, options))
    print(json.dumps({"device": device, "torch": torch.__version__, **shape, "losses": found}, indent=2))


if __name__ == "__main__":
    main()
