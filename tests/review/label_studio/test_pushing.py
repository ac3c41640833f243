"""Each task arrives once, whatever happens to an answer on its way."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest
from review.label_studio.fake import Fake
from review.label_studio.traces import HOSTILE, hostile, long, region

from perceptdata.errors import PerceptDataError, UsageError
from perceptdata.review.backend import Pushed, Region, Task
from perceptdata.review.label_studio import pushing
from perceptdata.review.label_studio.backend import LabelStudio
from perceptdata.review.label_studio.connection import Doubt

Place = Callable[[], LabelStudio]


def keys(fake: Fake, project: int | None = None) -> list[str]:
    tasks = (task for task in fake.tasks.values() if project in (None, task["project"]))
    return sorted(task["data"]["external_id"] for task in tasks)


def imports(fake: Fake) -> int:
    return sum(method == "POST" and path.endswith("/import") for method, path in fake.requests)


def test_what_is_pushed_stands_there_as_it_was_meant(fake: Fake, place: LabelStudio) -> None:
    assert place.push([hostile()]) == Pushed(new=1)
    ((project),) = fake.projects.values()
    assert (project["title"], project["show_collab_predictions"]) == ("pilot - ann", True)
    (task,) = fake.tasks.values()
    assert task["data"] | {"image": "", "shown": ""} == {
        "external_id": "geometry/train/0#response",
        "content": "c1",
        "shown": "",
        "reader": "ann",
        "image": "",
        "question": "What is $x_1$?",
        "cot": HOSTILE,
        "readings": "",
    }
    assert task["data"]["image"].startswith("data:image/png;base64,")
    (guess,) = task["predictions"]
    assert guess["model_version"] == project["model_version"] == "tags 1/abc"
    first, second = guess["result"]
    start, end = first["value"]["start"], first["value"]["end"]
    assert (HOSTILE[start:end], first["value"]["labels"], first["score"]) == (
        "the label reads 32.",
        ["PERCEPTION"],
        0.75,
    )
    assert (first["from_name"], first["to_name"]) == ("spans", "cot")
    assert second["value"]["labels"] == ["REASONING"]
    assert "score" not in second


def test_a_second_push_sends_nothing(fake: Fake, place: LabelStudio, reopened: Place) -> None:
    tasks = [long(number, regions=2) for number in range(1200)]
    heard: list[int] = []
    assert place.push(tasks, heard.append) == Pushed(new=1200)
    assert (imports(fake), sum(heard), heard[:3]) == (3, 1200, [500, 500, 200])
    assert reopened().push(tasks) == Pushed(known=1200)
    assert imports(fake) == 3
    assert len(keys(fake)) == len(set(keys(fake))) == 1200


def test_a_batch_is_cut_by_its_bytes_too(fake: Fake, place: LabelStudio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushing, "BATCH_BYTES", 8_000)
    place.push([long(number, regions=2) for number in range(20)])
    assert imports(fake) > 2
    assert len(keys(fake)) == 20


def test_the_same_task_twice_in_one_call_is_one_task(fake: Fake, place: LabelStudio) -> None:
    assert place.push([hostile(), hostile(), hostile(1)]) == Pushed(new=2, known=1)
    assert len(fake.tasks) == 2


def test_each_reader_and_each_screen_has_a_project(fake: Fake, place: LabelStudio, reopened: Place) -> None:
    caption = Task("img:1#caps/0", "ann", "c", "captions", {"caption": "A ball."}, guessed_by="judge", verdict="wrong")
    place.push([hostile(), hostile(reader="bob"), caption])
    assert [project["title"] for project in fake.projects.values()] == [
        "pilot - ann",
        "pilot - bob",
        "pilot - ann (captions)",
    ]
    assert [len(keys(fake, number)) for number in fake.projects] == [1, 1, 1]
    (verdict,) = fake.tasks[max(fake.tasks)]["predictions"][0]["result"]
    assert (verdict["from_name"], verdict["to_name"], verdict["value"]) == (
        "verdict",
        "caption",
        {"choices": ["wrong"]},
    )
    assert sorted(reopened().waiting()) == [
        ("geometry/train/0#response", "ann", False),
        ("geometry/train/0#response", "bob", False),
        ("img:1#caps/0", "ann", False),
    ]


def test_a_blind_task_has_no_prediction(fake: Fake, place: LabelStudio) -> None:
    place.push([hostile(guesses=(), guessed_by=None)])
    assert fake.tasks[max(fake.tasks)]["predictions"] == []


# Changes


def test_a_new_version_of_guesses_stands_beside_the_old_and_is_shown(
    fake: Fake, place: LabelStudio, reopened: Place
) -> None:
    place.push([hostile(0), hostile(1)])
    newer = [hostile(number, guessed_by="tags, 2/abc", guesses=hostile().guesses[:1]) for number in range(2)]
    assert reopened().push(newer) == Pushed(known=2, guesses=2)
    assert reopened().push(newer) == Pushed(known=2)
    versions = [guess["model_version"] for task in fake.tasks.values() for guess in task["predictions"]]
    assert versions == ["tags 1/abc", "tags~2C 2/abc"] * 2
    ((project),) = fake.projects.values()
    assert project["model_version"] == "tags~2C 2/abc"


def test_a_changed_text_is_a_new_task_and_an_untouched_old_one_goes(fake: Fake, place: LabelStudio) -> None:
    place.push([hostile(0), hostile(1), hostile(2)])
    answered, drafted = (number for number, task in fake.tasks.items() if "/2#" not in task["data"]["external_id"])
    fake.answered(answered, [])
    fake.drafts.add(drafted)
    changed = [hostile(number, content="c2", texts={"cot": HOSTILE + " So."}) for number in range(3)]
    assert place.push(changed) == Pushed(revised=3)
    left = sorted((task["data"]["external_id"], task["data"]["content"]) for task in fake.tasks.values())
    assert left == [
        ("geometry/train/0#response", "c1"),
        ("geometry/train/0#response", "c2"),
        ("geometry/train/1#response", "c1"),
        ("geometry/train/1#response", "c2"),
        ("geometry/train/2#response", "c2"),
    ]
    assert place.push(changed) == Pushed(known=3)


def test_what_is_not_pushed_again_stays(fake: Fake, place: LabelStudio) -> None:
    place.push([hostile(0), hostile(1)])
    place.push([hostile(1)])
    assert len(fake.tasks) == 2


# Failures on the way


class Once:
    """Trouble with the n-th import: it lands or not, and the answer is lost."""

    def __init__(self, fake: Fake, number: int, lands: bool, how: str | int) -> None:
        self.fake, self.left, self.lands, self.how = fake, number, lands, how

    def __call__(self, request: httpx.Request) -> httpx.Response | None:
        if request.method != "POST" or not request.url.path.rstrip("/").endswith(("/import", "/predictions")):
            return None
        self.left -= 1
        if self.left:
            return None
        if self.lands:
            self.fake.answer(request)
        if isinstance(self.how, int):
            return httpx.Response(self.how, text="<html>Bad Gateway</html>")
        raise {"slow": httpx.ReadTimeout("slow"), "broken": httpx.RemoteProtocolError("broken")}[self.how]


@pytest.mark.parametrize("lands", [True, False])
@pytest.mark.parametrize("how", ["slow", "broken", 502, 503])
@pytest.mark.parametrize("number", [1, 2])
def test_a_lost_answer_doubles_and_loses_nothing(
    fake: Fake, place: LabelStudio, lands: bool, how: str | int, number: int
) -> None:
    tasks = [long(at, regions=2) for at in range(700)]
    fake.trouble = Once(fake, number, lands, how)
    assert place.push(tasks) == Pushed(new=700)
    assert len(keys(fake)) == len(set(keys(fake))) == 700
    assert imports(fake) == 2 + (not lands)


def test_an_import_that_lands_after_all_hope_is_tidied(fake: Fake, place: LabelStudio) -> None:
    late: list[httpx.Request] = []

    def trouble(request: httpx.Request) -> httpx.Response | None:
        if request.url.path.endswith("/import") and not late:
            late.append(request)
            raise httpx.ReadTimeout("slow")
        if request.url.path.endswith("/import"):
            done = fake.answer(request)
            fake.answer(late[0])  # the first one is done at last
            return done
        return None

    fake.trouble = trouble
    assert place.push([long(at, regions=2) for at in range(30)]) == Pushed(new=30)
    assert len(keys(fake)) == len(set(keys(fake))) == 30


def test_copies_are_tidied_by_the_next_push_and_answered_ones_kept(fake: Fake, place: LabelStudio) -> None:
    place.push([hostile(0), hostile(1)])
    (number,) = fake.projects
    for task in list(fake.tasks.values()):
        fake.add(number, {"data": task["data"], "meta": task["meta"]})
    copy = max(fake.tasks)
    fake.answered(copy, [])
    fake.add(number, {"data": {"cot": "by hand"}})
    assert place.push([hostile(0), hostile(1)]) == Pushed(known=2)
    assert copy in fake.tasks
    assert sorted(task["data"].get("external_id", "by hand") for task in fake.tasks.values()) == [
        "by hand",
        "geometry/train/0#response",
        "geometry/train/1#response",
    ]


@pytest.mark.parametrize("lands", [True, False])
def test_a_lost_answer_about_guesses_doubles_none(fake: Fake, place: LabelStudio, lands: bool) -> None:
    place.push([hostile(number) for number in range(3)])
    fake.trouble = Once(fake, 1, lands, "slow")
    newer = [hostile(number, guessed_by="tags 2") for number in range(3)]
    assert place.push(newer).guesses == 3
    assert [len(task["predictions"]) for task in fake.tasks.values()] == [2, 2, 2]


def test_a_server_that_dies_is_named_and_the_next_push_goes_on(fake: Fake, place: LabelStudio) -> None:
    tasks = [long(at, regions=2) for at in range(1500)]

    def dying(request: httpx.Request) -> httpx.Response | None:
        if imports(fake) > 1:
            raise httpx.ConnectError("Connection refused")
        return None

    fake.trouble = dying
    with pytest.raises(Doubt, match=r"no server answers at http://label-studio.test .*run this again, nothing is lost"):
        place.push(tasks)
    fake.trouble = lambda request: None
    assert place.push(tasks) == Pushed(new=1000, known=500)
    assert len(set(keys(fake))) == len(keys(fake)) == 1500


def test_a_server_that_only_fails_is_given_up(fake: Fake, place: LabelStudio) -> None:
    fake.trouble = lambda request: httpx.Response(500, text="oh") if request.url.path.endswith("/import") else None
    with pytest.raises(Doubt, match=r"failed with status 500 \(oh\)"):
        place.push([hostile()])
    assert imports(fake) == pushing.TRIES


def test_a_server_that_says_yes_and_does_nothing_is_given_up(fake: Fake, place: LabelStudio) -> None:
    def lying(request: httpx.Request) -> httpx.Response | None:
        if request.url.path.endswith("/import"):
            return httpx.Response(201, json={"task_count": 1, "task_ids": []})
        return None

    fake.trouble = lying
    with pytest.raises(PerceptDataError, match=r"1 tasks do not arrive in project 1 'pilot - ann'"):
        place.push([hostile()])


# Tasks that must not be sent


BAD: list[tuple[dict[str, Any], str]] = [
    ({"texts": {"cot": "a\r\nb"}, "guesses": ()}, r"its cot holds a carriage return"),
    ({"texts": {"cot": "a\0b"}, "guesses": ()}, r"its cot holds a carriage return or NUL"),
    ({"texts": {"cot": "a\ud800b"}, "guesses": ()}, r"a lone surrogate at character 1"),
    ({"texts": {"cot": "a", "facts": "b"}, "guesses": ()}, r"shows no 'facts', but cot, question, readings"),
    ({"guesses": (Region("cot", 0, 5, "seen"),)}, r"has no label 'seen' for 'cot'"),
    ({"guesses": (Region("caption", 0, 5, "perception"),)}, r"has no label 'perception' for 'caption'"),
    ({"guesses": (Region("cot", 5, 5, "other"),)}, r"says 5 to 5 of 'cot'"),
    ({"guesses": (Region("cot", -1, 5, "other"),)}, r"says -1 to 5"),
    ({"guesses": (Region("cot", 0, 9999, "other"),)}, r"0 to 9999 of 'cot', which has \d+ characters"),
    ({"verdict": "correct"}, r"has no verdict 'correct'"),
    ({"guessed_by": None}, r"nobody is named who made it"),
]


@pytest.mark.parametrize(("change", "said"), BAD)
def test_a_bad_task_is_named_and_nothing_is_sent(
    fake: Fake, place: LabelStudio, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=r"task geometry/train/7#response of ann: .*" + said):
        place.push([hostile(0), hostile(7, **change)])
    assert fake.projects == {}


def test_two_versions_in_one_queue_are_refused(fake: Fake, place: LabelStudio) -> None:
    with pytest.raises(UsageError, match=r"ann would start from pre-annotations by tags 1/abc and by tags 2"):
        place.push([hostile(0), hostile(1, guessed_by="tags 2")])
    assert fake.projects == {}


def test_what_the_server_refuses_is_said(fake: Fake, place: LabelStudio) -> None:
    refused = {"validation_errors": {"non_field_errors": ["Error at item 0: no"]}, "detail": "Validation error"}
    fake.trouble = lambda request: httpx.Response(400, json=refused) if request.url.path.endswith("/import") else None
    with pytest.raises(PerceptDataError, match=r"refused the request with status 400: .*Error at item 0: no"):
        place.push([hostile()])
    assert imports(fake) == 1


class Lazy(Sequence[Task]):
    """Tasks that are made when they are asked for; it counts what is alive."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, at: Any) -> Any:
        assert isinstance(at, slice), "one at a time would read a file for each"
        return [long(number, regions=1) for number in range(*at.indices(self.number))]

    def __iter__(self) -> Any:
        raise AssertionError("tasks are taken in slices")


def test_tasks_are_taken_in_slices(fake: Fake, place: LabelStudio) -> None:
    assert place.push(Lazy(1100)) == Pushed(new=1100)
    assert json.dumps(place.pull(None, ()).annotations) == "[]"


def test_guesses_may_lie_on_every_text_of_a_screen(fake: Fake, place: LabelStudio) -> None:
    caption = "A red ball 😀 on a mat."
    both = hostile(
        screen="combined",
        texts={"cot": HOSTILE, "caption": caption},
        guesses=(region(HOSTILE, "I see", "perception"), region(caption, "on a mat", "hallucinated", field="caption")),
        verdict="partially",
    )
    place.push([both])
    result = fake.tasks[max(fake.tasks)]["predictions"][0]["result"]
    assert [(item["from_name"], item["to_name"], item["value"].get("labels")) for item in result] == [
        ("spans", "cot", ["PERCEPTION"]),
        ("words", "caption", ["HALLUCINATED"]),
        ("verdict", "caption", None),
    ]
