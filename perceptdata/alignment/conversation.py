"""A request and its response as one text: exactly what the model is given, what it answers, and what ends its turn.

    conversation = converse(reader, request, response, Frame.of(reader))
    conversation.text[conversation.start:]      # the response, character for character, and the end of the turn

The text is put together, not searched: the prompt as generation renders it, then the response, then what the chat
template writes after an assistant's turn. So the place of the response is known, however often its words stand in the
prompt, and no template can trim it, move it or take thoughts out of it. What templates do to earlier turns is checked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from jinja2 import TemplateError

from perceptdata import texts
from perceptdata.errors import Rejected, UsageError
from perceptdata.example import IMAGE
from perceptdata.vlm.loading import Reader
from perceptdata.vlm.rendering import THINK, Request, message, render

# A word that no template looks for, and that none would trim.
_MARK = "perceptdata0response0mark"


@dataclass(frozen=True, slots=True)
class Conversation:
    """The rendered text, image tokens not yet expanded; the response begins at `start`."""

    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Frame:
    """What a chat template writes around an assistant's turn, once its header is there; and what may not be within.

    `lead` is white space before it (`ASSISTANT: …`), `end` all that follows: the end token, perhaps a line feed.
    `reserved` are the control tokens, image tokens among them.
    """

    lead: str
    end: str
    reserved: frozenset[str]

    @classmethod
    def of(cls, reader: Reader) -> Frame:
        """Found by rendering a turn that holds a mark.

        A template that writes no end token, as some older ones, is given one: without it a model never learns to stop.
        Raises UsageError for a template that does not show an assistant's turn.
        """
        turns = [message(reader, "user", ["?"]), message(reader, "assistant", [_MARK])]
        writer = reader.processor or reader.tokenizer
        try:
            prompt, _ = render(reader, Request(key="frame", question="?"))
            text = writer.apply_chat_template(turns, tokenize=False)
        except (Rejected, TemplateError, TypeError) as error:
            raise UsageError(
                f"the chat template of {reader.name} refuses a question with its answer: {error}"
            ) from error
        head, *rest = text.split(_MARK)
        if len(rest) != 1:
            raise UsageError(
                f"the chat template of {reader.name} shows an assistant's turn {len(rest)} times, not once"
            )
        lead = head.removeprefix(prompt) if head.startswith(prompt) else ""
        ends = reader.tokenizer.convert_ids_to_tokens(list(reader.end_ids))
        ended = any(token in rest[0] for token in ends)
        control = {token.content for token in reader.tokenizer.added_tokens_decoder.values() if token.special}
        return cls(
            "" if lead.strip() else lead,
            rest[0] if ended else rest[0].rstrip() + ends[-1],
            frozenset(filter(None, (*control, *reader.tokenizer.all_special_tokens, reader.image_token))),
        )


def converse(reader: Reader, request: Request, response: str, frame: Frame) -> Conversation:
    """The whole conversation of one row. The request's prefill is left out: a response holds its own beginning.

    Raises Rejected: what `render` raises; `prompt.dropped` where the template leaves something out of the conversation,
    `prompt.thoughts` where it opens a thought that the response does not have, `text.*` for characters that no training
    text may hold.
    """
    texts.check(response, "the response")
    found = min((token for token in frame.reserved if token in response), default=None)
    if found:
        raise Rejected("text.special_token", f"the response contains {found}, a special token of {reader.name}")
    prompt, opened = render(reader, replace(request, prefill=""))
    _check_kept(reader, request, prompt)
    if opened and not response.startswith(THINK):
        raise Rejected(
            "prompt.thoughts",
            f"the chat template of {reader.name} opens {THINK} itself, and the response does not begin with it",
        )
    head = prompt.removesuffix(opened) + ("" if response[:1].isspace() else frame.lead)
    return Conversation(head + response + frame.end, len(head))


def _check_kept(reader: Reader, request: Request, prompt: str) -> None:
    """Every turn stands in the prompt, in order, white space aside: templates trim, and some drop earlier thoughts."""
    squeezed = _squeeze(prompt)
    turns = [("the system prompt", request.system)]
    turns += [(f"turn {number} ({turn.role})", turn.text) for number, turn in enumerate(request.history, 1)]
    at = 0
    for name, text in [*turns, ("the question", request.question)]:
        for part in text.split(IMAGE):
            piece = _squeeze(part)
            found = squeezed.find(piece, at)
            if found < 0:
                remedy = "; take the thoughts out of earlier turns" if THINK in part else ""
                raise Rejected(
                    "prompt.dropped",
                    f"the chat template of {reader.name} leaves out or rewrites part of {name}{remedy}",
                )
            at = found + len(piece)


def _squeeze(text: str) -> str:
    return "".join(text.split())
