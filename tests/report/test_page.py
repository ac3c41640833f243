"""The page as a file: one piece, nothing outside, nothing a corpus could break; honest where nothing is to show."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptdata.report.page import embed, render
from perceptdata.workspace import Workspace


class Parsed(HTMLParser):
    """The tags with their attributes, and the text of script and style elements, as a browser reads them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self._inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag in self.raw:
            self.raw[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in self.raw:
            self.raw[self._inside][-1] += data


@pytest.fixture(scope="module")
def html(full: Workspace) -> str:
    return render(full)[0]


def test_the_same_workspace_gives_the_same_bytes(full: Workspace, html: str) -> None:
    assert render(Workspace(full.path)) == (html, 29)


def test_the_policy_names_the_very_style_and_script(html: str) -> None:
    page = Parsed(html)
    policy = next(attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:;")
    (style,), (data, script) = page.raw["style"], page.raw["script"]
    for content in (style, script):
        assert base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() in policy
    assert json.loads(data)["rows"]


def test_nothing_outside_is_named(html: str) -> None:
    for tag, attrs in Parsed(html).tags:
        for name in ("src", "href", "srcset", "action", "data"):
            assert (attrs.get(name) or "#").startswith(("#", "data:")), (tag, attrs)
        assert not any(name.startswith("on") or name == "style" for name in attrs), (tag, attrs)
    assert not re.search(r"url\(|@import", Parsed(html).raw["style"][0])


def test_texts_add_no_markup_and_run_no_template(html: str) -> None:
    assert "<img" not in html
    assert html.count("<script") == 2
    # as a question, an answer, a response, in meta, and in a reject's message
    assert html.count("{{ 7 * 7 }}") == 5


def test_what_the_page_says(html: str) -> None:
    text = " ".join(re.sub(r"<[^>]+>", " ", html).split())
    assert "29 examples of 2 sources: Geometry, Sums." in text
    assert "47.7 % of the tokens in these chains of thought are perception." in text
    assert "1 tagged text is gone or read otherwise now" in text
    assert "28 read, 24 accepted" in text
    assert "Nothing was rejected from sums (5 read)." in text
    assert "hard 8 not chosen 21" in text


def test_a_view_is_spoken_of_alone(full: Workspace) -> None:
    html, rows = render(full, "hard")
    assert rows == 8
    assert "view hard" in html
    assert "Sums" not in html.partition('id="rejects"')[0]


def test_an_empty_workspace_has_sentences_and_no_charts(empty: Workspace) -> None:
    html, rows = render(empty)
    assert rows == 0
    assert "<svg" not in html
    assert Parsed(html).raw["script"] == []
    for sentence in (
        "There are no examples here yet",
        "No text has been tagged",
        "No example has a chain of thought",
        "There are no rows to browse",
        "Nothing was read yet",
        "No view was defined",
        "No step has run",
    ):
        assert sentence in html


@given(
    st.recursive(st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
)
def test_embedded_json_reads_back_and_ends_no_script(value: object) -> None:
    written = str(embed(value))
    assert json.loads(written) == value
    assert not set("<>&\u2028\u2029") & set(written)
