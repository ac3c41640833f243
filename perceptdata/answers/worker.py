"""The algebra process: reads pairs as JSON lines, says of each whether its two sides are equal.

    <- {"gold": "x^2-1", "answer": "(x-1)(x+1)"}
    -> "equal" | "different" | "gold_unreadable" | "answer_unreadable" | "failed" | "died"

Run by file name, so that it imports nothing of perceptdata. It needs no signals and no threads: the kernel ends it
where a pair takes more CPU time or memory than allowed (big powers never return to the interpreter, so nothing inside
could), and it ends by itself when its input does, which happens when its parent is gone.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import sys
import time
from contextlib import suppress
from functools import lru_cache
from typing import Any


def serve(seconds: int, megabytes: int) -> None:
    """Answer until the input ends. `seconds` of CPU time a pair, `megabytes` of memory in all."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whatever a library prints must not look like an answer
    logging.disable(logging.CRITICAL)
    from math_verify import LatexExtractionConfig, parse, verify

    config = [LatexExtractionConfig()]

    # The whole text between dollars: free text would have its last sum taken out and computed.
    @lru_cache(maxsize=512)
    def read(text: str) -> tuple[Any, ...]:
        found = parse(f"${text}$", config, fallback_mode="no_fallback", parsing_timeout=None, raise_on_error=True)
        return tuple(found)

    def compare(gold: str, answer: str) -> str:
        unreadable = "gold_unreadable"
        try:
            wanted = read(gold)
            if wanted:
                unreadable = "answer_unreadable"
                said = read(answer)
                if said:
                    unreadable = "failed"
                    same = verify(list(wanted), list(said), timeout_seconds=None, raise_on_error=True)
                    return "equal" if same else "different"
        except MemoryError:
            return "died"
        except (
            Exception
        ):  # sympy raises whatever it likes on odd input; the pair is told from the others by its outcome
            return unreadable
        return unreadable

    _limit(resource.RLIMIT_AS, megabytes << 20)
    print(json.dumps("ready"), file=channel, flush=True)
    for line in sys.stdin:
        pair = json.loads(line)
        _limit(resource.RLIMIT_CPU, int(time.process_time()) + seconds + 1)
        outcome = compare(pair["gold"], pair["answer"])
        print(json.dumps(outcome), file=channel, flush=True)
        if outcome == "died":
            return


def _limit(what: int, value: int) -> None:
    with suppress(ValueError, OSError):  # systems without this limit leave it to the parent's clock
        resource.setrlimit(what, (value, resource.getrlimit(what)[1]))


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))
