"""Visual dependency: how much each token of a response owes to the image (PGPO, arXiv 2604.01840, Eq. 1).

    S_t = KL( π(· | image, question, o_<t) ‖ π(· | question, o_<t) )

Two teacher-forced passes of one model, one with the image and one without, and for every token of the response

    k3        (r - 1) - log r,  r = π_blind(o_t) / π_image(o_t)      one sample of the divergence, at the token itself
    full_kl   the sum over the whole vocabulary                     the definition

Both are in nats and at least 0. `k3` is what the paper computes: unbiased where the model wrote the response itself,
and clamped (`kernels.k3`). For what somebody else wrote, `full_kl` is the honest one.

    meter = VisualDependency(model, blind="mask", estimator="k3")
    meter.score([Pair(passage)])           # one float32 array a pair, one number a token of the response
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from perceptdata.errors import UsageError
from perceptdata.vlm import blinding
from perceptdata.vlm.blinding import ON_TOKENS, Blinding
from perceptdata.vlm.forward import Forward, Passage
from perceptdata.vlm.loading import LocalModel
from perceptdata.vlm.sight import looks_at_images

if TYPE_CHECKING:
    from torch import Tensor

Estimator = Literal["k3", "full_kl"]


@dataclass(frozen=True, slots=True)
class Pair:
    """A response with its image, and the same one with the image hidden; None where that is done on the tokens."""

    seen: Passage
    blind: Passage | None = None


@dataclass(frozen=True, slots=True, eq=False)
class VisualDependency:
    """Scores of one model. Raises UsageError for a model that has no eyes, or does not use them."""

    model: LocalModel
    blind: Blinding = "mask"
    estimator: Estimator = "k3"
    _forward: Forward = field(init=False)

    def __post_init__(self) -> None:
        blinding.payload_ids(self.model)  # or an error
        if not looks_at_images(self.model):
            raise UsageError(
                f"{self.model.name} answers the same whatever its image shows, so nothing it says depends on one; its "
                "vision part may be damaged, or its processor may drop images"
            )
        object.__setattr__(self, "_forward", Forward.of(self.model))

    @property
    def warning(self) -> str | None:
        """What to know of this model and way of hiding; None where there is nothing."""
        kinds = blinding.unmaskable(self.model)
        if self.blind != "mask" or not kinds:
            return None
        return (
            f"{self.model.name} has layers that no attention mask binds ({', '.join(kinds)}): with blind: mask they "
            "see no pixels, but still read that images stood there and how large they were; use blind: drop or none"
        )

    def score(self, pairs: Sequence[Pair], batch_size: int = 8) -> list[NDArray[np.float32]]:
        """One array a pair, in order, of shape (tokens of the response,).

        Batches are of about equal length, the longest first: if memory is short, that shows at once.
        """
        order = sorted(range(len(pairs)), key=lambda at: -pairs[at].seen.row.tokens)
        scores: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(pairs)
        for start in range(0, len(order), batch_size):
            places = order[start : start + batch_size]
            for at, found in zip(places, self._batch([pairs[place] for place in places]), strict=True):
                scores[at] = found
        return scores

    def _batch(self, pairs: Sequence[Pair]) -> list[NDArray[np.float32]]:
        import torch

        passages = [pair.seen for pair in pairs]
        try:
            with torch.inference_mode():
                values = self._divergence(*self._passes(pairs), torch.cat([one.targets for one in passages]))
        except torch.OutOfMemoryError as error:
            longest = max(one.row.tokens for one in passages)
            raise UsageError(
                f"{len(pairs)} sequences of up to {longest} tokens do not fit on {self.model.device}; "
                "set a smaller batch size"
            ) from error
        cuts = np.cumsum([one.count for one in passages])[:-1]
        return np.split(values.float().cpu().numpy(), cuts)

    def _passes(self, pairs: Sequence[Pair]) -> tuple[Tensor, Tensor]:
        """The hidden states that predict the responses' tokens, with the images and without: both (N, width)."""
        forward, passages = self._forward, [pair.seen for pair in pairs]
        seen = forward.see(passages)
        image = forward.predicting(seen.hidden, passages)
        if self.blind in ON_TOKENS:
            hidden = blinding.visual(self.model, seen.rows.ids)
            drops = self.blind == "drop" or blinding.may_drop(self.model)
            rows = (blinding.drop if drops else blinding.mask)(seen.rows, hidden)
            return image, forward.predicting(forward.read(rows), passages)
        others = [pair.blind or pair.seen for pair in pairs]
        return image, forward.predicting(forward.see(others).hidden, others)

    def _divergence(self, image: Tensor, blind: Tensor, targets: Tensor) -> Tensor:
        """KL(image ‖ blind) at each of N tokens, or its estimate."""
        from perceptdata import kernels

        head = self._forward.head
        if self.estimator == "full_kl":
            return kernels.token_divergence(
                blind,
                head.weight,
                image,
                head.weight,
                kind="forward_kl",
                bias=head.bias,
                teacher_bias=head.bias,
                temperature=head.temperature,
            )
        likely = [
            -kernels.token_stats(
                hidden, head.weight, targets.to(hidden.device), bias=head.bias, temperature=head.temperature
            ).nll
            for hidden in (image, blind)
        ]
        return kernels.k3(*likely)
