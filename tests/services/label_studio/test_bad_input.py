"""Keys, servers and projects that are not as they should be: each a clear sentence, and nothing lost."""

import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from review.label_studio.traces import Images, hostile
from services.label_studio.conftest import OpenPlace
from services.label_studio.running import ADMIN, TOKEN, Server
from services.ports import free_port

from perceptdata.errors import PerceptDataError, UsageError
from perceptdata.review.backend import Pushed
from perceptdata.review.label_studio.connection import KEY, URL, Connection, Doubt
from perceptdata.review.label_studio.pictures import Files

pytestmark = pytest.mark.services


def test_a_wrong_key(label_studio: Server) -> None:
    with pytest.raises(
        UsageError, match=rf"refuses the key in {KEY} \(Invalid token\.?\): copy a personal access token"
    ):
        label_studio.connect("f" * 40).users()


def test_a_personal_token_works_and_a_damaged_one_is_refused(label_studio: Server) -> None:
    token = label_studio.personal_token()
    server = label_studio.connect(token)
    assert ADMIN in server.users().values()
    assert server.fetch("/api/version")[0] == 200
    head, body, signature = token.split(".")
    with pytest.raises(UsageError, match=rf"refuses the key in {KEY}"):
        label_studio.connect(f"{head}.{body}.{signature[::-1]}").users()


def test_a_legacy_key_where_they_are_refused(label_studio: Server) -> None:
    label_studio.legacy_tokens(False)
    try:
        with pytest.raises(UsageError, match=r"takes no legacy tokens: put a personal access token .* into " + KEY):
            label_studio.connect(TOKEN).users()
    finally:
        label_studio.legacy_tokens(True)
    assert label_studio.connect(TOKEN).users()


def test_no_server() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(Doubt, match=rf"no server answers at {url} .* start Label Studio .* or set {URL}"):
        Connection(url, TOKEN).users()


class Silent(SimpleHTTPRequestHandler):
    """A web server of files."""

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_server_that_is_something_else() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Silent) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        with pytest.raises(PerceptDataError, match=rf"answers, but not as a Label Studio does .*check {URL}"):
            Connection(f"http://127.0.0.1:{other.server_port}", TOKEN).version()
        other.shutdown()


def test_two_reviews_and_a_stranger_of_one_name(place: OpenPlace) -> None:
    """All three projects are called `pilot - ann`."""
    first, second = place(), place()
    second.queues.place = "another workspace"
    first.push([hostile(0)])
    title = first.queues.all()[0].title
    first.queues.server.create_project(title, "mine", "<View><Text name='cot' value='$cot'/></View>")
    assert second.push([hostile(1), hostile(2)]) == Pushed(new=2)
    assert place().push([hostile(0)]) == Pushed(known=1)
    assert [key for key, _, _ in place().waiting()] == [hostile(0).key]
    said = [finding.message for finding in place().doctor() if "same title" in finding.message]
    assert len(said) >= 2


def test_a_copied_project_is_named(place: OpenPlace) -> None:
    opened = place()
    opened.push([hostile(0)])
    (queue,) = opened.queues.all()
    (project,) = (each for each in opened.queues.server.projects() if each["id"] == queue.project)
    copy = opened.queues.server.create_project("copy", project["description"], project["label_config"])
    with pytest.raises(UsageError, match=rf"projects {copy['id']} and {queue.project} both say that they are ann's"):
        place().push([hostile(0)])
    opened.queues.server.delete_project(copy["id"])
    assert place().push([hostile(0)]) == Pushed(known=1)


def test_renamed_labels(place: OpenPlace) -> None:
    place().push([hostile(0)])
    (queue,) = place().queues.all()
    server = place().queues.server
    server.update_project(queue.project, label_config=queue.config.replace("REASONING", "THINKING"))
    for act in (lambda: place().push([hostile(1)]), lambda: place().pull(None, ())):
        with pytest.raises(
            UsageError, match=r"no longer asks what screen 'spans' asks: it lacks .*put the labels back"
        ):
            act()
    assert next(finding.ok for finding in place().doctor() if finding.name == "queue") is False
    server.update_project(queue.project, label_config=queue.config)
    assert place().push([hostile(0)]) == Pushed(known=1)


def test_doctor_tries_everything(place: OpenPlace, label_studio: Server) -> None:
    place().push([hostile(0)])
    findings = place().doctor()
    assert [finding.message for finding in findings if not finding.ok] == []
    assert [finding.name for finding in findings[:6]] == ["server", "key", "people", "screen", "span", "images"]
    assert "a legacy token" in findings[1].message
    assert "(1" in findings[5].message or "bytes" in findings[5].message
    assert all(project["title"] != "perceptdata doctor" for project in label_studio.connect().projects())


def test_doctor_says_that_an_image_is_not_served(
    place: OpenPlace, label_studio: Server, clevr: Images, tmp_path: Path
) -> None:
    """The media folder here is another than the server's."""
    opened, image = place(), "b" * 64
    opened.pictures = Files(Images({image: ("image/png", clevr["a" * 64])}), tmp_path, str(label_studio.media))
    opened.sample_image = image
    with_folder = [finding for finding in opened.doctor() if finding.name == "images"]
    assert [finding.ok for finding in with_folder] == [False]
    assert "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT" in with_folder[0].message
