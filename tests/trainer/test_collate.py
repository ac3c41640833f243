"""Batches: every row's own sequence, its roles and its pixels, whatever stands beside it."""

from collections.abc import Callable
from pathlib import Path

import datasets
import pytest
import torch
from models import tiny as factory
from models.tiny import Load

from perceptdata import images
from perceptdata.alignment.aligner import Aligner
from perceptdata.errors import PerceptDataError, UsageError
from perceptdata.steps.declared import make_format
from perceptdata.trainer.collate import Collator, Side, pad
from perceptdata.trainer.rows import request_of, spans_of
from perceptdata.vlm.rendering import encode

Tiny = Callable[[str], Path]
FORM = make_format({"use": "think_boxed"})
FAMILIES = [*factory.TRAINED, "llava"]


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("family", FAMILIES)
def test_rows_with_no_image_one_and_two_share_a_batch(
    load: Load, rows: datasets.Dataset, family: str, side: Side
) -> None:
    collator = Collator(Aligner(load(family)), FORM, side=side)
    chosen = [rows[place] for place in (2, 0, 1)]
    batch = collator(chosen)
    tokens = batch["attention_mask"].sum(1)
    assert len(set(tokens.tolist())) == 3
    for place, row in enumerate(chosen):
        alone = collator([row])
        kept = batch["attention_mask"][place].bool()
        assert kept[-1 if side == "left" else 0]
        for name in ("input_ids", "roles", "labels"):
            assert torch.equal(batch[name][place, kept], alone[name][0]), name
            assert (batch[name][place, ~kept] == {"roles": 0, "labels": -100}.get(name, collator_pad(collator))).all()
        if "mm_token_type_ids" in alone:
            assert torch.equal(batch["mm_token_type_ids"][place, kept], alone["mm_token_type_ids"][0])
            assert not batch["mm_token_type_ids"][place, ~kept].any()
    pixels = [collator([row])["pixel_values"] for row in chosen if row["images"]]
    torch.testing.assert_close(batch["pixel_values"], torch.cat(pixels))
    with torch.inference_mode():
        inputs = {name: value for name, value in batch.items() if name not in ("roles", "labels")}
        assert load(family).network(**inputs).logits.isfinite().all()


def collator_pad(collator: Collator) -> int:
    return int(collator.aligner.reader.tokenizer.pad_token_id)


def test_roles_are_of_the_words_they_say(load: Load, rows: datasets.Dataset) -> None:
    model = load("qwen3_vl")
    batch = Collator(Aligner(model), FORM)([rows[1]])
    said = {
        role: model.tokenizer.decode(batch["input_ids"][0][batch["roles"][0] == role]).strip() for role in (1, 2, 3)
    }
    assert said[1] == "I see a blue square."
    assert said[2].startswith("<think>So 1 + 0 = 1.</think>")
    assert said[3].endswith("<|im_end|>")
    assert (batch["labels"][0] == -100).sum() == (batch["roles"][0] == 0).sum()


def test_a_text_only_batch_has_no_pixels(load: Load, rows: datasets.Dataset) -> None:
    batch = Collator(Aligner(load("qwen2_5_vl")), FORM)([rows[0], rows[3]])
    assert not {"pixel_values", "image_grid_thw"} & batch.keys()
    assert batch["input_ids"].shape == batch["roles"].shape


def test_max_pixels_bounds_an_image(load: Load, rows: datasets.Dataset) -> None:
    model = load("qwen2_5_vl")
    whole, small = (Collator(Aligner(model), FORM, pixels)([rows[1]]) for pixels in (None, 28 * 28 * 4))
    assert small["input_ids"].shape[1] < whole["input_ids"].shape[1]


def test_each_image_is_decoded_once(load: Load, rows: datasets.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    decode, seen = images.decode, []

    def counted(data: bytes) -> object:
        seen.append(data)
        return decode(data)

    monkeypatch.setattr(images, "decode", counted)
    Collator(Aligner(load("qwen3_vl")), FORM)([rows[0], rows[1], rows[2]])
    assert len(seen) == 3


def test_a_row_that_cannot_be_read_any_more_is_named(load: Load, rows: datasets.Dataset) -> None:
    strict = Collator(Aligner(load("qwen3_vl"), policy="strict"), FORM)
    cut = {**rows[1], "spans": [{**rows[1]["spans"][0], "start": 0, "end": 3}]}
    with pytest.raises(PerceptDataError, match=r"cards/train/01 was admitted to training, and now: \d tokens hold"):
        strict([cut])


def test_images_of_another_shape_cannot_be_joined() -> None:
    rows = [
        {"input_ids": torch.ones(1, 3, dtype=torch.long), "pixel_values": torch.zeros(1, 3, size, size)}
        for size in (4, 5)
    ]
    with pytest.raises(UsageError, match=r"cannot share a batch \(pixel_values\); set batch to 1"):
        pad(rows, 0, "right")


def test_spans_and_requests_come_from_the_row(load: Load, rows: datasets.Dataset) -> None:
    row = rows[2]
    request = request_of(row, FORM)
    assert request.question.startswith("<image><image>What is 2 + 0?")
    assert [len(data) for data in request.images] == [len(image["bytes"]) for image in row["images"]]
    labels = [span.label for span in spans_of(row)]
    assert (labels[:3], set(labels)) == (["reasoning", "perception", "reasoning"], {"perception", "reasoning"})
    pictures = [images.decode(data) for data in request.images]
    text = Aligner(load("llava")).converse(request, row["response"]).text
    assert encode(load("llava"), text, pictures, None)["pixel_values"].shape[0] == 2
