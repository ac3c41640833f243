"""Export: a view in the shape another program reads.

Export(export="parquet", view="sft", to=Path("out")).write(ws)
Export(export="verl", view="rl", to=Path("out"), images="bytes").plan(ws)
"""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import ConfigDict, Field, field_validator

from perceptdata import registry
from perceptdata.errors import UsageError
from perceptdata.plugins import Exporter, Planned
from perceptdata.steps.output import Output, Written
from perceptdata.steps.uses import check_trained
from perceptdata.view import View

if TYPE_CHECKING:
    from perceptdata.workspace import Workspace

RECORD = "export.json"


class Export(Output):
    """`export` names the format, `view` the rows, `to` the folder; the format's own options stand beside them, or in
    `options`. Rows for evaluation are refused in a split that is trained on, but for the corpora in `allow`.
    """

    model_config = ConfigDict(frozen=True, extra="allow")
    name: ClassVar[str] = "export"
    export: str
    view: str = "all"
    to: Path
    allow: tuple[str, ...] = ()
    options_: dict[str, Any] = Field(default_factory=dict, alias="options")

    @field_validator("allow", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    def model_post_init(self, context: Any) -> None:
        """The format and its options are checked before anything is made. Raises UsageError that names the wrong."""
        self._exporter()

    def write(self, ws: Workspace) -> Written:
        """Write the view under `to`; with what was left out, and what the format cannot carry."""
        view = self._view(ws)
        files = self._exporter().export(view, self.to)
        try:
            record = json.loads((self.to / RECORD).read_bytes())
        except (OSError, ValueError):  # somebody's exporter that leaves none
            record = {}
        return Written(f"export {self.export}", files, record.get("rows", len(view)), record.get("notes", []))

    def plan(self, ws: Workspace) -> Planned:
        """What `write` would leave; nothing is written."""
        return self._exporter().plan(self._view(ws))

    def _view(self, ws: Workspace) -> View:
        view = ws.view(self.view)
        check_trained(view, self.allow)
        return view

    def _exporter(self) -> Exporter:
        beside = self.model_extra or {}
        fields = registry.load("exporters", self.export).model_fields
        known = [*type(self).model_fields, *(field.alias or name for name, field in fields.items())]
        for key in beside:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = f" (did you mean '{near[0]}'?)" if near else ""
                raise UsageError(f"export {self.export}: unknown key '{key}'{hint}")
        made: Exporter = registry.make("exporters", self.export, {**beside, **self.options_})
        return made
