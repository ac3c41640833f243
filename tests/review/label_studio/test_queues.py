"""Projects are found by their mark, whatever they are called."""

import json
from pathlib import Path

import pytest
from review.label_studio.fake import Fake
from review.label_studio.traces import hostile

from perceptdata.errors import PerceptDataError, UsageError
from perceptdata.review.label_studio.backend import LabelStudio
from perceptdata.review.label_studio.queues import Queues, mark, marked, place_id


def test_the_place_is_drawn_once(tmp_path: Path) -> None:
    folder = tmp_path / "reviews" / "pilot"
    first = place_id(folder)
    assert (place_id(folder), len(first)) == (first, 16)
    assert json.loads((folder / "label_studio.json").read_text()) == {"place": first}
    assert place_id(tmp_path / "reviews" / "other") != first


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"place"'])
def test_a_damaged_place_is_said_and_not_drawn_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / "label_studio.json").write_text(text)
    with pytest.raises(PerceptDataError, match=r"label_studio\.json cannot be read .*restore it from a copy"):
        place_id(tmp_path)


@pytest.mark.parametrize("reader", ["ann", "Zoë O'Neil", "a=b c", "名前", "x\ny", "100%"])
def test_a_mark_keeps_any_name(reader: str) -> None:
    words = f"For people to read.\n{mark('p', reader, 'spans')}"
    assert marked(words) == {"place": "p", "reader": reader, "screen": "spans"}
    assert marked("words alone") is marked(None) is None


def test_a_renamed_project_is_still_the_queue(fake: Fake, place: LabelStudio) -> None:
    place.push([hostile()])
    fake.projects[1]["title"] = "Anns Aufgaben"
    assert place.push([hostile()]).known == 1
    assert [queue.title for queue in Queues(fake.connect(), "place", "pilot").all()] == ["Anns Aufgaben"]


def test_titles_fit_what_the_server_takes(fake: Fake) -> None:
    queues = Queues(fake.connect(), "place", "r" * 60)
    queues.get("ann", "spans")
    assert len(fake.projects[1]["title"]) == 50


def test_a_copy_of_a_project_is_refused_by_name(fake: Fake, place: LabelStudio) -> None:
    place.push([hostile()])
    copy = fake.connect().create_project("copy", fake.projects[1]["description"], fake.projects[1]["label_config"])
    with pytest.raises(UsageError, match=rf"projects {copy['id']} and 1 both say that they are ann's queue of review"):
        place.push([hostile()])


def test_two_reviews_of_one_name_share_a_server(fake: Fake, place: LabelStudio) -> None:
    place.push([hostile(0)])
    other = LabelStudio(fake.connect(), "another place", "pilot", place.pictures)
    assert other.push([hostile(0), hostile(1)]).new == 2
    assert [project["title"] for project in fake.projects.values()] == ["pilot - ann"] * 2
    assert len(list(place.waiting())) == 1
