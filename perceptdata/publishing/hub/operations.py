"""What has to change so that a branch holds a release: files to add, files of ours to take away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from perceptdata.publishing.hub.client import Standing

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    from perceptdata.publishing.release.shard import Shard


@dataclass(frozen=True, slots=True)
class Change:
    """Shards that the branch has not, the small files that close the release, and what an earlier release left."""

    shards: list[Shard] = field(default_factory=list)
    closing: Mapping[str, bytes] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)

    @classmethod
    def between(cls, standing: Standing, shards: Sequence[Shard], closing: Mapping[str, bytes]) -> Change:
        """From what stands there to the release. Files of others stay."""
        missing = [shard for shard in shards if not stands(shard, standing)]
        kept = {shard.path for shard in shards} | closing.keys()
        return cls(missing, closing, sorted(standing.ours - kept))

    def __len__(self) -> int:
        return len(self.shards) + len(self.closing) + len(self.gone)

    def first(self, most: int) -> Change:
        """All of it where one commit holds it, or else shards alone: what closes the release comes last."""
        return self if len(self) <= most or not self.shards else Change(self.shards[:most])

    def operations(self) -> list[CommitOperationAdd | CommitOperationDelete]:
        """As the client takes them; made anew for each try, for it writes into them."""
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        return [
            *(uploaded(shard) for shard in self.shards),
            *(CommitOperationAdd(path, data) for path, data in self.closing.items()),
            *(CommitOperationDelete(path, is_folder=False) for path in self.gone),
        ]


def stands(shard: Shard, standing: Standing) -> bool:
    """Whether the branch has these very bytes at that path."""
    remote = standing.files.get(shard.path)
    return remote is not None and remote.sha256 == shard.sha256


def uploaded(shard: Shard) -> CommitOperationAdd:
    """A file that the Hub has the bytes of, and that need not be on this disk any more.

    The client has this state for what `preupload_lfs_files` uploaded in the same process, and no public way to come to
    it in another; tests hold that it sends such a file by its hash and asks for no bytes.
    """
    from huggingface_hub import CommitOperationAdd
    from huggingface_hub.lfs import UploadInfo

    operation = CommitOperationAdd(shard.path, b"")
    operation.upload_info = UploadInfo(sha256=bytes.fromhex(shard.sha256), size=shard.bytes, sample=b"")
    operation._upload_mode, operation._should_ignore, operation._is_uploaded = "lfs", False, True
    return operation
