"""`perceptdata publish`: the workspace as a dataset repository on the Hub, or in a folder."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from perceptdata.cli.common import (
    DEFAULT_WORKSPACE,
    AsJson,
    DryRun,
    WorkspaceOption,
    print_json,
    print_next,
    progress,
)
from perceptdata.errors import UsageError

if TYPE_CHECKING:
    from perceptdata.publishing.hub.folder import Laid
    from perceptdata.publishing.hub.publish import Published
    from perceptdata.publishing.release.shard import PlannedShard
    from perceptdata.steps.publish import Publish
    from perceptdata.workspace import Workspace

LINES = 40  # of configs and splits that a plan shows


def command(
    repo: Annotated[str | None, typer.Argument(metavar="OWNER/NAME", help="The dataset repository.")] = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="Write the repository's files into this folder, and ask no Hub.")
    ] = None,
    view: Annotated[
        list[str] | None,
        typer.Option("--view", help="Publish this view alone; repeat for more.  [default: all stages and layers]"),
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Make the repository private, if it is new.")] = False,
    gated: Annotated[
        str | None, typer.Option("--gated", metavar="auto|manual", help="Who wants the data has to ask for access.")
    ] = None,
    revision: Annotated[str, typer.Option("--revision", help="The branch; made where there is none.")] = "main",
    pr: Annotated[bool, typer.Option("--pr", help="Open a pull request, and leave it open.")] = False,
    tag: Annotated[
        str | None, typer.Option("--tag", help="The version's name.  [default: v- and the release's digest]")
    ] = None,
    licence: Annotated[
        str | None, typer.Option("--licence", help="The licence of the whole, and of sources that state none.")
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow", metavar="CORPUS", help="Publish this corpus whatever its licence says; repeat for more."
        ),
    ] = None,
    title: Annotated[str | None, typer.Option("--title", help="The card's heading.")] = None,
    shard_bytes: Annotated[
        int | None, typer.Option("--shard-bytes", min=1, help="About the size of a file.  [default: 400 MiB]")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Publish to the Hub, whole or not at all; run it again to go on where it stopped.

    `--dry-run` makes every check, shows what would be sent, and sends nothing. The token is HF_TOKEN, or what
    `hf auth login` left.
    """
    from perceptdata.steps.declared import make_output
    from perceptdata.workspace import Workspace

    asked = {
        "publish": repo,
        "to": to,
        "view": view,
        "private": private,
        "gated": gated,
        "revision": revision,
        "pr": pr,
        "tag": tag,
        "licence": licence,
        "allow": allow,
        "title": title,
        "shard_bytes": shard_bytes,
    }
    ws = Workspace(workspace)
    output: Any = make_output({key: value for key, value in asked.items() if key == "publish" or value is not None})
    if dry_run:
        _preview(output, ws, as_json)
        return
    with progress() as watch:
        done = output.run(ws, watch("publish"), lambda said: typer.echo(said, err=True))
    if as_json:
        print_json(done.to_json())
    elif to is None:
        _print_published(done)
    else:
        _print_laid(done)


def _preview(output: Publish, ws: Workspace, as_json: bool) -> None:
    """The plan; then, if something forbids it, an error with all that does."""
    from perceptdata.publishing.hub.folder import problems
    from perceptdata.publishing.hub.publish import listed

    if output.to is None:
        plan = output.survey(ws)
        wrong, where = plan.problems, plan.url
        if as_json:
            print_json(plan.to_json())
        else:
            _print_shards(plan.shards)
            shown = ", ".join(
                word for word in ("private" if plan.private else "public", plan.gated and "gated") if word
            )
            sent = f", {_size(plan.uploaded)} of it uploaded already" if plan.uploaded else ""
            typer.echo(f"to {plan.url} ({plan.state}, {shown}), branch {plan.revision}, tag {plan.tag or 'none'}{sent}")
            for path in plan.gone:
                typer.echo(f"  would remove {path}, of an earlier release")
            for warning in plan.warnings:
                typer.echo(f"  note: {warning}")
            if plan.state == "published":
                typer.echo(f"{plan.revision} holds this version already: nothing would be sent")
    else:
        release, where = output.release(ws), str(output.to)
        shards, wrong = list(release.plan()), problems(release, output.to)
        if as_json:
            print_json({"folder": where, "digest": release.digest, "shards": shards_json(shards), "problems": wrong})
        else:
            _print_shards(shards)
            typer.echo(f"to {where}")
    if wrong:
        raise UsageError(listed(f"{where} cannot be published", wrong))


def shards_json(shards: list[PlannedShard]) -> list[dict[str, Any]]:
    """Plain values."""
    return [{"path": shard.path, "rows": shard.rows, "bytes": shard.bytes} for shard in shards]


def _print_shards(shards: list[PlannedShard]) -> None:
    """A line for each config and split, and the sum."""
    groups: dict[str, list[PlannedShard]] = defaultdict(list)
    for shard in shards:
        config, _, name = shard.path.rpartition("/")
        groups[f"{config} {name.rsplit('-', 3)[0]}".strip()].append(shard)
    for name, some in list(groups.items())[:LINES]:
        typer.echo(f"  {name:<32} {_counts(some)}")
    if len(groups) > LINES:
        typer.echo(f"  … and {len(groups) - LINES} more")
    typer.echo(f"  {'in all':<32} {_counts(shards)}")


def _counts(shards: list[PlannedShard]) -> str:
    rows, size = sum(shard.rows for shard in shards), sum(shard.bytes for shard in shards)
    return f"{rows:>12,} rows  {len(shards):>6,} files  about {_size(size):>9}"


def _size(count: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _print_published(done: Published) -> None:
    typer.echo(f"{done.repo}: {done.rows:,} rows, {_size(done.bytes)} in {done.said()}")
    if done.pull is None:
        print_next(
            f"hf datasets info {done.repo}",
            f"perceptdata clone {done.repo} --revision {done.tag} --workspace FOLDER",
        )


def _print_laid(done: Laid) -> None:
    state = "lay there already" if done.again else "written"
    gone = f", {len(done.gone)} old ones removed" if done.gone else ""
    typer.echo(f"{done.folder}: {done.rows:,} rows, {_size(done.bytes)} in {len(done.files)} files {state}{gone}")
    print_next(
        f"python -c \"import datasets; print(datasets.get_dataset_config_names('{done.folder}'))\"",
        f"perceptdata clone {done.folder} --workspace FOLDER",
    )
