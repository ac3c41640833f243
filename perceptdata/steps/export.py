"""Export: a view in the shape another program reads.

Export(export="parquet", view="sft", to=Path("out")).write(ws)
Export(export="verl", view="rl", to=Path("out"), options={"captions": "certified"}).plan(ws)
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from perceptdata import registry
from perceptdata.plugins import Exporter, Planned
from perceptdata.steps.output import Output, Written

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

RECORD = "export.json"


class Export(Output):
    """`export` names the format, `view` the rows, `to` the folder; `options` are the format's own."""

    name: ClassVar[str] = "export"
    export: str
    view: str
    to: Path
    options_: dict[str, Any] = Field(default_factory=dict, alias="options")

    def write(self, ws: Workspace) -> Written:
        """Write the view under `to`; with what was left out, and what the format cannot carry."""
        view = ws.view(self.view)
        files = self._exporter().export(view, self.to)
        try:
            record = json.loads((self.to / RECORD).read_bytes())
        except (OSError, ValueError):  # somebody's exporter that leaves none
            record = {}
        return Written(f"export {self.export}", files, record.get("rows", len(view)), record.get("notes", []))

    def plan(self, ws: Workspace) -> Planned:
        """What `write` would leave; nothing is written."""
        return self._exporter().plan(ws.view(self.view))

    def _exporter(self) -> Exporter:
        made: Exporter = registry.make("exporters", self.export, self.options_)
        return made
