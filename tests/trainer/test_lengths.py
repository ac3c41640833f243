"""Lengths are those of training, though no image is opened; what is too long is a reject with its reason."""

import datasets
import numpy as np
import pytest
from models import tiny as factory
from models.tiny import Load

from perceptdata import images
from perceptdata.alignment.aligner import Aligner
from perceptdata.errors import Rejected
from perceptdata.formats import Format
from perceptdata.steps.declared import make_format
from perceptdata.trainer.collate import Collator
from perceptdata.trainer.lengths import Limits, bound, measure
from perceptdata.trainer.rows import request_of
from perceptdata.vlm.loading import Reader
from perceptdata.vlm.rendering import prepare

FORM = make_format({"use": "think_boxed"})


def measured(reader: Reader, rows: datasets.Dataset, form: Format = FORM, **limits: int) -> object:
    return measure(rows, Aligner(reader), form, Limits(**limits))


@pytest.mark.parametrize("max_pixels", [None, 28 * 28 * 6])
@pytest.mark.parametrize("family", [*factory.TRAINED, "llava"])
def test_lengths_are_those_of_the_batches(
    load: Load, rows: datasets.Dataset, family: str, max_pixels: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    aligner = Aligner(load(family))
    with monkeypatch.context() as patch:
        patch.setattr(images, "decode", None)  # none is opened
        found = measure(rows, aligner, FORM, Limits(), max_pixels=max_pixels)
    assert found.kept.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11]
    collator = Collator(aligner, FORM, max_pixels)
    media = load(family).network.config.image_token_id
    for place in found.kept.tolist():
        batch = collator([rows[place]])
        answer = int((batch["roles"] > 0).sum())
        assert found.response[place] == answer
        assert found.prompt[place] == batch["input_ids"].shape[1] - answer
        framed = found.images[place] - int((batch["input_ids"] == media).sum())
        assert framed == (2 * len(rows[place]["images"]) if family == "internvl" else 0)  # its processor adds a frame
    assert (found.images[8], found.prompt[8], found.response[8]) == (-1, -1, -1)
    (reject,) = found.rejects
    assert (reject.id, reject.text_id, reject.code) == ("cards/train/08", None, "text.missing")


def test_prompts_alone_for_methods_that_write_their_own_responses(load: Load, rows: datasets.Dataset) -> None:
    model = load("qwen3_vl")
    found = measure(rows, Aligner(model), FORM, Limits(), reads_responses=False)
    assert found.kept.tolist() == list(range(12))
    assert not found.response.any()
    assert found.prompt.tolist() == [prepare(model, request_of(row, FORM)).tokens for row in rows]


def test_what_is_over_a_limit_is_rejected_and_keeps_its_length(load: Load, rows: datasets.Dataset) -> None:
    aligner = Aligner(load("qwen3_vl"))
    free = measure(rows, aligner, FORM, Limits())
    total = free.prompt + free.response
    limit = int(np.sort(total)[6])
    found = measure(rows, aligner, FORM, Limits(row=limit))
    assert found.kept.tolist() == [place for place in free.kept if total[place] <= limit]
    assert found.prompt.tolist() == free.prompt.tolist()
    codes = [reject.code for reject in found.rejects]
    assert sorted(set(codes)) == ["text.missing", "tokens.too_long"]
    said = next(reject for reject in found.rejects if reject.code == "tokens.too_long")
    place = rows["id"].index(said.id)
    assert said.message == f"prompt and response have {total[place]} tokens, and max_length is {limit}"


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(row=10), None),
        (Limits(row=9), "prompt and response have 10 tokens, and max_length is 9"),
        (Limits(prompt=5), "the prompt has 6 tokens; the format allows 5"),
        (Limits(context=10), None),
        (Limits(context=9), "10 tokens do not fit the model's context of 9"),
        (Limits(context=12, sampled=3), "10 tokens and 3 new ones do not fit the model's context of 12"),
    ],
)
def test_limits(limits: Limits, message: str | None) -> None:
    if message is None:
        limits.check(6, 4)
        return
    with pytest.raises(Rejected) as caught:
        limits.check(6, 4)
    assert caught.value.message == message


def test_a_row_that_does_not_render_is_rejected_alone(load: Load, rows: datasets.Dataset) -> None:
    changes = {1: {"response": "a <|im_end|> within", "spans": []}, 3: {"question": "<|image_pad|>"}}

    def spoil(row: dict, place: int) -> dict:
        return changes.get(place, {})

    spoilt = rows.map(spoil, with_indices=True, features=rows.features)
    found = measure(spoilt, Aligner(load("qwen3_vl")), FORM, Limits())
    assert [(reject.id[-2:], reject.code) for reject in found.rejects] == [
        ("01", "text.special_token"),
        ("03", "text.special_token"),
        ("08", "text.missing"),
    ]


def test_a_row_whose_spans_leave_its_text_is_rejected(load: Load, rows: datasets.Dataset) -> None:
    spoilt = rows.map(lambda row: {"response": row["response"] and row["response"][:9]}, features=rows.features)
    found = measure(spoilt.select([1, 2]), Aligner(load("llava")), FORM, Limits())
    assert [reject.code for reject in found.rejects] == ["spans.range", "spans.range"]


def test_an_image_that_the_processor_refuses_rejects_its_rows(load: Load, rows: datasets.Dataset) -> None:
    def stretch(row: dict) -> dict:
        return {"image_info": [{**image, "width": 9000, "height": 20} for image in row["image_info"]]}

    spoilt = rows.map(stretch, features=rows.features)
    found = measure(spoilt.select([0, 1]), Aligner(load("qwen2_5_vl")), FORM, Limits())
    assert found.kept.tolist() == [0]
    assert [reject.code for reject in found.rejects] == ["prompt.images"]


def test_the_least_of_the_limits_counts() -> None:
    assert (bound(None, 3, 2), bound(None), bound()) == (2, None, None)
