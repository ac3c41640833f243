"""From uploads to a version: one commit, or several on a pull request that is merged as one.

Whatever became of a commit's answer, what counts is what the branch holds when it is read again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from perceptdata.errors import UsageError
from perceptdata.publishing.hub import checks
from perceptdata.publishing.hub.client import Client, Standing
from perceptdata.publishing.hub.failure import Failure, HubError, Patience, failure_of, refused, unless_secret
from perceptdata.publishing.hub.operations import Change, stands

if TYPE_CHECKING:
    from perceptdata.publishing.hub.target import Target
    from perceptdata.publishing.release.shard import Release, Shard


class UploadsLost(Exception):
    """The Hub has not, or no longer, the bytes of a shard that was uploaded."""


class Commits:
    """The commits of one release. `tell` hears of waits."""

    def __init__(
        self,
        client: Client,
        target: Target,
        release: Release,
        shards: Sequence[Shard],
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.client, self.target, self.release, self.shards, self.tell = client, target, release, shards, tell
        self.title = f"{target.title or 'perceptdata'} ({release.digest[:12]})"
        self.gone: list[str] = []
        self.pull: int | None = None
        self._closing: tuple[str | None, Mapping[str, bytes]] | None = None

    def land(self) -> str:
        """Make the release the version of the branch; the commit. Raises UploadsLost, UsageError and HubError."""
        standing = self.client.standing(self.target.repo, self.target.revision)
        if standing.digest == self.release.digest:  # the answer of an earlier try was lost
            return standing.head
        many = len(self._change(standing)) > checks.COMMIT_FILES
        if not self.target.pr and not many:
            return self._settle(self.target.revision, standing)
        self.pull = self._propose(standing)
        branch = f"refs/pr/{self.pull}"
        head = self._settle(branch, self.client.standing(self.target.repo, branch))
        self._open(self.pull)
        return head if self.target.pr else self._merge(self.pull)

    def _change(self, standing: Standing) -> Change:
        missing = [shard.path for shard in self.shards if not stands(shard, standing)]
        problems = checks.standing_problems(self.target, missing, standing)
        if problems:
            raise UsageError(problems[0])
        if self._closing is None or self._closing[0] != standing.card:
            self._closing = (standing.card, self.release.closing(self.shards, standing.card))
        return Change.between(standing, self.shards, self._closing[1])

    def _settle(self, branch: str, standing: Standing) -> str:
        """Commit until the branch holds the release; each commit only onto the head that it was made for."""
        client, patience = self.client, Patience(self.tell)
        while standing.digest != self.release.digest:
            change = self._change(standing)
            self.gone = change.gone or self.gone
            part = change.first(checks.COMMIT_FILES)
            failure: Failure | None = None
            try:
                done = client.api.create_commit(
                    self.target.repo,
                    part.operations(),
                    commit_message=self.title,
                    repo_type="dataset",
                    revision=branch,
                    parent_commit=standing.head,
                )
            except Exception as error:
                failure = failure_of(error, client.token)
                if failure.unknown_object:
                    raise UploadsLost from None
                if not (failure.passing or failure.busy):
                    raise refused(failure, f"committing to {self.target.repo}") from unless_secret(error, client.token)
            else:
                if part is change:
                    return done.oid
            if failure is not None:
                patience.wait(failure, f"committing to {self.target.repo}")
            standing = client.standing(self.target.repo, branch)
        return standing.head

    def _propose(self, main: Standing) -> int:
        """The pull request of this release: one that an interrupted run left, if main is still what it began from."""
        api, repo = self.client.api, self.target.repo

        def found() -> int:
            for pull in api.get_repo_discussions(
                repo, repo_type="dataset", discussion_type="pull_request", discussion_status="open"
            ):
                if pull.title != self.title:
                    continue
                before = api.list_repo_commits(repo, repo_type="dataset", revision=f"refs/pr/{pull.num}")
                if main.head in {commit.commit_id for commit in before}:
                    return pull.num
                api.change_discussion_status(repo, pull.num, "closed", comment="main has changed", repo_type="dataset")
            return api.create_pull_request(repo, self.title, repo_type="dataset").num

        return self.client.ask(f"opening a pull request on {repo}", found)

    def _open(self, pull: int) -> None:
        """Let people see it: what programs propose begins as a draft."""
        api, repo = self.client.api, self.target.repo

        def opened() -> None:
            if api.get_discussion_details(repo, pull, repo_type="dataset").status == "draft":
                api.change_discussion_status(repo, pull, "open", repo_type="dataset")

        self.client.ask(f"opening pull request {pull} of {repo}", opened)

    def _merge(self, pull: int) -> str:
        """Merge it; the head of main, which then holds the release."""
        client, repo, patience = self.client, self.target.repo, Patience(self.tell)
        while True:
            failure: Failure | None = None
            try:
                client.api.merge_pull_request(repo, pull, repo_type="dataset")
            except Exception as error:
                failure = failure_of(error, client.token)
            main = client.standing(repo, "main")
            if main.digest == self.release.digest:
                return main.head
            doing = f"merging pull request {pull} of {repo}"
            if failure is None:
                raise HubError(f"{doing}: main was changed again meanwhile; run the same command again")
            if not failure.passing:
                raise refused(failure, doing)
            patience.wait(failure, doing)
