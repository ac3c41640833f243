"""Doctor does once what people will do, and says what to mend."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from review.label_studio.fake import Fake
from review.label_studio.traces import Images, hostile, marks

from perceptdata.review.backend import Finding
from perceptdata.review.label_studio.backend import LabelStudio
from perceptdata.review.label_studio.doctor import TEXT, WORD, key_kind
from perceptdata.review.label_studio.pictures import Files, Thumbnails

IMAGE = "a" * 64


def said(place: LabelStudio) -> dict[str, Finding]:
    return {finding.name: finding for finding in place.doctor()}


def test_a_healthy_place(fake: Fake, place: LabelStudio) -> None:
    place.sample_image = IMAGE
    place.push([hostile()])
    found = place.doctor()
    assert all(finding.ok for finding in found)
    assert [finding.name for finding in found] == ["server", "key", "people", "screen", "span", "images", "queue"]
    assert [finding.message for finding in found] == [
        "http://label-studio.test runs 1.23.2",
        "a legacy token that the server takes",
        "1 users",
        "the server keeps the labels as they are",
        "a span behind an emoji came back on the same characters",
        "thumbnails in the tasks; set LABEL_STUDIO_MEDIA to show images in full",
        "pilot - ann: project 1, 1 tasks",
    ]
    assert [project["title"] for project in fake.projects.values()] == ["pilot - ann"]


def test_what_a_killed_visit_left_is_cleared(fake: Fake, place: LabelStudio) -> None:
    server = fake.connect()
    server.create_project("perceptdata doctor", "perceptdata/1 place=doctor reader=doctor screen=spans", "<View/>")
    mine = server.create_project("mine", "my notes", "<View/>")["id"]
    place.doctor()
    assert list(fake.projects) == [mine]


def test_no_server_and_no_key_end_it_early(fake: Fake, place: LabelStudio) -> None:
    def down(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    fake.trouble = down
    (finding,) = place.doctor()
    assert (finding.name, finding.ok) == ("server", False)
    assert "no server answers" in finding.message
    refused = httpx.Response(401, json={"detail": "Invalid token."})
    fake.trouble = lambda request: refused if "/users" in request.url.path else None
    _, key = place.doctor()
    assert (key.name, key.ok) == ("key", False)


def test_another_release_is_named(fake: Fake, place: LabelStudio) -> None:
    other = httpx.Response(200, json={"release": "1.20.0"})
    fake.trouble = lambda request: other if request.url.path.startswith("/api/version") else None
    finding = said(place)["server"]
    assert (finding.ok, finding.message) == (
        True,
        "http://label-studio.test runs 1.20.0; this perceptdata was tested with 1.23.2",
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda start, end: (start + 1, end + 1), "came back as"),  # UTF-16 units
        (lambda start, end: (start, 10**6), "came back unreadable: it has a region of 'cot' from"),
    ],
)
def test_a_server_that_counts_otherwise(
    fake: Fake, place: LabelStudio, change: Callable[[int, int], tuple[int, int]], message: str
) -> None:
    start = TEXT.index(WORD)

    def shifting(request: httpx.Request) -> httpx.Response | None:
        if not request.url.path.rstrip("/").endswith("/annotations"):
            return None
        task = max(fake.tasks)
        return httpx.Response(
            201, json=fake.answered(task, marks("cot", "spans", (*change(start, start + len(WORD)), "PERCEPTION")))
        )

    fake.trouble = shifting
    finding = said(place)["span"]
    assert not finding.ok
    assert message in finding.message


def test_images_that_are_served_and_not(fake: Fake, images: Images, media: Path) -> None:
    place = LabelStudio(fake.connect(), "place", "pilot", Files(images, media), {}, IMAGE)
    finding = said(place)["images"]
    assert not finding.ok
    assert f"answers 404 for /data/local-files/?d=perceptdata/aa/{IMAGE}.png" in finding.message
    assert "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT set to the folder in LABEL_STUDIO_MEDIA" in finding.message
    fake.files[f"perceptdata/aa/{IMAGE}.png"] = b"png"
    assert said(place)["images"] == Finding(
        "images", True, f"the server shows /data/local-files/?d=perceptdata/aa/{IMAGE}.png (3 bytes)"
    )


def test_people_without_an_account(fake: Fake, images: Images) -> None:
    people = {"ann": "ann@example.org", "bob": None, "carl": "Admin@example.org"}
    place = LabelStudio(fake.connect(), "place", "pilot", Thumbnails(images), people)
    assert said(place)["people"] == Finding("people", False, "nobody has the address ann@example.org; invite them")


def test_queues_whose_labels_changed_or_whose_name_is_not_theirs_alone(fake: Fake, place: LabelStudio) -> None:
    place.push([hostile()])
    fake.connect().create_project("pilot - ann", "somebody's", "<View/>")
    queues = [finding for finding in place.doctor() if finding.name == "queue"]
    assert [finding.ok for finding in queues] == [True, True]
    assert "has the same title and is not ours; it is left alone" in queues[1].message
    fake.projects[1]["label_config"] = "<View></View>"
    broken = next(finding for finding in place.doctor() if finding.name == "queue")
    assert not broken.ok
    assert "no longer asks what screen 'spans' asks" in broken.message


def test_many_thumbnails_are_named(fake: Fake, place: LabelStudio) -> None:
    place.sample_image = IMAGE
    place.push([hostile()])
    count = fake.projects[1]["id"]
    for _ in range(1000):
        fake.add(count, {"data": {}})
    (finding,) = (finding for finding in place.doctor() if finding.name == "queue")
    assert "its images are thumbnails, and lists will be slow: set LABEL_STUDIO_MEDIA" in finding.message


def test_a_copied_project_is_a_finding(fake: Fake, place: LabelStudio) -> None:
    place.push([hostile()])
    fake.connect().create_project("copy", fake.projects[1]["description"], fake.projects[1]["label_config"])
    assert "both say that they are ann's queue" in said(place)["queues"].message


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("0" * 40, "legacy token"),
        ("a.b.c", "legacy token"),
        ("e30.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.x", "personal access token"),
        ("e30.eyJ0b2tlbl90eXBlIjoiYWNjZXNzIn0.x", "short-lived access token"),
    ],
)
def test_kinds_of_keys(key: str, kind: str) -> None:
    assert key_kind(key) == kind
