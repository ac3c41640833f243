"""The model that is trained: a checkpoint's network with gradients where they are wanted, and its reader.

    model = TrainedModel.load("Qwen3-VL-8B", options)
    model.network, model.reader, model.trained              # names of the parameters that move

What would fail late or silently fails at the start: a network that does not look at images, a processor that pads on
the wrong side, image tokens that could be sampled into an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perceptdata.errors import UsageError
from perceptdata.trainer.core.parts import trains
from perceptdata.trainer.options import Options
from perceptdata.vlm.loading import LocalModel
from perceptdata.vlm.rendering import fit
from perceptdata.vlm.sight import looks_at_images

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """`reader` is the loaded checkpoint, whose network is `network`, wrapped by peft where there are adapters.

    `stored` is the dtype that the checkpoint came in, and goes out in.
    """

    reader: LocalModel
    network: PreTrainedModel
    trained: tuple[str, ...]
    stored: torch.dtype

    @classmethod
    def load(cls, source: str, options: Options, rows_have_images: bool = True) -> TrainedModel:
        """Load, check, freeze and adapt. Make the training arguments first: ZeRO-3 splits weights as they are loaded.

        Raises UsageError for a checkpoint that cannot be trained so.
        """
        # Weights that move need more digits than bfloat16 has: an update of a thousandth would be rounded away. The
        # products still run in bfloat16, by autocast. What adapters stand on does not move.
        reader = LocalModel.load(source, dtype="float32" if options.lora is None else "auto")
        if rows_have_images and not _is_split() and not looks_at_images(reader):
            raise UsageError(
                f"{source} predicts the same for a blank image and a drawing: it does not look at images, so nothing "
                "can be learned of perception; check its processor, its chat template and its vision tower"
            )
        reader.tokenizer.padding_side = "left"
        _bound_pixels(reader, options.max_pixels)
        network = adapt(reader.network, options)
        network.config.use_cache = False
        named = tuple(name for name, parameter in network.named_parameters() if parameter.requires_grad)
        return cls(reader, network, named, _stored(source, reader.network))


def _is_split() -> bool:
    """Whether ZeRO-3 splits weights as they are loaded: then no forward pass is possible before it has begun."""
    from transformers.integrations import is_deepspeed_zero3_enabled

    return bool(is_deepspeed_zero3_enabled())


def adapt(network: PreTrainedModel, options: Options) -> PreTrainedModel:
    """The network with gradients where the options want them, wrapped by peft where they want adapters."""
    moves = trains([name for name, _ in network.named_parameters()], options.train)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(moves[name])
    wrapped: Any = network
    if options.lora is not None:
        import peft

        config = peft.LoraConfig(
            r=options.lora.r,
            lora_alpha=options.lora.alpha,
            lora_dropout=options.lora.dropout,
            target_modules=_targets(moves, options.lora.targets),
            task_type="CAUSAL_LM",
        )
        wrapped = peft.get_peft_model(network, config)
    return wrapped.train()


def _stored(source: str, network: PreTrainedModel) -> torch.dtype:
    """What the configuration on disk says; the loaded one has been told otherwise."""
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(str(Path(source).expanduser())).dtype or network.dtype


def _targets(moves: dict[str, bool], names: tuple[str, ...]) -> list[str]:
    """The full names of the linear layers of those names whose weight would move."""
    layers = [name.removesuffix(".weight") for name, does in moves.items() if does and name.endswith(".weight")]
    found = [layer for layer in layers if layer.rpartition(".")[2] in names]
    if not found:
        raise UsageError(f"no layer called {', '.join(names)} among the parts that are trained; set lora.targets")
    return found


def _bound_pixels(reader: LocalModel, max_pixels: int | None) -> None:
    """The processor's own limit, where its rule counts pixels: trainers call it without options."""
    processor = getattr(reader.processor, "image_processor", None)
    if max_pixels is None or processor is None:
        return
    _, chosen = fit(reader, processor, [], max_pixels)
    for edge, pixels in chosen.get("size", {}).items():
        processor.size[edge] = pixels
