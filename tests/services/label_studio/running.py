"""A real Label Studio on the loopback with SQLite: started, killed and started again; its users and their keys."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from services.ports import free_port

from perceptdata.review.label_studio.connection import Connection
from perceptdata.review.label_studio.server import settings

ADMIN, PASSWORD = "admin@example.org", "Passw0rd-of-tests"
TOKEN = "0123456789abcdef0123456789abcdef01234567"
START = 600.0  # the first start takes a minute on a quiet machine


def environment(root: Path) -> Path:
    """Where `make test-services` installs the server."""
    return Path(os.environ.get("LABEL_STUDIO_ENVIRONMENT", root / ".venv-label-studio"))


class Server:
    """`kill` and `start` keep the data; the first start makes the database, which takes a minute."""

    def __init__(self, command: Path, home: Path) -> None:
        self.command, self.home, self.port = command, home, free_port()
        self.url, self.log = f"http://127.0.0.1:{self.port}", home / "log"
        self.media = home / "media"
        (self.media / "perceptdata").mkdir(parents=True)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers."""
        first = {
            "LABEL_STUDIO_USERNAME": ADMIN,
            "LABEL_STUDIO_PASSWORD": PASSWORD,
            "LABEL_STUDIO_USER_TOKEN": TOKEN,
            "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",  # heard only when the database is made
        }
        command = [str(self.command), "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(self.port)]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **settings(self.home / "data", self.media), **first, "HOME": str(self.home)},
                start_new_session=True,
            )
        until = time.monotonic() + START
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"Label Studio did not start:\n{self.log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.2)

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        """At once, with its children."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def connect(self, key: str = TOKEN) -> Connection:
        return Connection(self.url, key)

    # People

    @contextmanager
    def session(self, email: str = ADMIN) -> Iterator[httpx.Client]:
        """Logged in, as a browser is."""
        with httpx.Client(base_url=self.url, timeout=60, follow_redirects=True) as client:
            client.get("/user/login/")
            self._post(client, "/user/login/", {"email": email, "password": PASSWORD})
            yield client

    def sign_up(self, email: str) -> str:
        """A new user by invitation; their personal access token."""
        invitation = httpx.get(f"{self.url}/api/invite", headers={"Authorization": f"Token {TOKEN}"}).json()
        path = re.sub(r"^https?://[^/]+", "", invitation["invite_url"])
        with httpx.Client(base_url=self.url, timeout=60, follow_redirects=True) as client:
            client.get(path)
            self._post(client, path, {"email": email, "password": PASSWORD, "allow_newsletters": "false"})
        return self.personal_token(email)

    def personal_token(self, email: str = ADMIN) -> str:
        with self.session(email) as client:
            return str(self._post(client, "/api/token/", {}).json()["token"])

    def legacy_tokens(self, allowed: bool) -> None:
        """What an owner sets on the organization's page."""
        with self.session() as client:
            self._post(client, "/api/jwt/settings", {"api_tokens_enabled": True, "legacy_api_tokens_enabled": allowed})

    def _post(self, client: httpx.Client, path: str, body: dict[str, object]) -> httpx.Response:
        secret = client.cookies["csrftoken"]
        headers = {"X-CSRFToken": secret, "Referer": self.url + path}
        api = path.startswith("/api/")
        answer = client.post(
            path, headers=headers, **({"json": body} if api else {"data": {**body, "csrfmiddlewaretoken": secret}})
        )
        answer.raise_for_status()
        return answer
