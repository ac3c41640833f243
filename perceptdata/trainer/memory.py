"""What a step holds in a device's memory, by formulas: from shapes alone, before a weight is loaded.

    network = Network.of(skeleton("Qwen2.5-VL-3B"), options)
    need = needed(network, Work(rows=1, tokens=2048, scored=512, patches=4096), Way("fsdp", 8), options)
    need.weights, need.activations, need.total              # bytes a device

P parameters, M of them moving, n devices, s = n where weights are split (FSDP, ZeRO-3), else 1. w bytes has a weight (4
where it moves: bfloat16 would round updates away; under adapters what the checkpoint has), c a product (2 on a GPU, by
autocast). H width, I inner width, Q and K widths of queries and keys, L layers, T tokens of a row, B rows, V words.

    weights       wP/s, 4 for adapters; split: 2 blocks and what is in no block are whole, c each, 4 more for gradients
    gradients     4M/s; twice for DDP, whose buckets are copies; 8M more for ngdiff (of all, or of the last block)
    optimiser     8M/s: AdamW's two moments in float32
    copies        reference or teacher, P/s times the bytes it is loaded in; teachers' hidden states
    activations   what waits for the way back: BT·L·a without checkpointing, and Mc where autocast keeps the weights of
                  products; BT·L·wH with it. The tower likewise, by its patches. Around the layers, embeddings, with
                  pictures, and the last norm, BT·4wH. Masks, BT²(1 + c a layer)
    working       the larger of the head and of one layer. Head: a tile of logits, the states of N scored tokens, cast,
                  and their gradients, N(w + c + 4)H, 4VH for its own gradient, and with checkpointing autocast's
                  weights, Mc. Layer: two gradients of I and of H, and with checkpointing its a
    sampling      keys and values by `generate`, L(w + c)K for each token of all rollouts of a batch; under ZeRO-3 all
                  weights whole; vLLM's share of the device. Not there while learning: the larger of both counts

a, of one layer and token: trained 4H + wH for each norm, the inputs of its matrices (as autocast casts them: one for
each of five), 4cQ of attention, 4cI (2cI without a gate); frozen 4H a norm, 4cQ, 3cI (1cI), and with adapters the input
of each once more, and its dropout's mask. For one layer this is what autograd saves, to the byte but for masks and
statistics; for a whole step of a small model it was 1 to 17 % above the measured peak (tests/trainer/test_memory.py).
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from perceptdata.trainer.core.parts import last_block, part_of
from perceptdata.trainer.presets import Method
from perceptdata.trainer.presets.distillation import Distillation
from perceptdata.trainer.presets.grpo import Grpo
from perceptdata.trainer.presets.sft import Sft

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Kind = Literal["one", "ddp", "fsdp", "zero3"]
State = Literal["trained", "adapted", "passing", "still"]
"""Of a stack of layers: weights move; adapters do; neither, but gradients pass through; nothing passes."""

CHUNK = (4096, 32768)
"""TRL's tile of logits, of which the second side is never smaller."""

_BLOCK = re.compile(r"^(.*?\.\d+)\.")


class Stack(NamedTuple):
    """Layers of one shape: a language model's, or a tower's. `inner` counts the experts that a token goes through."""

    layers: int
    width: int
    inner: int
    queries: int
    keys: int
    heads: int
    gated: bool
    norms_queries: bool

    @classmethod
    def of(cls, config: Any, names: list[str]) -> Stack:
        """From a configuration, under any of the names that families use, and the names of its parameters."""
        heads = _first(config, "num_attention_heads", "num_heads")
        width = config.hidden_size
        head = getattr(config, "head_dim", None) or width // heads
        experts = getattr(config, "num_experts_per_tok", None)
        inner = config.intermediate_size if experts is None else experts * config.moe_intermediate_size
        return cls(
            _first(config, "num_hidden_layers", "depth"),
            width,
            inner,
            heads * head,
            (getattr(config, "num_key_value_heads", None) or heads) * head,
            heads,
            any("gate" in name for name in names),
            any(".q_norm." in name for name in names),
        )

    def saved(self, state: State, weight: int, product: int, adapter: int) -> int:
        """Bytes of one layer and token that wait for the way back (a). `adapter` is that of an adapted input's byte."""
        wide, inner = self.width, self.inner
        inputs = 3 * wide + self.queries + (2 if self.gated else 1) * wide + inner
        apiece = 2 * 4 * wide + 4 * product * self.queries + 4 * self.heads
        if self.norms_queries:
            apiece += (4 + (product if state == "trained" else 0)) * (self.queries + self.keys)
        if state == "trained":
            casts = 2 * weight if weight == product else (5 if self.gated else 4) * product
            return apiece + (2 * weight + casts) * wide + (4 if self.gated else 2) * product * inner
        apiece += (3 if self.gated else 1) * product * inner
        return apiece + (adapter * inputs if state == "adapted" else 0)

    def passing(self, weight: int, product: int) -> int:
        """Bytes of one layer and token that exist only while it is computed, or its gradients."""
        return 2 * product * self.inner + 2 * weight * self.width

    def operations(self, reach: int) -> int:
        """FLOPs of one token forward, which looks at `reach` tokens."""
        matrices = 2 * self.queries + 2 * self.keys
        return (
            2
            * self.layers
            * (self.width * (matrices + (3 if self.gated else 2) * self.inner) + 2 * reach * self.queries)
        )


@dataclass(frozen=True, slots=True)
class Network:
    """Shapes and sizes of a model. `block` is its largest block's parameters, `outside` those of no block."""

    language: Stack
    tower: Stack | None
    states: dict[str, State]
    parameters: int
    moving: int
    adapters: int
    block: int
    last_block: int
    outside: int
    vocabulary: int
    head_moves: bool
    stored: int
    patches_a_token: int

    @classmethod
    def of(cls, network: PreTrainedModel, options: Method) -> Network:
        """Of a network without weights, which is wrapped in adapters here where the options want them."""
        import torch

        from perceptdata.trainer.model import adapt

        config: Any = network.config
        sizes = {name: value.numel() for name, value in network.named_parameters()}
        blocks: dict[str, int] = {}
        for name, size in sizes.items():
            if (found := _BLOCK.match(name)) is not None:
                blocks[found[1]] = blocks.get(found[1], 0) + size
        towers = [name for name in sizes if part_of(name) == "vision"]
        stack = Stack.of(config.get_text_config(), [name for name in sizes if part_of(name) == "language"])
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # peft reads what transformers is about to rename
            adapted = adapt(network, options)
        moving = sum(value.numel() for value in adapted.parameters() if value.requires_grad)
        stored = config.dtype or getattr(config.get_text_config(), "dtype", None) or torch.float32
        head = network.get_output_embeddings().weight
        return cls(
            stack,
            Stack.of(config.vision_config, towers) if towers else None,
            _states(options),
            sum(sizes.values()),
            moving,
            moving if options.lora is not None else 0,
            max(blocks.values()),
            sum(sizes[name] for name in last_block(sizes)),
            sum(sizes.values()) - sum(blocks.values()),
            config.get_text_config().vocab_size,
            head.requires_grad,
            stored.itemsize,
            _patches(config),
        )


class Work(NamedTuple):
    """One forward pass: rows, a row's tokens and those that the head scores, and its images' patches.

    `sampled` rollouts of `new` tokens each are drawn at once.
    """

    rows: int
    tokens: int
    scored: int
    patches: int
    sampled: int = 0
    new: int = 0


class Way(NamedTuple):
    """How a run is spread over `devices` of so much `memory`. `gpu` tells bfloat16 from float32."""

    kind: Kind
    devices: int = 1
    gpu: bool = True
    memory: int = 0

    @property
    def split(self) -> int:
        """Among how many devices a weight is."""
        return self.devices if self.kind in ("fsdp", "zero3") else 1


class Need(NamedTuple):
    """Bytes of one device."""

    weights: int
    gradients: int
    optimiser: int
    copies: int
    activations: int
    working: int
    sampling: int

    @property
    def total(self) -> int:
        """At the worst moment of a step."""
        kept = self.weights + self.gradients + self.optimiser + self.copies
        return kept + max(self.activations + self.working, self.sampling)


def needed(network: Network, work: Work, way: Way, options: Method) -> Need:
    """By the formulas above."""
    weight = 4 if options.lora is None else network.stored
    product = 2 if way.gpu else weight
    whole = 0
    if way.split > 1:
        whole = (2 * network.block + network.outside) * (product + (4 if options.lora is None else 0))
    weights = (weight * network.parameters + 4 * network.adapters) // way.split + whole
    gradients = 4 * network.moving // way.split * (2 if way.kind == "ddp" else 1)
    if isinstance(options, Sft) and options.lambda_ == "ngdiff" and options.ngdiff.of != "head":
        gradients += 8 * (network.moving if options.ngdiff.of == "all" else network.last_block)
    return Need(
        weights,
        gradients,
        8 * network.moving // way.split,
        _copies(network, work, way, options, product),
        *_learning(network, work, way, options, weight, product),
        _sampling(network, work, way, options, weight, product),
    )


def _learning(network: Network, work: Work, way: Way, options: Method, weight: int, product: int) -> tuple[int, int]:
    """Activations, and what works on them."""
    again = options.checkpointing and way.gpu
    dropped = 0 if options.lora is None or not options.lora.dropout else (1 if way.gpu else 4)
    kept = layer = 0
    for name, stack, tokens in (
        ("language", network.language, work.rows * work.tokens),
        ("vision", network.tower, work.rows * work.patches),
    ):
        if stack is None:
            continue
        state = network.states[name]
        own = tokens * stack.saved(state, weight, product, product + dropped)
        if name == "language":
            own += work.rows * work.tokens**2 * product
            kept += work.rows * work.tokens**2 + (4 * tokens * weight * stack.width if state != "still" else 0)
        layer = max(layer, tokens * stack.passing(weight, product) + (own if again and state != "still" else 0))
        if state != "still":
            kept += stack.layers * (tokens * weight * stack.width if again else own)
    cast = product * network.moving if options.lora is None and product != weight and way.split == 1 else 0
    head = _head(network, work, way, isinstance(options, Distillation), weight, product)
    return (kept, max(layer, cast + head)) if again else (kept + cast, max(layer, head))


def _head(network: Network, work: Work, way: Way, diverges: bool, weight: int, product: int) -> int:
    """Off a GPU, TRL scores every position, and its tiles are of plain torch."""
    from perceptdata.kernels.tile import Tile

    wide = network.language.width
    scored = work.rows * (work.scored if way.gpu or diverges else work.tokens)
    if diverges:
        tile = Tile.fitting(scored, network.vocabulary)
        tiles = 5 * 4 * tile.tokens * tile.vocabulary
    else:
        high = min(scored, CHUNK[0])
        tiles = high * CHUNK[1] * product + (0 if way.gpu else 5 * 4 * high * min(network.vocabulary, CHUNK[1]))
    return tiles + scored * wide * (weight + product + 4) + (4 * network.vocabulary * wide if network.head_moves else 0)


def _copies(network: Network, work: Work, way: Way, options: Method, product: int) -> int:
    whole = options.lora is None
    if isinstance(options, Grpo):
        return 4 * network.parameters // way.split if whole and options.beta else 0
    if not isinstance(options, Distillation):
        return 0
    states = options.batch * options.accumulate * work.new * network.language.width * product
    apiece = network.stored if options.teacher_ema is None else 4
    return states + (apiece * network.parameters // way.split if whole else 0)


def _sampling(network: Network, work: Work, way: Way, options: Method, weight: int, product: int) -> int:
    if not work.sampled:
        return 0
    if isinstance(options, Grpo | Distillation) and options.vllm is not None:
        return round(options.vllm.memory * way.memory) if options.vllm.mode == "colocate" else 0
    stack = network.language
    tokens = work.sampled * (work.tokens - work.scored + work.new)
    cache = stack.layers * tokens * stack.keys * (weight + product)
    prompt = work.sampled * (work.tokens - work.scored) * stack.passing(weight, product)
    gathered = weight * network.parameters if way.kind == "zero3" and way.split > 1 else 0
    return cache + prompt + gathered + 4 * work.sampled * network.vocabulary


def _states(options: Method) -> dict[str, State]:
    """Of the language model and of the tower. Gradients reach what lies below only through what lies above."""
    parts = set(options.train)
    own: State = "trained" if options.lora is None else "adapted"
    below = parts & {"vision", "projector"}
    return {
        "language": own if "language" in parts else "passing" if below else "still",
        "vision": own if "vision" in parts else "still",
    }


def _patches(config: Any) -> int:
    """How many patches of the tower become one token."""
    vision = getattr(config, "vision_config", None)
    merged = getattr(vision, "spatial_merge_size", None)
    if merged is None:
        merged = round(1 / getattr(config, "downsample_ratio", 1.0))
    return int(merged**2)


def _first(config: Any, *names: str) -> int:
    return next(int(getattr(config, name)) for name in names if getattr(config, name, None) is not None)
