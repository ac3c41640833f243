"""Will it fit, and how long will it take: memory by ways to spread a run, time by counting operations.

    seen = forecast(lambda: skeleton(model), options, Rows(tokens=2048, scored=512, images=1024), steps=500, device=…)
    seen.fits, seen.refusal, seen.step_seconds, seen.assumption

Memory is that of `memory`, for the lengths that 95 % of the rows keep under; a twelfth of the device is left to the
driver and to fragmentation. Time is floating-point operations over 40 % of what the device's matrix products reach, and
for sampling with `generate` at least one reading of the weights a token; neither waits for data, rewards or judges.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from perceptdata.trainer.memory import Kind, Need, Network, State, Way, Work, needed
from perceptdata.trainer.options import Lora
from perceptdata.trainer.presets import Method
from perceptdata.trainer.presets.distillation import Distillation
from perceptdata.trainer.presets.grpo import Grpo, Papo, Pgpo, Vppo

if TYPE_CHECKING:
    from transformers import PreTrainedModel

GIB = 1 << 30
ROOM = 11 / 12
REACHED = 0.4
"""Of the rate of matrix products, by a whole training step."""

ASSUMED, READING = 800e12, {True: 2e12, False: 1e10}
"""FLOPs a second of a GPU that is not here, in bfloat16; bytes a second that a GPU and a CPU read."""

SHARES = (2, 4, 8, 16, 32, 64)
PASSES: dict[State, int] = {"trained": 3, "adapted": 2, "passing": 2, "still": 1}
"""Over a stack of layers, in units of a forward pass: its gradients cost one for inputs and one for weights."""


@dataclass(frozen=True, slots=True)
class Device:
    """What a run would be on: bytes of memory, and FLOPs a second of a matrix product.

    `present` tells one that was asked from one that is assumed.
    """

    name: str
    memory: int
    rate: float
    gpu: bool
    present: bool

    @classmethod
    def chosen(cls, memory_gib: float | None) -> Device:
        """A GPU of so much memory that is elsewhere; else the one that is here; else this CPU."""
        import torch

        if memory_gib is not None:
            return cls(f"a GPU of {memory_gib:g} GiB", round(memory_gib * GIB), ASSUMED, gpu=True, present=False)
        if torch.cuda.is_available():
            found = torch.cuda.get_device_properties(0)
            return cls(found.name, found.total_memory, _rate("cuda"), gpu=True, present=True)
        whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return cls("this CPU", whole, _rate("cpu"), gpu=False, present=True)

    @property
    def assumption(self) -> str:
        """What the times rest on."""
        how = "a product reached here" if self.present else "are assumed, not measured"
        return f"{REACHED:.0%} of the {self.rate / 1e12:,.3g} TFLOP/s that {how}"


def _rate(kind: str) -> float:
    """FLOPs a second of one square matrix product, best of three."""
    import torch

    side, dtype = (8192, torch.bfloat16) if kind == "cuda" else (768, torch.float32)
    one = torch.ones(side, side, dtype=dtype, device=kind)
    best = float("inf")
    for _ in range(3):
        begun = time.perf_counter()
        float((one @ one)[0, 0])  # waits for the GPU
        best = min(best, time.perf_counter() - begun)
    return 2 * side**3 / best


class Rows(NamedTuple):
    """Tokens of a row, of those the scored ones and those of images."""

    tokens: int
    scored: int
    images: int


@dataclass(frozen=True, slots=True)
class Line:
    """One way to run it. `chosen` is what the options say."""

    way: Kind
    devices: int
    lora: bool
    need: Need
    fits: bool
    chosen: bool


@dataclass(frozen=True, slots=True)
class Forecast:
    """The table, the time of one optimiser step and of the run, and why it cannot be run, where it cannot."""

    device: Device
    lines: tuple[Line, ...]
    step_seconds: float
    seconds: float
    assumption: str
    refusal: str | None

    def to_json(self) -> dict[str, Any]:
        """Plain values; every need with its total."""
        found = asdict(self)
        for line, own in zip(found["lines"], self.lines, strict=True):
            line["need"] = {**own.need._asdict(), "total": own.need.total}
        return found


def forecast(
    skeleton: Callable[[], PreTrainedModel], options: Method, rows: Rows, steps: int, device: Device, devices: int
) -> Forecast:
    """Of a method with its options, on so many devices. `skeleton` makes a network without weights."""
    known: dict[bool, Variant] = {}
    for own in (options, _other(options)):
        if own is not None:
            network = Network.of(skeleton(), own)
            known[own.lora is not None] = Variant(own, network, work_of(network, own, rows), device)
    mine = known[options.lora is not None]
    ways: list[tuple[Kind, int]] = [("one", 1)]
    kinds: tuple[Kind, ...] = ("ddp", "fsdp", "zero3") if mine.generates else ("ddp", "fsdp")
    counts = (devices,) if devices > 1 else SHARES[:3]
    # A whole copy a device needs the same on any number of them.
    ways += [(kind, count) for count in counts for kind in kinds if kind != "ddp" or count == counts[0]]
    lines = tuple(
        known[lora].line(kind, count, chosen=known[lora] is mine and count == devices)
        for lora in sorted(known)
        for kind, count in ways
    )
    refusal = None
    if not any(line.fits for line in lines if line.chosen):
        refusal = _refusal(mine, known.get(options.lora is None), [line for line in lines if line.chosen])
    seconds = mine.step_seconds()
    return Forecast(device, lines, seconds, seconds * steps, device.assumption, refusal)


class Variant(NamedTuple):
    """One set of options on one device."""

    options: Method
    network: Network
    work: Work
    device: Device

    @property
    def generates(self) -> bool:
        """Are rollouts sampled by the model that is trained, in its own process?"""
        return isinstance(self.options, Grpo | Distillation) and self.options.vllm is None

    def line(self, kind: Kind, count: int, chosen: bool) -> Line:
        """Its need, spread so."""
        way = Way(kind, count, self.device.gpu, self.device.memory)
        need = needed(self.network, self.work, way, self.options)
        fits = need.total <= ROOM * self.device.memory
        return Line(kind, count, self.options.lora is not None, need, fits, chosen)

    def step_seconds(self) -> float:
        """Of one optimiser step: what is learned from, looked at once more, and sampled."""
        options, network, work = self.options, self.network, self.work
        again = options.checkpointing and self.device.gpu
        language = work.rows * work.tokens * network.language.operations(work.tokens // 2)
        tower = 0 if network.tower is None else work.rows * work.patches * network.tower.operations(work.patches)
        head = work.rows * work.scored * network.language.width * network.vocabulary
        learned = sum(
            PASSES[state] * cost + (cost if again and state != "still" else 0)
            for state, cost in ((network.states["language"], language), (network.states["vision"], tower))
        )
        units = (12 if isinstance(options, Distillation) else 8) - (0 if network.head_moves else 2)
        looked = _looks(options) * (language + tower + 2 * head)
        total = options.accumulate * (learned + units * head + looked)
        seconds = total / (REACHED * self.device.rate)
        if not work.sampled:
            return seconds
        updates = options.updates if isinstance(options, Grpo) else 1
        drawn = options.accumulate * (language + tower + 2 * head) / (REACHED * self.device.rate)
        read = work.new / updates * network.parameters * (2 if self.device.gpu else 4) / READING[self.device.gpu]
        return seconds + max(drawn, read)


def work_of(network: Network, options: Method, rows: Rows) -> Work:
    """One forward pass of a method over such rows."""
    sampled = options.batch * options.accumulate if isinstance(options, Grpo | Distillation) else 0
    if isinstance(options, Grpo):
        sampled *= options.updates
    patches = rows.images * network.patches_a_token if network.tower is not None else 0
    return Work(options.batch, rows.tokens, rows.scored, patches, sampled, options.new_tokens)


def _looks(options: Method) -> float:
    """Forward passes over each rollout beside the one that is learned from, averaged over the steps."""
    if isinstance(options, Distillation):
        plan = [segment for segment in options.segments or options.plan() if segment.rollouts != "invalid"]
        informed = sum(segment.teacher != "image" for segment in plan)
        again = options.palr_wrong * informed + len(plan)
        return len(plan) + (again / options.palr_every if options.palr_every else 0)
    if not isinstance(options, Grpo):
        return 0
    return bool(options.beta) + 2 * isinstance(options, Pgpo | Vppo | Papo) + (options.updates > 1)


def _other(options: Method) -> Method | None:
    """The same with adapters, or without; None where its options do not go together so."""
    given = options.model_dump(by_alias=True, exclude={"lora", "train"}, exclude_unset=True)
    try:
        return type(options).model_validate({**given, "lora": Lora() if options.lora is None else None})
    except ValidationError:
        return None


def _refusal(mine: Variant, other: Variant | None, lines: Sequence[Line]) -> str:
    """What it needs, what there is, and what would fit."""
    options, device = mine.options, mine.device
    least = min(lines, key=lambda line: line.need.total)
    devices = least.devices
    would = []
    if options.lora is None and other is not None:
        would += [f"lora ({_gib(line)} GiB)" for line in [other.line(least.way, devices, False)] if line.fits]
    split = (mine.line("fsdp", count, False) for count in SHARES if count > devices)
    would += [f"{line.devices} devices with FSDP ({_gib(line)} GiB each)" for line in split if line.fits][:1]
    if options.batch > 1:
        alone = mine._replace(work=mine.work._replace(rows=1)).line(least.way, devices, False)
        would += [f"batch 1 ({_gib(alone)} GiB)"] if alone.fits else []
    if (shorter := _shorter(mine, least)) is not None:
        would.append(shorter)
    room = ROOM * device.memory / GIB
    way = f" even split over {devices} of them" if least.devices > 1 and least.way != "ddp" else ""
    what = f"{options.method} needs {_gib(least)} GiB on {device.name}{way}, and {room:.3g} can be used there"
    return f"{what}; it would fit with {', or '.join(would)}" if would else f"{what}; take a smaller model"


def _shorter(mine: Variant, least: Line) -> str | None:
    """The longest row, or rollout, of a multiple of 64 tokens that fits."""
    work, low = mine.work, 0
    name, longest = ("max_new_tokens", work.new) if work.sampled else ("max_length", work.tokens)
    high = longest // 64
    while low < high:
        middle = (low + high + 1) // 2
        less = longest - 64 * middle
        cut = work._replace(tokens=work.tokens - less, scored=max(work.scored - less, 64), new=max(work.new - less, 0))
        if mine._replace(work=cut).line(least.way, least.devices, False).fits:
            low = middle
        else:
            high = middle - 1
    return f"{name} {64 * low}" if low else None


def _gib(line: Line) -> str:
    return f"{line.need.total / GIB:.3g}"
