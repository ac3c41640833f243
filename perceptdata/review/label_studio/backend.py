"""`LabelStudio`: a Label Studio server as a place to review.

    place = LabelStudio.of(workspace, "pilot", {"people": {"ann": "ann@example.org"}})
    place.push(tasks)                        # Pushed(new=2000, …); again: Pushed(known=2000)
    pulled = place.pull(None, ())            # Pulled(annotations=…, cursor=…)

A queue each reader and screen is a project of its own (`queues`). Who read is the queue's reader; where an e-mail
address is known of them, what somebody else did in their queue is refused.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from perceptdata.errors import UsageError
from perceptdata.packs import ImageStore
from perceptdata.review.backend import Finding, Pulled, Pushed, Task
from perceptdata.review.label_studio import pulling, pushing
from perceptdata.review.label_studio.connection import Connection
from perceptdata.review.label_studio.doctor import examine
from perceptdata.review.label_studio.pictures import Files, Pictures, Thumbnails
from perceptdata.review.label_studio.queues import Queues, place_id
from perceptdata.review.label_studio.server import MEDIA, MEDIA_ON_SERVER
from perceptdata.workspace import Workspace

OPTIONS = {
    "people": "each reader's e-mail address on the server; what others do in their queue is refused",
    "images": "files or thumbnails; by default files where LABEL_STUDIO_MEDIA is set",
}


class LabelStudio:
    """The queues of one review on one server. Every method asks the server what it has, so each can be killed and run
    again.
    """

    def __init__(
        self,
        server: Connection,
        place: str,
        review: str,
        pictures: Pictures,
        people: Mapping[str, str | None] | None = None,
        sample_image: str | None = None,
    ) -> None:
        self.queues, self.pictures = Queues(server, place, review), pictures
        self.people, self.sample_image = dict(people or {}), sample_image

    @classmethod
    def of(
        cls, workspace: Workspace, review: str, options: Mapping[str, Any], environ: Mapping[str, str] | None = None
    ) -> LabelStudio:
        """The place of a workspace's review. The server and the key come from the environment and are stored nowhere.

        Raises UsageError for an unknown option, a missing key, or a server that refuses it.
        """
        environ = os.environ if environ is None else environ
        strange = sorted(set(options) - set(OPTIONS))
        if strange:
            raise UsageError(f"Label Studio has no option '{strange[0]}'; it has {', '.join(OPTIONS)}")
        pictures = _pictures(workspace.images, options.get("images"), environ)
        place = place_id(workspace.path / "reviews" / review)
        return cls(
            Connection.open(environ), place, review, pictures, _people(options.get("people")), _some_image(workspace)
        )

    def push(self, tasks: Sequence[Task], on_progress: Callable[[int], None] = lambda done: None) -> Pushed:
        """Put tasks into their readers' queues, each once. `on_progress` hears how many more are there."""
        return pushing.push(self.queues, self.pictures, tasks, on_progress)

    def pull(self, cursor: str | None, known: Sequence[str]) -> Pulled:
        """What readers did since the cursor; what was near it comes again, under its own id."""
        self.queues.forget()
        return pulling.pull(self.queues, self.people, cursor, known)

    def waiting(self) -> Iterator[tuple[str, str, bool]]:
        """Every task: key, reader, whether it was answered or skipped."""
        self.queues.forget()
        return pulling.waiting(self.queues)

    def doctor(self) -> list[Finding]:
        """The server, the key, the people, a span and a picture there and back, every queue."""
        return examine(self.queues, self.people, self.pictures, self.sample_image)


def _people(people: Any) -> dict[str, str | None]:
    if people is None:
        return {}
    if isinstance(people, str):  # --set people=ann=ann@example.org,bob
        pairs = (pair.partition("=") for pair in people.split(",") if pair)
        people = {reader: address or None for reader, _, address in pairs}
    if not isinstance(people, Mapping) or not all(
        address is None or "@" in str(address) for address in people.values()
    ):
        raise UsageError("people are readers with their e-mail addresses, such as {ann: ann@example.org}")
    return {str(reader): None if address is None else str(address) for reader, address in people.items()}


def _pictures(images: ImageStore, how: Any, environ: Mapping[str, str]) -> Pictures:
    media = environ.get(MEDIA)
    if how not in (None, "files", "thumbnails"):
        raise UsageError(f"images are shown as 'files' or 'thumbnails', not '{how}'")
    if how == "files" and not media:
        raise UsageError(f"images as files need {MEDIA}: the folder that the server serves local files from")
    if media and how != "thumbnails":
        return Files(images, Path(media), environ.get(MEDIA_ON_SERVER) or None)
    return Thumbnails(images)


def _some_image(workspace: Workspace) -> str | None:
    for batch in workspace.examples().to_batches(columns=["images"]):
        for images in batch.column("images").to_pylist():
            if images:
                return str(images[0]["sha256"])
    return None
