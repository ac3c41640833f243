"""The fake of the fast tests answers as the real server does: the same calls to both, and what they said compared."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from review.label_studio.fake import Fake
from review.label_studio.traces import HOSTILE, Images, hostile, marks, says
from services.label_studio.running import Server

from perceptdata.errors import PerceptDataError
from perceptdata.review.backend import Task
from perceptdata.review.label_studio.backend import LabelStudio
from perceptdata.review.label_studio.connection import Connection, condition
from perceptdata.review.label_studio.pictures import Thumbnails
from perceptdata.review.label_studio.pulling import FIELDS
from perceptdata.review.label_studio.screens import load

pytestmark = pytest.mark.services
# Whose number stands in a field; the server counts each kind by itself.
KINDS = {"import": "tasks", "completed_by": "users", "parent_prediction": "predictions"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")


class Log:
    """Answers with ids numbered in order of their appearance, and times by rank."""

    def __init__(self) -> None:
        self.said: list[tuple[str, Any]] = []

    def add(self, what: str, ask: Callable[[], Any]) -> Any:
        try:
            answer = ask()
        except PerceptDataError as error:
            answer = (type(error).__name__, "refused" in str(error), "400" in str(error))
        self.said.append((what, answer))
        return answer

    def plain(self) -> list[tuple[str, Any]]:
        ids: dict[tuple[str, int], str] = {}

        def named(kind: str, number: int) -> str:
            return ids.setdefault((kind, number), f"{kind} {sum(known == kind for known, _ in ids)}")

        def walk(value: Any, key: str, inside: str) -> Any:
            if isinstance(value, dict):
                return {name: walk(inner, name, inside) for name, inner in sorted(value.items())}
            if isinstance(value, list | tuple):
                return [walk(inner, key, key if key in ("annotations", "predictions") else inside) for inner in value]
            if isinstance(value, str) and TIME.fullmatch(value):
                return "a time"
            if key == "annotations_ids":
                return sorted(named("annotations", int(number)) for number in value.split(",") if number)
            kind = KINDS.get(key, inside if key == "id" else "")
            return named(kind, value) if kind and isinstance(value, int) else value

        return [(what, walk(answer, what, "tasks")) for what, answer in self.said]


def _as_read(row: dict[str, Any]) -> dict[str, Any]:
    """Predictions come with all their fields; these are read."""
    read = ("id", "model_version", "result")
    return {**row, "predictions": [{name: guess[name] for name in read} for guess in row["predictions"]]}


def play(server: Connection) -> Log:
    """Every call that the backend makes, good and bad."""
    log = Log()
    config = load("spans").config
    made = server.create_project("contract", "words\nperceptdata/1 place=contract", config)
    project, wanted = made["id"], ("title", "description", "label_config", "model_version", "task_number")
    try:
        log.add("project", lambda: {name: made.get(name) or None for name in wanted if name != "task_number"})
        log.add("empty", lambda: [list(server.tasks(project, ["meta"])), server.newest(project)])
        bodies = [
            {
                "data": {"cot": HOSTILE, "question": "", "readings": "", "image": "data:,"},
                "meta": {"external_id": f"k{number}"},
                "predictions": [{"model_version": "v1", "result": marks("cot", "spans", (0, 7, "OTHER"))}],
            }
            for number in range(3)
        ]
        del bodies[2]["predictions"]
        ids = log.add("import", lambda: server.import_tasks(project, bodies))
        log.add("null", lambda: server.import_tasks(project, [{"data": {**bodies[0]["data"], "cot": None}}]))
        log.add("count", lambda: server.task_number(project))
        log.add("list", lambda: list(server.tasks(project, ["meta", "total_annotations", "cancelled_annotations"])))
        log.add("bad version", lambda: server.update_project(project, model_version="v9"))
        log.add(
            "guesses",
            lambda: server.import_predictions(
                project, [{"task": ids[1], "model_version": "v10", "result": marks("cot", "spans", (1, 4, "OTHER"))}]
            ),
        )
        for version in ("v1", "v10", "v9"):
            where = [condition("predictions_model_versions", "contains", "List", [version])]
            log.add(
                version,
                lambda where=where: [
                    {**row, "predictions_model_versions": sorted(row["predictions_model_versions"].split(","))}
                    for page in server.tasks(project, ["predictions_model_versions"], where)
                    for row in page
                ],
            )
        log.add("shown", lambda: server.update_project(project, model_version="v10"))
        log.add(
            "projects",
            lambda: [{name: each[name] for name in wanted} for each in server.projects() if each["id"] == project],
        )
        result = marks("cot", "spans", (0, 99999, "NOPE"), (5, 2, "OTHER"))
        log.add("annotate", lambda: server.annotate(ids[0], result)["result"])
        log.add("annotate none", lambda: server.annotate(ids[2], [])["result"])
        annotated = [condition("annotations_ids", "empty", "String", False)]
        log.add(
            "full",
            lambda: [_as_read(row) for page in server.tasks(project, FIELDS, annotated, full=True) for row in page],
        )
        log.add("alive", lambda: list(server.tasks(project, ["annotations_ids"], annotated)))
        log.add("answered", lambda: list(server.tasks(project, ["total_annotations", "cancelled_annotations"])))
        later = condition("updated_at", "greater", "Datetime", server.newest(project))
        log.add("later", lambda: list(server.tasks(project, [], [later])))
        drafts = condition("draft_exists", "equal", "Boolean", True)
        log.add("drafts", lambda: list(server.tasks(project, [], [drafts])))
        log.add("delete", lambda: server.delete_tasks(project, ids[:2]))
        log.add("left", lambda: list(server.tasks(project, ["meta"])))
        log.add("no project", lambda: server.task_number(10**6))
        log.add("wrong key", lambda: Connection(server.url, "f" * 40, server.http).users())
    finally:
        server.delete_project(project)
    return log


def test_the_same_calls_have_the_same_answers(label_studio: Server) -> None:
    real, fake = play(label_studio.connect()).plain(), play(Fake().connect()).plain()
    assert [what for what, _ in fake] == [what for what, _ in real]
    for (what, said), (_, answered) in zip(fake, real, strict=True):
        assert said == answered, what


def test_a_whole_review_comes_to_the_same(label_studio: Server) -> None:
    """Push, push anew, annotate, pull: what the backend says is alike on both."""

    def review(server: Connection) -> list[Any]:
        place = LabelStudio(server, "contract review", "contract", Thumbnails(Images()))
        tasks = [hostile(number, reader, image=None) for number in range(2) for reader in ("ann", "bob")]
        tasks.append(Task("claim", "bob", "c", "claims", {"claim": "A ball."}))
        said: list[Any] = [place.push(tasks), place.push(tasks), sorted(place.waiting())]
        said.append(place.push([hostile(0, "ann", image=None, content="c2", texts={"cot": HOSTILE + "!"})]))
        rows = {
            (queue.screen, queue.reader, row["meta"]["external_id"]): row["id"]
            for queue in place.queues.all()
            for page in server.tasks(queue.project, ["meta"])
            for row in page
        }
        server.annotate(rows["spans", "ann", hostile(1).key], marks("cot", "spans", (1, 9, "OTHER")))
        server.annotate(rows["spans", "bob", hostile(1).key], marks("cot", "spans", (1, 1, "OTHER")))
        server.annotate(rows["claims", "bob", "claim"], [says("verdict", "claim", "choices", choices=["supported"])])
        pulled = place.pull(None, ["none"])
        said += [sorted((each.key, each.reader, each.regions, each.verdict) for each in pulled.annotations)]
        said += [[re.sub(r"\d+ ", "", sentence) for sentence in pulled.refused.values()], pulled.gone]
        said += [sorted(place.waiting()), [(each.name, each.ok) for each in place.doctor()][:5]]
        return said

    assert review(Fake().connect()) == review(label_studio.connect())
