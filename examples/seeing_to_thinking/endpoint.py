"""A model server that follows a script, on the loopback: what the example asks instead of three real models.

    with Endpoint() as endpoint:
        endpoint.url                 # http://127.0.0.1:<port>/v1

As `writer` it makes questions of captions, as people who set questions would, and fails at one. As `small` and `large`
it answers from captions rightly, and from pictures as their names say: some seen, some not. Tries at the problems are
right more often for the first than for the last.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

CAPTION = re.compile(r"A (\w+) (bench|kiosk) stands on the left of .*? it (\d) (\w+) balls lie")
COLOURS = ("red", "blue", "green", "yellow", "black", "orange")
SEEN = {"small": {("red", "2")}, "large": {("red", "2"), ("green", "3")}}  # (what stands left, how many balls)
ANSWERS = {"7 \\cdot 8": "50", "x^2 = 121": "11", "first ten odd": "100", "between 20 and 40": "4", "2^{10}": "1023"}


class Endpoint:
    """Use it as a context. `asked` counts requests by model."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self._tries: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._send(404, {})

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._send(200, endpoint.reply(asked))

            def log_message(self, format: str, *args: object) -> None:
                """Nobody reads them."""

            def _send(self, status: int, content: dict[str, Any]) -> None:
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def reply(self, asked: dict[str, Any]) -> dict[str, Any]:
        """One completion."""
        model, content = asked["model"], asked["messages"][-1]["content"]
        text = content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)
        with self._lock:
            self.asked[model] += 1
            self._tries[text] += 1
            count = self._tries[text]
        if model == "writer":
            said = written(text)
        elif "Reply with the letter" in text:
            said = chosen(model, text)
        else:
            said = tried(text, count)
        message = {"role": "assistant", "content": said}
        return {
            "object": "chat.completion",
            "model": model,
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": len(text) // 4, "completion_tokens": len(said) // 4 + 1, "total_tokens": 0},
        }


def written(text: str) -> str:
    """A question from the caption at the end of the prompt."""
    found = CAPTION.search(text)
    if found is None or found[1] == "black":
        return "I would rather not."
    colour, thing, count, balls = found.groups()
    if int(count) % 2:
        others = [each for each in COLOURS if each != colour][:3]
        made = {"question": f"What colour is the {thing} left of the {count} balls?", "right": colour, "others": others}
    else:
        others = [str(int(count) + step) for step in (1, 2, 3)]
        asked = f"How many {balls} balls lie right of the {colour} {thing}?"
        made = {"question": asked, "right": count, "others": others}
    options = dict(zip("ABCD", [made["right"], *made["others"]], strict=True))
    return f"```json\n{json.dumps({'question': made['question'], 'options': options, 'answer': 'A'})}\n```"


def chosen(model: str, text: str) -> str:
    """A letter: from the caption the right one; from the picture the right one where the model sees it."""
    options = dict(re.findall(r"^([A-D]): (.+)$", text, re.MULTILINE))
    letters = {answer: letter for letter, answer in options.items()}
    if (caption := CAPTION.search(text)) is not None:
        return next(letters[each] for each in (caption[1], caption[3]) if each in letters)
    if "How many orange balls" in text:
        return "A row of them."  # no letter at all
    right = {("red", "2"): "2", ("green", "3"): "green"}
    for seen, answer in right.items():
        if (
            answer in letters
            and re.search(rf"{seen[0]} bench|left of the {seen[1]} balls", text)
            and seen in SEEN[model]
        ):
            return letters[answer]
    last = sorted(options)[-1]
    return last if model == "small" else f"The answer is {last}."


def tried(text: str, count: int) -> str:
    """The first, second, … try at a problem, right or not by a draw."""
    right = next((answer for part, answer in ANSWERS.items() if part in text), "70")
    lucky = int(hashlib.sha256(f"{text}{count}".encode()).hexdigest(), 16) % 4 < 3
    return f"<think>I work it out.</think> \\boxed{{{right if lucky else '0'}}}"
