"""How much each sampled token owes to the image, for a rollout batch of TRL's GRPO (PGPO, arXiv 2604.01840, Eq. 1).

    sight = Sight(trainer, reader, blind="mask", estimator="k3")
    looked = sight.look(out, prompts)                      # scores [B, K], log-probabilities with and without the image

Two passes of the policy that sampled, without gradient: with the image (TRL's own scoring, of which the positions are
noted) and without. Dropping the image tokens keeps everything else in place, so the second pass is the shorter one.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from trl.data_utils import apply_chat_template
from trl.models.utils import _ForwardRedirection
from trl.trainer.utils import pad

from perceptdata.kernels import k3, token_divergence
from perceptdata.trainer.engine.blind import Seen, without_images
from perceptdata.trainer.engine.contract import Hook
from perceptdata.vlm import blinding
from perceptdata.vlm.loading import LocalModel

Estimator = Literal["k3", "full_kl"]

HOOKS = (
    Hook("trl.data_utils:apply_chat_template", ("example", "processing_class")),
    Hook("trl.models.utils:_ForwardRedirection.__call__", ("self", "wrapper_module", "original_module", "method")),
    Hook("trl.trainer.utils:pad", ("tensors", "padding_value", "padding_side", "pad_to_multiple_of")),
)
IMAGE_KEYS = (
    "pixel_values",
    "image_grid_thw",
    "pixel_attention_mask",
    "spatial_shapes",
    "image_sizes",
    "image_position_ids",
)
TOKEN_KEYS = ("token_type_ids", "mm_token_type_ids")
COUNTS = ("num_images", "num_tiles")
TENSORS = ("prompt_ids", "prompt_mask", "completion_ids", "completion_mask")


class Looked(NamedTuple):
    """Of a rollout batch: S, and log-probabilities of the sampled tokens with and without the image; [B, K] each.

    `seconds` is what the blind pass took; `visual` [B] says which rows have an image.
    """

    score: Tensor
    seen: Tensor
    blind: Tensor
    visual: Tensor
    seconds: float


@dataclass
class Sight:
    """Scores of one trainer's policy. `trainer` is a GRPOTrainer."""

    trainer: Any
    reader: LocalModel
    blind: blinding.Blinding = "mask"
    estimator: Estimator = "k3"

    def __post_init__(self) -> None:
        blinding.payload_ids(self.reader)  # or an error
        self._redirect = _ForwardRedirection()

    @torch.no_grad()
    def look(self, out: dict[str, Any], prompts: Sequence[list[dict[str, Any]]]) -> Looked:
        """Both passes over what `_generate_and_score_completions` gave; `prompts` are its messages, pictures within.

        Rows without an image are left out of the passes, and have zeros.
        """
        visual = blinding.visual(self.reader, out["prompt_ids"]).any(dim=1)
        rows = visual.nonzero().flatten()
        part = {key: of_rows(rows, out[key]) for key in (*TENSORS, *TOKEN_KEYS, *COUNTS) if key in out}
        part |= {key: out[key] for key in IMAGE_KEYS if key in out}
        found = self._look(part, [prompts[at] for at in rows.tolist()])
        live = out["completion_mask"].bool()
        whole = [torch.zeros_like(live, dtype=each.dtype).index_copy(0, rows, each) for each in found[:3]]
        return Looked(torch.where(live, whole[0], 0), whole[1], whole[2], visual, found[3])

    def _look(
        self, out: dict[str, Any], prompts: Sequence[list[dict[str, Any]]]
    ) -> tuple[Tensor, Tensor, Tensor, float]:
        """Scores, both log-probabilities, and the seconds of the second pass."""
        ids = torch.cat([out["prompt_ids"], out["completion_ids"]], dim=1)
        mask = torch.cat([out["prompt_mask"], out["completion_mask"]], dim=1)
        keep = out["completion_ids"].shape[1]
        given = {key: out[key] for key in (*IMAGE_KEYS, *TOKEN_KEYS, *COUNTS) if key in out}
        logp, positions = self._seen(ids, mask, keep, given)
        begun = time.perf_counter()
        if self.blind in blinding.ON_TOKENS:
            drop = self.blind == "drop" or blinding.may_drop(self.reader)
            seen = Seen(ids, mask, positions, ids.shape[1] - keep)
            dark = without_images(seen, blinding.visual(self.reader, ids), drop)
            blind = self._read(dark, keep)
            if self.estimator == "full_kl":
                score = self._divergence(ids, mask, given, dark, keep)
                return score, logp, blind, time.perf_counter() - begun
        elif self.blind == "none":
            blind = self._scored(*self._bare(out, prompts), keep, {})
        else:
            altered = self._altered(prompts)
            blind = self._scored(ids, mask, keep, {**given, "pixel_values": altered.to(given["pixel_values"])})
        return k3(logp, blind), logp, blind, time.perf_counter() - begun

    def _seen(self, ids: Tensor, mask: Tensor, keep: int, given: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """The pass with the image, and the positions that the language model was given in it."""
        noted: list[Tensor | None] = []
        network = self.reader.network
        watch = network.get_decoder().register_forward_pre_hook(
            lambda module, args, named: noted.append(named.get("position_ids")), with_kwargs=True
        )
        try:
            logp = self._scored(ids, mask, keep, given)
        finally:
            watch.remove()
        found = [each for each in noted if each is not None]
        if not found:  # the language model counts from the first column, padding included
            return logp, torch.arange(ids.shape[1], device=ids.device).expand(ids.shape)
        rows = self._rows(len(ids))
        whole = [
            each.expand(*each.shape[:-2], len(part), each.shape[-1]) for each, part in zip(found, rows, strict=True)
        ]
        return logp, torch.cat(whole, dim=-2)

    def _rows(self, count: int) -> list[range]:
        """The chunks in which TRL scores, too."""
        size = self.trainer.args.per_device_train_batch_size
        return [range(start, min(start + size, count)) for start in range(0, count, size)]

    def _scored(self, ids: Tensor, mask: Tensor, keep: int, given: dict[str, Any]) -> Tensor:
        logp, _, _ = self.trainer.score(ids, mask, keep, given)
        return logp

    def _read(self, dark: Seen, keep: int) -> Tensor:
        """Log-probabilities [B, K] of rows without pixels, at the positions given."""
        found = []
        for part in self._rows(len(dark.ids)):
            at = slice(part.start, part.stop)
            labels = dark.ids[at].masked_fill(dark.mask[at] == 0, -100)
            labels[:, :-keep] = -100
            with self.trainer.accelerator.autocast():
                outputs = self.trainer.model(
                    input_ids=dark.ids[at],
                    attention_mask=dark.mask[at],
                    position_ids=dark.positions[..., at, :],
                    labels=labels,
                    fused_lm_head=True,
                    use_cache=False,
                )
            found.append(outputs.log_probs[:, -keep:])
        return torch.cat(found)

    def _divergence(self, ids: Tensor, mask: Tensor, given: dict[str, Any], dark: Seen, keep: int) -> Tensor:
        """The KL over the whole vocabulary, in one redirected call: head and hidden states are gathered within it."""
        network = self.trainer.accelerator.unwrap_model(self.trainer.model)
        plain = {key: value for key, value in given.items() if key not in COUNTS}

        def both(*_: Any) -> Tensor:
            base = network.get_base_model() if hasattr(network, "get_base_model") else network
            seen = base.base_model(input_ids=ids, attention_mask=mask, use_cache=False, **plain).last_hidden_state
            blind = base.base_model(
                input_ids=dark.ids, attention_mask=dark.mask, position_ids=dark.positions, use_cache=False
            ).last_hidden_state
            head = base.get_output_embeddings()
            first, second = (states[:, -keep - 1 : -1].flatten(0, 1) for states in (seen, blind))
            temperature = self.trainer.temperature
            # KL(image || blind): the blind pass is the one measured against.
            return token_divergence(
                second,
                head.weight,
                first,
                head.weight,
                kind="forward_kl",
                bias=head.bias,
                teacher_bias=head.bias,
                temperature=temperature,
            ).view(len(ids), keep)

        with self.trainer.accelerator.autocast():
            return self._redirect(self.trainer.model, network, both)

    def _bare(self, out: dict[str, Any], prompts: Sequence[list[dict[str, Any]]]) -> tuple[Tensor, Tensor]:
        """The prompts rendered anew without their pictures, and the same completions."""
        bare = [[{**turn, "content": _without_pictures(turn["content"])} for turn in prompt] for prompt in prompts]
        tokens, _, _ = self.trainer._tokenize_prompts(bare)
        rows = [torch.tensor(each) for each in tokens]
        filler = self.trainer._tokenizer.pad_token_id
        ids = pad(rows, padding_value=filler, padding_side="left").to(out["prompt_ids"])
        mask = pad([torch.ones_like(each) for each in rows], padding_value=0, padding_side="left").to(
            out["prompt_mask"]
        )
        return torch.cat([ids, out["completion_ids"]], dim=1), torch.cat([mask, out["completion_mask"]], dim=1)

    def _altered(self, prompts: Sequence[list[dict[str, Any]]]) -> Tensor:
        """The pixels of the same prompts with their pictures blank, noisy or in part black."""
        step = self.trainer.state.global_step
        pictures = []
        for place, prompt in enumerate(prompts):
            own = [part["image"] for turn in prompt for part in turn["content"] if part["type"] == "image"]
            pictures.append(blinding.blinded(own, self.blind, f"{self.trainer.args.seed}/{step}/{place}") or None)
        texts = [
            apply_chat_template({"prompt": prompt}, self.trainer.processing_class, **self.trainer.chat_template_kwargs)
            for prompt in prompts
        ]
        encoded = self.trainer.processing_class(
            images=pictures, text=[each["prompt"] for each in texts], padding=True, return_tensors="pt"
        )
        return encoded["pixel_values"]


def of_rows(rows: Tensor, values: Any) -> Any:
    """Those rows of a tensor, or of a list."""
    return values[rows] if isinstance(values, Tensor) else [values[at] for at in rows.tolist()]


def _without_pictures(content: Any) -> Any:
    return content if isinstance(content, str) else [part for part in content if part["type"] != "image"]
