from pathlib import Path

from perceptdata.builders.corpora.math500 import MATH500
from perceptdata.builders.corpora.questions import same_question


def test_the_problems(shape, corpus: Path, take) -> None:
    polar, divisors = take(MATH500(), shape("math500").write(corpus))
    assert (polar.id, polar.answer.kind) == ("math500/test/precalculus/807", "expression")
    assert (divisors.answer.text, divisors.meta) == ("3", {"subject": "Number Theory", "level": 1})
    assert {polar.source.allowed_use, divisors.source.allowed_use} == {"evaluate"}
    assert divisors.group == same_question("How many  divisors has 9?")  # the same problem of MATH never parts from it
