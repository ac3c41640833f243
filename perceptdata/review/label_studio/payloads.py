"""Payloads: a task as Label Studio takes it, checked first, because the server checks nothing.

    check(task)                          # raises UsageError, before anything is sent
    payload(task, pictures)              # {"data": …, "meta": …, "predictions": […]}

`data` holds what is shown, who it is for, and what it is: `external_id` (the task's key), `content`, and `shown`, the
hash of the shown texts, by which a pull sees that somebody edited them on the server. `meta` repeats key and content:
lists bring it without the texts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

from perceptdata.errors import UsageError
from perceptdata.review.backend import Task
from perceptdata.review.label_studio.pictures import Pictures
from perceptdata.review.label_studio.screens import VERDICT, Screen, load

KEY, CONTENT, SHOWN, READER = "external_id", "content", "shown", "reader"


def check(task: Task) -> None:
    """Raises UsageError, naming the task, for what the server would take and nobody could read back."""
    where, screen = f"task {task.key} of {task.reader}", load(task.screen)
    strange = sorted(set(task.texts) - set(screen.fields))
    if strange:
        raise UsageError(f"{where}: screen '{task.screen}' shows no '{strange[0]}', but {', '.join(screen.fields)}")
    for field, text in task.texts.items():
        if "\r" in text or "\0" in text:
            raise UsageError(
                f"{where}: its {field} holds a carriage return or NUL, and offsets could shift; build anew"
            )
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise UsageError(f"{where}: its {field} holds a lone surrogate at character {error.start}") from error
    for guess in task.guesses:
        text = task.texts.get(guess.text, "")
        if screen.shown(guess.text, guess.label) is None:
            raise UsageError(f"{where}: screen '{task.screen}' has no label '{guess.label}' for '{guess.text}'")
        if not 0 <= guess.start < guess.end <= len(text):
            raise UsageError(
                f"{where}: a pre-annotation says {guess.start} to {guess.end} of '{guess.text}', which has "
                f"{len(text)} characters"
            )
    if task.verdict is not None and task.verdict not in screen.verdicts:
        raise UsageError(f"{where}: screen '{task.screen}' has no verdict '{task.verdict}'")
    if assisted(task) and not task.guessed_by:
        raise UsageError(f"{where}: it has a pre-annotation, and nobody is named who made it")


def assisted(task: Task) -> bool:
    """Whether the reader starts from something."""
    return bool(task.guesses) or task.verdict is not None


def version(task: Task) -> str:
    """Who made the pre-annotation, in letters that survive the server.

    It joins versions with commas in its lists, and undoes percent escapes in what it is asked; so escapes begin with ~.
    """
    return quote(task.guessed_by or "", safe="/@:+= ()").replace("~", "%7E").replace("%", "~")


def made_by(version: str) -> str:
    """What `version` was made from."""
    return unquote(version.replace("~", "%"))


def shown_hash(texts: Mapping[str, Any], screen: Screen) -> str:
    """The hash of what a screen shows, by field."""
    shown = [[field, texts.get(field) or ""] for field in screen.fields]
    return hashlib.sha256(json.dumps(shown, ensure_ascii=False).encode()).hexdigest()


def payload(task: Task, pictures: Pictures) -> dict[str, Any]:
    """The task as it is imported, its pre-annotation within it."""
    screen = load(task.screen)
    data = {
        KEY: task.key,
        CONTENT: task.content,
        SHOWN: shown_hash(task.texts, screen),
        READER: task.reader,
        "image": pictures.url(task.image),
        **{field: task.texts.get(field, "") for field in screen.fields},  # null is refused
    }
    body: dict[str, Any] = {"data": data, "meta": {KEY: task.key, CONTENT: task.content}}
    if assisted(task):
        body["predictions"] = [prediction(task)]
    return body


def prediction(task: Task) -> dict[str, Any]:
    """The pre-annotation."""
    screen = load(task.screen)
    result: list[dict[str, Any]] = [
        {
            "id": f"g{number}",
            "from_name": screen.controls[guess.text],
            "to_name": guess.text,
            "type": "labels",
            "value": {
                "start": guess.start,
                "end": guess.end,
                "text": task.texts[guess.text][guess.start : guess.end],
                "labels": [screen.shown(guess.text, guess.label)],
            },
            **({} if guess.score is None else {"score": guess.score}),
        }
        for number, guess in enumerate(task.guesses)
    ]
    if task.verdict is not None:
        result.append(
            {
                "id": "verdict",
                "from_name": VERDICT,
                "to_name": screen.judged,
                "type": "choices",
                "value": {"choices": [task.verdict]},
            }
        )
    return {"model_version": version(task), "result": result}
