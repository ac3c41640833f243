"""The tagger `spacy`: pipelines that are trained, saved, read, and scored on sources they have not seen."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from spacy.tokens import Span as TokenSpan
from spacy.training import Example

from perceptdata.annotators.taggers.spacy import Spacy
from perceptdata.errors import UsageError
from perceptdata.labelled import LabelledText, leave_one_source_out, measure, read_labelled, sources
from perceptdata.layers import text_sha256
from perceptdata.plugins import TextItem
from perceptdata.registry import load
from perceptdata.segmentation import clauses, segment
from perceptdata.spans import Span, SpanSet
from perceptdata.tagging import tag_batch

WORDS = {"perception": "a blue cup stands here", "reasoning": "thus we add both", "other": "okay well"}


def labelled(source: str, number: int) -> LabelledText:
    lines = [f"{said} {number} {source}" for said in WORDS.values()]
    text = "\n".join(lines)
    spans = [Span(*border, label) for border, label in zip(clauses(text), WORDS, strict=True)]
    return LabelledText(f"{source}-{number}", text, SpanSet.of(spans), source)


TEXTS = [labelled(source, number) for source in ("a", "b") for number in range(12)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Spacy:
    return Spacy.train(TEXTS, tmp_path_factory.mktemp("trained") / "pipeline")


def labels(tagger: Spacy, *texts: str) -> list[list[tuple[str, str]]]:
    found = tag_batch([(str(at), text, None) for at, text in enumerate(texts)], [tagger])
    return [[(text[one.start : one.end], one.label) for one in spans] for text, spans in zip(texts, found, strict=True)]


def test_it_learns_what_texts_say(trained: Spacy) -> None:
    said = labels(trained, "thus we add both 77\na blue cup stands here 5", "", "okay well 1", " \n ")
    assert said == [
        [("thus we add both 77", "reasoning"), ("a blue cup stands here 5", "perception")],
        [],
        [("okay well 1", "other")],
        [],
    ]
    assert tag_batch([], [trained]) == []
    assert labels(trained, "", "\n") == [[], []]
    by_source, pooled = leave_one_source_out(Spacy, TEXTS)
    assert (set(by_source), pooled.macro_f1) == ({"a", "b"}, 1.0)


def test_labels_do_not_depend_on_the_batch(trained: Spacy) -> None:
    texts = [one.text for one in TEXTS[:5]] + ["<b>", "", "the image 數。 so"]
    together = tag_batch([(str(at), text, None) for at, text in enumerate(texts)], [trained])
    assert together == [tag_batch([("t", text, None)], [trained])[0] for text in texts]
    assert all(0 <= span.score <= 1 for spans in together for span in spans)
    assert labels(trained, "see\n<think>")[0][-1] == ("<think>", "other")  # by its form


def test_what_is_labelled_already_or_unsure_stays_as_it_is(trained: Spacy) -> None:
    text = TEXTS[0].text
    start, end = segment([text]).of(0)
    label = np.array([-1, 0, -1], np.int8)
    item = TextItem("t", text, None, start, end, label, np.ones(3, np.float32))
    (found,) = trained.tag([item])
    assert found.start.tolist() == start[[0, 2]].tolist()
    (unsure,) = Spacy(model=trained.model, abstain_below=1.0).tag([item])
    assert len(unsure) == 0


def test_the_same_texts_give_the_same_bytes(trained: Spacy, tmp_path: Path) -> None:
    again = Spacy.train(TEXTS[::-1], tmp_path / "again")
    assert again.options() == trained.options()
    assert set(trained.options()) == {"model", "abstain_below"}
    other = Spacy.train(TEXTS[:12], tmp_path / "again")  # in its place
    assert other.options() != trained.options()
    assert other.learned_from() == {text_sha256(one.text) for one in TEXTS[:12]}
    assert labels(other, "okay well 1") == [[("okay well 1", "other")]]


def test_a_pipeline_with_spacys_own_parts_leaves_open_what_it_does_not_propose(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    suggester = {"@misc": "perceptdata.clause_suggester.v1"}
    nlp.add_pipe("spancat_singlelabel", config={"spans_key": "mine", "suggester": suggester})
    reference = nlp.make_doc("a blue cup")
    reference.spans["mine"] = [TokenSpan(reference, 0, 3, "perception")]
    nlp.initialize(lambda: [Example(nlp.make_doc("a blue cup"), reference)])
    nlp.to_disk(tmp_path / "own")
    tagger = Spacy(model=tmp_path / "own")
    assert tagger.learned_from() == frozenset()
    # English has "done.</think>" as a token: the sentence is no candidate, and the tag is known by its form.
    assert [clause for clause, _ in labels(tagger, "We are done.</think>\nA cup.")[0]] == ["</think>", "A cup."]


def test_a_text_longer_than_spacy_likes(trained: Spacy) -> None:
    text = "okay well 1\n" * 100_000
    (found,) = tag_batch([("t", text, None)], [trained])
    assert len(text) > 1_000_000
    assert (len(found), {span.label for span in found}) == (100_000, {"other"})


def test_folders_that_hold_no_such_pipeline(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no spaCy pipeline that loads here"):
        Spacy(model=tmp_path / "nothing").options()
    nlp = spacy.blank("en")
    nlp.to_disk(tmp_path / "blank")
    with pytest.raises(UsageError, match="has no span categoriser with the labels perception, reasoning, other"):
        Spacy(model=tmp_path / "blank").tag([TextItem("t", "A.", None, *segment(["A."]).of(0), *np.zeros((2, 1)))])
    (tmp_path / "mine").mkdir()
    with pytest.raises(UsageError, match="is no spaCy pipeline; name another folder"):
        Spacy.train(TEXTS, tmp_path / "mine")
    assert load("taggers", "spacy") is Spacy


def test_gold_of_sources_it_has_not_seen(root: Path, tmp_path: Path) -> None:
    """Four of ten sources at once; with one left out at a time: docs/architecture/annotators.md."""
    path = root.parent / "shared" / "gold" / "dev.jsonl"
    if not path.is_file():
        pytest.skip("the labelled traces (../shared/gold) are not beside this checkout")
    texts = read_labelled(path)
    held = sources(texts)[::3]
    tagger = Spacy.train([one for one in texts if one.source not in held], tmp_path / "gold")
    assert measure([one for one in texts if one.source in held], [tagger]).macro_f1 > 0.68


def test_train_and_eval_by_the_command_line(cli: Callable[..., Any], tmp_path: Path) -> None:
    rows = [
        {"id": one.id, "source": one.source, "text": one.text, "spans": [span._asdict() for span in one.spans]}
        for one in TEXTS
    ]
    (tmp_path / "some.jsonl").write_text("\n".join(map(json.dumps, rows[:20])))
    (tmp_path / "all.jsonl").write_text("\n".join(map(json.dumps, rows)))
    said = cli("tagger", "train", "some.jsonl", "--tagger", "spacy", "--out", "pipeline", "--json")
    assert (said.code, json.loads(said.out)["texts"]) == (0, 20), said.err
    said = cli("tagger", "eval", "all.jsonl", "--use", "spacy=pipeline", "--json")
    (row,) = json.loads(said.out)["taggers"]
    assert (row["macro_f1"], row["texts"], row["left_out"]) == (1.0, 4, 20)
