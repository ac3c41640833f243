"""The clause segmenter: its rules by example, and what must hold of every text."""

import json
import re
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perceptdata.segmentation import VERSION, clauses, segment

PIECES = st.sampled_from(
    [
        *(
            "The figure shows 32",
            " so",
            ",",
            ".",
            "?",
            "!",
            ". ",
            "...",
            "e.g. ",
            "Fig. 3",
            "No. ",
            "J. R. ",
            " because ",
            "\n",
        ),
        *(
            "\n\n",
            "- ",
            "1. ",
            "(a) ",
            "## ",
            "$",
            "$$",
            "\\(",
            "\\)",
            "\\[",
            "\\]",
            "\\boxed{",
            "{",
            "}",
            "`",
            "```",
            "\\$",
        ),
        *(
            "<think>",
            "</think>",
            "◁think▷",
            '<part name="x">',
            "<b>",
            " < ",
            "| a | b |",
            "|---|---|",
            "\n|",
            "\0",
            "\t",
        ),
        *(
            "。",
            "観察",
            "！",
            "é",
            "e\u0301",
            "👩‍👩‍👧",
            "שלום",
            "\u00a0",
            "\u3000",
            "“so”",
            "…",
            "—",
            "𝒙",
            "\ud800",
            " x = 7",
            "**",
        ),
    ]
)
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=30).map("".join))


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in clauses(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The figure shows 32, so x = 7.", ["The figure shows 32,", "so x = 7."]),
        ("It is red; hence it stops. Done", ["It is red;", "hence it stops.", "Done"]),
        ("A is tall, which means that B is not.", ["A is tall,", "which means that B is not."]),
        ("We stop because it is red.", ["We stop", "because it is red."]),
        ("We round up (because it must fit).", ["We round up", "(because it must fit)."]),
        ('It reads "3.14%," indicating a loss.', ['It reads "3.14%,"', "indicating a loss."]),
        # No connective: part of a longer word or phrase, or a date.
        (
            "It moved, so that all fit, some social, so far as known.",
            ["It moved, so that all fit, some social, so far as known."],
        ),
        ("This is because it rains, since 2014.", ["This is because it rains, since 2014."]),
        ("1. **Angle:** Since it is right, x = 9.", ["**Angle:** Since it is right, x = 9."]),
        # Full stops that end nothing.
        ("See e.g. Fig. 3 and No. 5 of approx. 3.5 cm.", ["See e.g. Fig. 3 and No. 5 of approx. 3.5 cm."]),
        ("No. It is vs. Ohio. Yes", ["No.", "It is vs. Ohio.", "Yes"]),
        ("J. R. Smith saw Dr. Lee... and left. Ok", ["J. R. Smith saw Dr. Lee... and left.", "Ok"]),
        ("The centre is O. So AO = OB.", ["The centre is O.", "So AO = OB."]),
        ("The sum is 4. Removing one leaves 3.", ["The sum is 4.", "Removing one leaves 3."]),
        ('He said "stop." (Twice.) Then?! Go', ['He said "stop."', "(Twice.)", "Then?!", "Go"]),
        # CJK full stops need no space.
        ("左邊是正方形。右邊不是！", ["左邊是正方形。", "右邊不是！"]),
        # Gaps: markers, signs of headings, rules.
        ("- a cup\n* b\n2) c\n(a) d\n### e\n> f", ["a cup", "b", "c", "d", "e", "f"]),
        ("- 1. nested\n• bullet", ["nested", "bullet"]),
        ("above\n---\nbelow\n***", ["above", "below"]),
        ("42.\n- \nend", ["42.", "-", "end"]),
        ("3 - 4 is\n-5", ["3 - 4 is", "-5"]),
        # Maths and code are atomic.
        ("Let $x = 3. So y$ be. Then", ["Let $x = 3. So y$ be.", "Then"]),
        ("$$a\n= b. C$$ ok", ["$$a\n= b. C$$ ok"]),
        (r"\[ a \\[4pt] b. C \] is. D", [r"\[ a \\[4pt] b. C \] is.", "D"]),
        (r"So \(a, so b\) is.", [r"So \(a, so b\) is."]),
        (r"\boxed{A. B, so \text{c. D}} E", [r"\boxed{A. B, so \text{c. D}} E"]),
        ("Run `a. B` now.\n```py\nx = 1. \n\n# Y\n```\nend", ["Run `a. B` now.", "```py\nx = 1. \n\n# Y\n```", "end"]),
        ("It is $140^\\circ$. So", ["It is $140^\\circ$.", "So"]),
        # An opener without its closer, and money, swallow nothing.
        ("It costs $5 today. And $7 later.", ["It costs $5 today.", "And $7 later."]),
        (r"\[ a. B", [r"\[ a.", "B"]),
        ("``` a. B", ["``` a.", "B"]),
        (r"\boxed{a. B", [r"\boxed{a.", "B"]),
        ("$a\n\nb. C$", ["$a", "b.", "C$"]),
        # Tags stand alone; signs of comparison and inline HTML do not.
        (
            "<think>Look. So.</think>\n<answer> 3 </answer>",
            ["<think>", "Look.", "So.", "</think>", "<answer>", "3", "</answer>"],
        ),
        ("◁think▷Hm.◁/think▷Yes", ["◁think▷", "Hm.", "◁/think▷", "Yes"]),
        ('<part name="Arm (left)">A<|im_end|>', ['<part name="Arm (left)">', "A", "<|im_end|>"]),
        ("if a < b and c > d or x<y then <b>bold</b> is.", ["if a < b and c > d or x<y then <b>bold</b> is."]),
        # A row of a table is one clause.
        ("| No. | A. B |\n|---|---|\n| 1 | c. D |", ["| No. | A. B |", "| 1 | c. D |"]),
        ("", []),
        (" \n\t\u00a0\u3000", []),
    ],
)
def test_rules(text: str, expected: list[str]) -> None:
    assert cut(text) == expected


def test_version_names_the_rules() -> None:
    assert re.fullmatch(r"clauses@\d+", VERSION)


@given(TEXTS)
def test_clauses_and_gaps_tile_the_text(text: str) -> None:
    position = 0
    for start, end in clauses(text):
        assert position <= start < end <= len(text)
        assert not text[start].isspace()
        assert not text[end - 1].isspace()
        gap = text[position:start]
        assert not re.search(r"\w\w\w\w", gap.replace("_", "")), gap  # a gap holds marks, never words
        position = end
    assert not re.search(r"\w\w\w\w", text[position:].replace("_", ""))


@given(st.lists(TEXTS, max_size=6))
def test_a_text_is_cut_alike_in_any_batch(texts: list[str]) -> None:
    found = segment(texts)
    assert len(found.offsets) == len(texts) + 1
    assert found.start.dtype == found.end.dtype == np.int32
    assert found.offsets.dtype == np.int64
    for at, text in enumerate(texts):
        start, end = found.of(at)
        assert list(zip(start.tolist(), end.tolist(), strict=True)) == clauses(text)


@given(
    st.lists(st.sampled_from(["a = b. C", ", so x", " because y", "? Z", "\\frac{1}{2}", " "]), min_size=1).map(
        "".join
    ),
    st.sampled_from([("$", "$"), ("$$", "$$"), ("\\(", "\\)"), ("\\[", "\\]"), ("`", "`"), ("\\boxed{", "}")]),
)
def test_no_cut_inside_maths(inside: str, fence: tuple[str, str]) -> None:
    body = fence[0] + "w" + inside + "w" + fence[1]
    text = f"We see 3. Now {body} holds. End"
    begin = text.index(body)
    borders = {border for pair in clauses(text) for border in pair}
    assert not borders & set(range(begin + 1, begin + len(body)))


LETTERS = st.text(st.sampled_from("aAbB.?! \n\"'),1")).filter(lambda text: "  " not in text)


@given(LETTERS)
def test_against_a_slow_reading_of_the_rules(text: str) -> None:
    assert cut(text) == list(reference(text))


def reference(text: str) -> list[str]:
    """Sentence ends and line breaks, one character at a time; no maths, tags, connectives or abbreviations."""
    found = []
    for line in text.split("\n"):
        marker = re.match(r" *((\d{1,3}\.|\d{1,3}\)|\(?[A-Za-z]\)) +)+(?=\S)", line)
        line = line[marker.end() :] if marker else line
        lead = marker.group() if marker else ""
        begun = 0
        for at, char in enumerate(line):
            if char not in ".?!":
                continue
            behind = at + 1
            while behind < len(line) and behind < at + 5 and line[behind] in ".?!\"')":
                behind += 1
            if behind < len(line) and line[behind] != " ":
                continue
            rest = line[behind:].lstrip(" ")
            before = (lead + line)[: len(lead) + at]
            initial = re.search(r"(?<![A-Za-z0-9])[AB]$", before)
            beside = re.match(r"[AB]\.", rest) or re.search(r"\.[AB]$", before) or re.search(r"[AB]\. [AB]$", before)
            if char == "." and (re.match("[ab]", rest) or (initial and beside)):
                continue
            found.append(line[begun:behind].strip(" "))
            begun = behind
        found.append(line[begun:].strip(" "))
    return [clause for clause in found if clause]


@pytest.mark.parametrize(
    "unit",
    [
        "$",
        "$$a",
        "\\(",
        "\\[",
        "\\boxed{",
        "\\boxed{{}",
        "`",
        "```",
        "<a ",
        "<ab c=",
        "|",
        "- ",
        "1. ",
        ". ",
        "\n ",
        "{",
        "é. ",
    ],
)
def test_a_hundred_kilobytes_of_one_thing_take_no_time(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    begun = time.process_time()
    clauses(text)
    assert time.process_time() - begun < 5.0


def test_one_long_line() -> None:
    sentence = "The bar is 3.5 cm tall 📏, so it fits. "
    assert cut(sentence * 2500)[-2:] == ["The bar is 3.5 cm tall 📏,", "so it fits."]


def test_gold_borders(root: Path) -> None:
    """Real traces: labels given by an all-knowing tagger to our clauses lose almost nothing of the gold labels."""
    gold = root.parent / "shared" / "gold" / "dev.jsonl"
    if not gold.is_file():
        pytest.skip("the labelled traces (../shared/gold) are not beside this checkout")
    right = total = 0
    for row in map(json.loads, gold.read_text("utf-8").splitlines()):
        text, label = row["text"], np.full(len(row["text"]), -1)
        for span in row["spans"]:
            label[span["start"] : span["end"]] = ("perception", "reasoning", "other").index(span["label"])
        label[[char.isspace() for char in text]] = -1
        total += int((label >= 0).sum())
        for start, end in clauses(text):
            known = label[start:end][label[start:end] >= 0]
            right += int(np.bincount(known, minlength=3).max())
    assert right / total > 0.98
