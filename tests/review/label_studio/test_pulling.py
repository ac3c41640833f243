"""What people did comes back as they meant it, and what cannot be read says why."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from review.label_studio.fake import Fake
from review.label_studio.traces import HOSTILE, Images, hostile, marks, says

from perceptdata.errors import UsageError
from perceptdata.review.backend import Annotation, Region, Task
from perceptdata.review.label_studio.backend import LabelStudio
from perceptdata.review.label_studio.pictures import Thumbnails

CAPTION = "A red ball 😀 on a mat."


@pytest.fixture
def pushed(fake: Fake, place: LabelStudio) -> dict[str, int]:
    """Task ids by key and reader."""
    place.push([hostile(number, reader) for number in range(3) for reader in ("ann", "bob")])
    return {
        f"{task['data']['external_id'].split('/')[2][0]} {task['data']['reader']}": number
        for number, task in fake.tasks.items()
    }


def at(piece: str, label: str) -> tuple[int, int, str]:
    start = HOSTILE.index(piece)
    return start, start + len(piece), label


def test_offsets_are_read_and_texts_are_not(fake: Fake, place: LabelStudio, pushed: dict[str, int]) -> None:
    result = marks("cot", "spans", at("👩🏽‍🌾 and 😀; ", "PERCEPTION"), at("\n\n   So $x_1", "REASONING"))
    result[0] |= {"origin": "prediction-changed", "score": 0.5}
    guess = fake.tasks[pushed["1 bob"]]["predictions"][0]
    made = fake.answered(pushed["1 bob"], result, lead_time=12.5, parent_prediction=guess["id"])
    (found,) = place.pull(None, ()).annotations
    assert [(HOSTILE[region.start : region.end], region.label) for region in found.regions] == [
        ("👩🏽‍🌾 and 😀;", "perception"),
        ("So $x_1", "reasoning"),
    ]
    first, second = found.regions
    assert (first.origin, first.score, second.origin, second.score) == ("prediction-changed", 0.5, "manual", None)
    assert (found.id, found.key, found.reader, found.content, found.seconds) == (
        str(made["id"]),
        "geometry/train/1#response",
        "bob",
        "c1",
        12.5,
    )
    assert (found.skipped, found.updated) == (False, made["updated_at"])
    assert found.meta == {
        "task": pushed["1 bob"],
        "project": fake.tasks[pushed["1 bob"]]["project"],
        "user": "admin@example.org",
        "guessed_by": "tags 1/abc",
    }


def test_the_next_pull_brings_what_is_new_and_finds_what_is_gone(
    fake: Fake, place: LabelStudio, pushed: dict[str, int]
) -> None:
    fake.answered(pushed["0 ann"], marks("cot", "spans", at("I see", "PERCEPTION")))
    skipped = fake.answered(pushed["0 bob"], marks("cot", "spans", at("I see", "OTHER")), was_cancelled=True)
    first = place.pull(None, ())
    assert [(annotation.reader, annotation.skipped, annotation.regions != ()) for annotation in first.annotations] == [
        ("ann", False, True),
        ("bob", True, False),
    ]
    ids = [annotation.id for annotation in first.annotations]
    again = place.pull(first.cursor, ids)
    assert (again.annotations, again.gone, again.refused, again.cursor) == ((), (), {}, first.cursor)
    fake.tick(60)
    fake.tasks[pushed["0 bob"]]["annotations"].remove(skipped)
    new = fake.answered(pushed["2 bob"], [])
    last = place.pull(again.cursor, ids)
    assert [annotation.id for annotation in last.annotations] == [str(new["id"])]
    assert last.gone == (str(skipped["id"]),)
    assert sorted(answered for _, _, answered in place.waiting()) == [False] * 4 + [True] * 2


def test_what_becomes_visible_late_is_brought(fake: Fake, place: LabelStudio, pushed: dict[str, int]) -> None:
    """A change is stamped before it can be seen: here one, of an annotation that is known, from before the cursor."""
    fake.answered(pushed["0 ann"], [])
    late = fake.answered(pushed["1 ann"], [])
    moment = fake.tasks[pushed["1 ann"]]["updated_at"]
    fake.answered(pushed["2 ann"], [])
    first = place.pull(None, ())
    ids = [annotation.id for annotation in first.annotations]
    assert place.pull(first.cursor, ids).annotations == ()
    late["result"] = marks("cot", "spans", at("I see", "OTHER"))
    fake.tasks[pushed["1 ann"]]["updated_at"] = moment[:-2] + "9Z"
    second = place.pull(first.cursor, ids)
    assert [len(annotation.regions) for annotation in second.annotations if annotation.id == str(late["id"])] == [1]
    assert place.pull(second.cursor, ids).annotations == ()


def test_what_was_made_in_bulk_leaves_no_time_and_comes_all_the_same(
    fake: Fake, place: LabelStudio, pushed: dict[str, int]
) -> None:
    first = place.pull(None, ())
    fake.tick(60)
    moment = fake.tasks[pushed["2 bob"]]["updated_at"]
    made = fake.answered(pushed["2 bob"], [])
    fake.tasks[pushed["2 bob"]]["updated_at"] = moment
    fake.tasks[pushed["0 bob"]]["updated_at"] = fake.tick(60)
    for _ in range(2):
        second = place.pull(first.cursor, ())
        assert [annotation.id for annotation in second.annotations] == [str(made["id"])]
        first = second
    assert place.pull(second.cursor, [str(made["id"])]).annotations == ()


def test_annotations_of_deleted_tasks_and_projects_are_gone(
    fake: Fake, place: LabelStudio, pushed: dict[str, int]
) -> None:
    for who in ("0 ann", "0 bob"):
        fake.answered(pushed[who], [])
    ids = [annotation.id for annotation in place.pull(None, ()).annotations]
    del fake.tasks[pushed["0 ann"]]
    project = fake.tasks[pushed["0 bob"]]["project"]
    del fake.projects[project]
    fake.tasks = {number: task for number, task in fake.tasks.items() if task["project"] != project}
    assert set(place.pull(None, ids).gone) == set(ids)


def test_every_answer_of_the_other_screens(fake: Fake, place: LabelStudio) -> None:
    texts = {"caption": CAPTION, "question": "q"}
    place.push(
        [
            Task("cap", "ann", "c", "captions", texts),
            Task("both", "ann", "c", "combined", {**texts, "cot": HOSTILE}),
            Task("claim", "ann", "c", "claims", {**texts, "claim": "on a mat"}),
            Task("wrong", "ann", "c", "errors", {"question": "q", "answer": "7", "cot": HOSTILE}),
        ]
    )
    numbers = {task["data"]["external_id"]: number for number, task in fake.tasks.items()}
    start = CAPTION.index("mat")
    words = marks("caption", "words", (start, start + 3, "IMPRECISE"))
    fake.answered(
        numbers["cap"],
        [
            *words,
            says("verdict", "caption", "choices", choices=["partially"]),
            says("correction", "caption", "textarea", text=["A red ball.", " It lies."]),
            says("rating", "caption", "rating", rating=4),
            says("note", "caption", "textarea", text="odd"),
            {"type": "relation", "from_id": "a", "to_id": "b", "direction": "right"},
        ],
    )
    fake.answered(
        numbers["both"],
        [
            *words,
            *marks("cot", "spans", at("I see", "OTHER")),
            says("correction", "caption", "textarea", text=[CAPTION]),  # prefilled, left as it was
            says("verdict", "caption", "choices", choices=["correct"]),
        ],
    )
    fake.answered(numbers["claim"], [says("verdict", "claim", "choices", choices=["not_visible"])])
    kind = says("verdict", "cot", "choices", choices=["perception"])
    fake.answered(numbers["wrong"], [kind, *marks("cot", "first", at("I see", "WRONG"))])
    found = {annotation.key: annotation for annotation in place.pull(None, ()).annotations}
    assert found["cap"].regions == (Region("caption", start, start + 3, "imprecise"),)
    cap, both, claim = found["cap"], found["both"], found["claim"]
    assert (cap.verdict, cap.correction, cap.rating, cap.note) == ("partially", "A red ball.\n It lies.", 4, "odd")
    assert [(region.text, region.label) for region in both.regions] == [("caption", "imprecise"), ("cot", "other")]
    assert (both.verdict, both.correction) == ("correct", None)
    assert (claim.verdict, claim.regions, claim.rating) == ("not_visible", (), None)
    wrong = found["wrong"]
    assert (wrong.verdict, [HOSTILE[each.start : each.end] for each in wrong.regions]) == ("perception", ["I see"])


UNREADABLE: list[tuple[list[dict[str, Any]], str]] = [
    (marks("cot", "spans", (0, 99999, "OTHER")), r"from 0 to 99999, and the text has \d+ characters"),
    (marks("cot", "spans", (-2, 5, "OTHER")), r"from -2 to 5"),
    (marks("cot", "spans", (9, 5, "OTHER")), r"from 9 to 5"),
    (marks("cot", "spans", (5, 5, "OTHER")), r"from 5 to 5"),
    (marks("cot", "spans", (*at("\n\n   ", "OTHER")[:2], "OTHER")), r"holds white space alone"),
    (marks("cot", "spans", (0, 5, "NOPE")), r"labelled \['NOPE'\], which the screen does not have"),
    ([{**marks("cot", "spans", (0, 5, "OTHER"))[0], "value": {"start": 0, "end": 5}}], r"labelled with nothing"),
    (marks("cot", "brush", (0, 5, "OTHER")), r"marks 'cot' by 'brush', which the screen does not have"),
    (marks("question", "spans", (0, 5, "OTHER")), r"marks 'question' by 'spans'"),
    (
        [{**marks("cot", "spans", (0, 5, "OTHER"))[0], "value": {"start": 0.0, "end": "5", "labels": ["OTHER"]}}],
        r"from 0.0 to '5'; offsets are whole numbers",
    ),
    ([says("verdict", "cot", "choices", choices=["fine"])], r"gives the verdict \['fine'\]; the screen has none"),
    ([says("mood", "cot", "rating", rating=3)], r"answers by 'mood' \(rating\)"),
]


@pytest.mark.parametrize(("result", "said"), UNREADABLE)
def test_what_does_not_fit_is_refused_with_a_sentence(
    fake: Fake, place: LabelStudio, pushed: dict[str, int], result: list[dict[str, Any]], said: str
) -> None:
    bad = fake.answered(pushed["0 ann"], result)
    good = fake.answered(pushed["1 ann"], [])
    pulled = place.pull(None, ())
    assert [annotation.id for annotation in pulled.annotations] == [str(good["id"])]
    ((number, sentence),) = pulled.refused.items()
    assert number == str(bad["id"])
    assert sentence.startswith(
        f"annotation {number} of task {pushed['0 ann']} (geometry/train/0#response) in project 1 "
    )
    assert re.search(said, sentence)


def test_a_text_that_was_edited_on_the_server_is_refused(
    fake: Fake, place: LabelStudio, pushed: dict[str, int]
) -> None:
    fake.answered(pushed["0 ann"], marks("cot", "spans", at("I see", "OTHER")))
    fake.tasks[pushed["0 ann"]]["data"]["cot"] += " More."
    (sentence,) = place.pull(None, ()).refused.values()
    assert "is about a text that was edited in Label Studio after it was pushed" in sentence


def test_a_reader_with_an_address_is_alone_in_their_queue(fake: Fake, images: Images, pushed: dict[str, int]) -> None:
    fake.users |= {2: "Ann@Example.org", 3: "bob@example.org"}
    fake.answered(pushed["0 ann"], [], user=2)
    fake.answered(pushed["1 ann"], [], user=3)
    fake.answered(pushed["1 bob"], [], user=3)
    people = {"ann": "ann@example.org"}
    pulled = LabelStudio(fake.connect(), "place", "pilot", Thumbnails(images), people).pull(None, ())
    assert [(annotation.key, annotation.meta["user"]) for annotation in pulled.annotations] == [
        ("geometry/train/0#response", "ann@example.org"),
        ("geometry/train/1#response", "bob@example.org"),
    ]
    (sentence,) = pulled.refused.values()
    assert "was made by bob@example.org, and the queue is ann's (ann@example.org)" in sentence
    strangers = LabelStudio(fake.connect(), "place", "pilot", Thumbnails(images), {"ann": "carl@example.org"})
    with pytest.raises(UsageError, match=r"nobody on .* has the address carl@example.org; invite them, or correct it"):
        strangers.pull(None, ())


def test_labels_that_were_renamed_stop_push_and_pull(
    fake: Fake, place: LabelStudio, pushed: dict[str, int], reopened: Callable[[], LabelStudio]
) -> None:
    fake.projects[1]["label_config"] = fake.projects[1]["label_config"].replace("REASONING", "THINKING")
    for act in (lambda: place.pull(None, ()), lambda: reopened().push([hostile()])):
        with pytest.raises(UsageError) as caught:
            act()
        assert "project 1 'pilot - ann' no longer asks what screen 'spans' asks" in str(caught.value)
        assert "it lacks Labels 'spans' of cot (OTHER, PERCEPTION, REASONING)" in str(caught.value)
        assert "it has Labels 'spans' of cot (OTHER, PERCEPTION, THINKING); put the labels back" in str(caught.value)
    fake.projects[1]["label_config"] = "<View"
    with pytest.raises(UsageError, match="no XML"):
        place.pull(None, ())


def test_a_restyled_screen_is_fine(fake: Fake, place: LabelStudio, pushed: dict[str, int]) -> None:
    config = fake.projects[1]["label_config"].replace("#1f77b4", "blue").replace('hotkey="1"', 'hotkey="p"')
    fake.projects[1]["label_config"] = config.replace("What is seen, what is concluded?", "Bitte markieren")
    fake.answered(pushed["0 ann"], [])
    assert len(place.pull(None, ()).annotations) == 1


def test_somebody_elses_tasks_are_left_alone(fake: Fake, place: LabelStudio, pushed: dict[str, int]) -> None:
    for meta in (None, {}, {"mine": 1}):
        fake.answered(fake.add(1, {"data": {"cot": "by hand"}, "meta": meta}), marks("cot", "spans", (0, 2, "NOPE")))
    pulled = place.pull(None, ())
    assert (pulled.annotations, pulled.refused) == ((), {})
    assert len(list(place.waiting())) == 6


@pytest.mark.parametrize("cursor", ["", "5", "[]", '{"1": "yesterday"}', '{"1": 5}', '{"1": ["today", "x"]}'])
def test_a_cursor_of_elsewhere_is_refused(place: LabelStudio, pushed: dict[str, int], cursor: str) -> None:
    with pytest.raises(UsageError, match="is not one of Label Studio's; pull from the start"):
        place.pull(cursor, ())


def test_two_answers_to_one_task_both_come(fake: Fake, place: LabelStudio, pushed: dict[str, int]) -> None:
    fake.answered(pushed["0 ann"], [])
    fake.answered(pushed["0 ann"], marks("cot", "spans", at("I see", "OTHER")))
    found: tuple[Annotation, ...] = place.pull(None, ()).annotations
    assert [len(annotation.regions) for annotation in found] == [0, 1]
