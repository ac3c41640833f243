"""Report: one page that a person would look at.

Report(report=Path("report.html")).write(ws)
write_training(Path("out"))                     # about a training run, from its own files
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from perceptdata.manifest import disk_error, write_atomically
from perceptdata.steps.output import Output, Written

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace


class Report(Output):
    """`report` names the file (`report/index.html` in the workspace unless given), `sample` how many rows can be
    browsed; with `view`, the page speaks of that view's rows.
    """

    name: ClassVar[str] = "report"
    report: Path | None = None
    sample: int = Field(default=200, gt=0)
    view: str | None = None

    def file(self, ws: Workspace) -> Path:
        """Where the page goes."""
        return self.report or ws.path / "report" / "index.html"

    def write(self, ws: Workspace) -> Written:
        """Write the page whole, or leave the one that is there."""
        from perceptdata.report.page import render  # the template engine is needed only here

        file = self.file(ws)
        html, rows = render(ws, self.view, self.sample)
        _put(file, html)
        return Written("report", [file], rows)


def write_training(run: Path, to: Path | None = None, planned: bool = False) -> Written:
    """The page about a training run (`report/index.html` in its folder unless given); `rows` counts its rollouts.

    With `planned` nothing is written.
    """
    from perceptdata.report.training import render

    html, rollouts = render(run)
    file = to or run / "report" / "index.html"
    if not planned:
        _put(file, html)
    return Written("report", [file], rollouts)


def _put(file: Path, html: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(error, file.parent) from error
    write_atomically(file, html.encode())
