"""`llm` over a real wire: what is asked, which replies are believed, and what becomes of those that are not."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from llm.labelling import (
    CLAUSES,
    TEXT,
    WHOLE,
    Clause,
    Tagged,
    asked_in,
    knows,
    label_of,
    labelled,
    passage_in,
    system_of,
    text_of,
)
from llm.server import Say, Server, last
from toys import picture

from perceptdata.annotators.taggers.llm.labels import EchoedLabels
from perceptdata.errors import UsageError
from perceptdata.example import Example
from perceptdata.packs import ImageStore, PackWriter
from perceptdata.plugins import Tagger
from perceptdata.spans import Span, SpanSet
from perceptdata.tagging.chain import Chain

Serve = Callable[..., Server]
Asking = Callable[..., Tagger]
Tag = Callable[..., Tagged]


def test_every_clause_gets_the_label_of_its_number(
    serve: Serve, asking: Asking, tag: Tag, example: Callable[..., Example]
) -> None:
    server = serve()
    done = tag(asking(server), of=example("How many cups?", "0" * 64))
    assert done.said() == WHOLE
    assert {(span.score, span.tagger) for span in done.sets[0]} == {(1.0, "llm")}
    assert done.problems == {}
    (asked,) = server.asked
    assert [clause.text for clause in asked_in(asked)] == CLAUSES
    assert 'Question: "How many cups?"' in text_of(asked)
    assert asked["temperature"] == 0.0
    schema = asked["response_format"]["json_schema"]["schema"]
    assert schema["$defs"]["Label"]["properties"]["label"]["enum"] == ["P", "R", "O", "MIXED"]


def test_numbers_begin_anywhere_but_the_same_request_comes_again(serve: Serve, asking: Asking, tag: Tag) -> None:
    server = serve()
    texts = tuple(f"I see {n} cups. So {n}." for n in range(20))
    tag(asking(server), texts=texts)
    firsts = {asked_in(asked)[0].number for asked in server.asked}
    assert len(firsts) > 15
    assert min(firsts) >= 100
    tag(asking(server), texts=texts)
    assert len(server.asked) == 20  # the same prompts: nothing is asked twice


def test_a_long_text_is_asked_in_sheets_with_context(serve: Serve, asking: Asking, tag: Tag) -> None:
    text = " ".join(f"I see {n} cups." for n in range(100))
    server = serve()
    done = tag(asking(server), texts=(text,))
    assert len(done.sets[0]) == 100
    first, second = sorted(server.asked, key=lambda asked: -len(asked_in(asked)))
    assert (len(asked_in(first)), len(asked_in(second))) == (80, 20)
    context = [line for line in text_of(second).split("\n") if line.startswith("[--]")]
    assert [json.loads(line[5:]) for line in context] == [f"I see {n} cups." for n in range(75, 80)]


class Unsure(Tagger):
    """Is unsure of the clauses with an even number, and sure that all reason."""

    name = "unsure"
    margins: tuple[float, ...] = (0.1, 0.9)

    def tag(self, texts: Any) -> list[SpanSet]:
        return [
            SpanSet.of(
                [
                    Span(start, end, "reasoning", self.margins[at % len(self.margins)])
                    for at, (start, end) in enumerate(zip(item.start.tolist(), item.end.tolist(), strict=True))
                ],
                tagger=self.name,
            )
            for item in texts
        ]


def test_at_the_end_of_a_chain_the_unsure_clauses_alone_are_asked(serve: Serve, asking: Asking, tag: Tag) -> None:
    text = " ".join(f"I see {n} cups." for n in range(40))
    server = serve()
    done = tag(Unsure(margins=(0.1, *[0.9] * 19)), asking(server, margin_below=0.5), texts=(text,))
    (asked,) = server.asked
    assert [clause.text for clause in asked_in(asked)] == ["I see 0 cups.", "I see 20 cups."]
    lines = [line for line in text_of(asked).split("\n") if line.startswith(("[", "..."))]
    assert len(lines) == 6 + 1 + 11  # the first with five behind it, a gap, the other with five on each side
    assert [label for _, label in done.said(text)] == ["P", *["R"] * 19, "P", *["R"] * 19]


def test_the_least_sure_texts_are_asked_first(serve: Serve, asking: Asking, tag: Tag) -> None:
    class Rising(Unsure):
        """The later the text, the less sure."""

        def tag(self, texts: Any) -> list[SpanSet]:
            return [Unsure(margins=(0.4 - at / 10,)).tag([item])[0] for at, item in enumerate(texts)]

    server = serve()
    texts = tuple(f"I see {n} cups." for n in range(4))
    done = tag(Rising(), asking(server, margin_below=0.5, max_calls=2), texts=texts)
    assert sorted(asked_in(asked)[0].text for asked in server.asked) == ["I see 2 cups.", "I see 3 cups."]
    assert ["".join(label for _, label in done.said(text, at)) for at, text in enumerate(texts)] == ["R", "R", "P", "P"]
    assert done.problems == {}  # what the limit leaves is no problem


# What replies can be.


def test_missing_clauses_alone_are_asked_once_more(serve: Serve, asking: Asking, tag: Tag) -> None:
    def forgets(asked: dict[str, Any], times: int) -> Say:
        return labelled([clause for clause in asked_in(asked) if len(asked_in(asked)) < 5 or clause.text[0] == "T"])

    server = serve(forgets)
    done = tag(asking(server))
    assert [len(asked_in(asked)) for asked in server.asked] == [5, 3]
    assert done.said() == WHOLE
    assert done.problems == {}


def test_what_is_missing_twice_stays_open(serve: Serve, asking: Asking, tag: Tag) -> None:
    server = serve(lambda asked, times: labelled([c for c in asked_in(asked) if c.text[0] == "T"]))
    done = tag(asking(server))
    assert len(server.asked) == 2
    assert [text for text, _ in done.said()] == CLAUSES[:2]
    assert done.problems["0"].code == "tag.ids_missing"
    assert done.problems["0"].message == "the reply says nothing of 3 of 3 clauses"


def test_numbers_that_were_not_asked_are_dropped_and_counted(serve: Serve, asking: Asking, tag: Tag) -> None:
    server = serve(lambda asked, times: labelled([*asked_in(asked), Clause(7, "so"), Clause(99999, "so")]))
    done = tag(asking(server))
    assert done.said() == WHOLE
    assert done.problems["0"].code == "tag.ids_extra"
    assert "2 clauses that were not asked" in done.problems["0"].message


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (lambda asked: labelled([*asked_in(asked), Clause(asked_in(asked)[0].number, "so")]), "tag.ids_conflict"),
        (lambda asked: Say.text("Sure! Clause one perceives, clause two reasons."), "tag.invalid"),
        (lambda asked: Say.text("图中有三个杯子，所以答案是3。"), "tag.invalid"),
        (lambda asked: Say.text(system_of(asked)), "tag.invalid"),
        (lambda asked: Say.text('{"labels": [{"id": 1, "label": "perception"}]}'), "tag.invalid"),
        (lambda asked: Say.text("[" * 10_000), "tag.invalid"),
    ],
)
def test_an_unusable_reply_calls_for_tags_and_then_leaves_the_text_alone(
    script: Callable[[dict[str, Any]], Say],
    code: str,
    serve: Serve,
    asking: Asking,
    tag: Tag,
) -> None:
    """One text of three gets such replies; the others are as right as ever."""

    def mixed(asked: dict[str, Any], times: int) -> Say:
        if "hopeless" not in str(asked):
            return knows(asked, times)
        return Say.text("I cannot.") if passage_in(asked) else script(asked)

    server = serve(mixed)
    done = tag(asking(server), texts=(TEXT, f"{TEXT} A hopeless case.", f"{TEXT} Done."))
    assert (done.said(), done.said(at=2)[:5], done.said(at=1)) == (WHOLE, WHOLE, [])
    assert set(done.problems) == {"1"}
    assert done.problems["1"].code == code
    assert "tag.inline_altered" in done.problems["1"].message  # what was tried then
    assert sum(passage_in(asked) is not None for asked in server.asked) == 1


def test_the_prompt_s_own_example_speaks_of_no_clause(serve: Serve, asking: Asking, tag: Tag) -> None:
    def parrots(asked: dict[str, Any], times: int) -> Say:
        found = re.search(r'\{"labels".*\}', system_of(asked))
        assert found
        return Say.text(found[0])

    done = tag(asking(serve(parrots)))
    assert done.said() == []
    assert done.problems["0"].code == "tag.ids_extra"
    assert "tag.ids_missing" in done.problems["0"].message


def test_a_cut_off_reply_is_asked_in_halves(serve: Serve, asking: Asking, tag: Tag) -> None:
    def short_of_breath(asked: dict[str, Any], times: int) -> Say:
        few = len(asked_in(asked)) <= 3
        return knows(asked, times) if few else Say.text('{"labels": [', finish_reason="length")

    server = serve(short_of_breath)
    assert tag(asking(server)).said() == WHOLE
    assert sorted(len(asked_in(asked)) for asked in server.asked) == [2, 3, 5]


@pytest.mark.parametrize(
    ("say", "code"),
    [
        (Say.text(None, refusal="No."), "tag.refusal"),
        (Say.text("x", finish_reason="content_filter"), "tag.content_filter"),
        (Say.error(400, "this model's maximum context length is 4"), "tag.prompt_too_long"),
    ],
)
def test_a_refusal_is_the_reason_and_is_asked_once(say: Say, code: str, serve: Serve, asking: Asking, tag: Tag) -> None:
    server = serve(lambda asked, times: say if "hopeless" in str(asked) else knows(asked, times))
    done = tag(asking(server), texts=(TEXT, "A hopeless case."))
    assert (done.said(), done.said(at=1)) == (WHOLE, [])
    assert {at: problem.code for at, problem in done.problems.items()} == {"1": code}
    assert len(server.asked) == 2


def test_json_is_checked_where_the_endpoint_takes_no_schema(serve: Serve, asking: Asking, tag: Tag) -> None:
    """The client's repair turn mends a first reply that is prose."""
    server = serve(lambda asked, times: Say.text("Gladly!") if len(asked["messages"]) == 2 else knows(asked, 0))
    done = tag(asking(server, structured="none"))
    assert done.said() == WHOLE
    assert len(server.asked) == 2
    assert "response_format" not in server.asked[0]


# Clauses of two kinds.

MIXED = "The figure shows 32 and thus x is 7."


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (
            {"split_quote": "the figure shows 32", "first": "P", "then": "R"},
            [("The figure shows 32", "P"), ("and thus x is 7.", "R")],
        ),
        (
            {"split_quote": "and thus x is 7", "first": "P", "then": "R"},
            [("The figure shows 32", "P"), ("and thus x is 7.", "R")],
        ),
        ({"split_quote": "The figure shows 33", "first": "P", "then": "R"}, []),
        ({"split_quote": "Another clause.", "first": "P", "then": "R"}, []),  # it is there, but not in this clause
        ({"split_quote": "the figure shows 32", "first": "P", "then": "P"}, []),
        ({"split_quote": "the figure shows 32", "first": "P"}, []),
        ({}, []),
    ],
)
def test_a_mixed_clause_is_parted_by_its_quote_or_stays_open(
    given: dict[str, str], found: list[tuple[str, str]], serve: Serve, asking: Asking, tag: Tag
) -> None:
    def mixes(asked: dict[str, Any], times: int) -> Say:
        first, second = asked_in(asked)
        entries = [{"id": first.number, "label": "MIXED", **given}, {"id": second.number, "label": "O"}]
        return Say.text(json.dumps({"labels": entries}))

    text = f"{MIXED} Another clause."
    done = tag(asking(serve(mixes)), texts=(text,))
    assert done.said(text) == [*found, ("Another clause.", "O")]
    assert [problem.code for problem in done.problems.values()] == ([] if found else ["tag.split_unplaced"])


# Off by one.


def echoing(shift: int) -> Callable[[dict[str, Any], int], Say]:
    """A model whose labels and words are those of the clause `shift` further on, where it is asked for words."""

    def script(asked: dict[str, Any], times: int) -> Say:
        if (passage := passage_in(asked)) is not None:
            return Say.text(re.sub(r"[^.,]+[.,]", lambda clause: f"<o>{clause[0]}</o>", passage))
        clauses = asked_in(asked)
        entries: list[dict[str, Any]] = []
        for place, clause in enumerate(clauses):
            meant = clauses[min(place + shift, len(clauses) - 1)]
            words = {"words": " ".join(meant.text.split()[:4])} if "words" in system_of(asked) else {}
            entries.append({"id": clause.number, "label": label_of(meant.text), **words})
        return Say.text(json.dumps({"labels": entries}))

    return script


def test_an_audited_reply_that_drifts_is_refused_whole(serve: Serve, asking: Asking, tag: Tag) -> None:
    assert tag(asking(serve(echoing(0)), audit=1)).said() == WHOLE
    server = serve(echoing(1))
    done = tag(asking(server, audit=1, temperature=0.5))
    assert {label for _, label in done.said()} == {"O"}  # asked with tags, which cannot drift
    assert len(server.asked) == 2
    assert done.problems == {}


def test_one_call_in_twenty_is_audited(asking: Asking) -> None:
    chain = [asking(audit=0.05)]
    items = Chain.of([(str(n), f"I see {n} cups.", None) for n in range(1000)], chain).before(0)
    schemas = [ask.request.schema for ask in chain[0].asks(items, lambda request: None)]
    assert 30 <= sum(schema is EchoedLabels for schema in schemas) <= 70
    assert schemas == [ask.request.schema for ask in chain[0].asks(items, lambda request: None)]


# Several samples.


def test_most_samples_decide_and_their_lead_is_the_score(serve: Serve, asking: Asking, tag: Tag) -> None:
    said = iter("PPR" * 2)

    def wavers(asked: dict[str, Any], times: int) -> Say:
        (sure, unsure) = asked_in(asked)
        entries = [{"id": sure.number, "label": "P"}, {"id": unsure.number, "label": next(said)}]
        return Say.text(json.dumps({"labels": entries}))

    text = "I see 3 cups. They are late."
    server = serve(wavers)
    done = tag(asking(server, n=3, temperature=0.7), texts=(text,))
    assert len(server.asked) == 3
    assert [(span.label, round(span.score, 3)) for span in done.sets[0]] == [("perception", 1.0), ("perception", 0.333)]


def test_samples_that_disagree_leave_the_clause_open(serve: Serve, asking: Asking, tag: Tag) -> None:
    said = iter("PR")

    def wavers(asked: dict[str, Any], times: int) -> Say:
        return Say.text(json.dumps({"labels": [{"id": asked_in(asked)[0].number, "label": next(said)}]}))

    assert tag(asking(serve(wavers), n=2, temperature=0.7), texts=("I see 3 cups.",)).said() == []
    with pytest.raises(UsageError, match="temperature 0 gives the same labels 2 times"):
        asking(n=2)


# Images.


def test_without_an_image_nothing_is_perceived(
    serve: Serve, asking: Asking, tag: Tag, example: Callable[..., Example]
) -> None:
    server = serve()
    done = tag(asking(server), of=example("What is 3 + 0?"))
    assert [text for text, _ in done.said()] == ["so it is late.", "Let me check."]
    assert "There is no image" in text_of(server.asked[0])
    assert done.problems["0"].code == "tag.unseen"
    assert done.problems["0"].message.startswith("3 of its clauses")


def test_the_image_is_shown_where_asked_for(
    serve: Serve, asking: Asking, tag: Tag, example: Callable[..., Example], tmp_path: Path
) -> None:
    data = picture(1)
    sha256 = hashlib.sha256(data).hexdigest()
    with PackWriter(tmp_path / "pack.arrow") as writer:
        writer.add(SimpleNamespace(sha256=sha256, data=data, media_type="image/png", width=24, height=16))
    server, images = serve(), ImageStore([tmp_path / "pack.arrow"])
    hostile = "I see <image> 3 cups."  # what looks like a placeholder is a part of the text
    for see_image in (False, True):
        done = tag(asking(server, see_image=see_image), texts=(hostile,), of=example("Cups?", sha256), images=images)
        assert done.said(hostile) == [("I see", "P"), ("<image>", "O"), ("3 cups.", "O")]
    blind, sighted = server.asked
    assert isinstance(last(blind), str)
    shown, text = last(sighted)
    assert (shown["type"], text["type"]) == ("image_url", "text")
    assert [clause.text for clause in asked_in(sighted)] == ["I see", "<image>", "3 cups."]


def test_it_says_which_options_are_part_of_it(asking: Asking) -> None:
    one, other = asking(), asking(see_image=True)
    assert one.options() != other.options()
    assert "urls" not in str(one.options())
    with pytest.raises(UsageError, match="did you mean 'audit'"):
        asking(audi=0.1)
    with pytest.raises(UsageError, match="asks a model"):
        one.tag([])
