"""How much tokens owe to the image: against a naive oracle, and for a model that was taught to look."""

import copy
import dataclasses
import math

import numpy as np
import pytest
import torch
from models import kin, tiny
from models.pictures import draw
from models.reading import FORM, STORE, example, reads
from models.tiny import Load

from perceptdata.errors import UsageError
from perceptdata.steps.passages import Passages
from perceptdata.vlm.batch import collate
from perceptdata.vlm.dependency import Pair, VisualDependency
from perceptdata.vlm.forward import Passage
from perceptdata.vlm.loading import LocalModel


def log_probabilities(model: LocalModel, passage: Passage, masked: bool = False) -> torch.Tensor:
    """(tokens, vocabulary) of one response, from the whole model's logits, in float64."""
    inputs = collate(model, [passage.row])
    with torch.inference_mode():
        if masked:  # of a family without image positions, so that a mask is all there is to it
            hidden = torch.isin(inputs["input_ids"], torch.tensor(model.media_ids))
            inputs["attention_mask"] = (~hidden).long()
        logits = model.network(**inputs).logits[0].double()
    return logits[passage.first - 1 : passage.first + passage.count - 1].log_softmax(-1)


@pytest.mark.parametrize("blind", ["mask", "none", "blank"])
def test_scores_are_the_divergence_of_the_two_passes(load: Load, blind: str) -> None:
    model = load("llava")
    pairs = [read.pair for read in reads(model, blind)]
    exact = VisualDependency(model, blind, "full_kl").score(pairs, batch_size=3)
    sampled = VisualDependency(model, blind, "k3").score(pairs, batch_size=3)
    for pair, kl, k3 in zip(pairs, exact, sampled, strict=True):
        image = log_probabilities(model, pair.seen)
        hidden = log_probabilities(model, pair.blind or pair.seen, masked=pair.blind is None)
        expected = (image.exp() * (image - hidden)).sum(-1)
        assert expected.max() > 1e-4
        np.testing.assert_allclose(kl, expected, atol=2e-6)
        ratio = (hidden - image).gather(1, pair.seen.targets[:, None])[:, 0]
        np.testing.assert_allclose(k3, ratio.exp() - 1 - ratio, atol=2e-6)
        assert kl.dtype == k3.dtype == np.float32
        assert (k3 >= 0).all()
        assert (kl >= 0).all()


@pytest.mark.parametrize("estimator", ["k3", "full_kl"])
@pytest.mark.parametrize("family", tiny.WITH_IMAGES)
def test_equal_passes_give_nothing(load: Load, family: str, estimator: str) -> None:
    model = load(family)
    pairs = [Pair(read.pair.seen, read.pair.seen) for read in reads(model)]
    for scores in VisualDependency(model, "blank", estimator).score(pairs, batch_size=3):
        assert scores.max() < 1e-6


@pytest.mark.parametrize("blind", ["mask", "drop", "none"])
@pytest.mark.parametrize("name", ["qwen2_5_vl", "qwen3_vl", "llava", "gemma", "hybrid"])
def test_scores_do_not_depend_on_the_batch(load: Load, name: str, blind: str) -> None:
    model = kin.model(name) if name in kin.KINDS else load(name)
    meter = VisualDependency(model, blind, "full_kl")
    pairs = [read.pair for read in reads(model, blind)]
    together, alone, turned = meter.score(pairs, 4), meter.score(pairs, 1), meter.score(pairs[::-1], 2)[::-1]
    for scores, others, last, pair in zip(together, alone, turned, pairs, strict=True):
        assert scores.shape == (pair.seen.count,)
        assert scores.max() > 1e-6
        np.testing.assert_allclose(scores, others, atol=3e-6)
        np.testing.assert_allclose(scores, last, atol=3e-6)


def test_bfloat16_agrees_as_far_as_it_can(load: Load) -> None:
    model = load("llava")
    half = dataclasses.replace(model, network=copy.deepcopy(model.network).to(torch.bfloat16))
    pairs = [read.pair for read in reads(model, "blank")]
    exact = np.concatenate(VisualDependency(model, "blank", "full_kl").score(pairs))
    rounded = np.concatenate(VisualDependency(half, "blank", "full_kl").score(pairs))
    assert np.corrcoef(exact, rounded)[0, 1] > 0.95


def test_only_a_hybrid_model_is_warned_of(load: Load) -> None:
    assert VisualDependency(load("llava")).warning is None
    assert VisualDependency(kin.model("gemma")).warning is None
    hybrid = kin.model("hybrid")
    assert "linear_attention" in str(VisualDependency(hybrid).warning)
    assert VisualDependency(hybrid, "drop").warning is None


def test_models_that_cannot_be_measured_are_refused(load: Load) -> None:
    with pytest.raises(UsageError, match="is a text model"):
        VisualDependency(load("qwen3"))
    model = load("llava")
    network = copy.deepcopy(model.network)
    for weight in network.model.multi_modal_projector.parameters():
        weight.zero_()
    with pytest.raises(UsageError, match="whatever its image shows"):
        VisualDependency(dataclasses.replace(model, network=network))


def taught(model: LocalModel, blind: str) -> LocalModel:
    """A copy that has learned to name the colour that it sees, and either of two with equal odds where it is hidden."""
    network = copy.deepcopy(model.network).requires_grad_(True)
    learner = dataclasses.replace(model, network=network)
    passages = Passages(learner, FORM, blind)
    told = [
        passages.read(example(draw(colour), name=f"t/s/{at}"), f"The square is {colour}, so x = 25.", STORE).pair
        for at, colour in enumerate(("red", "blue"))
    ]
    lessons = [passage for pair in told for passage in (pair.seen, pair.blind) if passage is not None]
    inputs = collate(learner, [passage.row for passage in lessons])
    labels = torch.full_like(inputs["input_ids"], -100)
    for label, passage in zip(labels, lessons, strict=True):
        end = labels.shape[1] - passage.behind
        label[end - passage.count : end] = passage.targets
    optimiser = torch.optim.AdamW(network.parameters(), lr=5e-3)
    for _ in range(60):
        loss = network(**inputs, labels=labels).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return dataclasses.replace(learner, network=network.requires_grad_(False))


@pytest.mark.parametrize("family", ["llava", "qwen2_5_vl"])
def test_the_word_that_was_seen_has_the_highest_score(load: Load, family: str) -> None:
    """Without the image the colour is a coin toss: KL((1, 0) ‖ (½, ½)) = log 2, and k3 there is 2⁻¹ - 1 + log 2."""
    model = taught(load(family), "none")
    passages = Passages(model, FORM, "none")
    text = "The square is blue, so x = 25."
    read = passages.read(example(draw("blue"), name="t/s/1"), text, STORE)
    words = [text[start:end].strip() for start, end in zip(read.start, read.end, strict=True)]
    (exact,), (sampled,) = (VisualDependency(model, "none", kind).score([read.pair]) for kind in ("full_kl", "k3"))
    at = int(exact.argmax())
    assert words[at] in "blue"
    assert exact[at] == pytest.approx(math.log(2), abs=0.25)
    assert sampled.argmax() == at
    assert sampled[at] == pytest.approx(math.log(2) - 0.5, abs=0.15)
    assert np.delete(exact, at).max() < exact[at] / 3
