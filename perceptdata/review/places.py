"""Places: the backend that a plan names, opened; and where the sheets of one without a server lie.

place = open_place(ws, plan, Path("to-read"))        # remembered: the next time no folder need be named
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perceptdata.errors import UsageError, WorkspaceError
from perceptdata.layers import text_sha256
from perceptdata.manifest import write_atomically
from perceptdata.review.backend import Backend, Finding
from perceptdata.review.candidates import read_texts
from perceptdata.review.jsonl import JsonLines
from perceptdata.review.log import Log
from perceptdata.review.plan import ReviewPlan, last_tasks_of, review_folder, tasks_of

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

FOLDER = "folder.json"


def open_place(ws: Workspace, plan: ReviewPlan, folder: Path | None = None, keep: bool = False) -> Backend:
    """The place of a review. Files need a folder: `folder`, or the one that an earlier push was given (`keep`).

    Raises UsageError where none is known, or where a folder is named and the place is no folder.
    """
    if plan.backend == "label-studio":
        if folder is not None:
            raise UsageError(f"review '{plan.name}' is read in Label Studio, not in files: leave the folder out")
        from perceptdata.review.label_studio.backend import LabelStudio  # an extra: loaded where it is used

        return LabelStudio.of(ws, review=plan.name, options=plan.options)
    path = review_folder(ws, plan.name) / FOLDER
    if folder is None:
        try:
            folder = Path(json.loads(path.read_text(encoding="utf-8"))["folder"])
        except FileNotFoundError:
            raise UsageError(
                f"the sheets of review '{plan.name}' need a folder: name one with `review push {plan.name} --to FOLDER`"
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WorkspaceError(f"{path} cannot be read; name the folder again ({error})") from error
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; name the folder that holds the sheets")
    if keep:
        write_atomically(path, json.dumps({"folder": str(folder.resolve())}).encode())
    return JsonLines(ws, folder)


def check_options(backend: str, options: Mapping[str, Any]) -> None:
    """Raises UsageError for an option that the backend does not have, before anything is planned with it."""
    known: Mapping[str, str] = {}
    if backend == "label-studio":
        from perceptdata.review.label_studio.backend import OPTIONS

        known = OPTIONS
    for name in sorted(set(options) - set(known)):
        raise UsageError(f"{backend} has no option '{name}'; it has {', '.join(known) or 'none'}")


def findings(ws: Workspace, plan: ReviewPlan) -> list[Finding]:
    """What `doctor` says of a review before it asks the place: its pictures, its texts, and its layers."""
    tasks = tasks_of(ws, plan)
    found = [Finding("tasks", bool(len(tasks)), f"{len(tasks):,} tasks for {', '.join(plan.people)}")]
    wanted = sorted({image for image in tasks.table(["image"]).column("image").to_pylist() if image})
    lost = [sha256 for sha256 in wanted if sha256 not in ws.images]
    told = (
        f"{len(lost):,} of {len(wanted):,} pictures are not in the workspace any more, {lost[0]} first" if lost else ""
    )
    found.append(Finding("pictures", not lost, told or f"all {len(wanted):,} pictures are there"))
    changed = _changed(ws, plan)
    told = f"{len(changed):,} texts have changed since the plan, {changed[0]} first; " if changed else ""
    remedy = (
        "`review plan NAME --revise` makes new tasks of them beside the old ones"
        if plan.screen != "claims"
        else ("draw a new audit")
    )
    found.append(Finding("texts", not changed, told + remedy if changed else "no text has changed since the plan"))
    log, layer = Log.read(ws, plan.name), ws.manifest.steps.get(plan.name)
    fresh = not log.rows.num_rows or (layer is not None and layer.current.complete)
    found.append(
        Finding(
            "layers", fresh, "the layers are whole" if fresh else f"run `perceptdata review pull {plan.name}` again"
        )
    )
    return found


def _changed(ws: Workspace, plan: ReviewPlan) -> list[str]:
    """The texts of the newest tasks that are others today, or gone."""
    asked: dict[str, str] = {}
    for tasks in (tasks_of(ws, plan), last_tasks_of(ws, plan)):
        for row in tasks.table(["text_id", "text_sha256", "caption_id", "caption_sha256"]).to_pylist():
            for name in ("text", "caption"):
                if row[f"{name}_id"] is not None:
                    asked[row[f"{name}_id"]] = row[f"{name}_sha256"]
    today = read_texts(ws, set(asked))
    return sorted(key for key, sha256 in asked.items() if key not in today or text_sha256(today[key]) != sha256)
