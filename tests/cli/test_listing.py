"""`perceptdata list`: what there is, and of builders what may be done with their corpora."""

import json


def test_builders_say_their_stages_licence_and_use(cli) -> None:
    said = cli("list", "builders", "--json")
    found = {entry["name"]: entry for entry in json.loads(said.out)}
    assert said.code == 0
    assert len(found) >= 40
    clevr = found["clevr"]
    assert (clevr["corpus"], clevr["licence"], clevr["allowed_use"]) == ("CLEVR", "CC-BY-4.0", "train")
    assert clevr["stages"] == ["perception", "visual_reasoning", "textual_reasoning"]
    assert found["mathvista"]["allowed_use"] == "evaluate"
    assert clevr["summary"].startswith("The folder with `scenes/`")
    table = cli("list", "builders").out
    assert "ODC-By-1.0" in table
    assert "evaluate" in table
    assert "stages" in table


def test_other_kinds_say_what_they_are(cli) -> None:
    assert "what" in cli("list", "judges").out
    everything = cli("list").out
    assert "kind" in everything
    assert "builders" in everything
