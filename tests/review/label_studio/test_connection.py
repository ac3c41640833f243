"""What can be wrong between here and a server, each in a sentence that says what to do."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from review.label_studio.fake import KEY as GOOD
from review.label_studio.fake import URL as SERVER
from review.label_studio.fake import Fake

from perceptdata.errors import PerceptDataError, UsageError
from perceptdata.review.label_studio import connection
from perceptdata.review.label_studio.connection import KEY, URL, Connection, Doubt, condition


def test_a_server_without_a_key_or_an_address() -> None:
    with pytest.raises(UsageError, match=f"{KEY} is not set: copy a personal access token"):
        Connection.open({})
    with pytest.raises(UsageError, match=f"{URL} is 'localhost:8080', which is no http address"):
        Connection.open({URL: "localhost:8080", KEY: GOOD})


def test_without_its_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "label_studio_sdk", None)
    with pytest.raises(UsageError, match=r"install it: pip install 'perceptdata\[review\]'"):
        Connection.open({KEY: GOOD})


def test_a_wrong_key(fake: Fake) -> None:
    with pytest.raises(UsageError, match=rf"{SERVER} refuses the key in {KEY} \(Invalid token\.\): copy a personal"):
        fake.connect("f" * 40).users()


def test_an_expired_personal_token(fake: Fake) -> None:
    import jwt

    expired = jwt.encode({"token_type": "refresh", "exp": 1}, "x" * 32)
    with pytest.raises(UsageError, match=r"refuses the key .*expired"):
        fake.connect(expired)


LEGACY = "Authentication token no longer valid: legacy token authentication has been disabled for this organization"
ANSWERS: list[tuple[httpx.Response, type[PerceptDataError], str]] = [
    (httpx.Response(401, json={"detail": LEGACY}), UsageError, r"takes no legacy tokens: put a personal access token"),
    (httpx.Response(403, json={"detail": "no"}), UsageError, r"refuses the key"),
    (httpx.Response(404, text="<html>"), PerceptDataError, r"not as a Label Studio does \(status 404\); check " + URL),
    (httpx.Response(404, json={"detail": "Not found."}), PerceptDataError, r"status 404: Not found\."),
    (httpx.Response(418, json=["odd"]), PerceptDataError, r'status 418: \["odd"\]'),
    (httpx.Response(503, text="<html>busy"), Doubt, r"failed with status 503 \(<html>busy\)"),
]


@pytest.mark.parametrize(("answer", "kind", "said"), ANSWERS)
def test_what_a_server_may_answer(fake: Fake, answer: httpx.Response, kind: type[PerceptDataError], said: str) -> None:
    fake.trouble = lambda request: answer
    with pytest.raises(kind, match=said) as caught:
        fake.connect().delete_project(1)
    assert type(caught.value) is kind


FAILURES: list[tuple[Exception, str]] = [
    (httpx.ConnectError("refused"), r"no server answers at .* \(refused\): start Label Studio .* or set " + URL),
    (httpx.ReadTimeout("slow"), r"has not answered in time \(ReadTimeout\)"),
    (httpx.RemoteProtocolError("cut"), r"broke off \(cut\)"),
]


@pytest.mark.parametrize(("failure", "said"), FAILURES)
def test_no_answer_is_a_doubt(fake: Fake, failure: Exception, said: str) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise failure

    fake.trouble = fail
    with pytest.raises(Doubt, match=said):
        fake.connect().import_tasks(1, [{"data": {}}])
    assert len(fake.requests) == 1  # what changes something is never sent twice by itself


def test_lists_are_walked_by_key(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is deleted meanwhile on a page already seen moves nothing out of sight."""
    monkeypatch.setattr(connection, "PAGE", 3)
    server = fake.connect()
    project = server.create_project("pages", "", "<View/>")["id"]
    ids = server.import_tasks(project, [{"data": {"n": n}, "meta": {"n": n}} for n in range(8)])
    seen = []
    for page in server.tasks(project, ["meta"]):
        seen += [row["id"] for row in page]
        fake.tasks.pop(page[0]["id"])
    assert seen == ids
    queries = [json.dumps(condition("id", "greater", "Number", last)) for last in (0, ids[2], ids[5])]
    assert len(queries) == sum(path.startswith("/api/tasks") for _, path in fake.requests)


def test_a_folder_is_served_once(fake: Fake) -> None:
    server = fake.connect()
    for _ in range(2):
        server.serve_folder(1, "/media/perceptdata")
    server.serve_folder(2, "/media/perceptdata")
    assert [(store["project"], store["path"], store["use_blob_urls"]) for store in fake.storages] == [
        (1, "/media/perceptdata", True),
        (2, "/media/perceptdata", True),
    ]


def test_lists_may_be_asked_again(fake: Fake) -> None:
    """A server that hiccups at a list is asked again; nothing changes by that."""
    left = [httpx.Response(503, text="busy")]
    fake.trouble = lambda request: left.pop() if left else None
    ask: Callable[[], Any] = fake.connect().users
    assert ask() == {1: "admin@example.org"}
