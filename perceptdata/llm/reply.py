"""What came back, or why nothing usable did.

    reply.text, reply.error             # 'So \\\\boxed{4}', None
    reply.text, reply.error             # 'So, if we', 'length': the text is there, cut off

A reply always says whether it can be used; nothing is repaired in silence. `ERRORS` has the codes. They differ in what
a later run does: an answer that was paid for is kept and not bought again unless asked; a rejection, which is free, is
kept for the row's reason and asked again; trouble on the way is not kept at all.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

PAID = {
    "length": "the answer was cut off at the limit of tokens",
    "invalid": "the answer does not fit the schema, nor did a second one",
    "refusal": "the model refused",
    "content_filter": "a content filter stopped the answer",
    "choices": "the endpoint gave another number of choices than the one it was asked for",
    "empty": "the answer has no text",
}
FREE = {
    "rejected": "the endpoint rejects the request",
    "prompt_too_long": "the prompt is longer than the model takes",
    "image": "an image cannot be decoded",
}
TRANSIENT = {
    "server": "the endpoint failed, again and again, on this request",
    "timeout": "no whole answer came in time",
    "hang_up": "the connection broke before the answer was whole",
    "garbled": "what came is no answer: not JSON, not in the protocol, or an error with status 200",
}
ERRORS = {**PAID, **FREE, **TRANSIENT}


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer with what it took: tokens, cost, seconds and calls include those of a repair turn.

    `text` is exactly what the model wrote after any prefill; `reasoning` what the server split off from it. `parsed` is
    what the schema made of it, as JSON values. `model` is the one that the server says it served. Tokens are None where
    the server did not count them, and the cost where they or the price are unknown.
    """

    text: str
    reasoning: str | None = None
    finish_reason: str | None = None
    model: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: float | None = None
    seconds: float = 0.0
    parsed: Any = None
    error: str | None = None
    message: str = ""
    calls: int = 1

    @property
    def ok(self) -> bool:
        """Whether it can be used as it is."""
        return self.error is None


class Garbled(Exception):
    """A body that is no completion. `status` is the HTTP status that an error inside a 200 claims for itself."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


def read_completion(body: bytes) -> Reply:
    """The completion in a body that came with status 200, not yet priced. Raises Garbled for anything else."""
    try:
        whole = json.loads(body)
    except (ValueError, RecursionError):
        raise Garbled(f"the body is not JSON: {body[:80].decode('utf-8', 'replace')!a}") from None
    if not isinstance(whole, dict):
        raise Garbled(f"the body is {type(whole).__name__}, not a completion")
    choices = whole.get("choices")
    if not isinstance(choices, list):
        raise _error_body(whole)
    usage = whole.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    served = whole.get("model")
    reply = Reply(
        text="",
        model=served if isinstance(served, str) else None,
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
    )
    if len(choices) != 1:
        return replace(reply, error="choices", message=f"{len(choices)} choices came for 1 that was asked for")
    choice = choices[0] if isinstance(choices[0], dict) else {}
    message = choice.get("message")
    if not isinstance(message, dict):
        raise Garbled("the choice has no message")
    content, reason = message.get("content"), choice.get("finish_reason")
    if content is not None and not isinstance(content, str):
        raise Garbled(f"the message's content is {type(content).__name__}, not text")
    text = writable(content or "")
    thought = next((t for name in ("reasoning_content", "reasoning") if isinstance(t := message.get(name), str)), None)
    reason = reason if isinstance(reason, str) else None
    error, why = _unusable(text, reason, message.get("refusal"))
    thought = None if thought is None else writable(thought)
    return replace(reply, text=text, reasoning=thought, finish_reason=reason, error=error, message=why)


def writable(text: str) -> str:
    """The text with lone surrogates, which JSON can spell and no file can hold, replaced."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _unusable(text: str, reason: str | None, refusal: object) -> tuple[str | None, str]:
    """The error code of a message and what to say of it; (None, "") for one that is fine."""
    if isinstance(refusal, str) and refusal:
        return "refusal", refusal
    if reason in ("length", "content_filter"):
        return reason, PAID[reason]
    if not text.strip():
        return "empty", f"the answer has no text (finish reason {reason})"
    return None, ""


def _error_body(content: dict[str, Any]) -> Garbled:
    """Gateways answer 200 with `{"error": {…}}`; older servers with `{"object": "error", …}`."""
    inner = content.get("error", content)
    if isinstance(inner, dict):
        status = next((code for name in ("status", "code") if isinstance(code := inner.get(name), int)), None)
        said = inner.get("message")
    else:
        status, said = None, inner
    if not isinstance(said, str):
        return Garbled(f"the body has no choices, but {', '.join(map(ascii, content)) or 'nothing'}")
    return Garbled(said, status if status is not None and 400 <= status < 600 else None)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
