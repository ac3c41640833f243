"""What training costs: `python benchmarks/train.py`, and on a GPU `python benchmarks/train.py --gpu`.

    sft         TRL's own SFTTrainer against ours, standard, with a λ and with NGDiff: the same model, the same batches,
                a window's passes forth and back in turn, without the optimiser's step, which they share
                (hold: <= 1.03x time, <= 1.0x memory)
    losses      weighted NLL with a trained head over a vocabulary of 152k: full logits, TRL's chunks, ours
                (hold: <= 1.1x the time of TRL's)
    sight       GRPO against PGPO; half of the tokens are an image's (hold: the blind pass <= 0.6 of the scoring pass,
                and <= 5 % of a step without its sampling)
    vigos       a step by its parts and roles; a random model never keeps to a format, so two of three rollouts are
                declared valid, the first third of each its description
    presets     every method, a few steps (with --gpu, or where asked for)

A route has a process of its own; the best of its steps counts, the first left out. On a CPU: a model of 5 M parameters
in float32, one thread, CPU seconds, and the most that torch allocates beyond what was there (sft, losses).
With --gpu: the shapes of Qwen2.5-VL-3B, bfloat16, recomputed activations, seconds, CUDA's own count. `ceiling` is the
share of the rate that a bare matrix product reached in the same process. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

if "--gpu" not in sys.argv:
    os.environ["OMP_NUM_THREADS"] = "1"  # before torch sizes its pool
os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1")

import torch
from _measure import MIB, fresh, held
from _vlm import SIZES, write_model, write_view
from models import training
from torch.profiler import ProfilerActivity, profile
from transformers import TrainerCallback

GROUPS = ("sft", "losses", "sight", "vigos", "presets")
LOSSES = ("full", "trl", "ours")
VOCABULARY = 151_936


class Clock(TrainerCallback):
    """Seconds of each step, from the end of the one before, and of parts within it."""

    def __init__(self, gpu: bool) -> None:
        self.gpu = gpu
        self.steps: list[float] = []
        self.parts: list[dict[str, float]] = []
        self._own: dict[str, float] = {}
        self._last: float | None = None

    def now(self) -> float:
        """Of the CPU; or, once the GPU is done, of the clock."""
        if not self.gpu:
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """One step more, but for the first."""
        now = self.now()
        if self._last is not None:
            self.steps.append(now - self._last)
            self.parts.append(self._own)
        self._last, self._own = now, {}

    def watch(self, owner: Any, name: str, label: Callable[..., str]) -> None:
        """Seconds of a method or function, under what `label` makes of its arguments."""
        whole = getattr(owner, name)

        def timed(*args: Any, **named: Any) -> Any:
            begun, called = self.now(), label(*args)
            try:
                return whole(*args, **named)
            finally:
                self._own[called] = self._own.get(called, 0.0) + self.now() - begun

        setattr(owner, name, timed)

    def best(self) -> tuple[float, dict[str, float]]:
        """The fastest step, and its parts."""
        at = min(range(len(self.steps)), key=self.steps.__getitem__)
        return self.steps[at], self.parts[at]


def stock(trainer: Any) -> Any:
    """TRL's SFTTrainer on the same model."""
    from trl import SFTTrainer

    return SFTTrainer(
        model=trainer.model,
        args=trainer.args,
        train_dataset=trainer.train_dataset,
        processing_class=trainer.processing_class,
        data_collator=trainer.data_collator,
    )


def sft(options: argparse.Namespace, name: str) -> dict[str, Any]:
    """Windows of two micro-batches, all objectives in turn."""
    from perceptdata.trainer.core.balance import NGDiff, Standard, Static

    schedules = {"standard": Standard(), "static": Static(0.3), "ngdiff": NGDiff()}
    given: dict[str, Any] = {"batch": 2, "accumulate": 2, "format": {"use": "answer_only"}}
    folder, clock = Path(options.folder), Clock(options.gpu)
    with tempfile.TemporaryDirectory() as out, redirect_stdout(sys.stderr):
        ours = training.build(folder / "model", folder / "view", Path(out), "sft", **given)
        trainers = {"trl": stock(ours), **dict.fromkeys(schedules, ours)}
        wrapped = ours.accelerator.prepare_model(ours.model)
        if ours.args.gradient_checkpointing:
            ours.model.gradient_checkpointing_enable({"use_reentrant": False})
        batches = [ours.data_collator([ours.train_dataset[place] for place in cut]) for cut in ([0, 1], [2, 3])]
        plain = [{key: value for key, value in batch.items() if key != "roles"} for batch in batches]
        best: dict[str, dict[str, Any]] = {each: {"seconds": float("inf"), "peak_mib": 0.0} for each in trainers}

        def window(trainer: Any, own: list[Any]) -> float:
            ours.model.zero_grad()
            trainer.current_gradient_accumulation_steps = len(own)
            taken, count = trainer.get_batch_samples(iter([dict(each) for each in own]), len(own), trainer.args.device)
            return sum(float(trainer.training_step(wrapped, each, count)) for each in taken)

        for each, trainer in trainers.items():
            trainer.model_wrapped = wrapped
            ours.objective = replace(ours.objective, schedule=schedules.get(each, Standard()), norms="head")
            best[each]["peak_mib"] = round(
                peak(options.gpu, partial(window, trainer, plain if each == "trl" else batches)), 1
            )
        for _ in range(options.steps + 1):
            for each, trainer in trainers.items():
                ours.objective = replace(ours.objective, schedule=schedules.get(each, Standard()), norms="head")
                begun = clock.now()
                loss = window(trainer, plain if each == "trl" else batches)
                best[each]["seconds"] = min(best[each]["seconds"], round(clock.now() - begun, 4))
                best[each]["loss"] = round(loss, 5)
    tokens = sum(int(batch["attention_mask"].sum()) for batch in batches)
    for found in best.values():
        found["tokens_a_second"] = round(tokens / found["seconds"])
        found["ceiling"] = round(_ceiling(options.size, given, tokens, folder, found["seconds"]), 3)
    return best


def peak(gpu: bool, work: Callable[[], Any]) -> float:
    """MiB that torch allocates beyond what was there."""
    if gpu:
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        work()
        return (torch.cuda.max_memory_allocated() - before) / MIB
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        work()
    events = [event for event in seen.profiler.kineto_results.events() if event.name() == "[memory]"]
    held_now = accumulate(event.nbytes() for event in sorted(events, key=lambda event: event.start_ns()))
    return max(held_now) / MIB


def run(options: argparse.Namespace, method: str, given: dict[str, Any], watch: Callable[..., None]) -> dict[str, Any]:
    """A few steps of a method. `watch` names the parts of its trainer."""
    clock = Clock(options.gpu)
    tokens: list[int] = []
    folder = Path(options.folder)
    known = {"steps": options.steps + 1, "learning_rate": 1e-6, "format": {"use": "answer_only"}, **given}
    with tempfile.TemporaryDirectory() as out, redirect_stdout(sys.stderr):
        trainer = training.build(folder / "model", folder / "view", Path(out), method, **known)
        watch(trainer, clock)
        trainer.args.max_steps, trainer.args.save_strategy = options.steps + 1, "no"
        trainer.add_callback(clock)
        prepare = trainer._prepare_inputs

        def counted(inputs: Any) -> Any:
            found = prepare(inputs)
            masks = [found[key] for key in ("attention_mask", "prompt_mask", "completion_mask") if key in found]
            tokens.append(sum(int(mask.sum()) for mask in masks))
            return found

        trainer._prepare_inputs = counted
        if options.gpu:
            torch.cuda.reset_peak_memory_stats()
        trainer.train()
    seconds, parts = clock.best()
    found: dict[str, Any] = {"seconds": round(seconds, 4)}
    found["parts"] = {name: round(value, 4) for name, value in parts.items()}
    found["tokens_a_second"] = round(sum(tokens) / (options.steps + 1) / seconds)
    if options.gpu:
        found["peak_mib"] = torch.cuda.max_memory_allocated() // MIB
    return found


def _ceiling(size: str, given: dict[str, Any], tokens: int, folder: Path, seconds: float) -> float:
    """Of a window of so many tokens: its operations a second over those of a bare matrix product."""
    from perceptdata.trainer.forecast import REACHED, Device, Rows, Variant, work_of
    from perceptdata.trainer.memory import Network
    from perceptdata.trainer.presets import make
    from perceptdata.trainer.preview import skeleton

    chosen = make("sft", given)
    row = round(tokens / chosen.batch / chosen.accumulate)
    network = Network.of(skeleton(str(folder / "model")), chosen)
    images = SIZES[size]["pixels"] // 28**2
    gpu = torch.cuda.is_available()
    side, clock = 8192 if gpu else 1024, Clock(gpu)
    one = torch.ones(side, side, dtype=torch.bfloat16 if gpu else torch.float32, device="cuda" if gpu else "cpu")
    laps = []
    for _ in range(5):
        begun = clock.now()
        one @ one
        laps.append(clock.now() - begun)
    device = Device("here", 1, 2 * side**3 / min(laps), gpu, present=True)
    work = work_of(network, chosen, Rows(row, row - images, images))
    return REACHED * Variant(chosen, network, work, device).step_seconds() / seconds


def sampled(options: argparse.Namespace) -> dict[str, Any]:
    """Half of a row's tokens are its image's."""
    new = SIZES[options.size]["pixels"] // 28**2 - 64
    return {"batch": 2, "accumulate": 2, "max_new_tokens": new}


def sight(options: argparse.Namespace, name: str) -> dict[str, Any]:
    """`grpo` or `pgpo`, by parts."""

    def watch(trainer: Any, clock: Clock) -> None:
        clock.watch(trainer, "_generate", lambda *_: "sampling")
        if trainer.sight is not None:
            clock.watch(trainer.sight, "_seen", lambda *_: "scoring pass")
            clock.watch(trainer.sight, "_read", lambda *_: "blind pass")

    given = {**sampled(options), "group": 2, "band": None, "probe": None}
    return run(options, name, given, watch)


def vigos(options: argparse.Namespace, name: str) -> dict[str, Any]:
    """Parts and roles of a step: teachers' passes and divergences by segment."""
    from perceptdata.trainer.engine import distillation

    def watch(trainer: Any, clock: Clock) -> None:
        read, teach = trainer.anatomy.of, trainer.taught

        def declared(ids: torch.Tensor, mask: torch.Tensor) -> Any:
            rollouts, texts = read(ids, mask)
            place = torch.arange(ids.shape[1], device=ids.device) < ids.shape[1] // 3
            valid = torch.arange(len(ids), device=ids.device) % 3 < 2
            live = mask.bool() & valid[:, None]
            return rollouts._replace(description=live & place, reasoning=live & ~place, parsed=valid), texts

        def by_role(requests: Any, pictures: Any, route: torch.Tensor, *rest: Any) -> Any:
            for number, segment in enumerate(trainer.setup.plan, start=1):
                begun = clock.now()
                teach(requests, pictures, torch.where(route == number, route, 0), *rest)
                clock._own[f"teacher {segment.name}"] = clock.now() - begun
            return teach(requests, pictures, route, *rest)

        trainer.anatomy = type("Declared", (), {"of": staticmethod(declared)})()
        trainer.taught = by_role
        clock.watch(trainer, "_generate", lambda *_: "sampling")
        clock.watch(distillation, "divergence", lambda segment, *_: f"divergence {segment.name}")

    given = {**sampled(options), "accumulate": 3, "format": {"use": "describe_think_boxed"}}
    found = run(options, "vigos", given, watch)
    # Each role was measured by passes of its own, which the method does not need.
    whole = found["seconds"]
    found["seconds"] = round(
        whole - sum(took for part, took in found["parts"].items() if part.startswith("teacher")), 4
    )
    found["tokens_a_second"] = round(found["tokens_a_second"] * whole / found["seconds"])
    return found


def preset(options: argparse.Namespace, name: str) -> dict[str, Any]:
    """Any method as it comes, made short."""
    given: dict[str, Any] = {"batch": 2, "accumulate": 2}
    if name in ("vigos", "opsd", "sdft"):
        given |= {"max_new_tokens": 64, "format": {"use": "describe_think_boxed"}}
    elif name != "sft":
        given |= {"max_new_tokens": 64, "group": 2, "band": None}

    def watch(trainer: Any, clock: Clock) -> None:
        if name != "sft":
            clock.watch(trainer, "_generate", lambda *_: "sampling")

    return run(options, name, given, watch)


def loss(options: argparse.Namespace, name: str) -> dict[str, Any]:
    """Forward and backward of Σ w·nll with a trained head."""
    from torch.nn.functional import linear
    from trl.kernels import ChunkedLogProbFunction

    from perceptdata.kernels import token_stats

    device, dtype = ("cuda", torch.bfloat16) if options.gpu else ("cpu", torch.float32)
    tokens, width = (8192, 4096) if options.gpu else (256, 256)
    draw = torch.Generator(device).manual_seed(0)
    hidden = torch.randn(tokens, width, generator=draw, device=device).to(dtype).requires_grad_()
    weight = torch.randn(VOCABULARY, width, generator=draw, device=device).mul_(width**-0.5).to(dtype).requires_grad_()
    targets = torch.randint(VOCABULARY, (tokens,), generator=draw, device=device)
    weights = torch.rand(tokens, generator=draw, device=device)
    nll: dict[str, Callable[[], torch.Tensor]] = {
        "full": lambda: -linear(hidden, weight).float().log_softmax(-1).gather(1, targets[:, None])[:, 0],
        "trl": lambda: (
            -ChunkedLogProbFunction.apply(hidden, weight, None, targets, 1.0, 32768, None, 1.0, ("log_probs",))[0]
        ),
        "ours": lambda: token_stats(hidden, weight, targets).nll,
    }

    def once() -> float:
        total = (weights * nll[name]()).sum()
        torch.autograd.grad(total, [hidden, weight])
        return total.item()

    memory, clock, laps, value = peak(options.gpu, once), Clock(options.gpu), [], 0.0
    for _ in range(options.steps):
        begun = clock.now()
        value = once()
        laps.append(clock.now() - begun)
    return {"seconds": round(min(laps), 3), "peak_mib": round(memory, 1), "value": value}


ROUTES = {"sft": sft, "losses": loss, "sight": sight, "vigos": vigos, "presets": preset}


def names(group: str) -> tuple[str, ...]:
    """The routes of a group."""
    from perceptdata.trainer.presets import METHODS

    each = {"sft": ("turns",), "losses": LOSSES, "sight": ("grpo", "pgpo"), "vigos": ("vigos",)}
    return tuple(each.get(group, METHODS))


def judged(group: str, found: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """What a group has to hold."""
    if group == "sft":
        return [
            held(f"{what} of {name} over TRL's own", found[name][key] / found["trl"][key], at_most=bound)
            for name in ("standard", "static")
            for what, key, bound in (("time", "seconds", 1.03), ("memory", "peak_mib", 1.0))
        ]
    if group == "losses":
        return [
            held("time over TRL's chunks", found["ours"]["seconds"] / found["trl"]["seconds"], at_most=1.1),
            held("memory over full logits", found["ours"]["peak_mib"] / found["full"]["peak_mib"], at_most=1.0),
        ]
    if group == "sight":
        parts, whole = found["pgpo"]["parts"], found["pgpo"]["seconds"]
        step = whole - parts["sampling"]
        return [
            held("blind pass over scoring pass", parts["blind pass"] / parts["scoring pass"], at_most=0.6),
            held("blind pass over the step without sampling", parts["blind pass"] / step, at_most=0.05),
        ]
    return []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gpu", action="store_true", help="the shapes of a 3B model, in bfloat16")
    parser.add_argument("--size", choices=SIZES, help="of the model; 3b with --gpu, else small")
    parser.add_argument("--steps", type=int, default=4, help="measured ones, after a first")
    parser.add_argument("--groups", nargs="+", choices=GROUPS)
    parser.add_argument("--route", help="GROUP/NAME: only measure this one, and say so")
    parser.add_argument("--folder", help="of model and view, for --route")
    options = parser.parse_args()
    if options.gpu and not torch.cuda.is_available():
        print(json.dumps({"not_measured": "there is no CUDA GPU on this machine"}))
        return
    options.size = options.size or ("3b" if options.gpu else "small")
    if options.route:
        group, name = options.route.split("/")
        print(json.dumps(ROUTES[group](options, name)))
        return
    groups = options.groups or [group for group in GROUPS if options.gpu or group != "presets"]
    with tempfile.TemporaryDirectory() as folder:
        write_model(options.size, Path(folder) / "model")
        write_view(64, Path(folder))
        shared = ["--folder", folder, "--size", options.size, "--steps", options.steps]
        shared += ["--gpu"] if options.gpu else []
        report: dict[str, Any] = {
            "device": torch.cuda.get_device_name() if options.gpu else "cpu, one thread",
            "size": options.size,
            "torch": torch.__version__,
        }
        for group in groups:
            found = {name: fresh(__file__, "--route", f"{group}/{name}", *shared) for name in names(group)}
            for each in found.values():
                del each["peak_memory_mib"]  # of the whole process, libraries included
            if group == "sft":
                found = found["turns"]
            report[group] = {"routes": found, "hold": judged(group, found)}
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
