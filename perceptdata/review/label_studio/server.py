"""The server: how to start one, and what it needs to know. It lives in an environment of its own.

Label Studio pins an openai client older than ours, so the two cannot share an environment: asked for both, installers
quietly fall back to a Label Studio of years ago.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from perceptdata.review.label_studio.connection import DEFAULT_URL, KEY, URL

VERSION = "1.23.2"
"""The release that this is tested with."""
MEDIA = "LABEL_STUDIO_MEDIA"
MEDIA_ON_SERVER = "LABEL_STUDIO_MEDIA_ON_SERVER"
ENVIRONMENT: Mapping[str, str] = {
    URL: f"where the server is (default {DEFAULT_URL})",
    KEY: "a personal access token: Account & Settings, Personal Access Token",
    MEDIA: "a folder that the server serves local files from; without it, images travel as thumbnails",
    MEDIA_ON_SERVER: "the same folder as the server calls it, where it is another (a container)",
}
"""What `review` reads from the environment, and what it is for."""


def settings(data: Path, media: Path) -> dict[str, str]:
    """The server's own environment: everything on this machine, nothing sent anywhere, images served from `media`."""
    return {
        "LABEL_STUDIO_BASE_DATA_DIR": str(data),
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(media),
        "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
    }


def start_lines(folder: Path = Path("label-studio"), port: int = 8080) -> list[str]:
    """Shell lines that install and start a server for one machine, and then point `perceptdata review` at it.

    The password is asked for, so it stands in no file and no history.
    """
    here = folder.resolve()
    environment, media = here / "environment", here / "media"
    quoted = {name: shlex.quote(value) for name, value in settings(here / "data", media).items()}
    return [
        "# once: an environment of its own (about 1 GB)",
        f"python3 -m venv {shlex.quote(str(environment))}",
        f"{shlex.quote(str(environment / 'bin' / 'pip'))} install label-studio=={VERSION}",
        f"mkdir -p {shlex.quote(str(media / 'perceptdata'))}",
        "# each time: the server, on this machine alone; the first start takes a minute",
        "read -r -p 'E-mail of the first user: ' LABEL_STUDIO_USERNAME",
        "read -r -s -p 'Password: ' LABEL_STUDIO_PASSWORD",
        "export LABEL_STUDIO_USERNAME LABEL_STUDIO_PASSWORD",
        *(f"export {name}={value}" for name, value in quoted.items()),
        f"{shlex.quote(str(environment / 'bin' / 'label-studio'))} start --no-browser "
        f"--internal-host 127.0.0.1 --port {port}",
        "# then, in another shell, with a token from Account & Settings, Personal Access Token",
        f"export {URL}=http://127.0.0.1:{port}",
        f"export {MEDIA}={shlex.quote(str(media))}",
        f"read -r -s -p 'Token: ' {KEY} && export {KEY}",
        "perceptdata review doctor NAME",
    ]
