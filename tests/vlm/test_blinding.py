"""Hidden images stay hidden: no pixel reaches the second pass, and nothing else changes."""

import copy
import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from models import kin, tiny
from models.pictures import draw
from models.reading import FORM, RESPONSE, STORE, example, reads
from models.tiny import Load
from PIL import Image

from perceptdata.errors import UsageError
from perceptdata.steps.passages import Passages
from perceptdata.vlm.batch import collate
from perceptdata.vlm.blinding import blinded, drop, layer_kinds, mask, may_drop, payload_ids, unmaskable, visual
from perceptdata.vlm.forward import Forward, Rows
from perceptdata.vlm.loading import LocalModel


def model_of(load: Load, name: str) -> LocalModel:
    return kin.model(name) if name in kin.KINDS else load(name)


@pytest.mark.parametrize("name", ["qwen2_5_vl", "qwen3_vl", "llava", *kin.KINDS])
def test_masking_is_the_whole_model_with_its_image_keys_masked(load: Load, name: str) -> None:
    """The paper's pass, made in full: pixels and all, with the attention mask zero at the image tokens."""
    model = model_of(load, name)
    forward = Forward.of(model)
    passages = [read.pair.seen for read in reads(model)]
    rows = forward.see(passages).rows
    hidden = visual(model, rows.ids)
    assert hidden.any(1).all()
    inputs = collate(model, [passage.row for passage in passages])
    inputs["attention_mask"] = (rows.mask & ~hidden).long()
    with torch.inference_mode():
        paper = model.network.base_model(**inputs, position_ids=rows.positions, use_cache=False).last_hidden_state
    ours = forward.read(mask(rows, hidden))
    torch.testing.assert_close(forward.predicting(ours, passages), forward.predicting(paper, passages))


@pytest.mark.parametrize("name", ["qwen2_5_vl", "qwen3_vl", "llava", "internvl"])
def test_dropping_is_masking_where_all_attention_is_full(load: Load, name: str) -> None:
    model = model_of(load, name)
    assert may_drop(model)
    apart, unblinded = _dropped_against_masked(model)
    assert apart < 1e-5
    assert unblinded > 0.1


@pytest.mark.parametrize(("name", "kind"), [("gemma", "sliding_attention"), ("hybrid", "linear_attention")])
def test_dropping_is_something_else_in_a_window_or_a_recurrence(load: Load, name: str, kind: str) -> None:
    model = model_of(load, name)
    assert kind in layer_kinds(model)
    assert not may_drop(model)
    assert unmaskable(model) == (["linear_attention"] if name == "hybrid" else [])
    apart, _ = _dropped_against_masked(model)
    assert apart > 1e-3


def _dropped_against_masked(model: LocalModel) -> tuple[float, float]:
    """The largest difference of hidden states that predict the responses; and of masked ones from plain ones."""
    forward = Forward.of(model)
    passages = [read.pair.seen for read in reads(model)]
    rows = forward.see(passages).rows
    hidden = visual(model, rows.ids)
    ways = (mask(rows, hidden), drop(rows, hidden), rows)
    masked, dropped, plain = (forward.predicting(forward.read(way), passages) for way in ways)
    return float((masked - dropped).abs().max()), float((masked - plain).abs().max())


def test_the_kinds_of_layer_where_a_configuration_names_none(load: Load) -> None:
    model = load("llava")
    network = copy.deepcopy(model.network)
    text = network.config.get_text_config()
    text.layer_types = None
    windowless = dataclasses.replace(model, network=network)
    assert layer_kinds(windowless) == {"full_attention"}
    text.sliding_window = 32
    assert layer_kinds(windowless) == {"sliding_attention"}
    assert not may_drop(windowless)


def test_rows_without_some_tokens_are_flush_right() -> None:
    rows = Rows(
        torch.tensor([[0, 11, 9, 9, 12, 13], [21, 9, 22, 23, 24, 25]]),
        torch.tensor([[0, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1]]).bool(),
        torch.tensor([[[0, 0, 1, 1, 3, 4], [0, 1, 2, 3, 4, 5]]]),
    )
    kept = drop(rows, rows.ids == 9)
    assert kept.mask.long().tolist() == [[0, 0, 1, 1, 1], [1, 1, 1, 1, 1]]
    assert kept.ids[kept.mask].tolist() == [11, 12, 13, 21, 22, 23, 24, 25]
    assert kept.positions[0][kept.mask].tolist() == [0, 3, 4, 0, 2, 3, 4, 5]
    masked = mask(rows, rows.ids == 9)
    assert masked.mask.long().tolist() == [[0, 1, 0, 0, 1, 1], [1, 0, 1, 1, 1, 1]]
    assert masked.positions is rows.positions


@pytest.mark.parametrize("family", tiny.WITH_IMAGES)
def test_no_pixel_reaches_the_blind_pass(load: Load, family: str) -> None:
    model = load(family)
    forward = Forward.of(model)
    passages = Passages(model, FORM)
    one, other = (passages.read(example(picture), RESPONSE, STORE).pair.seen for picture in (draw("red"), draw("blue")))
    seen = [forward.see([passage]) for passage in (one, other)]
    assert (seen[0].hidden - seen[1].hidden).abs().max() > 1e-3
    for hide in (mask, drop):
        first, second = (forward.read(hide(each.rows, visual(model, each.rows.ids))) for each in seen)
        assert torch.equal(first, second)


def test_the_payload_is_what_the_network_replaces(load: Load) -> None:
    gemma = kin.model("gemma")
    assert payload_ids(gemma) == (gemma.network.config.image_token_id,)
    assert set(gemma.media_ids) > set(payload_ids(gemma))  # the processor calls the marker before an image its token
    model = load("qwen3_vl")
    ids = reads(model)[0].pair.seen.row.inputs["input_ids"]
    assert model.tokenizer.decode(ids[visual(model, ids)]) == "<|image_pad|>" * 4


def test_models_without_image_tokens_are_refused(load: Load) -> None:
    with pytest.raises(UsageError, match="is a text model"):
        payload_ids(load("qwen3"))
    model = load("llava")
    network = copy.deepcopy(model.network)
    network.config = SimpleNamespace()
    nameless = SimpleNamespace(image_token="<image>")
    with pytest.raises(UsageError, match="which token stands for an image"):
        payload_ids(dataclasses.replace(model, network=network, processor=nameless))


def test_pictures_keep_their_sizes_and_nothing_else() -> None:
    pictures = [Image.new("RGB", (100, 50), "red"), Image.new("RGB", (30, 31), "red")]
    for how in ("blank", "patches", "noise"):
        hidden = blinded(pictures, how, "0/e")
        assert [picture.size for picture in hidden] == [(100, 50), (30, 31)]
        assert [picture.tobytes() for picture in hidden] == [p.tobytes() for p in blinded(pictures, how, "0/e")]
        assert all(a.tobytes() != b.tobytes() for a, b in zip(hidden, pictures, strict=True))
    assert blinded(pictures, "noise", "0/e")[0].tobytes() != blinded(pictures, "noise", "1/e")[0].tobytes()
    assert blinded(pictures[:1], "blank", "0/e")[0].getcolors() == [(5000, (255, 255, 255))]


def test_patches_are_of_14_pixels_and_six_in_ten_are_black() -> None:
    (hidden,) = blinded([Image.new("RGB", (1400, 700), "white")], "patches", "0/e")
    black = np.array(hidden).max(2) == 0
    tiles = black.reshape(50, 14, 100, 14)
    assert (tiles.all((1, 3)) | ~tiles.any((1, 3))).all()
    assert 0.57 < black.mean() < 0.63
