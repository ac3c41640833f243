"""A published dataset back as a workspace: examples, images and layers, as they were when it was published.

    cloned = clone("acme/geometry", Path("workspace"))
    cloned.rows                                         # {"examples": 9000, "spans": 17200}
    cloned.left                                         # of a release of views: what they do not hold

Read from the config `full`, which has everything; or, of a release of named views, from theirs.
"""

from __future__ import annotations

import json
from pathlib import Path

from perceptdata.errors import UsageError
from perceptdata.manifest import write_atomically
from perceptdata.publishing.release.bring import BringAll, Bringing, Cloned, Watch
from perceptdata.publishing.release.bring_views import BringViews
from perceptdata.publishing.release.origin import Origin, open_origin
from perceptdata.publishing.release.published import Published, read_published
from perceptdata.workspace import Workspace

MARK = "clone.json"
"""In a cloned workspace: what it is a clone of."""


def _unwatched(done: int, total: int, rows: int) -> None:
    """Nobody looks."""


def clone(
    source: str, workspace: Path, revision: str | None = None, endpoint: str | None = None, watch: Watch = _unwatched
) -> Cloned:
    """Bring a published dataset, of a folder or the Hub, into a workspace that is new or an interrupted clone of it.

    Raises WorkspaceError for a file that is not what the manifest says.
    """
    origin = open_origin(source, revision, endpoint)
    published = read_published(origin)
    ws = Workspace.create(workspace)
    with ws.lock("clone"):
        _claim(ws, origin, published)
        bringing: type[Bringing] = BringAll if published.whole else BringViews
        return bringing(ws, origin, published, watch).run()


def _claim(ws: Workspace, origin: Origin, published: Published) -> None:
    """Say whose clone the workspace is; only an empty one, or one that says so already, will do."""
    mark = ws.path / MARK
    said = {"source": Path(origin.name).name if origin.revision is None else origin.name, "digest": published.digest}
    try:
        known = json.loads(mark.read_bytes()) if mark.exists() else None
    except ValueError:
        known = {}
    if known is None and ws.manifest.steps:
        raise UsageError(f"{ws.path} holds data of its own; name an empty folder with --workspace")
    if known is not None and known.get("digest") != published.digest:
        raise UsageError(f"{ws.path} is a clone of something else, or of another version; name an empty folder")
    write_atomically(mark, json.dumps(said, indent=1).encode())
