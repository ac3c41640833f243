"""Models and endpoints that cannot be diagnosed say why; what cannot be told is left out, and said."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perceptdata.errors import UsageError
from perceptdata.steps.declared import make_step
from perceptdata.steps.diagnose import diagnose
from perceptdata.steps.run import run_step
from perceptdata.workspace import Workspace

from diagnosis.conftest import FORMAT, Found  # isort: skip
from diagnosis.simulated import Simulated  # isort: skip
from llm.server import Say, Server  # isort: skip

Run = Callable[..., Found]


@pytest.fixture
def ws(grids: Path, tmp_path: Path) -> Workspace:
    shutil.copytree(grids, tmp_path / "ws")
    return Workspace(tmp_path / "ws")


def ask(ws: Workspace, script: Callable[[dict[str, Any], int], Say], *conditions: Any, **options: Any) -> Any:
    with Server(script) as server, ws.lock("test"):
        endpoint = {"urls": [server.url], "model": "m", "retries": 0}
        return diagnose(ws, "diag", {"endpoint": endpoint, "format": FORMAT, "items": 6, **options}, conditions)


def pictures(asked: dict[str, Any]) -> int:
    content = asked["messages"][0]["content"]
    return 0 if isinstance(content, str) else sum(part["type"] == "image_url" for part in content)


def test_an_endpoint_that_takes_no_pictures(ws: Workspace) -> None:
    model = Simulated.of(ws)

    def script(asked: dict[str, Any], times: int) -> Say:
        return Say.error(400, "this model takes no image input", soon=0) if pictures(asked) else model(asked, times)

    with pytest.raises(UsageError, match=r"no row was answered with its picture: .*takes no image input.*\(6 rows, "):
        ask(ws, script, "image", "facts")


def test_a_condition_that_nobody_answers_is_left_out(ws: Workspace) -> None:
    model = Simulated.of(ws)

    def script(asked: dict[str, Any], times: int) -> Say:
        return model(asked, times) if pictures(asked) else Say.error(400, "an image is needed", soon=0)

    found = ask(ws, script, "image", "removed")
    assert list(found.left_out) == ["removed"]
    assert "an image is needed" in found.left_out["removed"]


@pytest.mark.parametrize(
    ("family", "change", "why"),
    [
        ("qwen2_5_vl", ("<|vision_start|><|image_pad|><|vision_end|>", ""), "does not keep images where"),
        ("qwen2_5_vl", None, "has no chat template; use its instruction-tuned version"),
        ("qwen3", (), "is a text model and takes no images"),
    ],
)
def test_a_local_model_without_template_or_image_token(
    ws: Workspace, tiny: Callable[[str], Path], tmp_path: Path, family: str, change: Any, why: str
) -> None:
    folder = Path(shutil.copytree(tiny(family), tmp_path / family))
    template = folder / "chat_template.jinja"
    if change is None:
        template.unlink()
    elif change:
        said = template.read_text()
        assert change[0] in said
        template.write_text(said.replace(*change))
    with pytest.raises(UsageError, match=why), ws.lock("test"):
        diagnose(ws, "diag", {"model": str(folder), "format": FORMAT, "items": 2, "max_tokens": 4}, ("image", "facts"))


def test_answers_that_were_cut_off_are_told_apart(diagnosed_as: Run) -> None:
    found = diagnosed_as(("image",), cut=0.5).diagnosis
    states = found.overall.answers[0]
    assert states.cut > 10
    assert any("were cut off: ask again with a higher --max-tokens" in note for note in found.notes)


def test_only_rows_with_something_to_reason_are_asked(tmp_path: Path, root: Path) -> None:
    ws = Workspace.create(tmp_path / "ws")
    with ws.lock("test"):
        run_step(ws, "nlvr", make_step("build", {"use": "nlvr", "path": root / "builders" / "samples" / "nlvr"}))
    endpoint = {"endpoint": {"urls": ["http://127.0.0.1:9/v1"], "model": "m"}, "items": 1000}

    def asked(**options: Any) -> list[str]:
        (shard,) = make_step("diagnose", {**endpoint, **options}).plan(ws, "diag_image")
        return sorted(shard.work.asked)

    reasoned = asked()
    assert len(reasoned) > 10
    assert all(id.endswith("/sentence") for id in reasoned)
    looked = asked(where="stage = 'perception'")
    assert len(looked) > len(reasoned)
    assert not any(id.endswith("/facts") for id in looked)  # they ask for the facts themselves
