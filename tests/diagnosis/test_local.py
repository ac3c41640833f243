"""A local model diagnosed, with the run that made it and what its answers owe to the picture."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from perceptdata.diagnosis.whole import whole
from perceptdata.errors import UsageError
from perceptdata.steps.declared import make_format, make_step
from perceptdata.steps.diagnose import LOCAL, diagnose
from perceptdata.steps.run import run_step
from perceptdata.workspace import Workspace

from diagnosis.conftest import FORMAT  # isort: skip


def test_shares_and_dependency_stand_beside_the_rates(grids: Path, tiny: Callable[[str], Path], tmp_path: Path) -> None:
    ws = Workspace(shutil.copytree(grids, tmp_path / "ws"))
    model = str(tiny("qwen2_5_vl"))
    options = {"model": model, "format": FORMAT, "items": 2, "max_tokens": 6}
    with ws.lock("test"):
        asked = diagnose(ws, "diag", options, ("image", "oracle"))
        assert asked.continuation == LOCAL  # we open its turn ourselves
        made = {"continuation": asked.continuation, "model": model}
        layers = {"image": "diag_image", "oracle": "diag_oracle"}
        form = make_format(FORMAT)
        with pytest.raises(UsageError, match=r"run: perceptdata dependency --from diag_image --name dep"):
            whole(ws, "diag", layers, form, scores="dep", **made)
        scoring = {"from": "diag_image", "model": model, "format": FORMAT}
        run_step(ws, "dep", make_step("dependency", scoring))
    run = tmp_path / "run"
    run.mkdir()
    lines = [{"step": step, "token_share": 0.05, "loss_share": 0.01 * step} for step in (1, 2)]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found, _ = whole(ws, "diag", layers, form, scores="dep", run=run, **made)
    assert sum(role.tokens for role in found.roles) > 6
    assert sum(role.part or 0 for role in found.roles) == pytest.approx(1.0)
    assert found.training is not None
    assert {each.name: each.last for each in found.training.courses}["loss_share"] == pytest.approx(0.02)
    assert found.overall.answers[0].cut == 2
    assert any("were cut off" in note for note in found.notes)
    assert found.spent == {}
