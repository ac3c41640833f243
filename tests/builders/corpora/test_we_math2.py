from pathlib import Path

from perceptdata.builders.corpora.we_math2 import WeMath2


def test_variants_share_a_group(shape, corpus: Path, take) -> None:
    seed, variant, other = take(WeMath2(), shape("we_math2").write(corpus))
    assert (seed.group, variant.group, other.group) == ("we_math2/12", "we_math2/12", "we_math2/13")
    assert (variant.meta["difficulty"], variant.meta["knowledge_points"]) == ("1", ["area", "square", "halves"])
    assert (other.choices, other.answer.index) == (("3", "4", "5"), 2)
    assert (seed.source.licence, seed.source.allowed_use) == ("CC-BY-NC-4.0", "research")
