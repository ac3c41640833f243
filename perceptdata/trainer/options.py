"""What every method of training is told: model, rows, steps, optimiser, what is trained, where it goes.

A method adds its own options in a subclass (`presets/`); a stage of a plan is one such set. Unknown keys are errors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

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

    `train` names the parts that move; with `lora` those parts' adapters do. `max_length` bounds prompt and completion
    together, in tokens: longer rows are rejects, never cut through an image. `max_pixels` bounds one image. Checkpoints
    are written every `save_every` steps; the newest `keep` of them stay.
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
    max_length: int | None = Field(None, ge=16)
    max_pixels: int | None = Field(None, ge=784)
    checkpointing: bool = True
    seed: int = 0
    save_every: int = Field(200, ge=1)
    keep: int = Field(2, ge=1)

    @model_validator(mode="after")
    def _ends(self) -> Options:
        if self.epochs is None and self.steps is None:
            object.__setattr__(self, "epochs", 1.0)
        return self


class Paths(BaseModel):
    """What a run reads and writes: a checkpoint, an exported view, and the folder of everything that comes of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    model: str
    view: Path
    out: Path
