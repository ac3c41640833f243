"""Where a release goes, and how it shall stand there."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class Target(BaseModel):
    """`repo` is OWNER/NAME, `revision` the branch (main); with `pr` a pull request onto main is opened and left open.

    `private` and `gated` are wishes for the repository: without them a repository that is there stays as it is, and a
    new one is public. `tag` names the version; unless it is given, the digest does. `title` heads the commit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    repo: str
    revision: str = Field(default="main", min_length=1)
    private: bool = False
    gated: Literal["auto", "manual"] | None = None
    pr: bool = False
    tag: str | None = Field(default=None, min_length=1)
    title: str | None = None

    @field_validator("repo")
    @classmethod
    def _named(cls, repo: str) -> str:
        from huggingface_hub.errors import HFValidationError
        from huggingface_hub.utils._validators import validate_repo_id

        try:
            validate_repo_id(repo)
        except HFValidationError as error:
            raise ValueError(str(error)) from None
        if "/" not in repo:
            raise ValueError(f"'{repo}' is a name without its owner; say OWNER/{repo}")
        return repo

    @model_validator(mode="after")
    def _consistent(self) -> Target:
        if self.pr and self.revision != "main":
            raise ValueError("a pull request goes to main: leave out the revision, or pr")
        if self.pr and self.tag is not None:
            raise ValueError("a pull request is no version until it is merged: leave out the tag, or pr")
        return self

    @property
    def owner(self) -> str:
        """The user or organisation."""
        return self.repo.partition("/")[0]

    def tag_of(self, digest: str) -> str:
        """The name of the version with that digest. Never the digits alone, which would look like a commit."""
        return self.tag or f"v-{digest[:12]}"
