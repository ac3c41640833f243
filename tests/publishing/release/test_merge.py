"""A card is merged: our keys and sections are replaced, everything somebody wrote stays."""

import pytest
import yaml

from perceptdata.publishing.release.merge import Front, merge, take_apart

FRONT = Front(
    owned={"license": "mit", "configs": [{"config_name": "a"}], "license_name": None},
    wished={"pretty_name": "Ours"},
    added={"tags": ["perceptdata"]},
)


def test_a_new_card_has_title_sections_and_keys() -> None:
    text = merge(FRONT, {"load": "## Load", "limits": "## Limits"}, "Title", None)
    keys, body = take_apart(text)
    assert keys == {"license": "mit", "pretty_name": "Ours", "tags": ["perceptdata"], "configs": [{"config_name": "a"}]}
    assert body == (
        "\n# Title\n\n<!-- perceptdata:load -->\n## Load\n<!-- /perceptdata:load -->\n\n"
        "<!-- perceptdata:limits -->\n## Limits\n<!-- /perceptdata:limits -->\n"
    )


def test_merging_again_changes_nothing() -> None:
    sections = {"load": "## Load\n\ntext", "limits": "## Limits"}
    once = merge(FRONT, sections, "Title", None)
    assert merge(FRONT, sections, "Title", once) == once


def test_hand_written_text_and_keys_stay_where_they_are() -> None:
    card = (
        "---\nlicense: gpl-3.0\nlicense_name: odd\npretty_name: Theirs\nlanguage: [en, de]\ntags: [maths]\n---\n"
        "# Their title\n\nA story.\n\n<!-- perceptdata:load -->\nold\n<!-- /perceptdata:load -->\n\nBetween.\n\n"
        "<!-- perceptdata:gone -->\nno longer said\n<!-- /perceptdata:gone -->\n\nThe end."
    )
    keys, body = take_apart(merge(FRONT, {"load": "new", "limits": "more"}, "Title", card))
    assert keys["license"] == "mit"
    assert "license_name" not in keys
    assert (keys["pretty_name"], keys["language"], keys["tags"]) == ("Theirs", ["en", "de"], ["maths", "perceptdata"])
    assert body == (
        "\n# Their title\n\nA story.\n\n<!-- perceptdata:load -->\nnew\n<!-- /perceptdata:load -->\n\n"
        "<!-- perceptdata:limits -->\nmore\n<!-- /perceptdata:limits -->\n\nBetween.\n\nThe end.\n"
    )


@pytest.mark.parametrize(
    "body",
    [
        "Mine.\n\n<!-- perceptdata:load -->\n\nMine too, the end mark is lost.",
        "Mine.\n\n<!-- /perceptdata:load -->\n\nMine too, the first mark is lost.",
        "Mine.\n<!-- perceptdata:load -->\n<!-- perceptdata:limits -->\nx\n<!-- /perceptdata:limits -->\nMine too",
    ],
)
def test_a_broken_mark_costs_no_word(body: str) -> None:
    text = merge(FRONT, {"load": "new"}, "Title", f"---\na: 1\n---\n{body}\n")
    assert "Mine." in text
    assert "Mine too" in text
    assert text.count("<!-- perceptdata:load -->") == text.count("<!-- /perceptdata:load -->") == 1
    assert take_apart(text)[0]["a"] == 1


@pytest.mark.parametrize("front", ["a: [", "just words", "- a\n- b"])
def test_a_front_matter_that_is_no_mapping_is_kept_as_text(front: str) -> None:
    text = merge(FRONT, {"load": "new"}, "Title", f"---\n{front}\n---\nBody.\n")
    assert take_apart(text)[0]["license"] == "mit"
    assert front in text
    assert "Body." in text


def test_line_ends_and_a_byte_order_mark_of_windows_are_read() -> None:
    keys, body = take_apart("\ufeff---\r\nlicense: mit\r\n---\r\nBody\r\n")
    assert (keys, body) == ({"license": "mit"}, "Body\r\n")
    assert yaml.safe_load(merge(FRONT, {}, "T", "---\r\nx: 1\r\n---\r\nBody\r\n").split("---")[1])["x"] == 1
