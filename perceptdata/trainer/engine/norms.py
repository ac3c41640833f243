"""How hard each span pulls: the length of L_p's and of L_r's gradient over a whole accumulation window.

    lengths = SpanNorms("last_block", other="reasoning").measure(model, batches, counts, accelerator)

Of all trainable parameters (two gradients are held), of the decoder's last block (the pass back is as short), or of the
head's input, where no parameter is involved and the cost is one forward pass. All three are exact: sums over the window
and all ranks before the length is taken, so that micro-batches and ranks do not matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType
from torch import Tensor, nn

from perceptdata.errors import UsageError
from perceptdata.trainer.core.balance import gradients, norm
from perceptdata.trainer.core.parts import last_block
from perceptdata.trainer.core.spans import Other, token_weights, weighted_sum

Of = Literal["all", "last_block", "head"]
SPLIT = (DistributedType.FSDP, DistributedType.DEEPSPEED)


def negative_log_likelihood(model: Any, batch: Mapping[str, Tensor]) -> Tensor:
    """-log p of every next token, (batch, tokens - 1), by TRL's fused head: logits never stand whole in memory.

    0 where the label is -100.
    """
    given = {name: value for name, value in batch.items() if name != "roles"}
    log_probs: Tensor = model(**given, use_cache=False, fused_lm_head=True).log_probs
    return -log_probs


@dataclass(frozen=True)
class SpanNorms:
    """`of` says which gradients; `other` what role 3 counts as."""

    of: Of
    other: Other

    def measure(
        self, model: nn.Module, batches: Sequence[Mapping[str, Tensor]], counts: Tensor, accelerator: Accelerator
    ) -> tuple[float, float]:
        """‖g_p‖ and ‖g_r‖ of a model as accelerate has wrapped it. No gradient is left behind.

        Raises UsageError where parameters are split over devices, unless only the head's input is asked for.
        """
        network = accelerator.unwrap_model(model, keep_torch_compile=False)
        if self.of == "head":
            with accelerator.no_sync(model):  # nothing is passed back to parameters, so nothing waits for the others
                squares = torch.stack([self._at_head(model, network, batch, counts) for batch in batches]).sum(0)
            perception, reasoning = accelerator.reduce(squares, "sum").sqrt().tolist()
            return perception, reasoning  # each token's gradient lies on one rank alone
        if accelerator.distributed_type in SPLIT:
            raise UsageError("under FSDP and DeepSpeed no rank has whole gradients; set ngdiff.of to head")
        parameters = self._parameters(network)
        # Zeros where a window has no part in a parameter: it may have one on another rank, and all add up the same.
        totals = [[torch.zeros_like(each) for each in parameters] for _ in range(2)]
        for batch in batches:
            for total, loss in zip(totals, self._losses(network, batch, counts), strict=True):
                for place, gradient in zip(total, gradients(loss, parameters), strict=True):
                    if gradient is not None:
                        place += gradient
        perception, reasoning = ([accelerator.reduce(each, "sum") for each in total] for total in totals)
        return float(norm(perception)), float(norm(reasoning))

    def _parameters(self, network: nn.Module) -> list[Tensor]:
        trained = {name: value for name, value in network.named_parameters() if value.requires_grad}
        chosen = last_block(trained) if self.of == "last_block" else list(trained)
        if not chosen:
            raise UsageError("nothing in the last block of the language model is trained; set ngdiff.of to all")
        return [trained[name] for name in chosen]

    def _losses(self, model: nn.Module, batch: Mapping[str, Tensor], counts: Tensor) -> list[Tensor]:
        nll = negative_log_likelihood(model, batch)
        roles = batch["roles"][:, 1:]
        return [weighted_sum(nll, token_weights(roles, counts, lam, self.other, nll.dtype)) for lam in (1.0, 0.0)]

    def _at_head(self, model: nn.Module, network: Any, batch: Mapping[str, Tensor], counts: Tensor) -> Tensor:
        """[2] float64: the squared lengths at the last hidden states of one batch."""
        with _last_hidden(network) as taken:
            losses = self._losses(model, batch, counts)
        found = [norm(gradients(loss, taken)) ** 2 for loss in losses]
        return torch.stack(found).to(counts.device)


@contextmanager
def _last_hidden(network: Any) -> Iterator[list[Tensor]]:
    """The last hidden states of whatever is run inside, as the head takes them."""
    taken: list[Tensor] = []

    def note(module: nn.Module, args: Any, output: Any) -> None:
        taken.append(output.last_hidden_state)

    whole = network.get_base_model() if hasattr(network, "get_base_model") else network
    watch = whole.base_model.register_forward_hook(note)
    try:
        yield taken
    finally:
        watch.remove()
