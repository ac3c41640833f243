"""Recipes: every wrong word is named with the nearest right one, and a run does what is missing and no more."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from toys import card, picture, write_cards, write_lines

from perceptdata.errors import UsageError
from perceptdata.recipe import Recipe
from perceptdata.steps.pipeline import Chosen, outputs_of, run_recipe, status_of, steps_of
from perceptdata.steps.run import Outcome
from perceptdata.workspace import EXAMPLES, Workspace

pytestmark = pytest.mark.usefixtures("with_toys")

GOOD = """
workspace: ws
sources: [{use: toy_cards, name: cards, path: cards}]
steps:
  tags: {do: tag, use: toy_words}
  tries: {do: tag, from: cards, use: [structure, {toy_words: {see: [see]}}]}
views:
  sft: {where: tags.n > 0, spans: tags, order: capability+random}
  best: {text: cards.best, spans: tries, mix: {textual_reasoning: 1}}
outputs: [{export: parquet, view: sft, to: out}]
"""


def write(folder: Path, text: str = GOOD) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text)
    return path


def changed(**parts: Any) -> str:
    return yaml.safe_dump({**yaml.safe_load(GOOD), **parts})


def check(path: Path) -> None:
    """Everything that is checked before anything runs."""
    recipe = Recipe.load(path)
    steps_of(recipe)
    outputs_of(recipe)


def run(path: Path, **options: Any) -> list[Any]:
    recipe = Recipe.load(path)
    ws = Workspace.create(path.parent / "ws")
    with ws.lock("test"):
        return list(run_recipe(ws, recipe, **options))


def states(path: Path) -> dict[str, tuple[str, int | None]]:
    ws = Workspace(path.parent / "ws")
    return {each.step: (each.state, each.left) for each in status_of(ws, steps_of(Recipe.load(path)))}


# What is refused


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD.replace("sources:", "souces:"), "unknown key 'souces' (did you mean 'sources'?)"),
        (GOOD.replace("sources:", "zzz:"), "unknown key 'zzz'"),
        (GOOD.replace("where:", "wher:"), "unknown key 'views.sft.wher' (did you mean 'where'?)"),
        (changed(views={"v": {"text": {"form": "cards"}}}), "unknown key 'views.v.text.form' (did you mean 'from'?)"),
        (GOOD.replace("path: cards", "paht: cards"), "builder 'toy_cards': unknown key 'paht'; did you mean 'path'?"),
        (GOOD.replace("path: cards", "note: [1]"), "builder 'toy_cards': 'note': Input should be a valid string"),
        (GOOD.replace("from: cards", "frm: cards"), "tag: unknown key 'frm' (did you mean 'from'?)"),
        (GOOD.replace("{see: [see]}", "{sea: [see]}"), "tagger 'toy_words': unknown key 'sea' (did you mean 'see'?)"),
        (GOOD.replace("toy_words}", "toy_word}"), "there is no tagger 'toy_word'; did you mean 'toy_words'?"),
        (GOOD.replace("use: toy_cards", "use: toy_card"), "there is no builder 'toy_card'; did you mean 'toy_cards'?"),
        (GOOD.replace("do: tag, use", "do: tagg, use"), "there is no step 'tagg'; did you mean 'tag'?"),
        (GOOD.replace("do: tag, use", "use"), "step 'tags' says nothing to do; give it 'do: NAME'"),
        (GOOD.replace("use: toy_cards, ", ""), "every source names its builder with 'use' (one has ['name', 'path'])"),
        (GOOD.replace("export: parquet", "exprt: parquet"), "there is no output 'exprt'; did you mean 'export'?"),
        (GOOD.replace("to: out", "too: out"), "unknown key 'too' (did you mean 'to'?)"),
        (GOOD.replace("view: sft", "view: stf"), "has view 'stf', which nothing makes; did you mean 'sft'?"),
        (
            GOOD.replace("spans: tags", "spans: tag"),
            "view 'sft' has spans 'tag', which nothing makes; did you mean 'tags'?",
        ),
        (GOOD.replace("text: cards.best", "text: card.best"), "view 'best' has text 'card', which nothing makes"),
        (GOOD.replace("  tags:", "  cards:"), "two steps are called 'cards'; give one of them another 'name'"),
        (GOOD.replace("from: cards", "from: later"), "step 'tries' reads 'later', which no earlier step makes"),
        (GOOD.replace("from: cards", "from: tries"), "step 'tries' reads 'tries', which no earlier step makes"),
        ("sources: []", "'sources': Tuple should have at least 1 item"),
        ("steps: {}", "'sources' is required"),
        ("sources: 3", "'sources': Input should be a valid tuple"),
        ("sources: [toy_cards]", "'sources.0': Input should be a valid dictionary"),
        (changed(steps={"tags": None}), "'steps.tags': Input should be a valid dictionary"),
        (changed(views={"sft": {"size": "many"}}), "'views.sft.size': Input should be a valid integer"),
        (
            changed(views={"sft": {"mix": {"perception": 0}}}),
            "'views.sft.mix.perception': Input should be greater than 0",
        ),
        ("- 1", "is not a recipe: it has no keys"),
        ("", "is not a recipe: it has no keys"),
        ("a: [", "is not valid YAML"),
        ("a: 1\nb: 2\na: 3", "is not valid YAML: the key 'a' stands twice"),
        (GOOD.replace("spans: tags,", "spans: tags, spans: tries,"), "the key 'spans' stands twice"),
        ("? [a, b]\n: 1", "a key is not plain text"),
        ("a: !!python/object/apply:os.system ['true']", "is not valid YAML"),
        ("a: \x07", "is not valid YAML"),
        (GOOD.replace("use: toy_cards", "use: 7"), "there is no builder '7'"),
    ],
)
def test_a_wrong_recipe_is_one_sentence_before_anything_runs(tmp_path: Path, text: str, said: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        check(path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["examples", "spans", "scores", "facts", "source", "answer", "Tags", "a-b", "1a", "a/b", ""]
)
def test_names_that_a_step_cannot_have(tmp_path: Path, name: str) -> None:
    for text in (changed(steps={name: {"do": "tag"}}), GOOD.replace("name: cards", f"name: '{name}'")):
        with pytest.raises(UsageError, match="cannot name a step; use small letters, digits and _"):
            Recipe.load(write(tmp_path, text))


def test_a_file_that_is_not_there_or_not_text_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"nowhere\.yaml cannot be read .*`perceptdata init FILE` writes a first recipe"
    ):
        Recipe.load(tmp_path / "nowhere.yaml")
    (tmp_path / "recipe.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"recipe\.yaml cannot be read"):
        Recipe.load(tmp_path / "recipe.yaml")


def test_anchors_and_merge_keys_are_yaml_too(tmp_path: Path) -> None:
    merged = GOOD.replace(
        "tags: {do: tag, use: toy_words}", "tags: &t {do: tag, use: toy_words}\n  more: {<<: *t, from: facts}"
    )
    names = [(each.name, each.options) for each in Recipe.load(write(tmp_path, merged)).declared()][1:3]
    assert names == [("tags", {"use": "toy_words"}), ("more", {"use": "toy_words", "from": "facts"})]


# What is done


def test_paths_are_relative_to_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cards(tmp_path / "there" / "cards", shards=1, rows=3)
    path = write(tmp_path / "there")
    monkeypatch.chdir(tmp_path)
    done = run(Path("there") / "recipe.yaml")
    assert [type(each).__name__ for each in done] == ["Outcome", "Outcome", "Outcome", "Chosen", "Chosen", "Written"]
    assert (tmp_path / "there" / "out" / "data").is_dir()
    assert (tmp_path / "there" / "ws" / "recipe.yaml").read_bytes() == path.read_bytes()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["there"]


def test_a_second_run_makes_nothing(tmp_path: Path) -> None:
    write_cards(tmp_path / "cards", shards=2, rows=6)
    path = write(tmp_path)
    first = run(path)
    kept = {each: each.stat().st_mtime_ns for each in (tmp_path / "ws").rglob("*.parquet")}
    manifest = (tmp_path / "ws" / "manifest.json").read_bytes()
    second = run(path)
    assert {each: each.stat().st_mtime_ns for each in (tmp_path / "ws").rglob("*.parquet")} == kept
    assert (tmp_path / "ws" / "manifest.json").read_bytes() == manifest
    for one, two in zip(first, second, strict=True):
        if isinstance(one, Outcome):
            assert (two.skipped, two.made) == (one.shards, one.made)
        elif isinstance(one, Chosen):
            assert two == one


def test_status_follows_every_change(tmp_path: Path) -> None:
    for shard in range(3):
        tried = {"responses": [{"text": "I see it.", "score": 1.0}]}
        write_lines(tmp_path / "cards" / f"{shard}.jsonl", [card(shard * 10 + place, **tried) for place in range(3)])
    path = write(tmp_path, "\n".join(GOOD.split("\n")[:6]))
    Workspace.create(tmp_path / "ws")
    assert states(path) == {"cards": ("new", 3), "tags": ("new", 0), "tries": ("new", None)}
    run(path, to="tags")
    assert states(path) == {"cards": ("done", 0), "tags": ("done", 0), "tries": ("new", 3)}
    run(path)
    assert set(states(path).values()) == {("done", 0)}

    write_lines(tmp_path / "cards" / "1.jsonl", [card(10), card(11)])  # a source row changed
    assert states(path)["cards"] == ("stale", 1)
    done = run(path)
    assert [(each.skipped, each.shards) for each in done if isinstance(each, Outcome)] == [(2, 3), (2, 3), (2, 2)]
    assert set(states(path).values()) == {("done", 0)}

    write(tmp_path, path.read_text().replace("use: toy_words}", "use: {toy_words: {see: [sum]}}}"))  # an option changed
    assert states(path) == {"cards": ("done", 0), "tags": ("stale", 3), "tries": ("done", 0)}
    run(path)
    ws = Workspace(tmp_path / "ws")
    assert [step for step, _ in ws.stale()] == ["tags"]
    assert states(path)["tags"] == ("done", 0)

    with ws.lock("test"):  # a run that was cut off
        del ws.manifest.steps["tags"].current.shards["cards-00001-response"]
        ws.manifest.steps["tags"].current.finished = None
        ws.save()
    assert states(path)["tags"] == ("partial", 1)


def test_to_stops_after_a_step(tmp_path: Path) -> None:
    write_cards(tmp_path / "cards", shards=1, rows=3)
    path = write(tmp_path)
    assert [each.step for each in run(path, to="tags")] == ["cards", "tags"]
    ws = Workspace(tmp_path / "ws")
    assert (set(ws.manifest.steps), ws.manifest.views) == ({"cards", "tags"}, {})
    with pytest.raises(UsageError, match=r"there is no step 'sft' in .*; it has cards, tags, tries"):
        run(path, to="sft")


# The verbs that run recipes


def test_preview_and_dry_run_leave_the_workspace_as_it_was(tmp_path: Path, cli: Callable[..., Any]) -> None:
    write_cards(tmp_path / "cards", shards=2, rows=9)
    write(tmp_path)
    before = snapshot(tmp_path)
    dry = cli("run", "recipe.yaml", "--dry-run")
    assert (dry.code, dry.err) == (0, "")
    assert "cards (build): new, 2 shards to make" in dry.out
    assert "view sft" in dry.out
    shown = cli("run", "recipe.yaml", "--preview", "4")
    assert (shown.code, shown.err) == (0, "")
    assert "cards: 4 examples" in shown.out
    assert "cards/test/0" in shown.out
    assert "perceptdata run recipe.yaml" in shown.out
    assert snapshot(tmp_path) == before

    assert cli("run", "recipe.yaml").code == 0  # after a preview as before one
    before = snapshot(tmp_path)
    assert cli("run", "recipe.yaml", "--preview", "4", "--json").code == 0
    dry = cli("run", "recipe.yaml", "--dry-run", "--json")
    assert {each["state"] for each in json.loads(dry.out)} == {"done"}
    assert snapshot(tmp_path) == before


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_dry_run_checks_outputs_too(tmp_path: Path, cli: Callable[..., Any]) -> None:
    write_cards(tmp_path / "cards", shards=1, rows=3)
    write(tmp_path, GOOD.replace("to: out", "too: out"))
    wrong = cli("run", "recipe.yaml", "--dry-run")
    assert wrong.code == 2
    assert "unknown key 'too'" in wrong.err


def test_status_names_what_was_replaced_and_prunes_it(tmp_path: Path, cli: Callable[..., Any]) -> None:
    write_cards(tmp_path / "cards", shards=1, rows=3)
    path = write(tmp_path)
    assert cli("run", path).code == 0
    write(tmp_path, GOOD.replace("path: cards", "path: cards, note: other"))
    stale = json.loads(cli("status", path, "--json").out)
    assert stale["steps"][0]["state"] == "stale"
    assert cli("run", path).code == 0
    said = cli("status", path)
    assert "replaced by newer options: cards/" in said.out
    assert "`perceptdata status --prune` removes them" in said.out
    rows = Workspace(tmp_path / "ws").examples().to_table()
    pruned = cli("status", path, "--prune")
    assert "MB freed" in pruned.out
    assert "replaced" not in pruned.out
    ws = Workspace(tmp_path / "ws")
    assert ws.stale() == []
    assert ws.examples().to_table().equals(rows)
    assert len(list((tmp_path / "ws" / "examples" / "cards").iterdir())) == 1
    assert len(ws.view("sft")) > 0


def test_steps_that_the_recipe_lacks_are_named_and_pruned(tmp_path: Path, cli: Callable[..., Any]) -> None:
    write_cards(tmp_path / "cards", shards=1, rows=3)
    path = write(tmp_path)
    assert cli("run", path).code == 0
    write(tmp_path, re.sub(r"(name: |from: |text: )cards", r"\1renamed", GOOD))
    assert cli("run", path).code == 0
    said = cli("status", path)
    assert "extra" in said.out
    assert "`--prune` removes them" in said.out
    rows = Workspace(tmp_path / "ws").examples().count_rows()
    assert cli("status", path, "--prune").code == 0
    ws = Workspace(tmp_path / "ws")
    assert ws.examples().count_rows() == rows / 2
    assert "cards" not in ws.manifest.steps


def test_a_limit_is_an_option_like_any_other(tmp_path: Path) -> None:
    write_cards(tmp_path / "cards", shards=2, rows=9)
    path = write(tmp_path)
    run(path, limit=5)
    ws = Workspace(tmp_path / "ws")
    assert ws.examples().count_rows() == 5
    assert states(path)["cards"] == ("stale", 2)
    run(path)
    assert len(ws.shards(EXAMPLES)) == 1  # this one still sees what it opened
    assert len(Workspace(tmp_path / "ws").shards(EXAMPLES)) == 2


def test_images_of_a_changed_picture_are_read_again(tmp_path: Path) -> None:
    row = card(1, stage="visual_reasoning", question="<image>What?", images=["a.png"])
    write_lines(tmp_path / "cards" / "0.jsonl", [row])
    (tmp_path / "cards" / "pictures").mkdir()
    (tmp_path / "cards" / "pictures" / "a.png").write_bytes(picture(1))
    path = write(tmp_path, "sources: [{use: toy_cards, path: cards, images: cards/pictures}]")
    run(path)
    (tmp_path / "cards" / "pictures" / "a.png").write_bytes(picture(2))
    os.utime(tmp_path / "cards" / "pictures" / "a.png", ns=(9, 9))
    run(path)
    ws = Workspace(tmp_path / "ws")
    (info,) = ws.examples().to_table().to_pylist()[0]["images"]
    assert ws.images[info["sha256"]].to_pybytes() == picture(2)
