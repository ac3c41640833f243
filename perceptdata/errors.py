"""Errors: one small hierarchy. A message says which row or file, what is wrong, and what to do.

PerceptDataError            exit code 1
├── UsageError              exit code 2: a recipe, an option or a name is wrong; nothing was done
├── WorkspaceError          the folder on disk: locked, newer, damaged, full
├── PluginError             a plugin cannot be imported or breaks its promise
├── WorkerError             a worker process died
└── Rejected                one row cannot be used; it becomes a row of `rejects`, and the rest goes on
"""

from __future__ import annotations


class PerceptDataError(Exception):
    """The base of every error this package raises on purpose."""

    exit_code = 1


class UsageError(PerceptDataError):
    """The request itself is wrong: unknown name, unknown key, missing option."""

    exit_code = 2


class WorkspaceError(PerceptDataError):
    """The workspace on disk cannot be read or written as asked."""


class PluginError(PerceptDataError):
    """A plugin cannot be imported, or returned something outside its contract."""


class WorkerError(PerceptDataError):
    """A worker process died; the message names its shard and its exit code."""


class Rejected(PerceptDataError):
    """One row cannot be used. `code` is stable and machine-readable, the message is for people.

    The codes of the engine are the keys of `REASONS`; a plugin adds its own under its name
    (`geometry3k.no_problem`). Raised inside a validator or a builder, it turns that row, and that row
    alone, into a reject.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def message(self) -> str:
        """The sentence without the code."""
        return str(self.args[0])


REASONS: dict[str, str] = {
    "answer.gold_fails": "the gold answer does not score 1.0 with its own checker",
    "answer.index": "the answer's index is outside the choices, or names another choice than its text",
    "answer.missing": "the row has no answer",
    "field.invalid": "a field has the wrong type or a value outside its range",
    "format.unwritable": "the parts of a response do not parse back once written in the response format",
    "id.duplicate": "an earlier row has the same id",
    "image.animated": "the image has more than one frame",
    "image.changed": "the image's bytes are not those whose SHA-256 the row names",
    "image.missing": "the image is not where the row says it is",
    "image.path_escapes": "the image path or zip entry leads out of its folder",
    "image.placeholders": "the question's <image> count differs from the number of images",
    "image.too_large": "the image has more pixels than the limit (checked from the header, before decoding)",
    "image.truncated": "the image file ends too early",
    "image.unreadable": "the bytes are not an image of a known format",
    "prompt.dropped": "the model's chat template leaves out or rewrites part of the conversation",
    "prompt.images": "the model takes no images, or not these, or its chat template moves them within the text",
    "prompt.template": "the model's chat template refuses the conversation",
    "prompt.thoughts": "the model's chat template opens a thought that the response does not have",
    "prompt.too_long": "the prompt is longer than the format allows, or than the model's context has room for",
    "row.unreadable": "the line or file cannot be parsed",
    "row.replaced": "a later row of the same annotator speaks of the same text",
    "spans.cut_character": "a span's border falls inside a character that normalisation joins",
    "spans.label": "a span's label is none of its scheme's",
    "spans.range": "a span lies outside its text, is empty, or overlaps another",
    "text.changed": "the text is another than the one that a layer's row was made from",
    "text.missing": "the text that a layer's row speaks of is not there",
    "text.nul": "a text contains NUL",
    "text.special_token": "a text contains a chat model's special token",
    "text.surrogate": "a text contains a lone surrogate",
    "tokens.expansion": "the processor's tokens do not end with those of the response",
    "tokens.straddle": "a token holds characters of two roles, and the policy is strict",
    "tokens.too_long": "prompt and response are longer than max_length, or than the model's context has room for",
}
