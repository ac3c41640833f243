"""Conversations in the shapes that training sets use, as turns: roles and texts.

[{"from": "human", "value": "…"}, {"from": "gpt", "value": "…"}]          sharegpt
[{"role": "user", "content": "…"}]                                        chat; the content may be a list of parts
[{"user": "…", "assistant": "…"}]                                         pairs
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from perceptdata.errors import Rejected
from perceptdata.example import IMAGE, Turn

Role = Literal["system", "user", "assistant"]
_ROLES: dict[str, Role] = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
}


class Said(NamedTuple):
    """One turn."""

    role: Role
    text: str


class Round(NamedTuple):
    """A question with the turns before it, and its answer where the conversation has one."""

    history: tuple[Turn, ...]
    question: str
    answer: str | None


def is_conversation(value: Any) -> bool:
    """Whether a value reads as a conversation with at least one user turn."""
    try:
        return any(turn.role == "user" for turn in read_turns(value))
    except Rejected:
        return False


def read_turns(value: Any) -> list[Said]:
    """The turns, in order. Raises Rejected `field.invalid`. A conversation written as JSON text is read too."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise Rejected("field.invalid", "the conversation is text that is not JSON") from None
    if not isinstance(value, list) or not value:
        raise Rejected("field.invalid", "the conversation is not a list of turns")
    turns: list[Said] = []
    for each in value:
        if not isinstance(each, Mapping):
            raise Rejected("field.invalid", f"a turn is a {type(each).__name__}, not an object")
        if "user" in each and "assistant" in each:
            turns += [Said("user", str(each["user"])), Said("assistant", str(each["assistant"]))]
            continue
        role = _ROLES.get(str(each.get("role", each.get("from", ""))).lower())
        content = each.get("content", each.get("value"))
        if role is None or content is None:
            raise Rejected("field.invalid", f"a turn has neither role and content nor from and value: {sorted(each)}")
        turns.append(Said(role, _text(content)))
    return turns


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(
            IMAGE if part.get("type") in ("image", "image_url") else str(part.get("text") or "") for part in content
        )
    raise Rejected("field.invalid", f"a turn's content is a {type(content).__name__}")


def rounds(turns: list[Said]) -> tuple[str | None, list[Round]]:
    """The system text, and one round for each user turn with its answer; a last user turn without one counts too."""
    system = "\n".join(turn.text for turn in turns if turn.role == "system") or None
    made: list[Round] = []
    history: list[Turn] = []
    question: str | None = None
    for role, text in turns:
        if role == "user":
            question = text if question is None else f"{question}\n{text}"
        elif role == "assistant" and question is not None:
            made.append(Round(tuple(history), question, text))
            history += [Turn(role="user", text=question), Turn(role="assistant", text=text)]
            question = None
    if question is not None:
        made.append(Round(tuple(history), question, None))
    return system, made
