"""`make review-server`: a Label Studio to try things out on, on this machine alone, with a user and a key ready.

    LABEL_STUDIO_ENVIRONMENT=.venv-label-studio python -m perceptdata.review.label_studio

What it keeps lies in `.label-studio/`: the database, the images, and the password and key that it was made with.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from perceptdata.review.label_studio.connection import KEY, URL
from perceptdata.review.label_studio.pictures import FOLDER
from perceptdata.review.label_studio.server import MEDIA, settings

PORT = 8080
USER = "reader@example.org"


def prepared(home: Path, port: int = PORT) -> tuple[dict[str, str], list[str]]:
    """The server's environment, and the lines that tell its user how to get in."""
    media = home / "media"
    (media / FOLDER).mkdir(parents=True, exist_ok=True)
    password, key = _kept(home / "password", 9), _kept(home / "key", 20)
    first = {
        "LABEL_STUDIO_USERNAME": USER,
        "LABEL_STUDIO_PASSWORD": password,
        "LABEL_STUDIO_USER_TOKEN": key,
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",  # heard only when the database is made
    }
    url = f"http://127.0.0.1:{port}"
    lines = [
        f"{url}  {USER}  {password}",
        "in another shell:",
        f"export {URL}={url} {MEDIA}={media} {KEY}=$(cat {home / 'key'})",
    ]
    return {**settings(home / "data", media), **first, "HOME": str(home)}, lines


def main() -> None:
    """Starts the server in this process's place."""
    command = Path(os.environ.get("LABEL_STUDIO_ENVIRONMENT", ".venv-label-studio")).resolve() / "bin" / "label-studio"
    if not command.exists():
        sys.exit(f"{command} is not there; `make review-server` installs it")
    environment, lines = prepared(Path(".label-studio").resolve())
    print("\n".join(lines), flush=True)
    words = [str(command), "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(PORT)]
    os.execve(command, words, {**os.environ, **environment})


def _kept(file: Path, size: int) -> str:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(size), encoding="ascii")
    return file.read_text(encoding="ascii")


if __name__ == "__main__":
    main()
