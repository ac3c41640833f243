"""`perceptdata doctor`: is this machine, this installation, this workspace in order?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perceptdata.cli.common import AsJson, print_json


def command(
    workspace: Annotated[
        Path | None,
        typer.Option(
            "--workspace", "-w", envvar="PERCEPTDATA_WORKSPACE", help="Check this workspace too, file by file."
        ),
    ] = None,
    migrate: Annotated[
        bool, typer.Option("--migrate", help="Bring an older workspace to this version's format.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check the machine, the installation and, if named, a workspace."""
    from dataclasses import asdict

    from perceptdata import health
    from perceptdata.errors import UsageError

    if migrate:
        if workspace is None:
            raise UsageError("name the workspace to migrate with --workspace")
        for line in health.migrate(workspace):
            typer.echo(line, err=as_json)  # stdout is the JSON's alone
    checks = health.machine() + health.installation() + (health.workspace(workspace) if workspace else [])
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        mark = {"ok": "ok  ", "note": "note", "bad": "BAD "}
        for check in checks:
            typer.echo(
                f"{mark[check.state]} {check.what}: {check.found}" + (f" ({check.remedy})" if check.remedy else "")
            )
    if any(check.state == "bad" for check in checks):
        raise typer.Exit(1)
