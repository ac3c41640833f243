"""A row means the same in a batch as alone, whatever stands beside it."""

import dataclasses

import pytest
import torch
from models import tiny as factory
from models.pictures import draw
from models.tiny import Load

from perceptdata.errors import UsageError
from perceptdata.vlm.batch import collate
from perceptdata.vlm.loading import LocalModel
from perceptdata.vlm.rendering import Prepared, Request, prepare

RED, BLUE = draw("red", 96, 64), draw("blue", 40, 90)


def rows(model: LocalModel) -> list[Prepared]:
    """No image, one, two; of different lengths."""
    asked = [
        Request(key="a", question="How many shapes are there, and what colour is the largest of them?"),
        Request(key="b", question="<image>What colour?", images=(RED,)),
        Request(key="c", question="Between <image> and <image> how many?", images=(BLUE, RED)),
        Request(key="d", question="<image>", images=(BLUE,)),
    ]
    return [prepare(model, request) for request in asked if model.sees_images or not request.images]


def next_logits(model: LocalModel, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    with torch.inference_mode():
        return model.network(**inputs).logits[:, -1]


@pytest.mark.parametrize("family", factory.MODELS)
def test_a_batch_predicts_what_each_row_predicts(load: Load, family: str) -> None:
    model = load(family)
    prepared = rows(model)
    together = next_logits(model, collate(model, prepared))
    alone = torch.cat([next_logits(model, collate(model, [row])) for row in prepared])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_rows_are_padded_on_the_left_and_images_follow_each_other(load: Load) -> None:
    model = load("qwen2_5_vl")
    prepared = rows(model)
    batch = collate(model, prepared)
    width = max(row.tokens for row in prepared)
    for at, row in enumerate(prepared):
        gap = width - row.tokens
        assert batch["input_ids"][at].tolist() == [model.pad_id] * gap + row.inputs["input_ids"][0].tolist()
        assert batch["attention_mask"][at].tolist() == [0] * gap + [1] * row.tokens
        assert batch["mm_token_type_ids"][at].tolist() == [0] * gap + row.inputs["mm_token_type_ids"][0].tolist()
    # 96 x 64 becomes 84 x 56 (6 x 4 patches of 14), 40 x 90 becomes 56 x 84.
    assert batch["image_grid_thw"].tolist() == [[1, 4, 6], [1, 6, 4], [1, 4, 6], [1, 6, 4]]
    assert batch["pixel_values"].shape == (4 * 24, 3 * 2 * 14 * 14)


def test_floats_are_in_the_networks_type_and_ids_stay_whole(load: Load) -> None:
    model = load("llava")
    half = dataclasses.replace(model, network=type(model.network)(model.network.config).bfloat16())
    batch = collate(half, rows(half))
    assert batch["pixel_values"].dtype == torch.bfloat16
    assert batch["input_ids"].dtype == torch.int64


def test_without_token_types_qwen_computes_other_positions(load: Load) -> None:
    """Why they are kept: nothing else would tell that they are gone."""
    model = load("qwen2_5_vl")
    inputs = collate(model, rows(model)[1:2])
    with_types = next_logits(model, inputs)
    del inputs["mm_token_type_ids"]
    assert not torch.allclose(with_types, next_logits(model, inputs), atol=1e-5)


def test_images_that_cannot_share_a_batch_are_named(load: Load) -> None:
    model = load("llava")
    tiled = [
        dataclasses.replace(row, inputs=row.inputs | {"pixel_values": torch.zeros(1, 1, 3, 56, 56)})
        for row in rows(model)
    ]
    with pytest.raises(UsageError, match=r"cannot share a batch \(pixel_values\); set the batch size to 1"):
        collate(model, tiled)
    assert collate(model, tiled[:1])["pixel_values"].shape == (1, 1, 3, 56, 56)
