"""Probes: what a judge is shown, and which claim of it is which."""

from pathlib import Path
from typing import Any

import pytest

from perceptdata.packs import ImageStore
from perceptdata.plugins import CaptionItem
from perceptdata.steps.probed import BLANK, blank, blank_pack, is_chosen, variant
from perceptdata.verification.claims import split

TEXT = "Two cups are left. A dog sleeps! It is red."


def item(text: str = TEXT, image: str = "a") -> CaptionItem:
    return CaptionItem(f"img:{image}#caps/0", text, tuple(split([text])[0]), image, memoryview(b"mine"))


def shown(probe: Any, text: str = TEXT, other: CaptionItem | None = None) -> tuple[list[str], tuple[int | None, ...]]:
    """The claims that the judge is shown, and their places."""
    found = variant(item(text), probe, other)
    assert found is not None
    for claim in found.item.claims:
        assert 0 <= claim.start < claim.end <= len(found.item.text)
    return [found.item.claim(at) for at in range(len(found.item.claims))], found.place


def test_known_false_claims_stand_where_the_true_ones_stood() -> None:
    claims, place = shown("sides")
    assert claims == ["Two cups are right.", "A dog sleeps!", "It is red."]
    assert place == (0, None, None)
    claims, place = shown("negated")
    assert claims == ["Two cups are not left.", "A dog sleeps!", "It is not red."]
    assert place == (0, None, 2)
    claims, place = shown("numbers")
    assert claims[0] != "Two cups are left."
    assert (claims[1:], place) == (["A dog sleeps!", "It is red."], (0, None, None))


def test_neutral_changes_keep_every_claim() -> None:
    assert shown("order") == (["It is red.", "A dog sleeps!", "Two cups are left."], (2, 1, 0))
    claims, place = shown("padded")
    assert claims == [item().claim(at) for at in range(3)]
    assert place == (0, 1, 2)
    padded = variant(item(), "padded", None)
    assert padded is not None
    assert len(padded.item.text) > 2 * len(TEXT)


def test_wrong_images_keep_the_caption() -> None:
    other = CaptionItem("img:b#caps/0", "Else.", (), "b", memoryview(b"other"), others=("More.",))
    found = variant(item(), "shuffled", other)
    assert found is not None
    assert (found.item.image, found.item.text, found.item.others) == ("b", TEXT, ("Else.", "More."))
    assert (found.item.text_id, found.item.claims) == ("img:a#caps/0", item().claims)
    white = variant(item(), "blank", None)
    assert white is not None
    assert (white.item.image, white.item.examples) == (blank().sha256, ())


@pytest.mark.parametrize(
    ("probe", "text"),
    [
        ("shuffled", TEXT),  # there is no other image
        ("numbers", "A dog sleeps."),
        ("sides", "A dog sleeps."),
        ("negated", "A dog."),
        ("order", "A dog sleeps."),
        ("blank", "---"),  # no claim
    ],
)
def test_where_nothing_can_be_turned_there_is_no_probe(probe: Any, text: str) -> None:
    assert variant(item(text), probe, None) is None


def test_a_larger_share_holds_a_smaller_one() -> None:
    ids = [f"img:{n}#caps/0" for n in range(2000)]
    few, many = ({text for text in ids if is_chosen(text, 1, share)} for share in (0.1, 0.3))
    assert few < many
    assert 150 < len(few) < 250
    assert few != {text for text in ids if is_chosen(text, 2, 0.1)}
    assert all(is_chosen(text, 1, 1.0) for text in ids)


def test_the_white_image_can_be_sent(tmp_path: Path) -> None:
    path = blank_pack(tmp_path)
    assert path == tmp_path / BLANK
    made = path.stat().st_mtime_ns
    assert blank_pack(tmp_path).stat().st_mtime_ns == made
    assert ImageStore([path])[blank().sha256].to_pybytes() == blank().data
