"""What every method of training is told: model, rows, steps, optimiser, what is trained, where it goes.

A method adds its own options in a subclass (`presets/`); a stage of a plan is one such set. Unknown keys are errors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from perceptdata.trainer.core.parts import PARTS, Part


class Lora(BaseModel):
    """Low-rank adapters on the language model's linear layers (peft's names and meanings)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    r: int = Field(64, ge=1)
    alpha: int = Field(128, ge=1)
    dropout: float = Field(0.05, ge=0, lt=1)
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class Options(BaseModel):
    """`epochs` or `steps`, whichever ends first, of batches of `batch` rows a device times `accumulate`.

    `train` names the parts that move, by default all; with `lora` those parts' adapters do, by default the language
    model's. `order` is random anew each epoch, or the view's own, which a curriculum needs. `straddle` says what
    becomes of a token that holds characters of two roles (`alignment.roles`). `max_length` bounds prompt and completion
    together, in tokens: longer rows are rejects, never cut through an image. `max_pixels` bounds one image. `workers`
    are processes a device that prepare batches (None: 4 beside a GPU, none on a CPU). Checkpoints are written every
    `save_every` steps; the newest `keep` of them stay.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    method: ClassVar[str]

    format: dict[str, Any] = Field(default_factory=lambda: {"use": "think_boxed"})
    epochs: float | None = Field(None, gt=0)
    steps: int | None = Field(None, ge=1)
    batch: int = Field(1, ge=1)
    accumulate: int = Field(8, ge=1)
    learning_rate: float = Field(1e-6, gt=0)
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    warmup: float = Field(0.0, ge=0, lt=1, description="share of the steps")
    weight_decay: float = Field(0.0, ge=0)
    max_grad_norm: float = Field(1.0, gt=0)
    train: tuple[Part, ...] = PARTS
    lora: Lora | None = None
    straddle: Literal["strict", "contract", "expand"] = "contract"
    max_length: int | None = Field(None, ge=16)
    max_pixels: int | None = Field(None, ge=784)
    order: Literal["random", "view"] = "random"
    workers: int | None = Field(None, ge=0)
    checkpointing: bool = Field(True, description="activations are computed again on the way back; not on a CPU")
    seed: int = 0
    save_every: int = Field(200, ge=1)
    keep: int = Field(2, ge=1)

    @model_validator(mode="after")
    def _filled(self) -> Self:
        if self.epochs is None and self.steps is None:
            object.__setattr__(self, "epochs", 1.0)
        if self.lora is not None and "train" not in self.model_fields_set:
            object.__setattr__(self, "train", ("language",))
        return self


class Paths(BaseModel):
    """What a run reads and writes: a checkpoint, an exported view, and the folder of everything that comes of it.

    `split` is the view's that is trained on: `train`, or the only one whose name begins so, unless it says otherwise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    model: str
    view: Path
    out: Path
    split: str | None = None
