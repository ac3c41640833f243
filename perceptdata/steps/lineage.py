"""Which examples a step may read, where some examples are made of a step's own responses.

    shards = example_shards(ws, "writes", of=("photos",))

A build with `from: writes` makes examples of what the step `writes` wrote. If `writes` then took those examples for
its own input, every run would ask about the run before; so a step never reads what descends from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from perceptdata.manifest import FileEntry
from perceptdata.workspace import EXAMPLES

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace


def example_shards(ws: Workspace, name: str, of: Sequence[str] = ()) -> list[tuple[str, str, FileEntry]]:
    """The shards of examples that step `name` reads, as (source, shard, file): those of the sources in `of`, or of all
    sources that do not descend from it.
    """
    taken = set(of) or set(ws.sources()) - _descendants(ws, name)
    return [(source, shard, file) for source, shard, _, file in ws.shards(EXAMPLES) if source in taken]


def _descendants(ws: Workspace, name: str) -> set[str]:
    """The sources that are made of the step's responses, or of responses about such a source."""
    builds, named, unnamed = dict[str, str](), dict[str, set[str]](), set[str]()
    for step, state in ws.manifest.steps.items():
        options = state.current.options
        if state.current.do == "build" and options.get("from"):
            builds[step] = options["from"]
        elif state.current.do == "generate":
            named[step] = set(options.get("of") or ())
            if not named[step]:
                unnamed.add(step)

    def below(step: str, more: dict[str, set[str]]) -> set[str]:
        """Sources below a step, where `more` says what the steps read that name no sources."""
        makers, found = {step}, set[str]()
        while fresh := {source for source, maker in builds.items() if maker in makers} - found:
            found |= fresh
            makers |= {each for each, of in (named | more).items() if found & of}
        return found

    # A step that names no sources reads all but what descends from itself.
    reads = {step: set(builds) - below(step, {}) for step in unnamed}
    return below(name, reads)
