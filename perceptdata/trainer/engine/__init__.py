"""The engine: small subclasses of TRL's trainers. Nothing else in perceptdata imports TRL.

    contract.py       the private hooks that they rely on, and whether this TRL still has them
    callbacks.py      complete checkpoints, Ctrl-C, losses that are no number; recording.py, the numbers of a run
    sft.py            SFTTrainer with a weight per token and λ over time; norms.py, the gradients behind λ
    grpo.py           GRPOTrainer with mixed rewards and an advantage per token
    distillation.py   DistillationTrainer with several teachers, each for its own segment: anatomy.py finds segments,
                      teachers.py words prompts, lectures.py asks, heads.py compares, following.py moves a teacher;
                      leaking.py measures what leaks of the answer, with the rows of counterfactuals.py

TRL changes its insides from one minor version to the next, so one minor version is supported, and `require` says so
before anything is imported from it.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from packaging.specifiers import SpecifierSet

from perceptdata.errors import UsageError

if TYPE_CHECKING:
    from perceptdata.trainer.samples import Listener, Rolled

SUPPORTED = SpecifierSet(">=1.16,<1.17")


def require() -> None:
    """Return if the TRL of this environment is one that we know. Raises UsageError that names the versions."""
    try:
        found = version("trl")
    except PackageNotFoundError:
        raise UsageError(f"training needs trl{SUPPORTED}: pip install 'perceptdata[train]'") from None
    if found not in SUPPORTED:
        raise UsageError(
            f"training needs trl{SUPPORTED}, and {found} is installed: pip install 'trl{SUPPORTED}' (each minor "
            "version of trl changes the internals that the engine builds on)"
        )


class Engine:
    """Mixed into every engine class, before TRL's: what they all have beyond it.

    `listeners` are called with every rollout batch, on every rank.
    """

    listeners: tuple[Listener, ...] = ()
    _metrics: dict[str, Any]

    def tell(self, rolled: Rolled) -> None:
        """A rollout batch is scored. What the listeners say of it is logged with the step."""
        for listener in self.listeners:
            for name, value in listener(rolled).items():
                self._metrics["train"][name].append(value)

    def memory(self) -> dict[str, Any]:
        """What a checkpoint must keep, as JSON, beyond what transformers keeps: weights, optimiser, random numbers."""
        return {}

    def remember(self, kept: dict[str, Any]) -> None:
        """Take up what `memory` gave when the checkpoint was written."""

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """A checkpoint's weights bear their published names, which `from_pretrained` translates and Trainer does not:
        it would warn, and go on with the weights it has.
        """
        from peft import PeftModel

        trainer: Any = self
        network = trainer.accelerator.unwrap_model(model or trainer.model)
        if isinstance(network, PeftModel) or trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
            parent: Any = super()
            parent._load_from_checkpoint(resume_from_checkpoint, model)
            return
        saved = type(network).from_pretrained(resume_from_checkpoint, dtype=network.dtype)
        network.load_state_dict(saved.state_dict())

    def _send_telemetry(self) -> None:
        """TRL tells its makers of each run; a run here is nobody else's business."""
