"""`perceptdata review calibrate`: what each judge is worth."""

from __future__ import annotations

from typing import Annotated

import typer

from perceptdata.cli.common import DEFAULT_WORKSPACE, AsJson, WorkspaceOption, print_json
from perceptdata.cli.review.asked import By


def command(
    captions: Annotated[str, typer.Option("--from", help="Whose captions: a caption step's.")],
    judges: Annotated[list[str], typer.Option("--judges", help="The judges to calibrate; repeat for more.")],
    against: Annotated[
        str | None, typer.Option("--oracle", metavar="STEP/oracle", help="Take an exact judge's verdicts as labels.")
    ] = None,
    audit: Annotated[
        str | None, typer.Option("--audit", help="Take people's answers to an audit of threshold 0 as labels.")
    ] = None,
    by: By = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    as_json: AsJson = False,
) -> None:
    """Measure what each judge is worth against labels of people or of an exact oracle, and keep it."""
    from perceptdata.errors import UsageError
    from perceptdata.review.calibrations import Labels, calibrate_judges, load_calibrations
    from perceptdata.review.drawing import load_sample
    from perceptdata.review.judged import read_claims
    from perceptdata.steps.reviews import reviews_of
    from perceptdata.workspace import Workspace

    if (against is None) == (audit is None):
        raise UsageError("labels are an exact judge's (--oracle) or people's (--audit): name one of them")
    ws = Workspace(workspace)
    asked = list(dict.fromkeys([*judges, *([against] if against and against.partition("/")[0] not in judges else [])]))
    with ws.lock("calibrate"):
        claims = read_claims(ws, captions, asked)
        if against is not None:
            labels = Labels.of_oracle(claims, against)
        else:
            labels = Labels.of_people(claims, load_sample(ws, str(audit)), reviews_of(ws, str(audit)))
        files = calibrate_judges(ws, claims, labels, tuple(by or ("source",)))
    made = load_calibrations(ws)
    if as_json:
        print_json({judge: made[judge].model_dump(mode="json") for judge in files})
        return
    for judge, file in files.items():
        worth = made[judge].overall
        kappa = "–" if worth.kappa is None else f"{worth.kappa:.2f}"
        typer.echo(
            f"{judge}: sensitivity {worth.sensitivity}, specificity {worth.specificity}, kappa {kappa} at a base rate "
            f"of {worth.base_rate}; {file}"
        )
