"""Two people with accounts of their own annotate, change their minds, take back and skip; it all comes back right."""

from typing import Any

import pytest
from review.label_studio.traces import HOSTILE, hostile, marks, says
from services.label_studio.conftest import OpenPlace
from services.label_studio.running import Server

from perceptdata.agreement import Coded, compare
from perceptdata.review.backend import Annotation, Pulled, Task
from perceptdata.review.label_studio.backend import LabelStudio
from perceptdata.spans import SCHEMES, Span, SpanSet

pytestmark = pytest.mark.services

# Four clauses. Ann: P P R R. Bob: P P P R. They agree on 3/4; by chance on 1/2 * 3/4 + 1/2 * 1/4 = 1/2; so kappa is
# (3/4 - 1/2) / (1 - 1/2) = 1/2.
CLAUSES = ("The ball is red.", "The cube is blue.", "So there are two things.", "Hence the answer is 2.")
TEXT = " ".join(CLAUSES)
SAID = {"ann": "PPRR", "bob": "PPPR"}
NAMES = {"P": "PERCEPTION", "R": "REASONING"}


class Person:
    """Somebody with a token who annotates through the API."""

    def __init__(self, server: Server, token: str) -> None:
        self.sdk: Any = server.connect(token)._sdk

    def answer(self, task: int, result: list[dict[str, Any]], **more: Any) -> int:
        return int(self.sdk.annotations.create(id=task, result=result, **more).id)

    def change(self, annotation: int, result: list[dict[str, Any]]) -> None:
        self.sdk.annotations.update(id=annotation, result=result)

    def take_back(self, annotation: int) -> None:
        self.sdk.annotations.delete(id=annotation)


@pytest.fixture(scope="module")
def ann(label_studio: Server, people: dict[str, str]) -> Person:
    return Person(label_studio, people["ann"])


@pytest.fixture(scope="module")
def bob(label_studio: Server, people: dict[str, str]) -> Person:
    return Person(label_studio, people["bob"])


def numbers(place: LabelStudio) -> dict[tuple[str, str], int]:
    """Task ids by reader and key."""
    found = {}
    for queue in place.queues.all():
        for page in place.queues.server.tasks(queue.project, ["meta"]):
            found |= {(queue.reader, row["meta"]["external_id"]): row["id"] for row in page}
    return found


def by_reader(pulled: Pulled) -> dict[str, Annotation]:
    return {annotation.reader: annotation for annotation in pulled.annotations}


def test_agreement_is_what_a_hand_computes(place: OpenPlace, ann: Person, bob: Person) -> None:
    opened = place(ann="ann@example.org", bob="bob@example.org")
    opened.push([Task("t#response", reader, "c", "spans", {"cot": TEXT}) for reader in SAID])
    tasks = numbers(opened)
    for reader, person in (("ann", ann), ("bob", bob)):
        pieces = [
            (TEXT.index(clause), TEXT.index(clause) + len(clause), NAMES[label])
            for clause, label in zip(CLAUSES, SAID[reader], strict=True)
        ]
        person.answer(tasks[reader, "t#response"], marks("cot", "spans", *pieces), lead_time=30.5)
    found = by_reader(opened.pull(None, ()))
    scheme = SCHEMES["pro@1"]
    spans = [
        [SpanSet.of([Span(region.start, region.end, region.label) for region in found[reader].regions], scheme)]
        for reader in SAID
    ]
    assert [[TEXT[region.start : region.end] for region in found[reader].regions] for reader in SAID] == [
        list(CLAUSES),
        list(CLAUSES),
    ]
    assert (found["ann"].seconds, found["ann"].meta["user"]) == (30.5, "ann@example.org")
    coded = Coded(scheme, tuple(SAID), ["t#response"], [TEXT], spans)
    result = compare(coded, bootstraps=10)["all"]
    assert result.clauses == 4
    assert result.estimates["clauses", "kappa", "ann~bob", "all"].value == pytest.approx(0.5)


def test_updates_deletes_and_skips(place: OpenPlace, ann: Person, bob: Person) -> None:
    tasks = [hostile(number, reader) for number in range(3) for reader in ("ann", "bob")]
    place().push(tasks)
    number = numbers(place())
    keys = [task.key for task in tasks[::2]]
    start = HOSTILE.index("👩🏽‍🌾")
    first = ann.answer(number["ann", keys[0]], marks("cot", "spans", (start - 1, start + 12, "PERCEPTION")))
    second = bob.answer(number["bob", keys[0]], [])
    skipped = bob.answer(number["bob", keys[1]], [], was_cancelled=True)
    pulled = place().pull(None, ())
    found = {annotation.id: annotation for annotation in pulled.annotations}
    assert set(found) == {str(first), str(second), str(skipped)}
    (region,) = found[str(first)].regions
    assert HOSTILE[region.start : region.end] == "👩🏽‍🌾 and 😀;"
    assert found[str(skipped)].skipped
    assert not found[str(second)].skipped

    again = place().pull(pulled.cursor, list(found))
    assert (again.annotations, again.gone, again.refused) == ((), (), {})  # nothing has changed

    ann.change(first, marks("cot", "spans", (0, 7, "OTHER")))
    bob.take_back(second)
    third = ann.answer(number["ann", keys[2]], marks("cot", "spans", (0, 99999, "OTHER")))
    changed = place().pull(again.cursor, list(found))
    ours = {annotation.id: annotation for annotation in changed.annotations}
    assert [(region.start, region.end, region.label) for region in ours[str(first)].regions] == [(0, 7, "other")]
    assert ours[str(first)].updated > found[str(first)].updated
    assert changed.gone == (str(second),)
    assert list(changed.refused) == [str(third)]
    assert "from 0 to 99999, and the text has" in changed.refused[str(third)]
    assert sorted(answered for _, _, answered in place().waiting()) == [False, False, False, True, True, True]


def test_guesses_that_an_owner_makes_annotations_in_bulk_are_brought(place: OpenPlace, label_studio: Server) -> None:
    place().push([hostile(0), hostile(1)])
    first = place().pull(None, ())
    (queue,) = place().queues.all()
    sdk: Any = label_studio.connect()._sdk
    sdk.actions.create(id="predictions_to_annotations", project=queue.project)
    second = place().pull(first.cursor, ())
    assert [len(annotation.regions) for annotation in second.annotations] == [2, 2]
    sdk.actions.create(id="delete_tasks_annotations", project=queue.project)
    known = [annotation.id for annotation in second.annotations]
    assert place().pull(second.cursor, known).gone == tuple(known)


def test_whoever_annotates_in_another_queue_is_refused(place: OpenPlace, bob: Person) -> None:
    opened = place(ann="ann@example.org")
    opened.push([hostile(0, "ann")])
    (task,) = numbers(opened).values()
    made = bob.answer(task, [])
    assert "was made by bob@example.org" in opened.pull(None, ()).refused[str(made)]


def test_a_changed_text_becomes_a_task_beside_the_annotated_one(place: OpenPlace, ann: Person) -> None:
    place().push([hostile(0), hostile(1)])
    number = numbers(place())
    ann.answer(number["ann", hostile(0).key], [])
    newer = [hostile(at, content="c2", texts={"cot": HOSTILE + " So."}) for at in range(2)]
    assert place().push(newer).revised == 2
    assert sorted((key, answered) for key, _, answered in place().waiting()) == [
        (hostile(0).key, False),
        (hostile(0).key, True),
        (hostile(1).key, False),
    ]
    (kept,) = place().pull(None, ()).annotations
    assert kept.content == "c1"


def test_new_guesses_are_shown_and_the_old_stay(place: OpenPlace, ann: Person) -> None:
    place().push([hostile(0), hostile(1)])
    newer = [hostile(at, guessed_by="tags, 2", guesses=hostile().guesses[:1]) for at in range(2)]
    assert place().push(newer).guesses == 2
    assert place().push(newer).guesses == 0
    (queue,) = place().queues.all()
    assert queue.version == "tags~2C 2"
    server = place().queues.server
    (page,) = server.tasks(queue.project, ["predictions", "model_version"], full=True)
    assert [sorted(guess["model_version"] for guess in row["predictions"]) for row in page] == [
        ["tags 1/abc", "tags~2C 2"]
    ] * 2
    parent = next(guess["id"] for guess in page[0]["predictions"] if guess["model_version"] == "tags~2C 2")
    ann.answer(page[0]["id"], marks("cot", "spans", (0, 7, "OTHER"), origin="prediction"), parent_prediction=parent)
    (found,) = place().pull(None, ()).annotations
    assert (found.meta["guessed_by"], found.regions[0].origin) == ("tags, 2", "prediction")


def test_every_answer_of_the_claims_screen(place: OpenPlace, bob: Person) -> None:
    place().push([Task("claim", "bob", "c", "claims", {"caption": "A ball.", "claim": "A ball."}, "a" * 64)])
    (task,) = numbers(place()).values()
    bob.answer(task, [says("verdict", "claim", "choices", choices=["not_visible"])])
    (found,) = place().pull(None, ()).annotations
    assert found.verdict == "not_visible"
