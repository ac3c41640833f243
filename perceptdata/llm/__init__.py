"""Asking models over the OpenAI protocol: every answer paid for once.

    endpoint = Endpoint(urls=("http://n1:8000/v1", "http://n2:8000/v1"), model="Qwen3-VL-32B")
    with ReplyCache(ws.path / REPLIES, step="cot") as replies:
        run = run_requests(requests, endpoint, replies, images=ws.images)
        replies.get(request.key(endpoint)).text

| module      | noun                                                                       |
|-------------|----------------------------------------------------------------------------|
| `endpoint`  | where a model is asked, and in which dialect                                |
| `request`   | what is asked; its key                                                      |
| `reply`     | what came back, and the codes of what can be wrong with it                  |
| `cache`     | replies on disk, with the ledger                                            |
| `ledger`    | what was spent; the budget                                                  |
| `hosts`     | the urls: balance, back-off, rest                                           |
| `transport` | the SDK on aiohttp, one attempt at a time                                   |
| `failures`  | what a failed call means                                                    |
| `client`    | `ask`: cache, call, repair, save                                            |
| `drive`     | `run_requests`: a stream of requests                                        |
| `estimate`  | what a run would take                                                       |
| `upload`    | images as data URIs                                                         |
"""

from __future__ import annotations

from perceptdata.llm.cache import ReplyCache, known_replies
from perceptdata.llm.drive import Run, run_requests
from perceptdata.llm.endpoint import Endpoint, Price
from perceptdata.llm.estimate import Estimate, estimate, prompt_tokens
from perceptdata.llm.ledger import Budget, Ledger
from perceptdata.llm.reply import ERRORS, Reply
from perceptdata.llm.request import Message, Picture, Request, Sampling, user

REPLIES = "replies/replies.sqlite"
"""Where a workspace keeps them: not under `cache/`, which `status --prune` empties, for answers cost money."""

__all__ = [
    "ERRORS",
    "REPLIES",
    "Budget",
    "Endpoint",
    "Estimate",
    "Ledger",
    "Message",
    "Picture",
    "Price",
    "Reply",
    "ReplyCache",
    "Request",
    "Run",
    "Sampling",
    "estimate",
    "known_replies",
    "prompt_tokens",
    "run_requests",
    "user",
]
