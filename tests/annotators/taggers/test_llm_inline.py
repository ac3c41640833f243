"""Tags in the text: the same text or nothing, and what the tags come to clause by clause."""

from collections.abc import Callable
from typing import Any

import pytest
from llm.labelling import TEXT, WHOLE, Tagged, passage_in, text_of
from llm.server import Say, Server

from perceptdata.plugins import Tagger
from perceptdata.spans import Span, SpanSet

Serve = Callable[..., Server]
Asking = Callable[..., Tagger]
Tag = Callable[..., Tagged]

TEXT_TWO = "The sign says 40 and so it is late. Hm."


def test_the_tags_are_the_labels(serve: Serve, asking: Asking, tag: Tag) -> None:
    tagged = "<p>The sign says 40. The bar is red,</p> <r>so it is late.</r> <o>Let me check.</o> <p>I see 3 cups</p>."
    server = serve(lambda asked, times: Say.text(f"\n{tagged}\n"))
    done = tag(asking(server, mode="inline"))
    assert passage_in(server.asked[0]) == TEXT
    assert "response_format" not in server.asked[0]
    assert (done.said(), done.problems) == (WHOLE, {})


@pytest.mark.parametrize(
    ("tagged", "said"),
    [
        (
            "<p>The sign says 40</p> <r>and so it is late.</r> ",
            [("The sign says 40", "P"), ("and so it is late.", "R")],
        ),
        (
            "<p>The sign says 40 </p><r>and so it is late</r>. ",
            [("The sign says 40", "P"), ("and so it is late.", "R")],
        ),
        ("<p>The sign says 40 and so it is</p> late. ", [("The sign says 40 and so it is late.", "P")]),  # most of it
        ("<p>The sign says 40 and so it is la</p><r>te.</r> ", [("The sign says 40 and so it is late.", "P")]),
        ("<p>The sign</p> says 40 and so it is late. ", []),  # most of it has no tag
        ("<p>The sign</p> <r>says 40</r> <o>and so</o> it is late. ", []),
        ("<p>The sign</p> <r>says 40</r> <p>and so it is late</p>. ", [("The sign says 40 and so it is late.", "P")]),
    ],
)
def test_a_clause_is_parted_at_a_border_or_goes_with_most(
    tagged: str, said: list[tuple[str, str]], serve: Serve, asking: Asking, tag: Tag
) -> None:
    done = tag(asking(serve(lambda asked, times: Say.text(f"{tagged}<o>Hm.</o>")), mode="inline"), texts=(TEXT_TWO,))
    assert done.said(TEXT_TWO) == [*said, ("Hm.", "O")]
    assert [problem.code for problem in done.problems.values()] == ([] if said else ["tag.ids_missing"])


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("<p>The sign says 41 and so it is late. Hm.</p>", "tag.inline_altered"),
        ("<p>The sign says 40 and so it is late.  Hm.</p>", "tag.inline_altered"),
        ("<p>The sign says 40 and so it is late.</p>", "tag.inline_altered"),
        ("Here it is: <p>The sign says 40 and so it is late. Hm.</p>", "tag.inline_altered"),
        ("<p>The sign says 40 and so it is late. Hm.</p> I hope this helps!", "tag.inline_altered"),
        ("```\n<p>The sign says 40 and so it is late. Hm.</p>\n```", "tag.inline_altered"),
        ("<q>The sign says 40 and so it is late. Hm.</q>", "tag.inline_altered"),
        ("<p>The sign <r>says 40 and so it is late.</r> Hm.</p>", "tag.inline_nested"),
        ("<p>The sign says 40 and so it is late.</r> Hm.", "tag.inline_nested"),
        ("<p>The sign says 40 and so it is late. Hm.", "tag.inline_nested"),
        ("The sign says 40 and so it is late. Hm.</p>", "tag.inline_nested"),
        ("Das Schild sagt 40, also ist es spät.", "tag.inline_altered"),
    ],
)
def test_another_text_or_tags_out_of_turn_are_refused(
    reply: str, code: str, serve: Serve, asking: Asking, tag: Tag
) -> None:
    server = serve(lambda asked, times: Say.text(reply))
    done = tag(asking(server, mode="inline"), texts=(TEXT_TWO,))
    assert done.said(TEXT_TWO) == []
    assert done.problems["0"].code == code
    assert len(server.asked) == 1


def test_signs_alone_are_told_by_what_is_not_space(serve: Serve, asking: Asking, tag: Tag) -> None:
    text = "I see 3 cups.\n\n?!"
    done = tag(
        asking(serve(lambda asked, times: Say.text(f"<p>{text[:13]}</p>\n\n<o>?!</o>")), mode="inline"), texts=(text,)
    )
    assert done.said(text) == [("I see 3 cups.", "P"), ("?!", "O")]


class Sure(Tagger):
    """Is sure of the first clause and of the third."""

    name = "sure"

    def tag(self, texts: Any) -> list[SpanSet]:
        return [
            SpanSet.of([Span(int(item.start[at]), int(item.end[at]), "other", 0.9) for at in (0, 2)], tagger=self.name)
            for item in texts
        ]


def test_the_passage_reaches_from_the_first_open_clause_to_the_last(serve: Serve, asking: Asking, tag: Tag) -> None:
    """What others have labelled stays theirs, though the passage holds it; what comes before is context."""

    def all_perceives(asked: dict[str, Any], times: int) -> Say:
        return Say.text(f"<p>{passage_in(asked)}</p>")

    server = serve(all_perceives)
    done = tag(Sure(), asking(server, mode="inline"))
    assert passage_in(server.asked[0]) == TEXT[TEXT.index("The bar") :]
    assert 'not to be repeated: "The sign says 40."' in text_of(server.asked[0])
    assert [label for _, label in done.said()] == ["O", "P", "O", "P", "P"]


def test_a_cut_off_passage_is_asked_in_halves(serve: Serve, asking: Asking, tag: Tag) -> None:
    def short_of_breath(asked: dict[str, Any], times: int) -> Say:
        passage = passage_in(asked)
        if passage == TEXT:
            return Say.text(f"<p>{TEXT[:20]}", finish_reason="length")
        return Say.text(f"<p>{passage}</p>")

    server = serve(short_of_breath)
    done = tag(asking(server, mode="inline"))
    assert len(server.asked) == 3
    assert [label for _, label in done.said()] == ["P"] * 5
