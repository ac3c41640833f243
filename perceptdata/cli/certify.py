"""`perceptdata certify`: are the captions that people audited good enough to be used, and can it be proven?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from perceptdata.cli.common import DEFAULT_WORKSPACE, AsJson, DryRun, WorkspaceOption, print_json, print_next
from perceptdata.cli.review.asked import UseName


def command(
    audit: Annotated[str, typer.Option("--audit", help="Which audit: the name given to `review audit`.")] = "audit",
    use: Annotated[
        UseName | None, typer.Option("--use", help="`filter`, of an audit for rewards.  [default: the audit's]")
    ] = None,
    probe: Annotated[
        str | None, typer.Option("--probe", help="For rewards: a scores layer over rollouts whose perception is known.")
    ] = None,
    surrogate: Annotated[
        str | None, typer.Option("--surrogate", help="For rewards: the score in it that stands in for perception.")
    ] = None,
    verify: Annotated[
        Path | None, typer.Option("--verify", metavar="CERT", help="Make this certificate again, and name differences.")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="What to call the layer of certified captions.")] = "certified",
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Issue a certificate and a layer of the accepted captions, or refuse with the reasons (exit code 1).

    Panel, threshold and target are those that were fixed when the audit was drawn.
    """
    from perceptdata.recipe import check_name
    from perceptdata.review.drawing import load_sample
    from perceptdata.steps.certificates import CERTIFICATE, read_outcome, verify_certificate, write_page
    from perceptdata.steps.certify import Certify
    from perceptdata.steps.declared import make_step
    from perceptdata.steps.run import plan_step, run_step
    from perceptdata.verification.certificate import Certificate
    from perceptdata.workspace import Workspace

    ws = Workspace(workspace)
    if verify is not None:
        _say_differences(verify, verify_certificate(ws, name, verify), as_json)
        return
    options = {
        "from": load_sample(ws, audit).design.captions,
        "audit": audit,
        "use": use.value if use else None,
        "probe": probe,
        "surrogate": surrogate,
    }
    step = make_step(Certify.do, options)
    if dry_run:
        plan = plan_step(ws, check_name(name), step)
        if as_json:
            print_json(plan.to_json())
        else:
            typer.echo(f"{name}: {len(plan.todo)} of {len(plan.shards)} shards to make in {workspace}")
        return
    with ws.lock(f"certify {name}"):
        done = run_step(ws, check_name(name), step)
    found = read_outcome(ws, name)
    page = write_page(ws, name) if found else None
    issued = isinstance(found, Certificate)
    if as_json:
        print_json(
            {
                **done.to_json(),
                "issued": issued,
                "page": page,
                "outcome": found.model_dump(mode="json") if found else None,
            }
        )
    elif isinstance(found, Certificate):
        _say(found, done.made.get("layers/captions", 0))
        where = "" if workspace == DEFAULT_WORKSPACE else f" --workspace {workspace}"
        file = ws.path / "certificates" / name / CERTIFICATE
        print_next(f"open {page} in a browser", f"perceptdata certify --verify {file} --name {name}{where}")
    else:
        typer.echo(f"error: {done.stopped}", err=True)
        if page:
            typer.echo(f"  {page} says it at length", err=True)
    if not issued:
        raise typer.Exit(1)


def _say(certificate: object, captions: int) -> None:
    from perceptdata.verification.certificate import Certificate

    assert isinstance(certificate, Certificate)
    found = certificate.findings
    stamp = "" if found.readers.kind == "person" else " (simulated readers: this proves nothing of captions)"
    typer.echo(
        f"certified {captions:,} captions with {found.claims.claims:,} claims: precision of claims at least "
        f"{found.claims.lower:.4f} (target {found.target:g}, estimate {found.claims.estimate:.4f}), of whole captions "
        f"{found.captions_lower:.4f}; {found.claims.audited:,} claims audited by {found.readers.count} readers{stamp}"
    )


def _say_differences(file: Path, differences: list[str], as_json: bool) -> None:
    if as_json:
        print_json({"certificate": str(file), "holds": not differences, "differences": differences})
    elif differences:
        typer.echo(f"error: {file} does not hold:\n" + "\n".join(f"  {each}" for each in differences), err=True)
    else:
        typer.echo(f"{file} holds: made again from the layers, it is the same")
    if differences:
        raise typer.Exit(1)
