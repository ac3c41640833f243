"""`reference`: claims against a text; evidence counts only where it stands there."""

from collections.abc import Callable
from typing import Any

from llm.judging import Wire, image_of, judges, quoted, text_of
from llm.server import Script

from perceptdata.example import Example
from perceptdata.plugins import CaptionItem, Judged
from perceptdata.registry import make

FACTS = "Two red cups stand on a table."
Item = Callable[..., CaptionItem]
Shows = Callable[..., Example]


def quotes(evidence: str, verdict: str = "supported") -> Script:
    return judges(lambda claim, about: verdict, lambda entries: [{**each, "evidence": evidence} for each in entries])


def said(judged: Judged) -> list[Any]:
    return [opinion.verdict or opinion.unjudged for opinion in judged.opinions]


def test_the_facts_are_shown_and_no_image(item: Item, shows: Shows, says: Wire) -> None:
    caption = item("There are two cups.", shows(FACTS, "reference"), shows(FACTS, "reference", id="twin"))
    (judged,) = says("reference", quotes("two  RED cups"), caption)
    assert said(judged) == ["supported"]
    (asked,) = says.asked
    assert quoted(asked, "Reference") == FACTS  # once, though two examples have them
    assert image_of(asked) == ""
    assert 'Caption: "There are two cups."' in text_of(asked)


def test_evidence_that_is_not_in_the_reference_is_no_verdict(item: Item, shows: Shows, says: Wire) -> None:
    caption = item("There are two cups.", shows(FACTS, "reference"))
    for evidence in ("three red cups", ""):
        (judged,) = says("reference", quotes(evidence), caption)
        assert said(judged) == ["judge.evidence_foreign"]
    (judged,) = says("reference", quotes("", "not_visible"), caption)  # what is not told needs no quote
    assert said(judged) == ["not_visible"]


def test_another_step_s_captions_can_be_the_reference(item: Item, shows: Shows, says: Wire) -> None:
    caption = item("There are two cups.", shows("other facts"), people=("Two cups.", "Cups of red."))
    (judged,) = says("reference", quotes("Cups of red."), caption, of="people")
    assert said(judged) == ["supported"]
    (asked,) = says.asked
    assert quoted(asked, "Reference") == "Two cups.\nCups of red."
    judge = make("judges", "reference", {"endpoint": {"urls": ["http://h/v1"], "model": "m"}, "of": "people"})
    assert judge.reads() == {"people": "captions"}


def test_without_a_reference_nothing_is_asked(item: Item, shows: Shows, says: Wire) -> None:
    first, second = says("reference", quotes("x"), item("Two cups."), item("Two cups.", shows(FACTS, count=2)))
    assert said(first) == said(second) == ["reference.none"]
    assert says.asked == []
