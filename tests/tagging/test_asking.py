"""Taggers that ask a model: who is shown what, what replaces what, and what happens to answers that cannot be used."""

import json
from pathlib import Path
from typing import Any

import pytest
from llm.server import Say, Server, last
from toys import Asks, card, write_lines

from perceptdata import llm
from perceptdata.errors import PluginError, Rejected, UsageError
from perceptdata.plugins import Tagger, TextItem
from perceptdata.spans import Span, SpanSet
from perceptdata.steps.declared import Shared, make_step
from perceptdata.steps.run import Outcome, plan_step, run_step
from perceptdata.tagging import Texts, answers_for, ask_models, tag_batch
from perceptdata.workspace import Workspace

TEXT = "One. Two. Three."  # clauses [0, 4), [5, 9), [10, 16)


class Fixed(Tagger):
    """Says the same of every text, as it is told to by `spans`: (start, end, label, score)."""

    name = "fixed"
    spans: tuple[tuple[int, int, str, float], ...] = ()

    def tag(self, texts: Any) -> list[SpanSet]:
        return [SpanSet.of([Span(*span) for span in self.spans], tagger=self.name) for _ in texts]


def labels_as(label: str) -> Any:
    return lambda asked, times: Say.text(json.dumps(dict.fromkeys(json.loads(last(asked)), label)))


def asks(server: Server, **options: Any) -> Asks:
    return Asks(endpoint=llm.Endpoint(urls=(server.url,), model="m", retries=0), **options)


def tagged(
    folder: Path, chain: list[Tagger], texts: tuple[str, ...] = (TEXT,)
) -> tuple[list[SpanSet], list[tuple[str, str, Rejected]]]:
    items = [(str(at), text, None) for at, text in enumerate(texts)]
    problems: list[tuple[str, str, Rejected]] = []
    with llm.ReplyCache(folder / "replies.sqlite", step="tags") as replies:
        asked = ask_models(lambda: [Texts(items)], chain, replies)
        assert asked.stopped is None
        known = answers_for(chain, replies)
        return tag_batch(items, chain, answers=known, on_problem=lambda *told: problems.append(told)), problems


def test_it_is_asked_about_open_clauses_only(tmp_path: Path) -> None:
    with Server(labels_as("reasoning")) as server:
        chain = [Fixed(spans=((0, 4, "perception", 0.1),)), asks(server)]
        ((spans,), problems) = tagged(tmp_path, chain)
        assert [json.loads(last(asked)) for asked in server.asked] == [{"1": "Two.", "2": "Three."}]
    assert problems == []
    assert list(spans) == [
        Span(0, 4, "perception", pytest.approx(0.1), "fixed"),
        Span(5, 9, "reasoning", 1.0, "toy_asks"),
        Span(10, 16, "reasoning", 1.0, "toy_asks"),
    ]


def test_below_the_margin_its_word_replaces_theirs_and_cuts_their_spans(tmp_path: Path) -> None:
    with Server(labels_as("other")) as server:
        # One span over the first two clauses, of which both are unsure; the third is sure.
        chain = [Fixed(spans=((0, 9, "perception", 0.1), (10, 16, "reasoning", 0.9))), asks(server, margin_below=0.2)]
        ((spans,), _) = tagged(tmp_path, chain)
        assert [json.loads(last(asked)) for asked in server.asked] == [{"0": "One.", "1": "Two."}]
    assert [(span.start, span.end, span.label, span.tagger) for span in spans] == [
        (0, 4, "other", "toy_asks"),
        (5, 9, "other", "toy_asks"),
        (10, 16, "reasoning", "fixed"),
    ]


def test_what_is_not_answered_keeps_its_label(tmp_path: Path) -> None:
    def only_the_first(asked: dict[str, Any], times: int) -> Say:
        number = min(json.loads(last(asked)))
        return Say.text(json.dumps({number: "other"} if number == "0" else {}))

    with Server(only_the_first) as server:
        chain = [Fixed(spans=((0, 16, "perception", 0.1),)), asks(server, margin_below=0.2)]
        ((spans,), _) = tagged(tmp_path, chain)
        assert len(server.asked) == 2  # the rest was asked for once
    assert [(span.start, span.end, span.label) for span in spans] == [
        (0, 4, "other"),
        (5, 9, "perception"),
        (10, 16, "perception"),
    ]


def test_a_clause_may_be_cut_and_its_longer_piece_speaks_for_it_later(tmp_path: Path) -> None:
    seen: list[list[int]] = []

    class Looks(Tagger):
        name = "looks"

        def tag(self, texts: Any) -> list[SpanSet]:
            seen.append(texts[0].label.tolist())
            return [SpanSet.of([]) for _ in texts]

    with Server(labels_as("half")) as server:
        ((spans,), _) = tagged(tmp_path, [asks(server), Looks()], ("Three,",))
    assert [(span.start, span.end, span.label) for span in spans] == [(0, 3, "perception"), (3, 6, "reasoning")]
    assert seen == [[1]]  # equally long: the last


def test_pieces_may_not_overlap(tmp_path: Path) -> None:
    class Overlaps(Tagger):
        name = "overlaps"
        splits = True

        def tag(self, texts: list[TextItem]) -> list[SpanSet]:
            return [SpanSet.of([Span(0, 3, "other"), Span(2, 4, "other")])]

    with pytest.raises(PluginError, match=r"tagger 'overlaps': span \[2, 4\) of a covers a clause that has a label"):
        tag_batch([("a", TEXT, None)], [Overlaps()])


def test_prose_is_a_problem_and_the_other_texts_go_on(tmp_path: Path) -> None:
    def prose_for_two(asked: dict[str, Any], times: int) -> Say:
        given = json.loads(last(asked))
        return Say.text("Certainly!") if "Two." in given.values() else labels_as("other")(asked, times)

    with Server(prose_for_two) as server:
        ((first, second), problems) = tagged(tmp_path, [asks(server)], ("One.", "Two."))
    assert (len(first), len(second)) == (1, 0)
    assert [(tagger, address, problem.code) for tagger, address, problem in problems] == [
        ("toy_asks", "1", "tag.unreadable")
    ]


def test_alone_it_says_to_use_a_step() -> None:
    tagger = Asks(endpoint=llm.Endpoint(urls=("http://localhost:1/v1",), model="m"))
    with pytest.raises(UsageError, match="'toy_asks' asks a model: run it in a tag step"):
        tagger.tag([])
    assert "urls" not in json.dumps(tagger.options())
    with pytest.raises(UsageError, match="stands twice in one chain"):
        answers_for([tagger, tagger], None)  # refused before the cache is looked at


# In a step

UNSURE = {"toy_words": {"sure": 0.25}}


@pytest.fixture
def ws(tmp_path: Path, with_toys: None) -> Workspace:
    rows = [card(number, response=f"Clause {number}. And more.") for number in range(4)]
    write_lines(tmp_path / "cards" / "0.jsonl", rows)
    made = Workspace.create(tmp_path / "ws")
    with made.lock("test"):
        run_step(made, "cards", make_step("build", {"use": "toy_cards", "path": tmp_path / "cards"}))
    return made


def run(ws: Workspace, server: Server, *use: Any, **options: Any) -> Outcome:
    shared = Shared({"vl": {"urls": [server.url], "model": "m", "retries": 0, "concurrency": 1}})
    with ws.lock("test"):
        return run_step(ws, "tags", make_step("tag", {"use": list(use), **options}, shared=shared))


def test_a_recipe_names_the_endpoint_and_every_answer_is_paid_for_once(ws: Workspace) -> None:
    with Server(labels_as("reasoning")) as server:
        done = run(ws, server, UNSURE, {"toy_asks": "vl", "margin_below": 0.5})
        assert (done.made, done.stopped, len(server.asked)) == ({"layers/spans": 4}, None, 4)
        again = run(ws, server, UNSURE, {"toy_asks": {"with": "vl", "margin_below": 0.6}})
        assert again.version != done.version
        assert len(server.asked) == 4  # another margin, the same questions
    makers = {span["tagger"] for row in ws.layer("tags", "spans").to_table().to_pylist() for span in row["spans"]}
    assert makers == {"toy_asks"}


def test_the_least_sure_are_asked_when_calls_are_few(ws: Workspace) -> None:
    with Server(labels_as("other")) as server:
        done = run(ws, server, {"toy_asks": "vl", "max_calls": 3})
        assert (done.stopped, len(server.asked)) == (None, 3)
        assert run(ws, server, {"toy_asks": "vl", "max_calls": 3}).skipped == 1
        assert len(server.asked) == 3
    rows = ws.layer("tags", "spans").to_table().to_pylist()
    assert sorted(len(row["spans"]) for row in rows) == [0, 2, 2, 2]


def test_a_stopped_run_makes_nothing_of_what_is_open_and_goes_on(ws: Workspace) -> None:
    broken = iter([False, True, *[False] * 9])
    with Server(lambda asked, times: Say.error(500) if next(broken) else labels_as("other")(asked, times)) as server:
        done = run(ws, server, {"toy_asks": "vl"})
        assert (done.made, len(server.asked)) == ({}, 4)
        assert done.stopped is not None
        assert "1 requests found no answer" in done.stopped
        done = run(ws, server, {"toy_asks": "vl"})
        assert (done.made, done.stopped, len(server.asked)) == ({"layers/spans": 4}, None, 5)


def test_a_budget_stops_it_cleanly(ws: Workspace) -> None:
    with Server(labels_as("other")) as server:
        done = run(ws, server, {"toy_asks": "vl"}, budget={"max_calls": 1})
        assert done.stopped is not None
        assert (done.made, len(server.asked)) == ({}, 1)


def test_problems_are_rejects_of_the_step(ws: Workspace) -> None:
    with Server(lambda asked, times: Say.text("Certainly!")) as server:
        done = run(ws, server, {"toy_asks": "vl"})
    assert (done.made, done.rejected) == ({"layers/spans": 4}, {"tag.unreadable": 4})
    row = ws.rejects("tags").to_table().to_pylist()[0]
    assert row["key"].endswith("#response")
    assert row["message"] == "toy_asks: the reply is not a JSON object"


def test_a_dry_run_says_what_it_would_take(ws: Workspace) -> None:
    step = make_step("tag", {"use": [{"toy_asks": {"endpoint": {"urls": ["http://localhost:1/v1"], "model": "m"}}}]})
    plan = plan_step(ws, "tags", step)
    assert step.estimate(ws, "tags", plan.todo)["calls"] == 4
    assert step.needs() == ()


def test_an_endpoint_that_is_not_there_is_named(ws: Workspace) -> None:
    with Server(labels_as("other")) as server, pytest.raises(UsageError, match="tag: toy_asks: there is no endpoint"):
        run(ws, server, {"toy_asks": "vk"})
