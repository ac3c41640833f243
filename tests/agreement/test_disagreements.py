"""Disagreements: the clauses in dispute, heaviest first, with who said what."""

from agreement.coding import coded

from perceptdata.agreement import disagreements

TEXTS = ["Aa. Bbbbb.", "Cccccccc. Dd. Ee."]


def test_the_heaviest_comes_first_with_its_text_and_labels() -> None:
    both = coded(TEXTS, one=["PPPPPPPPPP", "PPPPPPPPPPRRRRRRR"], other=["PPPRRRRRRR", "RRRRRRRRRRRRRR---"])
    found = disagreements(both)
    assert [(each.weight, each.text) for each in found] == [(9, "Cccccccc."), (6, "Bbbbb.")]
    assert found[0].text_id == "toys/train/1#response"
    assert found[0].labels == {"one": "perception", "other": "reasoning"}
    assert TEXTS[1][found[0].start : found[0].end] == "Cccccccc."
    assert found[0].to_json()["labels"] == {"one": "perception", "other": "reasoning"}


def test_only_so_many_and_ties_in_text_order() -> None:
    both = coded(["Aa. Bb.", "Cc."], one=["PPPPPPP", "PPP"], other=["RRRRRRR", "RRR"])
    assert [each.text for each in disagreements(both, limit=2)] == ["Aa.", "Bb."]
    assert disagreements(both, limit=0) == []


def test_who_says_nothing_disputes_nothing() -> None:
    both = coded(TEXTS, one=["PPPPPPPPPP", None], other=["PPP-------", "RRRRRRRRRRRRRR---"])
    assert disagreements(both) == []
    third = coded(["Aa."], one=["PPP"], other=["---"], third=["OOO"])
    assert disagreements(third)[0].labels == {"one": "perception", "third": "other"}


def test_no_texts_no_disagreements() -> None:
    assert disagreements(coded([], one=[], other=[])) == []
