import json
from pathlib import Path

from perceptdata.builders.corpora.math_puma import MathPUMA


def test_rows_of_one_picture_and_of_two(shape, corpus: Path, take) -> None:
    alone, words, picture, bare = take(MathPUMA(), shape("math_puma").write(corpus))
    assert {example.answer.text for example in (alone, words, picture, bare)} == {"5"}
    assert picture.id == f"{words.id}/picture"
    assert (words.group == picture.group, words.group == alone.group) == (True, False)
    assert alone.response == "By Pythagoras AC = 5, since 9 + 16 = 25.\nAnswer: 5"
    assert (bare.stage, bare.response) == ("textual_reasoning", None)


def test_one_half_of_a_pair_may_be_broken(corpus: Path, read) -> None:
    row = {"instruction": "1+1?", "output": "2", "instruction_2": "1+1?", "output_2": "\\boxed{2"}
    (corpus / "rows.json").write_text(json.dumps([row]))
    drafts, bad = read(MathPUMA(), corpus)
    assert [draft.twin for draft in drafts] == [None]
    assert [(one.key, one.code) for one in bad] == [("rows/0/picture", "answer.missing")]
