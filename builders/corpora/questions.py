"""Which questions without a picture are the same, whatever corpus asks them: they never stand in two splits."""

from __future__ import annotations

import hashlib
import unicodedata


def question_hash(question: str) -> str:
    """16 hex digits that are equal for questions equal up to case, spacing and Unicode spelling."""
    normal = " ".join(unicodedata.normalize("NFKC", question).casefold().split())
    return hashlib.sha256(normal.encode()).hexdigest()[:16]


def same_question(question: str) -> str:
    """The group of a question without a picture: rows of any corpus that ask the same never part."""
    return f"question/{question_hash(question)}"
