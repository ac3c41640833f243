"""Export: a view in the shape another program reads.

Export(export="parquet", view="sft", to=Path("out")).write(ws)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from perceptdata import registry
from perceptdata.steps.output import Output, Written

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace


class Export(Output):
    """`export` names the format, `view` the rows, `to` the folder; `options` are the format's own."""

    name: ClassVar[str] = "export"
    export: str
    view: str
    to: Path
    options_: dict[str, Any] = Field(default_factory=dict, alias="options")

    def write(self, ws: Workspace) -> Written:
        """Write the view under `to`."""
        exporter = registry.make("exporters", self.export, self.options_)
        view = ws.view(self.view)
        return Written(f"export {self.export}", exporter.export(view, self.to), len(view))
