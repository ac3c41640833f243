import json
from collections import Counter
from pathlib import Path

import pytest

from perceptdata import answers
from perceptdata.builders.corpora.math_hendrycks import MATH
from perceptdata.errors import UsageError


def test_the_real_problems_in_both_layouts(shared: Path, take, read) -> None:
    folder = shared / "corpora/math_hendrycks"
    whole = {example.id: example for example in take(MATH(), folder / "math.json")}
    singles = {example.id: example for example in take(MATH(), folder / "MATH")}
    assert (len(whole), len(singles)) == (84, 28)
    assert {name: example.answer for name, example in singles.items()} == {
        name: whole[name].answer for name in singles
    }  # one problem has one id, whichever file it stands in
    assert {example.source.allowed_use for example in whole.values()} == {"evaluate"}
    kinds = Counter(example.answer.kind for example in whole.values())
    assert kinds["text"] == 2  # a weekday, and the letter (C)
    assert whole["math/test/precalculus/1019"].answer.text == "(3,2,4)"
    assert whole["math/test/algebra/2489"].answer.unit == "$"
    assert answers.score("115000", whole["math/test/algebra/2489"]) == 1.0
    assert answers.score("(3, 2, 4)", whole["math/test/precalculus/1019"]) == 1.0
    assert whole["math/test/geometry/619"].meta == {"level": 5, "subject": "Geometry"}
    assert len(read(MATH(), folder)[0]) == 112


def test_all_layouts(shape, corpus: Path, take) -> None:
    examples = {example.id: example for example in take(MATH(), shape("math").write(corpus))}
    assert {name: example.answer.text for name, example in examples.items()} == {
        "math/test/geometry/7": "(3, -4)",
        "math/train/algebra/2": "5",
        "math/train/algebra/10": "\\frac{x}{\\sqrt{4}}",
        "math/train/number_theory/train-00000-of-00001/0": "even",
        "math/test/counting_&_probability/8": "6",
        "math/test/geometry/9": "Friday",
    }
    assert examples["math/train/algebra/10"].meta == {"subject": "Algebra"}  # `Level ?` is no level
    assert examples["math/train/algebra/2"].source.allowed_use == "train"
    assert examples["math/train/algebra/2"].response == "We count on: $2+3=\\boxed{5}$."


def test_problem_files_go_together(shape, corpus: Path, read, monkeypatch: pytest.MonkeyPatch) -> None:
    source = shape("math").write(corpus)
    whole, _ = read(MATH(), source)
    parts = MATH().parts(source)
    assert (parts[0].path, parts[0].start, parts[0].stop) == (source, 0, 3)
    assert len(parts) == 3
    monkeypatch.setattr(MATH, "SHARD", 2)
    assert read(MATH(), source)[0] == whole


def test_problems_that_cannot_be_used(shape, corpus: Path, read) -> None:
    source = shape("math").write(corpus)
    (source / "MATH/train/algebra/2.json").write_text('{"problem": "cut')
    (source / "MATH/train/algebra/10.json").write_text("[]")
    (source / "MATH/test/geometry/7.json").write_text(json.dumps({"problem": "?", "solution": "So $\\boxed{5$."}))
    _, bad = read(MATH(), source)
    assert [(row.key, row.code, row.split) for row in bad] == [
        ("geometry/7", "answer.missing", "test"),
        ("algebra/2", "row.unreadable", "train"),
        ("algebra/10", "row.unreadable", "train"),
    ]
    assert "algebra/2.json" in bad[1].message
    (corpus / "none").mkdir()
    with pytest.raises(UsageError, match="holds no file of MATH"):
        MATH().parts(corpus / "none")
