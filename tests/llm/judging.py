"""Models that judge, for tests: they read the numbered claims they are asked about, and answer as they are told."""

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from llm.server import Say, Script, Server

from perceptdata import llm
from perceptdata.llm.asking import answers_of, ask_rounds
from perceptdata.packs import ImageStore
from perceptdata.plugins import CaptionItem, Judged
from perceptdata.registry import make
from perceptdata.verification.asking import AskingJudge, judged_by

_LINE = re.compile(r'^\[(\d+)\] (".*")$', re.MULTILINE)
Truth = Callable[[str, str], str]
"""What the model says of a claim: the claim, and the image as it was sent (or the reference)."""


def text_of(asked: dict[str, Any]) -> str:
    """All text of the first turn that is a user's: a later one asks to mend the reply."""
    content = _content(asked)
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if part["type"] == "text")


def image_of(asked: dict[str, Any]) -> str:
    """The image as it was sent; empty where there was none."""
    content = _content(asked)
    if isinstance(content, str):
        return ""
    return next((part["image_url"]["url"] for part in content if part["type"] == "image_url"), "")


def _content(asked: dict[str, Any]) -> Any:
    return next(message["content"] for message in asked["messages"] if message["role"] == "user")


def claims_in(asked: dict[str, Any]) -> dict[int, str]:
    """The claims that are asked, by number."""
    return {int(number): json.loads(text) for number, text in _LINE.findall(text_of(asked))}


def quoted(asked: dict[str, Any], name: str) -> str:
    """The JSON string behind `Reference:`, `Caption:` or `Description:`."""
    found = re.search(rf'^{name}: (".*")$', text_of(asked), re.MULTILINE)
    return json.loads(found[1]) if found else ""


def entry(number: int, claim: str, verdict: str, **more: Any) -> dict[str, Any]:
    """One entry of a reply."""
    words = " ".join(claim.split()[:6])
    return {"id": number, "words": words, "evidence": f"seen: {claim[:20]}", "verdict": verdict, **more}


def judges(truth: Truth, change: Callable[[list[dict[str, Any]]], Any] = lambda entries: entries) -> Script:
    """A model that judges by `truth`; `change` spoils its reply."""

    def script(asked: dict[str, Any], times: int) -> Say:
        about = quoted(asked, "Reference") or image_of(asked)
        entries = [entry(number, claim, truth(claim, about)) for number, claim in claims_in(asked).items()]
        changed = change(entries)
        return Say.text(changed if isinstance(changed, str) else json.dumps({"verdicts": changed}))

    return script


def passes(claim: str, about: str) -> str:
    """A judge that does not look."""
    return "supported"


class Wire:
    """`wire("llm", script, caption, n=3)`: what a judge says after its model was asked; `asked` is all of that."""

    def __init__(self, folder: Path, images: ImageStore) -> None:
        self.folder, self.images = folder, images
        self.servers: list[Server] = []

    @property
    def asked(self) -> list[dict[str, Any]]:
        return self.servers[-1].asked

    def __call__(self, name: str, script: Script, *captions: CaptionItem, **options: Any) -> list[Judged]:
        self.servers.append(Server(script).__enter__())
        endpoint = {"urls": [self.servers[-1].url], "model": "m", "retries": 0}
        judge = make("judges", name, {"endpoint": endpoint, **options})
        assert isinstance(judge, AskingJudge)
        with llm.ReplyCache(self.folder / f"{len(self.servers)}.sqlite", step="judged") as replies:
            ask_rounds(partial(judge.asks, captions), judge.endpoint, replies, images=self.images)
            return judged_by(judge, captions, answers_of(replies, judge.endpoint))

    def close(self) -> None:
        for server in self.servers:
            server.__exit__(None, None, None)
