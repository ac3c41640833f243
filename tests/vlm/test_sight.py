"""A model that ignores its images is found out."""

import copy
import dataclasses

import pytest
import torch
from models import tiny as factory
from models.tiny import Load

from perceptdata.vlm.sight import blank, drawing, looks_at_images


@pytest.mark.parametrize("family", factory.MODELS)
def test_a_model_with_eyes_uses_them(load: Load, family: str) -> None:
    assert looks_at_images(load(family)) == (family in factory.WITH_IMAGES)


def test_a_model_whose_image_features_say_nothing_is_blind(load: Load) -> None:
    model = load("llava")
    network = copy.deepcopy(model.network)
    with torch.no_grad():
        for weight in network.model.multi_modal_projector.parameters():
            weight.zero_()
    assert not looks_at_images(dataclasses.replace(model, network=network))


def test_the_two_images_differ_in_content_only() -> None:
    assert blank() != drawing()
    assert blank()[16:24] == drawing()[16:24]  # width and height in the PNG header
