"""The parts of a completion are found on the very tokens that were sampled."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from perceptdata import registry
from perceptdata.trainer.core.segments import Rollouts, valid
from perceptdata.trainer.engine.anatomy import Anatomy, Reading
from perceptdata.vlm.loading import Reader

OPENED = "<description>"
Ids = list[int]


@pytest.fixture(scope="module")
def reader(tiny: Callable[[str], Path]) -> Reader:
    return Reader.read(tiny("qwen2_5_vl"))


def anatomy(reader: Reader, reading: Reading = "paper", form: str = "describe_think_boxed") -> Anatomy:
    made = registry.make("formats", form, {})
    silent = (*reader.end_ids, reader.tokenizer.pad_token_id)
    return Anatomy(reader.tokenizer, made, made.prefill, silent, reading)


def pieces(reader: Reader, *texts: str, end: bool = True) -> tuple[Ids, list[tuple[int, int]]]:
    """Texts encoded one by one, which their whole would not be; and where each lies."""
    ids: Ids = []
    places = []
    for text in texts:
        first = len(ids)
        ids += reader.tokenizer(text, add_special_tokens=False)["input_ids"]
        places.append((first, len(ids)))
    return ids + [reader.end_ids[0]] * end, places


def read(made: Anatomy, *rows: Ids) -> tuple[Rollouts, list[str]]:
    width = max(map(len, rows))
    ids = torch.tensor([[*row, *[made.silent[-1]] * (width - len(row))] for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
    return made.of(ids, mask)


def tokens(mask: Tensor) -> list[int]:
    return mask.nonzero()[:, 0].tolist()


def test_the_two_readings_of_a_valid_rollout(reader: Reader) -> None:
    texts = (" a red square", "</description>", "\n", "<think>", "3 + 2 = 5", "</think>", " So \\boxed{5}")
    ids, (seen, _, _, _, thought, closing, answer) = pieces(reader, *texts)
    rollouts, said = read(anatomy(reader), ids)
    assert said == [OPENED + "".join(texts)]
    assert tokens(rollouts.description[0]) == list(range(*seen))
    assert tokens(rollouts.reasoning[0]) == [*range(*thought), *range(*answer)]
    assert tokens(rollouts.special[0]) == [len(ids) - 1]
    assert valid(rollouts).tolist() == [True]
    released, _ = read(anatomy(reader, "released"), ids)
    assert tokens(released.description[0]) == list(range(*seen))
    assert tokens(released.reasoning[0]) == [*range(*thought), *range(*closing), *range(*answer)]


@pytest.mark.parametrize(
    ("text", "paper", "released"),
    [
        (" a square</description><think>so</think> \\boxed{wrong}", True, True),  # a wrong answer is valid
        (" a square</description> hm <think>so</think> \\boxed{5}", False, True),
        (" a square</description><think>so</think> 5", False, False),
        (" a square</description><think>so</think> \\boxed{5", False, False),
        (" a square</description> so </think> \\boxed{5}", False, False),
        ("</description><think>so</think> \\boxed{5}", False, False),  # no description
        (" \n</description><think>so</think> \\boxed{}", False, True),  # the released code looks for a box, not into it
        (" a square <think>so</think></description> \\boxed{5}", False, False),
        ("", False, False),
    ],
)
def test_which_rollouts_are_valid(reader: Reader, text: str, paper: bool, released: bool) -> None:
    ids, _ = pieces(reader, text)
    assert valid(read(anatomy(reader), ids)[0]).tolist() == [paper]
    assert valid(read(anatomy(reader, "released"), ids)[0]).tolist() == [released]


def test_a_closing_tag_of_single_letters_is_found(reader: Reader) -> None:
    """Sampled so, it shares no token with the tag as a tokenizer would write it."""
    ids, places = pieces(reader, " a square", *"</description>", "<think>", "so", "</think>", "\\boxed{5}")
    rollouts, _ = read(anatomy(reader), ids)
    assert tokens(rollouts.description[0]) == list(range(*places[0]))
    assert valid(rollouts).all()


def test_a_token_of_two_parts_is_of_neither(reader: Reader) -> None:
    """`5</` would be one token in some vocabularies; here `x<` stands in for it."""
    tokenizer = Reader.read(reader.name).tokenizer
    tokenizer.add_tokens(["square<"])
    made = Anatomy(tokenizer, anatomy(reader).form, OPENED, (*reader.end_ids, tokenizer.pad_token_id))
    ids = tokenizer(" a red square</description><think>so</think>\\boxed{5}", add_special_tokens=False)["input_ids"]
    across = tokenizer.convert_tokens_to_ids("square<")
    assert across in ids
    rollouts, _ = read(made, [*ids, reader.end_ids[0]])
    assert tokens(rollouts.description[0]) == list(range(ids.index(across)))


def test_characters_of_several_tokens_keep_all_of_them(reader: Reader) -> None:
    ids, (seen, tag, _, thought, *_) = pieces(
        reader, " 图中 café 😀", "</description>", "<think>", "∠ABC = 90°", "</think>", "\\boxed{½}"
    )
    assert seen[1] - seen[0] > len(" 图中 café 😀")  # bytes, not characters
    made = anatomy(reader)
    text, places = made.spell(ids)
    assert text.startswith(" 图中 café 😀</description>")
    assert [text[start:end] for start, end in places[tag[0] : tag[1]]] == [
        reader.tokenizer.decode([token]) for token in ids[tag[0] : tag[1]]
    ]
    rollouts, _ = read(made, ids)
    assert tokens(rollouts.description[0]) == list(range(*seen))
    assert set(range(*thought)) <= set(tokens(rollouts.reasoning[0]))
    assert valid(rollouts).all()


def test_a_cut_off_character_and_an_empty_row(reader: Reader) -> None:
    ids, _ = pieces(reader, " a 图", end=False)
    text, places = anatomy(reader).spell(ids[:-1])
    assert text == " a \N{REPLACEMENT CHARACTER}"
    assert places[-1] == (3, 4)
    rollouts, texts = read(anatomy(reader), ids[:-1], [reader.end_ids[0]])
    assert valid(rollouts).tolist() == [False, False]
    assert texts[1] == OPENED
    assert rollouts.completion.sum(1).tolist() == [len(ids) - 1, 1]


def test_whatever_is_sampled_has_a_place(reader: Reader) -> None:
    """Bytes at random: places follow one another, and cover a text that decoding everything at once gives too."""
    made, draw = anatomy(reader), random.Random(0)
    ordinary = [at for at in range(len(reader.tokenizer)) if at not in made.silent]
    for length in (1, 2, 7, 60, 300):
        ids = draw.choices(ordinary, k=length)
        text, places = made.spell(ids)
        assert text == reader.tokenizer.backend_tokenizer.decode(ids, skip_special_tokens=False)
        starts, ends = zip(*places, strict=True)
        assert list(starts) == sorted(starts)
        assert list(ends) == sorted(ends)
        assert places[0][0] == 0
        assert ends[-1] == len(text)
        assert all(start <= before for before, start in zip(ends, starts[1:], strict=False))


def test_parts_that_only_white_space_divides_do_not_overlap(reader: Reader) -> None:
    ids, (seen, blank, thought, answer) = pieces(reader, "A red square.", "\n\n", "3 + 2 = 5", "\n\\boxed{5}")
    rollouts, _ = read(anatomy(reader, form="facts_trace"), ids)
    assert tokens(rollouts.description[0]) == [*range(*seen), *range(*blank)]
    assert tokens(rollouts.reasoning[0]) == [*range(*thought), *range(*answer)]


def test_a_format_without_a_description_has_none(reader: Reader) -> None:
    ids, (_, thought, _, answer) = pieces(reader, "<think>", "3 + 2 = 5", "</think>", "\\boxed{5}")
    rollouts, texts = read(anatomy(reader, form="think_boxed"), ids)
    assert texts == ["<think>3 + 2 = 5</think>\\boxed{5}"]
    assert not rollouts.description.any()
    assert tokens(rollouts.reasoning[0]) == [*range(*thought), *range(*answer)]
