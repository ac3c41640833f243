"""What a model computes of a given response, and that the second pass has the same tokens at the same places."""

import copy
import dataclasses

import pytest
import torch
from models import kin, tiny
from models.reading import RESPONSE, reads
from models.tiny import Load

from perceptdata.errors import UsageError
from perceptdata.vlm.batch import collate
from perceptdata.vlm.blinding import drop, visual
from perceptdata.vlm.forward import Forward
from perceptdata.vlm.loading import LocalModel


@pytest.mark.parametrize("family", tiny.WITH_IMAGES)
def test_hidden_states_are_those_behind_the_logits(load: Load, family: str) -> None:
    model = load(family)
    forward = Forward.of(model)
    assert forward.head.temperature == 1.0
    passages = [read.pair.seen for read in reads(model)]
    hidden = forward.predicting(forward.see(passages).hidden, passages)
    logits = hidden @ forward.head.weight.T
    at = 0
    for passage in passages:
        with torch.inference_mode():
            alone = model.network(**collate(model, [passage.row])).logits[0]
        expected = alone[passage.first - 1 : passage.first + passage.count - 1]
        torch.testing.assert_close(logits[at : at + passage.count], expected, atol=1e-5, rtol=1e-4)
        at += passage.count
    assert at == len(logits)


def test_the_targets_are_the_response(load: Load) -> None:
    model = load("qwen3_vl")
    first = reads(model)[0].pair.seen
    assert model.tokenizer.decode(first.targets) == RESPONSE
    behind = first.row.inputs["input_ids"][0, first.first + first.count :]
    assert model.tokenizer.decode(behind) == "<|im_end|>\n"
    assert first.behind == len(behind)


@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen3_vl"])
def test_positions_are_those_of_the_first_pass(load: Load, family: str) -> None:
    """Qwen's own rule, asked apart; an image takes fewer positions than tokens, so the words after it would move up."""
    model = load(family)
    forward = Forward.of(model)
    passages = [read.pair.seen for read in reads(model)]
    rows = forward.see(passages).rows
    inputs = collate(model, [passage.row for passage in passages])
    expected, _ = model.network.model.get_rope_index(
        inputs["input_ids"],
        mm_token_type_ids=inputs["mm_token_type_ids"],
        image_grid_thw=inputs["image_grid_thw"],
        attention_mask=inputs["attention_mask"],
    )
    assert torch.equal(rows.positions[:, rows.mask], expected[:, rows.mask])
    words = rows.mask & ~visual(model, rows.ids)
    kept = drop(rows, ~words)
    assert torch.equal(kept.positions[:, kept.mask], expected[:, words])
    assert torch.equal(kept.ids[kept.mask], rows.ids[words])
    counted = kept.positions[0][0][kept.mask[0]].diff()
    assert (counted >= 1).all()
    assert (counted > 1).any()


def test_the_language_model_alone_computes_what_the_whole_does_of_text(load: Load) -> None:
    model = load("qwen2_5_vl")
    forward = Forward.of(model)
    pairs = [read.pair for read in reads(model, "none")]
    blind = [pair.blind for pair in pairs if pair.blind is not None]
    assert len(blind) == 4
    seen = forward.see(blind)
    assert not visual(model, seen.rows.ids).any()
    again = forward.read(seen.rows)
    torch.testing.assert_close(forward.predicting(again, blind), forward.predicting(seen.hidden, blind))


def test_a_scaled_and_shifted_head_is_known(load: Load) -> None:
    model = _with_head(load("llava"), lambda logits: 0.25 * logits)
    assert Forward.of(model).head.temperature == pytest.approx(4.0, rel=1e-3)


def test_capped_logits_are_refused(load: Load) -> None:
    model = _with_head(load("llava"), lambda logits: logits.tanh())
    with pytest.raises(UsageError, match="no linear map"):
        Forward.of(model)


def test_a_model_in_one_piece_is_refused(load: Load) -> None:
    model = load("llava")
    network = copy.deepcopy(model.network)
    network.__class__ = type("OnePiece", (type(network),), {"base_model_prefix": ""})
    with pytest.raises(UsageError, match="is a OnePiece, which has no language model"):
        Forward.of(dataclasses.replace(model, network=network))


def test_a_bias_is_part_of_the_head(load: Load) -> None:
    model = load("llava")
    network = copy.deepcopy(model.network)
    network.lm_head.bias = torch.nn.Parameter(torch.linspace(-1, 1, network.lm_head.out_features), requires_grad=False)
    head = Forward.of(dataclasses.replace(model, network=network)).head
    assert head.bias is not None
    assert head.temperature == 1.0


@pytest.mark.parametrize("kind", kin.KINDS)
def test_other_kinds_give_their_hidden_states_too(kind: str) -> None:
    model = kin.model(kind)
    forward = Forward.of(model)
    passages = [read.pair.seen for read in reads(model)[:1]]
    hidden = forward.predicting(forward.see(passages).hidden, passages)
    with torch.inference_mode():
        logits = model.network(**collate(model, [passages[0].row])).logits[0]
    part = slice(passages[0].first - 1, passages[0].first + passages[0].count - 1)
    torch.testing.assert_close(hidden @ forward.head.weight.T, logits[part], atol=1e-5, rtol=1e-4)


def _with_head(model: LocalModel, change: object) -> LocalModel:
    """The model with logits changed on their way out of the head's layer, and larger ones to change."""
    network = copy.deepcopy(model.network)
    network.lm_head.weight *= 20
    forward = type(network).forward

    def changed(self: object, *args: object, **named: object) -> object:
        output = forward(self, *args, **named)
        output.logits = change(output.logits)
        return output

    network.__class__ = type("Changed", (type(network),), {"forward": changed})
    return dataclasses.replace(model, network=network)
