"""The connection: Label Studio's HTTP interface as far as it is needed, through its SDK.

    server = Connection.open(environ)           # LABEL_STUDIO_URL, LABEL_STUDIO_API_KEY
    for page in server.tasks(project, ["id", "meta"]): …

Two kinds of failure are told apart. After `Doubt` nobody knows whether the server did what it was asked: it may still
be doing it, for a client that gives up does not stop an import. After any other error it did not do it. Requests that
change something are never sent twice by themselves; those that only ask are. Every error says what to do.

Lists are walked by key and not by page number, so that what people do meanwhile moves nothing out of sight.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from perceptdata.errors import PerceptDataError, UsageError

if TYPE_CHECKING:
    import httpx

URL, KEY = "LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"
DEFAULT_URL = "http://127.0.0.1:8080"
PAGE = 1000
FULL_PAGE = 200
"""Tasks a page where annotations come along: some megabytes."""
SLOW = 300.0
"""Seconds to wait for an import of one batch."""
_OF_A_PROJECT = "id,title,description,label_config,model_version,task_number"
_UNSURE = (408, 429, 500, 502, 503, 504)
_ONCE: Any = {"max_retries": 0, "timeout": SLOW}

Row = dict[str, Any]


class Doubt(PerceptDataError):
    """The server did not answer, or answered that it failed; what it was asked to do may be done, or still be done."""


class Connection:
    """A Label Studio server and a key for it. Raises UsageError for a bad key, PerceptDataError for a bad server."""

    def __init__(self, url: str, key: str, http: httpx.Client | None = None) -> None:
        import httpx
        from label_studio_sdk import LabelStudio

        self.url, self.key = url.rstrip("/"), key
        self.http = http or httpx.Client(timeout=60.0, follow_redirects=True)
        with self._speaking():
            # Its hints name generated types for plain values, so it goes unchecked.
            self._sdk: Any = LabelStudio(base_url=self.url, api_key=key, httpx_client=self.http, timeout=60.0)

    @classmethod
    def open(cls, environ: Mapping[str, str]) -> Connection:
        """The server that the environment names. Raises UsageError where there is no key, or no SDK."""
        url, key = environ.get(URL, DEFAULT_URL), environ.get(KEY, "")
        if not url.startswith(("http://", "https://")):
            raise UsageError(f"{URL} is '{url}', which is no http address; write something like {DEFAULT_URL}")
        if not key.strip():
            raise UsageError(
                f"{KEY} is not set: copy a personal access token from Label Studio's Account & Settings into it"
            )
        try:
            return cls(url, key.strip())
        except ModuleNotFoundError as error:
            raise UsageError(
                f"Label Studio is reached through its SDK ({error}); install it: pip install 'perceptdata[review]'"
            ) from error

    # What the server is

    def version(self) -> str:
        """The server's release."""
        with self._speaking():
            return str(self._sdk.versions.get().release)

    def users(self) -> dict[int, str]:
        """E-mail addresses by user."""
        with self._speaking():
            return {user.id: str(user.email).lower() for user in self._sdk.users.list()}

    def fetch(self, path: str) -> tuple[int, bytes]:
        """The status and the bytes that a path of the server gives to somebody with this key."""
        with self._speaking():
            wrapper = self._sdk._client_wrapper  # the one place that trades a personal token for an access token
            answer = self.http.get(self.url + path, headers={"Authorization": wrapper.get_headers()["Authorization"]})
            return answer.status_code, answer.content

    # Projects

    def projects(self) -> Iterator[Row]:
        """All projects, with the fields of `_OF_A_PROJECT`."""
        with self._speaking():
            for project in self._sdk.projects.list(page_size=100, include=_OF_A_PROJECT):
                yield project.model_dump()

    def create_project(self, title: str, description: str, config: str) -> Row:
        """A new project, in which a task may be skipped and nothing needs to be marked."""
        with self._speaking():
            made = self._sdk.projects.create(
                title=title,
                description=description,
                label_config=config,
                show_collab_predictions=True,
                enable_empty_annotation=True,
                show_skip_button=True,
                sampling="Sequential sampling",
                skip_queue="IGNORE_SKIPPED",  # a queue has one reader, so nobody else would take it up
                request_options=_ONCE,
            )
            return made.model_dump()

    def update_project(self, project: int, **values: Any) -> None:
        """Change some of its settings."""
        with self._speaking():
            self._sdk.projects.update(id=project, **values, request_options=_ONCE)

    def delete_project(self, project: int) -> None:
        """The project with everything in it."""
        with self._speaking():
            self._sdk.projects.delete(id=project, request_options=_ONCE)

    def task_number(self, project: int) -> int:
        """How many tasks the project has."""
        with self._speaking():
            return int(self._sdk.projects.get(id=project).task_number or 0)

    def serve_folder(self, project: int, folder: str) -> None:
        """Let the project show files of a folder on the server, once."""
        with self._speaking():
            stores = self._sdk.import_storage.local.list(project=project)
            if not any(store.path == folder for store in stores):
                self._sdk.import_storage.local.create(
                    project=project,
                    path=folder,
                    title="images of perceptdata",
                    use_blob_urls=True,
                    request_options=_ONCE,
                )

    # Tasks

    def tasks(
        self, project: int, fields: Sequence[str], where: Sequence[Row] = (), full: bool = False
    ) -> Iterator[list[Row]]:
        """Pages of tasks by rising id, the named fields of each.

        `full` brings annotations and predictions; the server looks for the named fields in those too.
        """
        last, size = 0, FULL_PAGE if full else PAGE
        while True:
            beyond = condition("id", "greater", "Number", last)
            page = self._page(
                project, fields, {"filters": _all([*where, beyond]), "ordering": ["tasks:id"]}, full, size
            )
            if page:
                yield page
                last = max(row["id"] for row in page)
            if len(page) < size:
                return

    def newest(self, project: int) -> str | None:
        """When a task of the project last changed, by the server's clock; None without tasks."""
        page = self._page(project, ["updated_at"], {"filters": _all(()), "ordering": ["-tasks:updated_at"]}, False, 1)
        return page[0]["updated_at"] if page else None

    def some_tasks(self, project: int, fields: Sequence[str], ids: Sequence[int]) -> Iterator[list[Row]]:
        """Pages of these tasks, with annotations and predictions."""
        for start in range(0, len(ids), FULL_PAGE):
            chosen = {"all": False, "included": list(ids[start : start + FULL_PAGE])}
            query = {"selectedItems": chosen, "filters": _all(()), "ordering": ["tasks:id"]}
            yield self._page(project, fields, query, True, FULL_PAGE)

    def _page(self, project: int, fields: Sequence[str], query: Row, full: bool, size: int) -> list[Row]:
        with self._speaking():
            answer = self._sdk.tasks.list(
                project=project,
                fields="all" if full else "task_only",
                include=",".join(["id", *fields]),
                query=json.dumps(query),
                page=1,
                page_size=size,
            )
            return [task.model_dump(mode="json", exclude_unset=True) for task in answer.items or ()]

    def import_tasks(self, project: int, tasks: Sequence[Row]) -> list[int]:
        """Add tasks, all or none; their ids, in order."""
        with self._speaking():
            done = self._sdk.projects.import_tasks(
                id=project,
                request=tasks,
                return_task_ids=True,
                request_options=_ONCE,
            )
            return [int(number) for number in done.task_ids or ()]

    def import_predictions(self, project: int, predictions: Sequence[Row]) -> None:
        """Add predictions to tasks."""
        with self._speaking():
            self._sdk.projects.import_predictions(
                id=project,
                request=predictions,
                request_options=_ONCE,
            )

    def delete_tasks(self, project: int, tasks: Sequence[int]) -> None:
        """Delete tasks with what is in them."""
        with self._speaking():
            self._sdk.actions.create(
                id="delete_tasks",
                project=project,
                selected_items={"all": False, "included": list(tasks)},
                request_options=_ONCE,
            )

    def annotate(self, task: int, result: Sequence[Row]) -> Row:
        """An annotation by the key's owner."""
        with self._speaking():
            made = self._sdk.annotations.create(id=task, result=list(result), request_options=_ONCE)
            return made.model_dump()

    # Failures

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        import httpx
        from label_studio_sdk.core.api_error import ApiError

        try:
            yield
        except ApiError as error:
            raise self._said(error.status_code, error.body) from error
        except httpx.ConnectError as error:
            raise Doubt(
                f"no server answers at {self.url} ({error}): start Label Studio (`perceptdata review init` says how), "
                f"or set {URL}; then run this again, nothing is lost and nothing doubles"
            ) from error
        except httpx.TimeoutException as error:
            raise Doubt(f"Label Studio at {self.url} has not answered in time ({type(error).__name__})") from error
        except httpx.TransportError as error:
            raise Doubt(f"Label Studio at {self.url} broke off ({error})") from error

    def _said(self, status: int | None, body: Any) -> PerceptDataError:
        said = _detail(body)
        if status in (401, 403) or status is None:
            if "legacy token" in said:
                return UsageError(
                    f"Label Studio at {self.url} takes no legacy tokens: put a personal access token (Account & "
                    f"Settings, Personal Access Token) into {KEY}, or have the owner allow legacy tokens on the "
                    "organization's page (API Tokens Settings)"
                )
            return UsageError(
                f"Label Studio at {self.url} refuses the key in {KEY} ({said}): copy a personal access token anew "
                "from its Account & Settings page"
            )
        if status in _UNSURE:
            return Doubt(f"Label Studio at {self.url} failed with status {status} ({said})")
        if status == 404 and not isinstance(body, Mapping):
            return PerceptDataError(f"{self.url} answers, but not as a Label Studio does (status 404); check {URL}")
        return PerceptDataError(f"Label Studio at {self.url} refused the request with status {status}: {said}")


def _all(where: Sequence[Row]) -> Row:
    return {"conjunction": "and", "items": list(where)}


def condition(field: str, operator: str, kind: str, value: Any) -> Row:
    """One condition of a list of tasks."""
    return {"filter": f"filter:tasks:{field}", "operator": operator, "type": kind, "value": value}


def _detail(body: Any) -> str:
    """What the server said, short: its validation errors, else its detail, else the start of the page."""
    if isinstance(body, Mapping):
        body = body.get("validation_errors") or body.get("detail") or body
    return (body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, default=str))[:400]
