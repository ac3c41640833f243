"""The teachers' forward passes: each reads its own prompt and then the student's tokens, all in the same batches.

    states = Lectures(trainer, reader).hold([Lecture(request, fed, own, pictures), …])  # one [own tokens, H] each

No gradient, evaluation mode, adapters off; through the wrapper that shards or averages the weights. All ranks make
equally many passes, or those that make more would wait for ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad as padded

from perceptdata.trainer.collate import pad
from perceptdata.trainer.engine.contract import Hook
from perceptdata.vlm.loading import LocalModel
from perceptdata.vlm.rendering import Request, encode, render

IMAGE_KEYS = ("pixel_values", "image_grid_thw", "pixel_attention_mask", "spatial_shapes", "image_sizes")
TOKEN_KEYS = ("token_type_ids", "mm_token_type_ids")

HOOKS = (
    Hook(
        "trl:DistillationTrainer._get_last_hidden_state",
        ("self", "unwrapped_model", "input_ids", "attention_mask", "logits_to_keep", *IMAGE_KEYS, *TOKEN_KEYS),
    ),
    Hook("trl.models.utils:_ForwardRedirection.__call__", ("self", "wrapper_module", "original_module", "method")),
)
IDLE = Request(key="idle", question="?")


class Lecture(NamedTuple):
    """`fed` [n] are the tokens that the teacher reads after its prompt; `own` [n] bool those that it is asked about."""

    request: Request
    fed: Tensor
    own: Tensor
    pictures: list[Any]


class Lectures:
    """Held by `trainer` (a DistillationTrainer), `per_device_train_batch_size` at a time."""

    def __init__(self, trainer: Any, reader: LocalModel) -> None:
        self.trainer, self.reader = trainer, reader

    def silence(self) -> Tensor:
        """[0, H], where no teacher has a token to say anything of."""
        width = self.reader.network.config.get_text_config().hidden_size
        return torch.zeros(0, width, device=self.trainer.accelerator.device, dtype=self.reader.network.dtype)

    def hold(self, lectures: Sequence[Lecture]) -> list[Tensor]:
        """The states from which each teacher predicts its own tokens, in the order of the lectures."""
        encoded = [encode(self.reader, render(self.reader, each.request)[0], each.pictures, None) for each in lectures]
        lengths = [each["input_ids"].shape[1] + len(own.fed) for each, own in zip(encoded, lectures, strict=True)]
        order = sorted(range(len(lectures)), key=lengths.__getitem__)  # likes together: less padding
        size = self.trainer.args.per_device_train_batch_size
        groups = [order[start : start + size] for start in range(0, len(order), size)]
        found: dict[int, Tensor] = {}
        with self._teaching() as network:
            for group in groups:
                states = self._read(network, [encoded[at] for at in group], [lectures[at].fed for at in group])
                for at, each in zip(group, states, strict=True):
                    own = lectures[at].own
                    found[at] = each[: len(own)][own]
            for _ in range(self._most(len(groups)) - len(groups)):
                text, _ = render(self.reader, IDLE)
                one = torch.full((1,), self.reader.pad_id, device=self.trainer.accelerator.device)
                self._read(network, [encode(self.reader, text, [], None)], [one])
        return [found[at] for at in range(len(lectures))]

    def _most(self, passes: int) -> int:
        """Of any rank."""
        accelerator = self.trainer.accelerator
        return int(accelerator.gather(torch.tensor([passes], device=accelerator.device)).max())

    @contextmanager
    def _teaching(self) -> Iterator[Any]:
        """The network as a teacher; as it was, afterwards."""
        trainer = self.trainer
        own = trainer.teacher_model is not None
        network = trainer.accelerator.unwrap_model(trainer.teacher_model if own else trainer.model_wrapped)
        learning = network.training
        network.eval()
        try:
            if own:
                yield network
            else:
                with network.disable_adapter():
                    yield network
        finally:
            network.train(learning)

    def _read(self, network: Any, prompts: Sequence[dict[str, Tensor]], fed: Sequence[Tensor]) -> Tensor:
        """[B, most tokens fed, H]: the states before each token fed."""
        trainer = self.trainer
        batch = pad(prompts, self.reader.pad_id, "left")
        width = max(len(each) for each in fed)
        ids = torch.stack([padded(each, (0, width - len(each)), value=self.reader.pad_id) for each in fed])
        mask = torch.stack([padded(torch.ones_like(each), (0, width - len(each))) for each in fed])
        given = {key: value.to(ids.device) for key, value in batch.items()}
        for key in set(TOKEN_KEYS) & given.keys():
            given[key] = padded(given[key], (0, width))
        wrapper = trainer.model_wrapped if trainer.teacher_model is None else trainer.teacher_model
        with torch.no_grad(), trainer.accelerator.autocast():
            states: Tensor = trainer._forward_redirection(
                wrapper,
                network,
                trainer._get_last_hidden_state,
                network,
                torch.cat([given["input_ids"], ids], dim=1),
                torch.cat([given["attention_mask"], mask], dim=1),
                width,
                **media(given),
            )
            if torch.is_autocast_enabled(states.device.type):  # the head's product would round them so anyway
                states = states.to(torch.get_autocast_dtype(states.device.type))
        return states


def media(batch: Mapping[str, Any]) -> dict[str, Tensor]:
    """What a batch holds beside its tokens, for the network; nothing where no row has an image."""
    pixels = batch.get("pixel_values")
    if pixels is None or not pixels.numel():
        return {}
    return {key: batch[key] for key in (*IMAGE_KEYS, *TOKEN_KEYS) if batch.get(key) is not None}
