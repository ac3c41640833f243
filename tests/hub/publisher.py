"""A process that publishes toy releases to be killed: `python publisher.py SCRATCH`, then a JSON line for each.

Each line's release is published in a fork of its own, for which nothing has to be imported again. It answers with the
fork's number, and after an empty line with its exit status when it has ended.
"""

from __future__ import annotations

import json
import os
import sys
import time
from functools import partial
from pathlib import Path

from hub.toy import ToyRelease

from perceptdata.publishing.hub.publish import publish
from perceptdata.publishing.hub.target import Target


def main(scratch: Path) -> None:
    import huggingface_hub.hf_api  # noqa: F401  (the forks have it then)

    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            release = ToyRelease(asked["version"], asked["shards"], pause=partial(time.sleep, asked["pause"]))
            try:
                publish(release, Target(repo=asked["repo"], **asked.get("target", {})), scratch)
            finally:
                sys.stdout.flush()
            os._exit(0)
        print(child, flush=True)
        sys.stdin.readline()  # until then its number is nobody else's
        print(os.waitpid(child, 0)[1], flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
