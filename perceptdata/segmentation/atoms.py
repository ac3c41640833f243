"""What a clause may not be cut inside, what stands alone, and what is no clause at all, found in one scan.

    maths       `$..$`, `$$..$$`, `\\(..\\)`, `\\[..\\]`, `\\boxed{..}` with its braces matched
    code        fenced by three backticks, or `inline`
    row         a line of a table, `| a | b |`
    tag         `<think>`, `</answer>`, `<component name="arm">`, `<|im_end|>`, `◁think▷`; stands alone
    marker      `- `, `1. `, `(a) `, `## ` before a line's words, and rules such as `---`: a gap

An opener without its closer is ordinary text: maths and inline code end before a blank line (TeX forbids one there), so
that one stray dollar cannot swallow a page, and a dollar counts only where it touches what it quotes (`$5 and $7` is
money).
Every branch of the expression is possessive or bounded by the next opener: the scan is linear, whatever the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perceptdata.segmentation.buffer import Buffer

# HTML that formats a word inside a sentence does not end the clause around it.
_INLINE_HTML = r"(?:a|b|i|u|s|em|strong|sub|sup|span|mark|font|small|big|img|abbr|q|tt|kbd|code)\b"
_ATTRIBUTE = r"""[ \t]+[A-Za-z_:][\w.:-]*+=(?:"[^"<>\n\0]*+"|'[^'<>\n\0]*+'|[^\s"'<>\0]++)"""
# A piece of maths without dollars and brackets: no NUL, no blank line.
_TEX = r"[^\\$\n\0]++|\\[^()\[\]\0]|\n(?![ \t]*+\n)"

_MARKER = r"[-*+>]|\#{1,6}+|\d{1,3}+[.)]|\(?[A-Za-z]\)|\(\d{1,3}+\)|\([ivx]{1,4}+\)"

# One set of first bytes for all branches, so that the engine skips from one to the next without trying any branch. An
# empty group names the branch that matched.
_SCAN = re.compile(
    rf"""
    [`$\\<\n\0] (?:
        (?<=`) (?: ``[^\0]*?``` (?P<fence>) | [^`\n\0]++` (?P<inline>) )
      | (?<=\$) (?: \$(?:{_TEX}|\\[()\[\]])++\$\$ | (?![\s$])(?:{_TEX}|\\[()\[\]])++(?<!\s)\$(?!\d) ) (?P<dollars>)
      | (?<=\\) (?: \((?:{_TEX}|\$)*+\\\) (?P<round>)
          | \[(?:{_TEX}|\$|\\[()])*+\\\] (?P<square>)
          | boxed[ ]*+\{{ (?P<boxed>)
          | [\\$] (?P<escape>) )
      | (?<=<) (?: /?+(?!{_INLINE_HTML})[A-Za-z][\w.:-]++(?:{_ATTRIBUTE})*+[ \t]*+/?+> | \|[A-Za-z_]++\|> ) (?P<tag>)
      | (?<=[\n\0]) [ \t]*+ (?: [-*_=|:+](?:[ \t]*+[-*_=|:+]){{2,}}+[ \t]*+ (?=[\n\0]) (?P<rule>)
          | \|[^\n\0]*\|[ \t]*+ (?=[\n\0]) (?P<row>)
          | (?: (?:{_MARKER})[ \t]++ )+ (?=[^\s\0]) (?P<marker>) )
    )
    """.encode(),
    re.VERBOSE,
)
_BRACES = re.compile(rb"\\[{}]|[{}\0]|\n[ \t]*\n")
_DEEPEST = 32


@dataclass(frozen=True, slots=True)
class Atoms:
    """Sorted, disjoint stretches: none is cut inside, `alone` ones are cut at both ends; `gaps` are no text."""

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    alone: NDArray[np.bool_]
    gaps: tuple[tuple[int, int], ...]

    def inside(self, cuts: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of the places lie strictly inside an atom."""
        if not len(self.start):
            return np.zeros(len(cuts), bool)
        at = np.searchsorted(self.start, cuts, side="left") - 1
        return (at >= 0) & (cuts < self.end[at])


def find_atoms(buffer: Buffer) -> Atoms:
    """All atoms of a batch, left to right; of two that overlap the first wins."""
    start, end, alone, gaps = [], [], [], []
    done = 0
    for match in _SCAN.finditer(buffer.raw):
        kind = match.lastgroup
        if kind == "escape" or match.start() < done:
            continue
        first, last = match.span()
        if kind in ("marker", "rule"):
            gaps.append((first, last))
            continue
        if kind == "boxed":
            last = _closing_brace(buffer.raw, last)
            if not last:
                continue
        start.append(first + (kind == "row"))  # a row's match begins with the line break before it
        end.append(last)
        alone.append(kind in ("tag", "fence"))
        done = last
    return Atoms(np.array(start, np.int64), np.array(end, np.int64), np.array(alone, bool), tuple(gaps))


def _closing_brace(raw: bytes, at: int) -> int:
    """The place behind the brace that closes the one just before `at`; 0 where there is none in its paragraph."""
    depth = 1
    for match in _BRACES.finditer(raw, at):
        found = match.group()
        if found == b"{":
            depth += 1
        elif found == b"}":
            depth -= 1
        elif found[:1] != b"\\":
            return 0
        if depth == 0:
            return match.end()
        if depth > _DEEPEST:
            return 0
    return 0
