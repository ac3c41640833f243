"""`python examples/seeing_to_thinking/run.py OUT`: the whole three-stage recipe, against a scripted model server.

The recipe, its data and what comes of them lie in OUT afterwards; `perceptdata status
OUT/examples/seeing_to_thinking.yaml` works there.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from endpoint import Endpoint

from perceptdata.cli.common import print_outcome
from perceptdata.recipe import Recipe
from perceptdata.steps.pipeline import run_recipe
from perceptdata.workspace import Workspace

ROOT = Path(__file__).resolve().parent.parent.parent


def main(out: Path) -> list[Any]:
    """Run it; what each part did."""
    here = out / "examples"
    shutil.copytree(ROOT / "examples/seeing_to_thinking", here / "seeing_to_thinking", dirs_exist_ok=True)
    shutil.copytree(ROOT / "builders/staged", out / "builders/staged", dirs_exist_ok=True)
    with Endpoint() as endpoint:
        text = (ROOT / "examples/seeing_to_thinking.yaml").read_text(encoding="utf-8")
        path = here / "seeing_to_thinking.yaml"
        path.write_text(text.replace("http://127.0.0.1:8765/v1", endpoint.url), encoding="utf-8")
        recipe = Recipe.load(path)
        ws = Workspace.create(here / "workspace")
        made = []
        with ws.lock("example"):
            for done in run_recipe(ws, recipe):
                print_outcome(done)
                made.append(done)
    return made


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "seeing_to_thinking"))
