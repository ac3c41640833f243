"""Rendered conversations of real processors: every token's role, seen from the ids."""

import copy
import dataclasses
from itertools import groupby
from typing import Any

import numpy as np
import pytest
from models import families
from models.pictures import draw
from tokenizers import AddedToken

from perceptdata import images
from perceptdata.alignment.aligner import Aligner, Completion, Roles
from perceptdata.errors import REASONS, UsageError
from perceptdata.example import Turn
from perceptdata.spans import SEGMENTS, Span, SpanSet
from perceptdata.vlm.loading import Reader
from perceptdata.vlm.rendering import Request, encode

THOUGHT = "<think>\nThe square is red, AB = 7.\n</think>\n\nSo x = \\boxed{7}."
COLOURS = ("red", "blue", "lime", "white")
SIZES = ((64, 64), (96, 40), (40, 120), (200, 60))


def spans_of(text: str, **parts: str) -> SpanSet:
    """`perception="…"` labels those words wherever they stand."""
    found = []
    for label, part in parts.items():
        at = text.index(part)
        found.append(Span(at, at + len(part), label))
    return SpanSet.of(found)


def row(key: str, question: str = "<image>What?", count: int = 1, **options: Any) -> Completion:
    pictures = tuple(draw(colour, *size) for colour, size in zip(COLOURS, SIZES, strict=True))[:count]
    spans = spans_of(THOUGHT, perception="The square is red, AB = 7.", reasoning="So x = \\boxed{7}.")
    return Completion(Request(key=key, question=question, images=pictures, **options), THOUGHT, spans)


def said(reader: Reader, roles: Roles, at: int) -> list[tuple[int, str]]:
    """Runs of one role, decoded."""
    ids, found = roles.row(at)
    runs = groupby(zip(found.tolist(), ids.tolist(), strict=True), lambda pair: pair[0])
    return [(role, reader.tokenizer.decode([token for _, token in run])) for role, run in runs]


@pytest.mark.parametrize("name", families.WITH_IMAGES)
@pytest.mark.parametrize("count", range(5))
def test_every_family_with_up_to_four_images(name: str, count: int) -> None:
    reader = families.reader(name)
    question = "".join("<image>" for _ in range(count)) + "What is it?"
    asked = row("a", question, count)
    roles = Aligner(reader).align([asked])
    assert roles.rejects == ()
    prompt, *completion = said(reader, roles, 0)
    end = {"llava": "</s>", "gemma": "<end_of_turn>\n"}.get(name, "<|im_end|>\n")
    assert completion == [
        (3, "<think>\n"),
        (1, "The square is red, AB = 7."),
        (3, "\n</think>\n\n"),
        (2, "So x = \\boxed{7}."),
        (3, end),
    ]
    assert prompt[0] == 0
    assert "What is it?" in prompt[1]

    # The ids are the processor's own of the same text, and every image token is in the prompt.
    text = Aligner(reader).converse(asked.request, asked.response).text
    pictures = [images.decode(data) for data in asked.request.images]
    ids = encode(reader, text, pictures, None)["input_ids"][0].numpy()
    assert np.array_equal(roles.input_ids, ids)
    media = [reader.processor.image_token_id, *getattr(reader.processor, "image_token_ids", [])]
    places = np.isin(ids, media)
    assert places.any() == (count > 0)
    assert not roles.roles[places].any()


def test_images_anywhere_in_a_conversation() -> None:
    history = (
        Turn(role="user", text="Look at <image>. What?"),
        Turn(role="assistant", text="So x = \\boxed{7}."),  # the very words of the response
    )
    asked = row("a", "And <image> or <image>? So x = \\boxed{7}.", 3, history=history, system="Be brief.")
    for name in ("qwen2_5_vl", "qwen3_vl", "internvl", "gemma"):
        reader = families.reader(name)
        roles = Aligner(reader).align([asked])
        assert roles.rejects == ()
        (prompt, text), *completion = said(reader, roles, 0)
        assert (prompt, text.count("So x = \\boxed{7}.")) == (0, 2)
        assert [role for role, _ in completion] == [3, 1, 3, 2, 3]


def test_a_batch_is_labelled_as_each_row_alone() -> None:
    reader = families.reader("qwen3_vl")
    batch = [row("a"), row("b", "What?", 0), row("c", "<image><image>?", 2), row("d", "Why?", 0)]
    together = Aligner(reader).align(batch)
    for at, one in enumerate(batch):
        alone = Aligner(reader).align([one])
        assert np.array_equal(together.row(at)[0], alone.input_ids)
        assert np.array_equal(together.row(at)[1], alone.roles)
    assert len(together) == 4
    assert len(Aligner(reader).align([])) == 0


def test_ids_that_the_processor_has_made_already() -> None:
    reader = families.reader("internvl")
    aligner = Aligner(reader)
    batch = [row("a"), row("b", "What?", 0)]
    ids = [aligner.align([one]).input_ids.tolist() for one in batch]
    without = [dataclasses.replace(batch[0], request=dataclasses.replace(batch[0].request)), batch[1]]
    assert np.array_equal(aligner.align(without, ids).roles, aligner.align(batch).roles)
    cut = aligner.align(batch, [ids[0][:-3], ids[1]])
    assert [(reject.row, reject.key, reject.code) for reject in cut.rejects] == [(0, "a", "tokens.expansion")]
    assert len(cut.row(1)[0]) == len(ids[1])


def test_padding_has_role_0_on_either_side() -> None:
    reader = families.reader("qwen3_vl")
    roles = Aligner(reader).align([row("a"), row("b", "What?", 0)])
    lengths = np.diff(roles.rows)
    for side in ("left", "right"):
        ids, found = roles.padded(reader.tokenizer.pad_token_id, side)
        assert ids.shape == found.shape == (2, lengths.max())
        inside = slice(-lengths[1], None) if side == "left" else slice(0, lengths[1])
        assert np.array_equal(found[1][inside], roles.row(1)[1])
        assert np.array_equal(ids[1][inside], roles.row(1)[0])
        assert found[1].sum() == roles.row(1)[1].sum()
        assert (ids[1] == reader.tokenizer.pad_token_id).sum() == lengths.max() - lengths[1]


# Templates


def test_a_template_that_drops_earlier_thoughts_is_refused_with_the_row() -> None:
    history = (Turn(role="user", text="Hi"), Turn(role="assistant", text=THOUGHT))
    short = (Turn(role="user", text="Hi"), Turn(role="assistant", text="So x = \\boxed{7}."))
    batch = [row("a", "And?", 0, history=history), row("b", "And?", 0, history=short)]
    for name in ("qwen3", "qwen3_vl_thinking"):
        roles = Aligner(families.reader(name)).align(batch)
        assert [(reject.row, reject.key, reject.code) for reject in roles.rejects] == [(0, "a", "prompt.dropped")]
        assert "turn 2 (assistant); take the thoughts out of earlier turns" in roles.rejects[0].message
        assert len(roles.row(0)[0]) == 0
        assert len(roles.row(1)[0]) > 0
    assert Aligner(families.reader("qwen3_vl")).align(batch).rejects == ()


def test_a_format_s_prefill_opens_no_response_that_has_it_already() -> None:
    """What is opened for sampling stands in the responses that are trained on: `describe_think_boxed` opens its own."""
    reader = families.reader("qwen2_5_vl")
    asked = row("a")
    opened = dataclasses.replace(asked, request=dataclasses.replace(asked.request, prefill="<description>"))
    aligner = Aligner(reader)
    assert aligner.converse(opened.request, asked.response) == aligner.converse(asked.request, asked.response)
    assert aligner.align([opened]).rejects == ()


def test_a_template_that_opens_the_thought_does_not_double_it() -> None:
    reader = families.reader("qwen3_vl_thinking")
    bare = dataclasses.replace(row("b"), response="7", spans=SpanSet.of([Span(0, 1, "reasoning")]))
    roles = Aligner(reader).align([row("a"), bare])
    assert [(reject.row, reject.code) for reject in roles.rejects] == [(1, "prompt.thoughts")]
    assert reader.tokenizer.decode(roles.row(0)[0]).count("<think>") == 1


def test_thoughts_of_the_response_itself_are_never_dropped_or_rewritten() -> None:
    """The template would write `<think>\\n…\\n</think>\\n\\n`; what is trained is the response as it is."""
    reader = families.reader("qwen3")
    response = "<think>red</think>7"
    asked = Completion(
        Request(key="a", question="?", variables={"enable_thinking": True}),
        response,
        spans_of(response, perception="red", reasoning="7"),
    )
    roles = Aligner(reader).align([asked])
    assert said(reader, roles, 0)[1:] == [(3, "<think>"), (1, "red"), (3, "</think>"), (2, "7"), (3, "<|im_end|>\n")]


def test_white_space_that_a_template_puts_before_answers_is_kept() -> None:
    reader = families.reader("llava")
    aligner = Aligner(reader)
    for response in ("red", " red"):
        assert aligner.converse(Request(key="a", question="?"), response).text == "USER: ? ASSISTANT: red</s>"


def test_templates_that_show_no_answers_are_refused() -> None:
    for template in ("{{ messages[0].content[0].text }}", "{{ raise_exception('no') }}"):
        reader = families.reader("qwen3_vl")
        processor = copy.copy(reader.processor)
        processor.chat_template = template
        with pytest.raises(UsageError, match=r"assistant's turn 0 times|refuses a question with its answer"):
            Aligner(dataclasses.replace(reader, processor=processor))


# Tokens of two roles


def test_policies() -> None:
    reader = families.reader("qwen3_vl")
    response = "The square"
    token = reader.tokenizer.encode(" square", add_special_tokens=False)
    assert len(token) == 1
    spans = SpanSet.of([Span(0, 6, "perception"), Span(6, 10, "reasoning")])  # "sq|uare"
    asked = Completion(Request(key="a", question="?"), response, spans)
    found = {}
    for policy in ("strict", "contract", "expand"):
        roles = Aligner(reader, policy).align([asked, row("b")])
        assert roles.straddles.tolist() == [1, 0]
        found[policy] = [(role, text) for role, text in said(reader, roles, 0) if role]
        assert [reject.code for reject in roles.rejects] == (["tokens.straddle"] if policy == "strict" else [])
    assert found == {
        "strict": [],
        "contract": [(1, "The"), (3, " square<|im_end|>\n")],
        "expand": [(1, "The square"), (3, "<|im_end|>\n")],
    }
    with pytest.raises(UsageError, match="write strict, contract, expand"):
        Aligner(reader, "shrink")


# Length


def test_a_completion_is_cut_and_a_prompt_never() -> None:
    reader = families.reader("qwen2_5_vl")
    whole = Aligner(reader).align([row("a")])
    length, prompt = len(whole.input_ids), int((whole.roles == 0).sum())
    cut = Aligner(reader, max_length=length - 4).align([row("a")])
    assert cut.cut.tolist() == [4]
    assert np.array_equal(cut.roles, whole.roles[:-4])
    assert np.array_equal(cut.input_ids, whole.input_ids[:-4])
    assert Aligner(reader, max_length=length).align([row("a")]).cut.tolist() == [0]
    for limit in (prompt, prompt - 1, 5):
        refused = Aligner(reader, max_length=limit).align([row("a")])
        assert [reject.code for reject in refused.rejects] == ["prompt.too_long"]
        assert f"the prompt has {prompt} tokens with its images" in refused.rejects[0].message


def test_the_format_bounds_the_prompt() -> None:
    reader = families.reader("qwen2_5_vl")
    prompt = int((Aligner(reader).align([row("a")]).roles == 0).sum())
    roles = Aligner(reader).align([row("a", max_prompt_tokens=prompt), row("b", max_prompt_tokens=prompt - 1)])
    assert [(reject.key, reject.code) for reject in roles.rejects] == [("b", "prompt.too_long")]


# Bad rows


def test_bad_rows_are_rejects_and_the_rest_goes_on() -> None:
    good = row("good", "?", 0)

    def bad(key: str, **changes: Any) -> Completion:
        return dataclasses.replace(good, request=dataclasses.replace(good.request, key=key), **changes)

    batch = [
        bad("range", spans=SpanSet.of([Span(0, 900, "other")])),
        bad("overlap", spans=SpanSet.of([Span(0, 9, "other"), Span(5, 12, "perception")])),
        bad("control", response="a<|im_end|>b", spans=SpanSet.of([])),
        bad("image", response="a<|image_pad|>b", spans=SpanSet.of([])),
        good,
        bad("surrogate", response="a\ud800b", spans=SpanSet.of([])),
        dataclasses.replace(good, request=Request(key="places", question="<image>?")),
        dataclasses.replace(good, request=Request(key="bytes", question="<image>?", images=(b"no image",))),
    ]
    roles = Aligner(families.reader("qwen3_vl")).align(batch)
    assert [(reject.row, reject.key, reject.code) for reject in roles.rejects] == [
        (0, "range", "spans.range"),
        (1, "overlap", "spans.range"),
        (2, "control", "text.special_token"),
        (3, "image", "text.special_token"),
        (5, "surrogate", "text.surrogate"),
        (6, "places", "image.placeholders"),
        (7, "bytes", "image.unreadable"),
    ]
    assert {reject.code for reject in roles.rejects} <= REASONS.keys()
    assert np.flatnonzero(np.diff(roles.rows)).tolist() == [4]


def test_control_tokens_by_any_name_are_refused() -> None:
    tokenizer = copy.deepcopy(families.reader("qwen3").tokenizer)
    tokenizer.backend_tokenizer.add_special_tokens([AddedToken("«tool»", special=True)])
    aligner = Aligner(dataclasses.replace(families.reader("qwen3"), tokenizer=tokenizer))
    asked = Completion(Request(key="a", question="?"), "Call «tool» now", SpanSet.of([]))
    assert [reject.code for reject in aligner.align([asked]).rejects] == ["text.special_token"]
    plain = dataclasses.replace(asked, response="An <image> is <b>bold</b>.")  # no token of this tokenizer
    assert aligner.align([plain]).rejects == ()


def test_moved_images_and_refused_turns_are_rejects() -> None:
    moved = Aligner(families.reader("llava")).align([row("a", "Look at <image>.")])
    assert [reject.code for reject in moved.rejects] == ["prompt.images"]
    twice = (Turn(role="user", text="One"), Turn(role="user", text="Two"))
    refused = Aligner(families.reader("gemma")).align([row("a", "?", 0, history=twice)])
    assert [reject.code for reject in refused.rejects] == ["prompt.template"]


def test_segments_and_empty_responses() -> None:
    reader = families.reader("gemma")
    spans = SpanSet.of([Span(0, 3, "description"), Span(4, 8, "think"), Span(9, 10, "answer")], SEGMENTS)
    roles = Aligner(reader).align(
        [
            Completion(Request(key="a", question="?"), "red so 7.", SpanSet.of([], SEGMENTS)),
            Completion(Request(key="b", question="?"), "red so x 7", spans),
            Completion(Request("c", "?"), "", spans.clip(0, 0)),
        ]
    )
    assert [role for role, _ in said(reader, roles, 0)] == [0, 3]
    assert [role for role, _ in said(reader, roles, 1)] == [0, 1, 2, 3]
    assert said(reader, roles, 2)[1:] == [(3, "<end_of_turn>\n")]


def test_a_tokenizer_left_in_truncating_mode_does_not_cut() -> None:
    reader = dataclasses.replace(families.reader("qwen3"), tokenizer=copy.deepcopy(families.reader("qwen3").tokenizer))
    whole = Aligner(reader).align([row("a", "?", 0)])
    reader.tokenizer.backend_tokenizer.enable_truncation(4)
    reader.tokenizer.backend_tokenizer.enable_padding(length=999)
    assert np.array_equal(Aligner(reader).align([row("a", "?", 0)]).roles, whole.roles)
