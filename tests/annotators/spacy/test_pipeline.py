"""spaCy's side: the parts it finds by name, what they say of documents, and what does not fit into tokens."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from spacy.training import Example
from thinc.types import Ragged

from perceptdata.annotators.spacy.bow import PLACE, WORD, clause_bow
from perceptdata.annotators.spacy.suggester import suggest
from perceptdata.annotators.spacy.training import blank
from perceptdata.labelled import LabelledText
from perceptdata.publishing.exports.docs import KEY, MISALIGNED, TokenSpans, labelled_docs, recall, set_spans
from perceptdata.segmentation import clauses
from perceptdata.spans import PRO, Scheme, SpanSet
from perceptdata.spans import Span as Stretch

CUT, PLAIN = blank(), spacy.blank("en")
GLUED = "We are done.</think>\n<answer>7</answer>"
TEXTS = st.lists(
    st.sampled_from(
        ["The image shows", " red", ", so x", ". ", "\n", "=12", "$x$", "é", "👩‍👧", "數。", "<b>", "don't"]
    ),
    max_size=12,
).map("".join)


def test_spacy_finds_every_part_without_our_import(tmp_path: Path) -> None:
    code = (
        "import spacy, sys; nlp = spacy.blank('en', config={'nlp': {'tokenizer':"
        " {'@tokenizers': 'perceptdata.ClauseTokenizer.v1'}}});"
        "nlp.add_pipe('perceptdata_clauses'); nlp.add_pipe('perceptdata_spans', config={'source': 'x'});"
        "print(nlp.pipe_names, callable(spacy.registry.misc.get('perceptdata.clause_suggester.v1')()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert (done.stdout, done.returncode) == ("['perceptdata_clauses', 'perceptdata_spans'] True\n", 0), done.stderr


def test_help_does_not_import_spacy(tmp_path: Path) -> None:
    code = "import sys; from typer.testing import CliRunner; from perceptdata.cli import app;"
    code += "print(CliRunner().invoke(app, ['--help']).exit_code, 'spacy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout == "0 False\n", done.stdout + done.stderr


def test_candidates_are_the_clauses_that_fit_tokens() -> None:
    # "A." is one token, and so is "done.</think".
    doc = spacy.blank("en").make_doc("Look at A. So it is red.")
    found = suggest([doc])
    assert found.dataXd.tolist() == [[0, 3], [3, 8]]
    assert (found.lengths.tolist(), doc.user_data[MISALIGNED]) == ([2], 0)
    glued = spacy.blank("en").make_doc(GLUED)
    fits = [glued.char_span(start, end) is not None for start, end in clauses(GLUED)]
    assert 0 < fits.count(False) == len(fits) - len(suggest([glued]).dataXd)
    assert glued.user_data[MISALIGNED] == fits.count(False)


@given(st.lists(TEXTS, max_size=4))
def test_the_tokenizer_loses_no_clause_and_no_character(texts: Sequence[str]) -> None:
    docs = [CUT.make_doc(text) for text in texts]
    assert [doc.text for doc in docs] == list(texts)
    found = TokenSpans.of_clauses(docs)
    assert found.missed.tolist() == [0] * len(texts)
    for doc in [*docs, *map(PLAIN.make_doc, texts)]:
        spans = [doc.char_span(start, end) for start, end in clauses(doc.text)]
        strict = [[span.start, span.end] for span in spans if span is not None]
        assert suggest([doc]).dataXd.tolist() == strict


def test_the_tokenizer_cuts_at_borders_alone() -> None:
    text = f"I don't know. {GLUED}"
    plain, cut = spacy.blank("en").make_doc(text), blank().make_doc(text)
    edges = {edge for clause in clauses(text) for edge in clause}
    begins = {token.idx for token in cut}
    assert {token.idx for token in plain} < begins
    assert begins - {token.idx for token in plain} <= edges
    assert [token.norm_ for token in cut][:4] == [token.norm_ for token in plain][:4] == ["i", "do", "not", "know"]
    again = blank()
    again.tokenizer.from_bytes(blank().tokenizer.to_bytes())
    assert [token.text for token in again.make_doc(text)] == [token.text for token in cut]


def ragged(*spans: tuple[int, int]) -> Ragged:
    return Ragged(np.array(spans, np.int32), np.array([len(spans)], np.int32))


def test_features_by_hand() -> None:
    # "a b c" and "d": three words, two pairs, and three kinds of form of three each; one word, no pair, three forms.
    # Every kind has length one; "d" is the last token of four: place 3 * 8 // 4 = 6.
    doc = Doc(spacy.blank("en").vocab, words=["A", "b", "c", "d"])
    model = clause_bow(nO=3)
    (keys, values, lengths), _ = model.layers[0](([doc], ragged((0, 3), (3, 4))), False)
    assert lengths.tolist() == [3 + 2 + 9 + 1, 1 + 0 + 3 + 1]
    words = doc.to_array(WORD)
    assert keys[:3].tolist() == words[:3].tolist()
    assert keys[15] == words[3]
    assert keys[-1] == PLACE ^ np.uint64(6)
    assert values.tolist() == pytest.approx([3**-0.5] * 3 + [2**-0.5] * 2 + [3**-0.5] * 9 + [1] + [1] * 5)
    assert len(set(keys.tolist())) == 20 - 2  # "b", "c" and "d" are of one shape, and nothing else repeats


def test_a_clause_without_a_label_teaches_nothing_and_labels_weigh_the_same() -> None:
    nlp = blank()
    text = "One two three.\nFour five six.\nSeven eight nine.\nTen."
    reference = nlp.make_doc(text)
    spans = [reference.char_span(*clause) for clause in clauses(text)]
    said = ["perception", "perception", "reasoning"]
    reference.spans[KEY] = [
        Span(reference, span.start, span.end, label) for span, label in zip(spans[:3], said, strict=True)
    ]
    example = Example(nlp.make_doc(text), reference)
    nlp.initialize(lambda: [example])
    categorizer = nlp.get_pipe("perceptdata_clauses")
    found, scores = categorizer.predict([example.predicted])
    assert scores.tolist() == [[0.5, 0.5]] * 4
    loss, gradient = categorizer.get_loss([example], (found, scores))
    # Three clauses of four tokens: each half of perception's weighs 3/4 of the mean one, reasoning's 3/2.
    assert gradient.tolist() == pytest.approx(np.array([[-3, 3], [-3, 3], [6, -6], [0, 0]]) / 8)
    assert loss == pytest.approx(2 * (9 + 9 + 36) / 64)


def labelled(text: str, *spans: tuple[int, int, str]) -> LabelledText:
    return LabelledText(text, text, SpanSet.of([Stretch(*span) for span in spans]))


def test_recall_by_hand() -> None:
    # Labelled are the first clause to the letter (8 characters), half of the second (6), and its other half with
    # another label (5), of which the clause can only bear one. The last begins with a space, so that no token
    # begins there.
    text = "Look at A. Red box is it. Yes."
    assert clauses(text) == [(0, 10), (11, 25), (26, 30)]
    one = labelled(text, (0, 10, "perception"), (11, 18, "perception"), (18, 25, "reasoning"))
    found = recall(blank(), [one])
    assert (found.spans, found.clauses, found.clauses_misaligned) == (3, 3, 0)
    assert (found.by_span, found.by_character) == (1 / 3, 8 / (8 + 6 + 5))
    assert found.misaligned == 1
    assert found.reachable == (8 + 6) / 19
    assert recall(blank(), [one, one]) == found + found
    assert recall(blank(), []).to_row() == dict.fromkeys(found.to_row(), 0)


def test_documents_bear_the_label_of_most_characters() -> None:
    text = "Look at A. Red box is it. Yes."
    (doc,) = labelled_docs(blank(), [labelled(text, (0, 14, "perception"), (15, 25, "reasoning"))])
    assert [(span.text, span.label_) for span in doc.spans[KEY]] == [
        ("Look at A.", "perception"),
        ("Red box is it.", "reasoning"),
    ]


def test_what_fits_no_token_is_counted() -> None:
    doc = spacy.blank("en").make_doc("Look around")
    scheme = Scheme("any@1", ("x", "y"))
    spans = SpanSet.of([Stretch(0, 4, "x", 0.5), Stretch(5, 8, "y"), Stretch(8, 11, "x")], scheme)
    assert set_spans(doc, spans) == doc.user_data[MISALIGNED] == 2
    assert [(span.text, span.label_) for span in doc.spans[KEY]] == [("Look", "x")]
    assert doc.spans[KEY].attrs["scores"].tolist() == [0.5]
    empty = spacy.blank("en").make_doc("")
    assert set_spans(empty, spans) == 3
    assert set_spans(empty, SpanSet(PRO)) == 0
