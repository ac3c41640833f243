"""The command line as a stranger meets it: help, JSON, exit codes, pipes, no traceback for a user's mistake."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from toys import card, environment, write_cards, write_lines
from typer.main import get_command

from perceptdata.cli import app
from perceptdata.workspace import Workspace

PERCEPTDATA = str(Path(sys.executable).with_name("perceptdata"))
VERBS = sorted(get_command(app).commands)
HEAVY = {"torch", "spacy", "datasets", "pandas", "openai", "pyarrow", "numpy", "duckdb", "PIL", "pydantic", "jinja2"}

Cli = Callable[..., Any]


@pytest.fixture(scope="module")
def built(toy_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a source, a recipe, and a workspace that has what every verb could want."""
    folder = tmp_path_factory.mktemp("cli")
    write_cards(folder / "cards", shards=2, rows=9)
    recipe = "sources: [{use: toy_cards, name: cards, path: cards}]\nsteps: {tags: {do: tag, use: toy_words}}\n"
    (folder / "recipe.yaml").write_text(recipe + "views: {sft: {where: tags.n > 0, spans: tags}}\n")
    command = [PERCEPTDATA, "run", "recipe.yaml", "--workspace", "ws", "--workers", "1"]
    subprocess.run(command, cwd=folder, env=environment(toy_site), check=True, capture_output=True)
    return folder


# Help


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(cli: Cli, verb: str) -> None:
    said = cli(verb, "--help")
    assert (said.code, said.err) == (0, "")
    assert f"perceptdata {verb}" in said.out
    assert cli(verb, "-h").out == said.out


def test_the_verbs_of_the_design_are_there(cli: Cli) -> None:
    promised = {"init", "run", "status", "show", "sql", "build", "tag", "report", "list", "doctor", "demo", "export"}
    assert promised <= set(VERBS)
    said = cli("--help")
    assert all(verb in said.out for verb in promised)


def test_help_imports_nothing_heavy() -> None:
    probe = "import sys; sys.argv = ['perceptdata', '--help']\nfrom perceptdata.cli import main\ntry: main()\n"
    probe += "except SystemExit: pass\nprint('MODULES', *{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    modules = done.stdout.rpartition("MODULES ")[2].split()
    assert "typer" in modules
    assert HEAVY & set(modules) == set()


# JSON


@pytest.mark.parametrize(
    "words",
    [
        "build toy_cards -s cards --name cards -w ws",
        "build toy_cards -s cards --name cards -w ws --dry-run",
        "build toy_cards -s cards --name other -w fresh --limit 3",
        "tag --use toy_words -w ws",
        "tag --use toy_words -w ws --dry-run",
        "run recipe.yaml -w ws",
        "run recipe.yaml -w ws --dry-run",
        "run recipe.yaml -w ws --to cards",
        "run recipe.yaml -w ws --preview 2",
        "status -w ws",
        "status recipe.yaml -w ws",
        "show cards/test/0 -w ws --why",
        "show 1000 -w ws",
        "sql -w ws",
        "export parquet --view sft --to out -w ws",
        "export parquet --view sft --to out -w ws --dry-run",
        "report -w ws --to page.html",
        "list",
        "list builders",
        "doctor -w ws",
        "doctor -w ws --migrate",
        "init cards/00.jsonl --to first.yaml --dry-run",
    ],
)
def test_json_is_one_document_and_nothing_else(cli: Cli, built: Path, monkeypatch: Any, words: str) -> None:
    monkeypatch.chdir(built)
    query = ["select id, meta, images from examples where stage = 'visual_reasoning' limit 3"] if "sql" in words else []
    said = cli(
        *words.split(), *query, "--json", *(["--workers", "1"] if words.split()[0] in ("build", "tag", "run") else [])
    )
    assert said.code == 0, said.err
    json.loads(said.out)
    assert "\x1b" not in said.out
    assert said.err in ("", f"{Path('ws')} has format 1 already\n")


def test_json_says_what_was_made_and_what_was_not(cli: Cli, built: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(built)
    made = json.loads(cli("build", "toy_cards", "-s", "cards", "--name", "cards", "-w", "ws", "--json").out)
    assert (made["step"], made["do"], made["shards"], made["skipped"]) == ("cards", "build", 2, 2)
    assert made["made"]["examples"] == 18
    assert made["rejected"] == {"id.duplicate": 4, "image.truncated": 2, "row.unreadable": 2}
    shown = json.loads(cli("show", "1000", "-w", "ws", "--json").out)
    assert [(reject["key"], reject["code"]) for reject in shown["rejects"]] == [("1000", "image.truncated")]


# Words for people


def test_each_verb_ends_with_what_to_do_next(cli: Cli, tmp_path: Path) -> None:
    write_cards(tmp_path / "cards", shards=1, rows=3)
    built = cli("build", "toy_cards", "-s", "cards", "-w", "ws")
    assert (built.code, built.err) == (0, "")
    assert "toy_cards: 3 examples, 3 responses, 4 scores, 2 images in" in built.out
    assert "rejected 4: id.duplicate 2, image.truncated 1, row.unreadable 1" in built.out
    following = [line.strip() for line in built.out.split("next:\n")[1].splitlines()]
    assert following[0] == "perceptdata tag --workspace ws"
    again = cli("build", "toy_cards", "-s", "cards", "-w", "ws")
    assert "1 of 1 shards were there already" in again.out
    for command in following:  # and what it says can be done as it stands
        words = command.removeprefix("perceptdata ").split('"')
        arguments = [*words[0].split(), *([words[1], *words[2].split()] if len(words) > 1 else [])]
        assert cli(*arguments).code == 0, command
    exported = cli("export", "parquet", "--view", "all", "--to", "out", "-w", "ws")
    assert "export parquet: 3 rows in" in exported.out


def test_show_and_why(cli: Cli, built: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(built)
    shown = cli("show", "cards/train/3", "--why", "-w", "ws")
    assert shown.code == 0
    for text in ("What is 3 + 0?", "I see 3 and 0.", "response, spans of tags", "sft", "in it, row"):
        assert text in shown.out
    assert cli("show", "cards/train/3#response", "-w", "ws").code == 0
    missing = cli("show", "cards/train/33", "-w", "ws")
    assert missing.code == 2
    assert "there is no row 'cards/train/33' in ws; is it 'cards/train/3'?" in missing.err
    why = json.loads(cli("show", "cards/train/2", "--why", "--json", "-w", "ws").out)
    assert why["views"]["sft"] == "not in it: where tags.n > 0 is not true of it"
    assert why["views"]["perception"].startswith("in it, row")
    assert why["origin"]["step"] == "cards"
    assert why["origin"]["shard"] == "00000"


def test_why_survives_a_view_that_cannot_be_resolved(cli: Cli, tmp_path: Path) -> None:
    write_lines(tmp_path / "cards" / "0.jsonl", [card(1, group="g", split="train"), card(2, group="g", split="test")])
    assert cli("build", "toy_cards", "-s", "cards", "-w", "ws").code == 0
    why = json.loads(cli("show", "toy_cards/train/1", "--why", "--json", "-w", "ws").out)
    assert "stand in more than one split" in why["views"]["all"]


def test_sql_prints_a_table_and_says_when_there_is_more(cli: Cli, built: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(built)
    said = cli("sql", "select id, '[red]' as mark from examples order by id", "-w", "ws", "--limit", "2")
    assert "[red]" in said.out
    assert "only the first 2 rows are shown" in said.out


def test_the_workspace_can_stand_in_the_environment(cli: Cli, built: Path, monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PERCEPTDATA_WORKSPACE", str(built / "ws"))
    assert json.loads(cli("sql", "select count(*) as n from examples", "--json").out) == [{"n": 18}]


# Mistakes


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("", 2, "Usage: perceptdata"),
        ("buidl", 2, "No such command 'buidl'"),
        ("build", 2, "Missing argument"),
        ("build toy_cards --sourc cards", 2, "No such option"),
        ("build toy_cards --limit 0", 2, "Invalid value"),
        ("build toy_card -s cards", 2, "there is no builder 'toy_card'; did you mean 'toy_cards'?"),
        ("build Toy-Cards -s cards", 2, "'Toy-Cards' cannot name a step"),
        ("build toy_cards -s nowhere -w ws", 2, "nowhere does not exist"),
        ("build toy_cards -w ws", 2, "name their folder with --source"),
        ("build toy_cards -s cards --set note", 2, "--set takes KEY=VALUE, not 'note'"),
        ("build toy_cards -s cards --set note=[1", 2, "the value is not valid YAML"),
        ("build toy_cards -s cards --set nota=1", 2, "unknown key 'nota'; did you mean 'note'?"),
        ("build toy_cards -s cards --name spans", 2, "'spans' cannot name a step"),
        ("build toy_cards -s cards -w cards", 2, "holds other files"),
        ("tag -w nowhere", 1, "nowhere is not a workspace"),
        ("tag --use toy_word -w ws", 2, "there is no tagger 'toy_word'; did you mean 'toy_words'?"),
        ("tag --from nothing -w ws", 2, "step 'nothing' has no responses"),
        ("tag --name cards -w ws", 2, "'cards' is a build step in ws; give the tag step another name"),
        ("run nowhere.yaml", 2, "nowhere.yaml cannot be read"),
        ("run recipe.yaml --to nothing -w ws", 2, "there is no step 'nothing' in recipe.yaml; it has cards, tags"),
        ("status -w nowhere", 1, "nowhere is not a workspace"),
        ("show nothing -w ws", 2, "there is no row 'nothing' in ws"),
        ("sql selekt -w ws", 2, "the query is not valid"),
        ("export parquett --to out -w ws", 2, "there is no exporter 'parquett'; did you mean 'parquet'?"),
        ("export parquet --view nothing --to out -w ws", 2, "there is no view 'nothing' in ws"),
        (
            "export parquet --to out -w ws --set shard_byte=1",
            2,
            "unknown key 'shard_byte' (did you mean 'shard_bytes'?)",
        ),
        ("list nothing", 2, "there is no plugin kind 'nothing'"),
        ("doctor -w nowhere", 1, "nowhere is not a workspace"),
        ("doctor --migrate", 2, "name the workspace to migrate with --workspace"),
        ("doctor --migrate -w nowhere", 1, "cannot be read"),
        ("init nowhere.jsonl", 2, "nowhere.jsonl does not exist"),
        ("init cards/00.jsonl --to recipe.yaml", 2, "recipe.yaml is there already"),
    ],
)
def test_mistakes_are_a_sentence_and_an_exit_code(
    cli: Cli, built: Path, monkeypatch: Any, words: str, code: int, said: str
) -> None:
    monkeypatch.chdir(built)
    before = sorted(path for path in built.rglob("*") if path.name != ".lock")
    done = cli(*words.split())
    assert done.code == code
    told = " ".join((done.err + done.out).replace("│", " ").split())
    assert said in told
    assert "Traceback" not in told
    assert sorted(path for path in built.rglob("*") if path.name != ".lock") == before


def test_a_workspace_in_use_names_its_holder(cli: Cli, built: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(built)
    with Workspace("ws").lock("something long"):
        done = cli("tag", "--use", "toy_words", "-w", "ws")
    assert done.code == 1
    assert done.err.startswith(f"error: ws is in use by process {os.getpid()} on ")
    assert "(something long, since" in done.err


def test_a_fault_of_a_plugin_keeps_its_traceback(toy_site: Path, tmp_path: Path) -> None:
    write_lines(tmp_path / "cards" / "0.jsonl", [card(1), card(2, act="raise")])
    done = subprocess.run(
        [PERCEPTDATA, "build", "toy_cards", "-s", "cards"],
        cwd=tmp_path,
        env=environment(toy_site),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "the toy broke on 0.jsonl" in done.stderr


# Pipes and terminals


@pytest.mark.parametrize(
    "words",
    [
        ["sql", "select question from examples, range(4000)", "--json", "--limit", "100000", "-w", "ws"],
        ["sql", "select question from examples, range(400)", "--limit", "100000", "-w", "ws"],
    ],
)
def test_a_reader_that_goes_away_is_no_error(toy_site: Path, built: Path, words: list[str]) -> None:
    process = subprocess.Popen(
        [PERCEPTDATA, *words],
        cwd=built,
        env=environment(toy_site),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 0


def test_bars_are_drawn_on_a_terminal_only(toy_site: Path, tmp_path: Path) -> None:
    """The same command with stderr on a pipe, then on a terminal."""
    write_cards(tmp_path / "cards", shards=2, rows=6)
    command = [PERCEPTDATA, "build", "toy_cards", "-s", "cards", "--workers", "1", "--set", "pause=0.02"]
    env = environment(toy_site) | {"TERM": "xterm"}
    piped = subprocess.run([*command, "-w", "one"], cwd=tmp_path, env=env, capture_output=True, check=True)
    assert piped.stderr == b""
    assert b"\x1b" not in piped.stdout
    ours, theirs = os.openpty()
    process = subprocess.Popen([*command, "-w", "two"], cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    drawn = b""
    while chunk := _read(ours):
        drawn += chunk
    os.close(ours)
    assert process.wait() == 0
    assert b"toy_cards" in drawn
    assert b"shards" in drawn


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other end is closed
        return b""
