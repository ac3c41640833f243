"""Publish: the workspace, or some of its views, as a dataset repository on the Hub, or as the same files in a folder.

Publish(publish="acme/geometry", view=["sft", "rl"], private=True).write(ws)
Publish(publish="acme/geometry", to=Path("out")).write(ws)      # writes out/, and asks no Hub
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, ValidationError, field_validator

from perceptdata.errors import UsageError
from perceptdata.registry import option_errors
from perceptdata.steps.output import Output, Written

if TYPE_CHECKING:
    from perceptdata.publishing.hub.folder import Laid
    from perceptdata.publishing.hub.publish import Published, Survey
    from perceptdata.publishing.hub.target import Target
    from perceptdata.publishing.release.shard import Release
    from perceptdata.workspace import Workspace

Watch = Callable[[int, int, int], None]
Tell = Callable[[str], None]


class Publish(Output):
    """`publish` is OWNER/NAME; without `view` everything is published. With `to` a folder is written instead.

    `licence` is that of the whole, `allow` names corpora that are published whatever their licence says, `title` heads
    the card. The rest is about the repository (`publishing.hub.target`). The token is the Hub client's: HF_TOKEN, or
    what `hf auth login` left.
    """

    name: ClassVar[str] = "publish"
    publish: str | None = None
    to: Path | None = None
    view: tuple[str, ...] = ()
    private: bool = False
    gated: Literal["auto", "manual"] | None = None
    revision: str = "main"
    pr: bool = False
    tag: str | None = None
    licence: str | None = None
    allow: tuple[str, ...] = ()
    title: str | None = None
    shard_bytes: int | None = Field(default=None, gt=0)

    @field_validator("view", "allow", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    def model_post_init(self, context: Any) -> None:
        """Where it goes is checked before anything is made. Raises UsageError."""
        if self.to is None:
            self.target()

    def target(self) -> Target:
        """The place on the Hub."""
        from perceptdata.publishing.hub.target import Target

        if self.publish is None:
            raise UsageError("say where to: OWNER/NAME on the Hub, or a folder with --to")
        fields = {name: getattr(self, name) for name in ("private", "gated", "revision", "pr", "tag", "title")}
        try:
            return Target(repo=self.publish, **fields)
        except ValidationError as error:
            raise UsageError(f"publish: {option_errors(error, Target)}") from None

    def release(self, ws: Workspace) -> Release:
        """What is published: it follows from the workspace and these options alone."""
        from perceptdata.publishing.release.build import ReleaseSpec, build_release

        size = {} if self.shard_bytes is None else {"shard_bytes": self.shard_bytes}
        repo = self.publish or (self.to.resolve().name if self.to else "dataset")
        about = ReleaseSpec(
            repo=repo, views=self.view, licence=self.licence, allow=self.allow, title=self.title, **size
        )
        return build_release(ws, about)

    def survey(self, ws: Workspace) -> Survey:
        """What publishing to the Hub would do; nothing is changed."""
        from perceptdata.publishing.hub.publish import survey

        return survey(self.release(ws), self.target(), _scratch(ws))

    def run(self, ws: Workspace, watch: Watch | None = None, tell: Tell | None = None) -> Published | Laid:
        """Publish, or write the folder; with all that came of it."""
        from perceptdata.publishing.hub.folder import lay
        from perceptdata.publishing.hub.publish import publish

        if self.to is not None:
            return lay(self.release(ws), self.to, watch)
        return publish(self.release(ws), self.target(), _scratch(ws), watch=watch, tell=tell)

    def write(self, ws: Workspace) -> Written:
        """Publish, or write the folder."""
        from perceptdata.publishing.hub.folder import Laid

        done = self.run(ws)
        if isinstance(done, Laid):
            return Written(f"publish to {done.folder}", done.files, done.rows)
        return Written(f"publish {done.repo}", [], done.rows, [done.said()])


def _scratch(ws: Workspace) -> Path:
    return ws.path / "cache" / "publish"
