"""Token shares by hand: the trace has 13 tokens that look, 10 that think, and an emoji that nobody labelled."""

import pytest

from perceptdata.report.shares import LayerShares, Share, layer_shares
from perceptdata.report.subject import Subject
from perceptdata.workspace import Workspace


def test_tokens_by_label_source_and_stage(full: Workspace) -> None:
    (layer,) = layer_shares(Subject(full))
    assert (layer.step, layer.scheme, layer.labels) == ("tags", "pro@1", ("perception", "reasoning", "other"))
    shares = {(share.corpus, share.stage): share for share in layer.shares}
    for stage in ("visual_reasoning", "textual_reasoning"):
        share = shares["Geometry", stage]
        assert (share.text, share.texts) == ("response", 8)
        # In the figure , AB is 32 . The label reads 5 , = 13; So x = 7 . hence y = 2 . = 10; the emoji = 1
        assert share.tokens == {"perception": 8 * 13, "reasoning": 8 * 10, "other": 0, "unlabelled": 8}
    evil = shares["Sums", "textual_reasoning"].tokens
    assert evil["other"] == 45
    assert evil["unlabelled"] == 7  # the tags around it: <think> and </think>
    assert layer.share("perception") == pytest.approx(16 * 13 / (16 * 24 + 52))


def test_texts_that_changed_are_left_out_and_counted(full: Workspace) -> None:
    (layer,) = layer_shares(Subject(full))
    assert layer.changed == 1


def test_facts_and_questions_are_no_chains_of_thought() -> None:
    facts = Share("A", "perception", "facts", 1, {"perception": 90, "reasoning": 0})
    trace = Share("A", "perception", "response", 1, {"perception": 1, "reasoning": 3})
    layer = LayerShares("tags", "pro@1", ("perception", "reasoning"), 0, [facts, trace])
    assert layer.share("perception") == 0.25
    assert LayerShares("tags", "pro@1", ("perception",), 0, [facts]).share("perception") is None


def test_without_layers_there_are_none(empty: Workspace) -> None:
    assert layer_shares(Subject(empty)) == []
