"""Train: a view as files, and models that learned from it; an option with several values makes a run of each.

Train(train="sft", view="sft", model="Qwen3-VL-8B", to=Path("runs"), **{"lambda": [0.1, 0.3, "ngdiff"]}).write(ws)

runs/view/              the view as it was exported
runs/lambda=0.1/        a run (`trainer.run`); with one value of everything it is runs/ itself
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from perceptdata.errors import UsageError
from perceptdata.steps.output import Output, Written
from perceptdata.steps.uses import check_trained
from perceptdata.trainer.options import Paths
from perceptdata.trainer.presets import Method, make, method

if TYPE_CHECKING:
    from perceptdata.view import View
    from perceptdata.workspace import Workspace


class Train(Output):
    """`train` names the method, `model` where it begins (a Hub name, or a folder), `to` the folder of it all.

    The method's options stand beside them, or in `options`, which has room for one that is called as something here.
    `allow` names corpora for evaluation that are trained on all the same (`steps.uses`).
    A list makes a run of each value, unless the option is a list itself (`train`, `band`).
    """

    model_config = ConfigDict(frozen=True, extra="allow")
    name: ClassVar[str] = "train"
    train: str
    view: str
    model: str
    to: Path
    format: dict[str, Any] | None = None
    allow: tuple[str, ...] = ()
    options_: dict[str, Any] = Field(default_factory=dict, alias="options")

    def model_post_init(self, context: Any) -> None:
        """Every run's options are checked before anything is made. Raises UsageError that names the wrong one."""
        self.runs()

    def runs(self) -> dict[str, Method]:
        """The methods to run, by the name of their folder."""
        options = {**(self.model_extra or {}), **self.options_}
        if self.format is not None:
            options["format"] = self.format
        several = {key: options[key] for key in options if self._is_several(key, options[key])}
        return {
            ",".join(f"{key}={value}" for key, value in chosen.items()): make(self.train, {**options, **chosen})
            for chosen in _combinations(several)
        }

    def _is_several(self, key: str, value: Any) -> bool:
        """Whether a list stands for several values, because the option takes no list."""
        if not isinstance(value, list):
            return False
        kind = method(self.train)
        fields = {field.alias or name: field for name, field in kind.model_fields.items()}
        if key not in fields:
            return False  # an unknown option, which `make` will name
        expected: Any = fields[key].annotation
        try:
            TypeAdapter(expected).validate_python(value)
        except ValidationError:
            if not value:
                raise UsageError(f"train: '{key}' is an empty list; give it one value, or several") from None
            return True
        return False

    def write(self, ws: Workspace) -> Written:
        """Export the view, and train what is not trained yet. `files` are the models."""
        from perceptdata.trainer.run import train

        chosen_rows = ws.view(self.view)
        check_trained(chosen_rows, self.allow)
        view = exported(chosen_rows, self.to / "view")
        written = Written(f"train {self.train}")
        for name, chosen in self.runs().items():
            done = train(chosen, Paths(model=self.model, view=view, out=self.to / name))
            written.files.append(done.model)
            written.rows += done.rows
        return written


def exported(view: View, to: Path) -> Path:
    """The folder with the view as files, written unless it is there already."""
    from perceptdata.publishing.exports.parquet import RECORD, Parquet
    from perceptdata.trainer.rows import fingerprint_of

    if not (to / RECORD).exists() or fingerprint_of(to) != view.fingerprint:
        Parquet().export(view, to)
    return to


def _combinations(several: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """One of each, in every way; of nothing, one way."""
    for values in product(*several.values()):
        yield dict(zip(several, values, strict=True))
