"""The part of Label Studio that is spoken to, in memory, behind `httpx.MockTransport`.

`tests/services/label_studio/test_contract.py` plays the same calls to this and to the real server and compares.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from perceptdata.review.label_studio.connection import Connection

URL, KEY = "http://label-studio.test", "0123456789abcdef0123456789abcdef01234567"
Row = dict[str, Any]
PROJECT_FIELDS = ("show_collab_predictions", "enable_empty_annotation", "show_skip_button", "sampling", "skip_queue")


class Fake:
    """Projects, tasks, predictions and annotations; `trouble` is asked before each request is served."""

    def __init__(self) -> None:
        self.projects: dict[int, Row] = {}
        self.tasks: dict[int, Row] = {}
        self.users = {1: "admin@example.org"}
        self.storages: list[Row] = []
        self.files: dict[str, bytes] = {}
        self.drafts: set[int] = set()
        self.requests: list[tuple[str, str]] = []
        self.trouble: Callable[[httpx.Request], httpx.Response | None] = lambda request: None
        self.number = 0
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def connect(self, key: str = KEY) -> Connection:
        return Connection(URL, key, httpx.Client(transport=httpx.MockTransport(self.serve)))

    def tick(self, seconds: float = 1.0) -> str:
        """The clock goes on; what it says."""
        self.now += timedelta(seconds=seconds)
        return self.now.isoformat().replace("+00:00", "Z")

    def next(self) -> int:
        self.number += 1
        return self.number

    # HTTP

    def serve(self, request: httpx.Request) -> httpx.Response:
        self.requests.append((request.method, request.url.path))
        return self.trouble(request) or self.answer(request)

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("authorization") != f"Token {KEY}":
            return httpx.Response(401, json={"detail": "Invalid token.", "status_code": 401})
        path = request.url.path
        for method, pattern, name in ROUTES:
            match = re.fullmatch(pattern, path)
            if match and method == request.method:
                body = json.loads(request.content) if request.content else None
                return getattr(self, name)(*map(int, match.groups()), request=request, body=body)
        return httpx.Response(404, json={"detail": "Not found."})

    # Who and what

    def version(self, request: httpx.Request, body: Any) -> httpx.Response:
        return httpx.Response(200, json={"release": "1.23.2", "edition": "Community"})

    def list_users(self, request: httpx.Request, body: Any) -> httpx.Response:
        return httpx.Response(200, json=[{"id": number, "email": email} for number, email in self.users.items()])

    def file(self, request: httpx.Request, body: Any) -> httpx.Response:
        data = self.files.get(request.url.params["d"])
        return httpx.Response(404) if data is None else httpx.Response(200, content=data)

    # Projects

    def list_projects(self, request: httpx.Request, body: Any) -> httpx.Response:
        page = int(request.url.params.get("page", 1))
        if page > 1:
            return httpx.Response(404, json={"detail": "Invalid page."})
        fields = request.url.params["include"].split(",")
        rows = [self.with_count(project) for project in sorted(self.projects.values(), key=lambda row: -row["id"])]
        return httpx.Response(
            200, json={"count": len(rows), "results": [{name: row[name] for name in fields} for row in rows]}
        )

    def create_project(self, request: httpx.Request, body: Any) -> httpx.Response:
        number = self.next()
        self.projects[number] = {"model_version": "", **body, "id": number}
        self.projects[number]["label_config"] = body["label_config"].strip()
        return httpx.Response(201, json=self.projects[number])

    def get_project(self, project: int, request: httpx.Request, body: Any) -> httpx.Response:
        if project not in self.projects:
            return httpx.Response(404, json={"detail": "No Project matches the given query."})
        return httpx.Response(200, json=self.with_count(self.projects[project]))

    def update_project(self, project: int, request: httpx.Request, body: Any) -> httpx.Response:
        version = body.get("model_version")
        if version and version not in self.versions(project):
            said = "Model version doesn't exist either as live model or as static predictions."
            return httpx.Response(400, json={"validation_errors": {"model_version": [said]}})
        self.projects[project] |= body
        return httpx.Response(200, json=self.projects[project])

    def delete_project(self, project: int, request: httpx.Request, body: Any) -> httpx.Response:
        del self.projects[project]
        self.tasks = {number: task for number, task in self.tasks.items() if task["project"] != project}
        return httpx.Response(204)

    def with_count(self, project: Row) -> Row:
        return {**project, "task_number": sum(task["project"] == project["id"] for task in self.tasks.values())}

    def versions(self, project: int) -> set[str]:
        tasks = (task for task in self.tasks.values() if task["project"] == project)
        return {guess["model_version"] for task in tasks for guess in task["predictions"]}

    def list_storages(self, request: httpx.Request, body: Any) -> httpx.Response:
        wanted = int(request.url.params["project"])
        return httpx.Response(200, json=[store for store in self.storages if store["project"] == wanted])

    def create_storage(self, request: httpx.Request, body: Any) -> httpx.Response:
        self.storages.append({**body, "id": self.next()})
        return httpx.Response(201, json=self.storages[-1])

    # Tasks

    def import_tasks(self, project: int, request: httpx.Request, body: Any) -> httpx.Response:
        for at, task in enumerate(body):
            if any(value is None for value in task["data"].values()):
                said = f"Error at item {at}: null is no text"
                return httpx.Response(400, json={"validation_errors": {"non_field_errors": [said]}})
        ids = [self.add(project, task) for task in body]
        return httpx.Response(201, json={"task_count": len(ids), "task_ids": ids})

    def add(self, project: int, task: Row) -> int:
        number, moment = self.next(), self.tick(0.001)
        guesses = [{**guess, "id": self.next()} for guess in task.get("predictions", ())]
        self.tasks[number] = {
            "id": number,
            "project": project,
            "data": task["data"],
            "meta": task.get("meta"),
            "updated_at": moment,
            "annotations": [],
            "predictions": guesses,
        }
        if guesses and not self.projects[project]["model_version"]:
            self.projects[project]["model_version"] = guesses[0]["model_version"]
        return number

    def import_predictions(self, project: int, request: httpx.Request, body: Any) -> httpx.Response:
        for guess in body:
            self.tasks[guess["task"]]["predictions"].append({**guess, "id": self.next()})
        return httpx.Response(201, json={"created": len(body)})

    def delete_tasks(self, request: httpx.Request, body: Any) -> httpx.Response:
        assert request.url.params["id"] == "delete_tasks"
        for number in body["selectedItems"]["included"]:
            del self.tasks[number]
        return httpx.Response(200, json={"processed_items": len(body["selectedItems"]["included"])})

    def list_tasks(self, request: httpx.Request, body: Any) -> httpx.Response:
        asked = request.url.params
        query = json.loads(asked["query"])
        tests = [
            CONDITIONS[item["filter"], item["operator"]](self, item["value"]) for item in query["filters"]["items"]
        ]
        if not (chosen := query.get("selectedItems", {"all": True}))["all"]:
            tests.append(lambda task: task["id"] in chosen["included"])
        project, size = int(asked["project"]), int(asked["page_size"])
        rows = [
            task for task in self.tasks.values() if task["project"] == project and all(test(task) for test in tests)
        ]
        order = query["ordering"][0]
        rows.sort(key=lambda task: task[order.split(":")[1]], reverse=order.startswith("-"))
        if asked["fields"] != "all":
            rows = [{**task, "annotations": [], "predictions": []} | counted(task) for task in rows]
        fields = asked["include"].split(",")
        only = [pick(task, fields) for task in rows[:size]]
        return httpx.Response(
            200, json={"total": len(rows), "total_annotations": 0, "total_predictions": 0, "tasks": only}
        )

    def annotate(self, task: int, request: httpx.Request, body: Any) -> httpx.Response:
        return httpx.Response(201, json=self.answered(task, **body))

    def answered(self, task: int, result: list[Row], user: int = 1, **more: Any) -> Row:
        """A person's annotation."""
        moment = self.tick()
        made = {
            "id": self.next(),
            "result": result,
            "completed_by": user,
            "was_cancelled": False,
            "lead_time": None,
            "parent_prediction": None,
            "updated_at": moment,
            **more,
        }
        self.tasks[task]["annotations"].append(made)
        self.tasks[task]["updated_at"] = moment
        return made


def counted(task: Row) -> Row:
    """What a list says of a task's answers."""
    cancelled = sum(annotation["was_cancelled"] for annotation in task["annotations"])
    return {
        "cancelled_annotations": cancelled,
        "total_annotations": len(task["annotations"]) - cancelled,
        "annotations_ids": ",".join(str(annotation["id"]) for annotation in task["annotations"]),
        "predictions_model_versions": ",".join({guess["model_version"] for guess in task["predictions"]}),
    }


def pick(value: Any, fields: list[str]) -> Any:
    """The named fields, of the task and of what is in it, but whole data, meta and results."""
    picked = {name: value[name] for name in fields if name in value}
    for name in ("annotations", "predictions"):
        if name in picked:
            picked[name] = [pick(inner, fields) for inner in picked[name]]
    return picked


CONDITIONS: dict[tuple[str, str], Callable[[Fake, Any], Callable[[Row], bool]]] = {
    ("filter:tasks:id", "greater"): lambda fake, value: lambda task: task["id"] > value,
    ("filter:tasks:draft_exists", "equal"): lambda fake, value: lambda task: (task["id"] in fake.drafts) == value,
    ("filter:tasks:annotations_ids", "empty"): lambda fake, value: lambda task: bool(task["annotations"]) != value,
    ("filter:tasks:updated_at", "greater"): lambda fake, value: lambda task: task["updated_at"] > value,
    ("filter:tasks:predictions_model_versions", "contains"): lambda fake, value: (
        lambda task: any(part in guess["model_version"] for part in value for guess in task["predictions"])
    ),
}
ROUTES = (
    ("GET", "/api/version/?", "version"),
    ("GET", "/api/users/?", "list_users"),
    ("GET", "/data/local-files/", "file"),
    ("GET", "/api/projects/?", "list_projects"),
    ("POST", "/api/projects/?", "create_project"),
    ("GET", r"/api/projects/(\d+)/?", "get_project"),
    ("PATCH", r"/api/projects/(\d+)/?", "update_project"),
    ("DELETE", r"/api/projects/(\d+)/?", "delete_project"),
    ("POST", r"/api/projects/(\d+)/import/?", "import_tasks"),
    ("POST", r"/api/projects/(\d+)/import/predictions/?", "import_predictions"),
    ("GET", "/api/storages/localfiles/?", "list_storages"),
    ("POST", "/api/storages/localfiles/?", "create_storage"),
    ("GET", "/api/tasks/?", "list_tasks"),
    ("POST", r"/api/tasks/(\d+)/annotations/?", "annotate"),
    ("POST", "/api/dm/actions/?", "delete_tasks"),
)
