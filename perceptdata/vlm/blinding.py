"""Ways to hide the images of a prompt from a model, each answering "what would it say without them?" in another way.

| name      | what the model is given                                                                  | as in      |
|-----------|------------------------------------------------------------------------------------------|------------|
| `mask`    | the same tokens at the same positions, no pixels; no token can look at an image token    | PGPO A.1   |
| `drop`    | as `mask`, but the image tokens are not even there; the others keep their positions      |            |
| `none`    | the prompt rendered anew without its images: positions move up                           | ToR        |
| `blank`   | a white image of the same size                                                           |            |
| `patches` | the image with tiles of 14 pixels blackened, each with a probability of 0.6              | PAPO, VPPO |
| `noise`   | random pixels of the same size                                                           |            |

`mask` and `drop` are the same function where every layer is full causal attention: a key that nobody may look at can as
well be absent. So `mask` drops there, which is cheaper, and masks elsewhere. A window of attention counts tokens, and a
recurrent layer reads all of them whatever the mask says (`unmaskable`).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image

from perceptdata.errors import UsageError
from perceptdata.vlm.forward import Rows
from perceptdata.vlm.loading import LocalModel

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from torch import Tensor

Blinding = Literal["mask", "drop", "none", "blank", "patches", "noise"]
ON_TOKENS = ("mask", "drop")
ON_PIXELS = ("blank", "patches", "noise")

PATCH, BLACKENED = 14, 0.6  # pixels; share of patches

_FULL, _MASKED = "full_attention", ("full_attention", "sliding_attention", "chunked_attention")
_PAYLOAD = ("image_token_id", "image_token_index", "video_token_id", "video_token_index")
_EXPLICIT = ("eager", "sdpa")  # others may take a jump in the positions for the border of a packed sequence


def payload_ids(model: LocalModel) -> tuple[int, ...]:
    """The ids that the network replaces by what it sees: those of its configuration, else of its processor.

    Raises UsageError where there is none: a text model, or one that does not say.
    """
    if not model.sees_images:
        raise UsageError(f"{model.name} is a text model: there is no image to hide from it; name one that sees images")
    for part in (model.network.config, model.processor):
        named = {token for key in _PAYLOAD if (token := getattr(part, key, None)) is not None}
        if named:
            return tuple(sorted(named))
    raise UsageError(
        f"neither the configuration nor the processor of {model.name} says which token stands for an image "
        "(image_token_id), so its image tokens cannot be found"
    )


def visual(model: LocalModel, ids: Tensor) -> Tensor:
    """Which tokens are an image's payload; the markers around an image are not."""
    import torch

    return torch.isin(ids, torch.tensor(payload_ids(model), device=ids.device))


def mask(rows: Rows, hidden: Tensor) -> Rows:
    """No token can look at those of `hidden` (batch, tokens)."""
    return rows._replace(mask=rows.mask & ~hidden)


def drop(rows: Rows, hidden: Tensor) -> Rows:
    """Rows without the tokens of `hidden`, flush to the right again; the others keep their positions."""
    kept = rows.mask & ~hidden
    width = int(kept.sum(1).max())
    order = kept.long().argsort(dim=1, stable=True)[:, -width:]
    places = order.expand(*rows.positions.shape[:-2], *order.shape)
    return Rows(rows.ids.gather(1, order), kept.gather(1, order), rows.positions.gather(-1, places))


def layer_kinds(model: LocalModel) -> set[str]:
    """How the layers of the language model mix tokens, as transformers names it."""
    config = model.network.config.get_text_config()
    named = getattr(config, "layer_types", None)
    if named is not None:
        return set(named)
    return {"sliding_attention" if getattr(config, "sliding_window", None) else _FULL}


def may_drop(model: LocalModel) -> bool:
    """Whether leaving image tokens out equals masking them: full attention everywhere, with the mask made explicit."""
    return layer_kinds(model) == {_FULL} and model.network.config._attn_implementation in _EXPLICIT


def unmaskable(model: LocalModel) -> list[str]:
    """The kinds of layer that an attention mask does not bind: recurrent ones, convolutions."""
    return sorted(layer_kinds(model) - set(_MASKED))


def blinded(pictures: Sequence[Picture], how: Blinding, seed: str) -> list[Picture]:
    """Pictures of the same sizes with their content hidden (`blank`, `patches`, `noise`); the seed decides the rest."""
    return [_hide(picture, how, _generator(f"{seed}/{place}")) for place, picture in enumerate(pictures)]


def _generator(seed: str) -> np.random.Generator:
    return np.random.default_rng(random.Random(seed).getrandbits(64))


def _hide(picture: Picture, how: Blinding, rng: np.random.Generator) -> Picture:
    if how == "blank":
        return Image.new("RGB", picture.size, "white")
    if how == "noise":
        return Image.fromarray(rng.integers(0, 256, (picture.height, picture.width, 3), np.uint8))
    pixels = np.array(picture.convert("RGB"))
    rows, columns = -(-picture.height // PATCH), -(-picture.width // PATCH)
    black = (rng.random((rows, columns)) < BLACKENED).repeat(PATCH, 0).repeat(PATCH, 1)
    pixels[black[: picture.height, : picture.width]] = 0
    return Image.fromarray(pixels)
