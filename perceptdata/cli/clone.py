"""`perceptdata clone`: a published dataset back as a workspace."""

from __future__ import annotations

from typing import Annotated

import typer

from perceptdata.cli.common import (
    DEFAULT_WORKSPACE,
    AsJson,
    DryRun,
    WorkspaceOption,
    print_json,
    print_next,
    progress,
    say_counts,
)


def command(
    source: Annotated[
        str, typer.Argument(metavar="OWNER/NAME", help="A dataset on the Hub, or a local folder of one.")
    ],
    revision: Annotated[
        str | None, typer.Option("--revision", help="A tag, branch or commit.  [default: main]")
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Bring a published dataset into a new workspace, with its images and layers.

    Of a release of named views it brings what they show, and says what stays behind. Every file and image is held
    against its hash. Run again after an interruption, it goes on with the next file.
    """
    from perceptdata.publishing.release.clone import clone
    from perceptdata.publishing.release.origin import open_origin
    from perceptdata.publishing.release.published import read_published

    if dry_run:
        origin = open_origin(source, revision)
        published = read_published(origin)
        files = published.read()
        rows, size = sum(file.rows for file in files), sum(file.bytes for file in files)
        what = "examples" if published.whole else f"rows of the views {', '.join(published.specs)}"
        if as_json:
            views = {} if published.whole else {"views": list(published.specs)}
            print_json(
                {"source": origin.name, "revision": origin.revision, "digest": published.digest}
                | {"files": len(files), "examples": rows, "bytes": size, "steps": list(published.steps), **views}
            )
        else:
            typer.echo(f"{rows:,} {what} in {len(files)} files, {size:,} bytes, would be brought to {workspace}")
            typer.echo(f"steps: {', '.join(published.steps)}")
        return
    with progress() as watch:
        done = clone(source, workspace, revision, watch=watch("clone"))
    if as_json:
        print_json(done.to_json())
        return
    kept = f", {done.kept} of {done.kept + done.read} files were there already" if done.kept else ""
    typer.echo(f"{done.source}: {say_counts(done.rows)}; every hash holds{kept}")
    for what in done.left:
        typer.echo(f"stays behind: {what}")
    where = "" if workspace == DEFAULT_WORKSPACE else f" --workspace {workspace}"
    print_next(f"perceptdata status{where}", f"perceptdata report{where}")
