"""What somebody asks to have published."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from perceptdata.publishing.files import SHARD_BYTES


class ReleaseSpec(BaseModel):
    """`repo` is OWNER/NAME, or the folder's name: the card's loading code uses it. Without `views` there is one config
    a stage, one a layer, and `full`; with them, a config a view.

    `licence` is the licence of the whole, and of sources that state none; `allow` names corpora that are published
    whatever their own licence says. Both are said in the card.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    repo: str = "dataset"
    views: tuple[str, ...] = ()
    licence: str | None = None
    allow: tuple[str, ...] = ()
    title: str | None = None
    shard_bytes: int = Field(default=SHARD_BYTES, gt=0)
