"""What a step holds: formulas by hand, against what autograd saves, and against the measured peak of real steps."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from models import tiny as factory
from models import training
from torch.autograd.graph import saved_tensors_hooks
from torch.profiler import ProfilerActivity, profile

from perceptdata.trainer.memory import Need, Network, Stack, Way, Work, needed
from perceptdata.trainer.model import adapt
from perceptdata.trainer.presets import make
from perceptdata.trainer.preview import skeleton

BELOW, ABOVE = 0.97, 1.2
"""A forecast may lie so far from what is measured."""


@pytest.fixture(scope="module")
def wider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    """Tiny models of width 256, of which activations weigh something."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"HIDDEN": 256, "HEADS": 16, "KV_HEADS": 4, "LAYERS": 4}.items():
            patch.setattr(factory, name, value)
        where = tmp_path_factory.mktemp("wider")
        yield lambda family: factory.write(family, where)


STACK = Stack(layers=2, width=8, inner=16, queries=8, keys=4, heads=2, gated=True, norms_queries=False)


def test_a_layer_by_hand() -> None:
    """H 8, I 16, Q 8, 2 heads; float32 throughout, then bfloat16 products on float32 weights."""
    norms, attention, statistics = 2 * (4 + 4 + 4) * 8, 4 * 4 * 8, 4 * 2
    assert STACK.saved("trained", 4, 4, 0) == norms + attention + 4 * 4 * 16 + statistics
    norms, attention = 2 * (4 + 4) * 8 + 5 * 2 * 8, 4 * 2 * 8
    assert STACK.saved("trained", 4, 2, 0) == norms + attention + 4 * 2 * 16 + statistics
    inputs = 3 * 8 + 8 + 2 * 8 + 16
    assert STACK.saved("adapted", 2, 2, 3) == 2 * 4 * 8 + attention + 3 * 2 * 16 + statistics + 3 * inputs
    assert STACK.saved("passing", 2, 2, 3) == 2 * 4 * 8 + attention + 3 * 2 * 16 + statistics
    bare = STACK._replace(gated=False)
    assert bare.saved("trained", 4, 4, 0) == 2 * 12 * 8 + 4 * 4 * 8 + 2 * 4 * 16 + statistics


def test_operations_by_hand() -> None:
    """Two FLOPs a weight, and 4 Q for each token that is looked at."""
    weights = 8 * (2 * 8 + 2 * 4 + 3 * 16)
    assert STACK.operations(reach=10) == 2 * (2 * weights + 4 * 8 * 10)


def network(moving: int = 1000, **more: Any) -> Network:
    known: dict[str, Any] = {
        **{"language": STACK, "tower": None, "states": {"language": "trained", "vision": "still"}},
        **{"parameters": 1000, "moving": moving, "adapters": 0, "block": 200, "last_block": 150, "outside": 600},
        **{"vocabulary": 50, "head_moves": True, "stored": 2, "patches_a_token": 4},
    }
    return Network(**{**known, **more})


WORK = Work(rows=2, tokens=10, scored=4, patches=0)


def test_what_stays_by_hand() -> None:
    full, lora = make("sft", {}), make("sft", {"lora": {}})
    assert needed(network(), WORK, Way("one"), full)[:4] == (4000, 4000, 8000, 0)
    assert needed(network(), WORK, Way("ddp", 4), full)[:3] == (4000, 8000, 8000)
    whole = (2 * 200 + 600) * (2 + 4)
    assert needed(network(), WORK, Way("fsdp", 4), full)[:3] == (1000 + whole, 1000, 2000)
    adapted = network(moving=50, adapters=50)
    assert needed(adapted, WORK, Way("one"), lora)[:3] == (2 * 1000 + 4 * 50, 200, 400)
    assert needed(network(), WORK, Way("one"), make("sft", {"lambda": "ngdiff"})).gradients == 12000
    last = make("sft", {"lambda": "ngdiff", "ngdiff": {"of": "last_block"}})
    assert needed(network(), WORK, Way("one"), last).gradients == 4000 + 8 * 150


def test_copies_by_hand() -> None:
    one = Way("one")
    assert needed(network(), WORK, one, make("grpo", {"beta": 0.1})).copies == 4000
    assert needed(network(), WORK, Way("zero3", 4), make("grpo", {"beta": 0.1})).copies == 1000
    assert needed(network(), WORK, one, make("grpo", {"beta": 0.1, "lora": {}})).copies == 0
    taught = WORK._replace(new=6)
    states = 2 * 8 * 6 * 8 * 2  # batch 2, accumulate 8, new 6, width 8, bfloat16
    assert needed(network(), taught, one, make("vigos", {})).copies == 2000 + states
    assert needed(network(), taught, one, make("vigos", {"teacher_ema": 0.9})).copies == 4000 + states
    assert needed(network(), taught, one, make("vigos", {"lora": {}})).copies == states


def test_sampling_by_hand() -> None:
    """5 rollouts of 6 prompt tokens and 4 new ones; keys are kept in float32, as rotated, values in bfloat16."""
    work, options = WORK._replace(sampled=5, new=4), make("grpo", {})
    cache = 2 * 5 * 10 * 4 * (4 + 2)
    prompt = 5 * 6 * (2 * 2 * 16 + 2 * 4 * 8)
    assert needed(network(), work, Way("one"), options).sampling == cache + prompt + 4 * 5 * 50
    gathered = needed(network(), work, Way("zero3", 4), options).sampling
    assert gathered == cache + prompt + 4 * 5 * 50 + 4000
    vllm = make("grpo", {"vllm": {"memory": 0.25}})
    assert needed(network(), work, Way("one", memory=1000), vllm).sampling == 250
    server = make("grpo", {"vllm": {"mode": "server"}})
    assert needed(network(), work, Way("one", memory=1000), server).sampling == 0


def test_the_worst_moment_is_learning_or_sampling() -> None:
    assert Need(1, 2, 3, 4, 50, 60, 100).total == 10 + 110
    assert Need(1, 2, 3, 4, 50, 60, 200).total == 10 + 200


def test_checkpointing_keeps_one_state_a_layer() -> None:
    """20 tokens of 8 in float32 for each of 2 layers, 4 times around them, and a mask of 100 a row."""
    again = needed(network(), WORK, Way("one"), make("sft", {}))
    whole = needed(network(), WORK, Way("one"), make("sft", {"checkpointing": False}))
    assert again.activations == (2 + 4) * 20 * 4 * 8 + 200
    own = 20 * STACK.saved("trained", 4, 2, 0) + 2 * 100 * 2
    assert whole.activations == 2 * own + 4 * 20 * 4 * 8 + 200 + 2 * 1000  # and autocast's copies of the weights
    tile, states, head = 8 * 32768 * 2, 8 * 8 * (4 + 2 + 4), 4 * 50 * 8
    assert whole.working == tile + states + head
    assert again.working == whole.working + 2000


@pytest.mark.parametrize(("train", "language", "vision"), [
    (["vision", "projector", "language", "head"], "trained", "trained"),
    (["projector"], "passing", "still"),
    (["head"], "still", "still"),
])  # fmt: skip
def test_gradients_reach_what_lies_above(tiny: Any, train: list[str], language: str, vision: str) -> None:
    found = Network.of(skeleton(str(tiny("internvl"))), make("sft", {"train": train}))
    assert found.states == {"language": language, "vision": vision}
    assert found.head_moves == ("head" in train)


@pytest.mark.parametrize("family", factory.TRAINED)
def test_shapes_are_read_from_every_family(tiny: Any, family: str) -> None:
    meta = skeleton(str(tiny(family)))
    found = Network.of(meta, make("sft", {}))
    assert found.language[:6] == (2, 64, 128, 64, 32, 4)
    assert found.language.gated
    assert found.language.norms_queries == (family == "qwen3_vl")
    assert found.tower is not None
    assert found.tower[:3] == (2, 32, 64)
    assert found.tower.gated == (family == "qwen2_5_vl")
    assert found.parameters == sum(value.numel() for value in meta.parameters()) == found.moving
    assert found.patches_a_token == 4


def saved_by_one_layer(folder: Path, options: Any, autocast: bool) -> float:
    """Bytes a token that the second decoder layer leaves for the way back, weights left out."""
    from transformers import AutoModelForImageTextToText

    network = AutoModelForImageTextToText.from_pretrained(folder)
    if options.lora is not None:
        network = adapt(network.to(torch.bfloat16), options)
        network.enable_input_require_grads()
    network.train()
    base = network.get_base_model() if options.lora is not None else network
    layer = base.get_decoder().layers[1]
    log: list[torch.Tensor] = []
    ends: list[int] = []
    layer.register_forward_pre_hook(lambda *_: ends.append(len(log)))
    layer.register_forward_hook(lambda *_: ends.append(len(log)))

    def keep(value: torch.Tensor) -> torch.Tensor:
        log.append(value)
        return value

    ids = torch.randint(10, 300, (2, 64))
    mask = torch.ones_like(ids)
    mask[0, :5] = 0
    given = {} if "internvl" in str(folder) else {"mm_token_type_ids": torch.zeros_like(ids)}
    cast = torch.autocast("cpu", torch.bfloat16) if autocast else nullcontext()
    with saved_tensors_hooks(keep, lambda value: value), cast:
        base.base_model(input_ids=ids, attention_mask=mask, **given)
    before = {value.untyped_storage().data_ptr() for value in log[: ends[0]]}
    before |= {value.untyped_storage().data_ptr() for value in network.parameters()}
    own = {value.untyped_storage().data_ptr(): value for value in log[ends[0] : ends[1]]}
    of_tokens = [value for at, value in own.items() if at not in before and len(value) in (2, ids.numel())]
    return sum(value.untyped_storage().nbytes() for value in of_tokens) / ids.numel()


@pytest.mark.parametrize(
    ("options", "autocast", "weight", "product"),
    [({}, False, 4, 4), ({}, True, 4, 2), ({"lora": {"r": 4}}, True, 2, 2)],
    ids=["float32", "bfloat16", "lora"],
)
@pytest.mark.parametrize("family", factory.TRAINED)
def test_a_layer_saves_what_the_formula_says(
    wider: Callable[[str], Path], family: str, options: dict[str, Any], autocast: bool, weight: int, product: int
) -> None:
    chosen, folder = make("sft", options), wider(family)
    found = Network.of(skeleton(str(folder)), chosen)
    # 64 tokens, so a mask of 64 a token; dropout on a CPU keeps its mask in float32.
    said = found.language.saved(found.states["language"], weight, product, product + 4) + 64 * product
    measured = saved_by_one_layer(folder, chosen, autocast)
    assert said == pytest.approx(measured, rel=0.02)


def peak(work: Callable[[], Any]) -> int:
    """The most bytes that it holds beyond what was there."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        work()
    events = [event for event in seen.profiler.kineto_results.events() if event.name() == "[memory]"]
    held = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        most = max(most, held)
    return most


@pytest.mark.parametrize(
    ("options", "as_gpu"), [({}, False), ({"lora": {"r": 4}}, False), ({}, True)], ids=["full", "lora", "checkpointed"]
)
def test_a_step_peaks_where_the_forecast_says(
    wider: Callable[[str], Path], cards: Path, tmp_path: Path, monkeypatch: Any, options: dict[str, Any], as_gpu: bool
) -> None:
    """Two steps of two micro-batches each; `as_gpu` is bfloat16 by autocast and recomputed activations."""
    given = {"batch": 2, "accumulate": 2, "steps": 2, **options}
    common = training.common_arguments
    more = {"bf16": True, "gradient_checkpointing": True} if as_gpu else {}
    monkeypatch.setattr(training, "common_arguments", lambda *known: common(*known) | more)
    folder = wider("qwen2_5_vl")
    trainer = training.build(folder, cards, tmp_path, **given)
    trainer.args.max_steps = 2
    shapes: list[tuple[int, int]] = []
    collate = trainer.data_collator

    def watched(rows: Any) -> Any:
        batch = collate(rows)
        shapes.append((batch["input_ids"].shape[1], len(batch.get("pixel_values", ())) // 2))
        return batch

    trainer.data_collator = watched
    weights = sum(value.numel() * value.element_size() for value in trainer.model.parameters())
    measured = weights + peak(trainer.train)
    longest, patches = (max(column) for column in zip(*shapes, strict=True))
    chosen = make("sft", given)
    # TRL scores every position where there is no Triton.
    work = Work(rows=2, tokens=longest, scored=longest, patches=patches)
    need = needed(Network.of(skeleton(str(folder)), chosen), work, Way("one", gpu=as_gpu), chosen)
    assert weights <= need.weights <= 1.01 * weights
    assert BELOW * measured <= need.total <= ABOVE * measured
