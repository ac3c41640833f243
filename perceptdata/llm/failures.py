"""What a failed call means: for the run, for the url, or for the one request.

| what happened                                        | meaning                                               |
|------------------------------------------------------|-------------------------------------------------------|
| 401, 402, 403 at first, 404, 405, redirect, no quota | Fatal: the run stops; nothing else would fare better  |
| no connection, 408, 409, 425, 429, 502, 503          | Unavailable: not the request's fault; it is sent again |
| other 5xx, timeout, hang-up, garbled body            | the request's or the url's fault: see `client`        |
| other 4xx                                            | the request's fault                                   |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perceptdata.llm.endpoint import Endpoint
from perceptdata.llm.reply import TRANSIENT, Garbled, writable

if TYPE_CHECKING:
    from openai import APIError

LONGEST_MESSAGE = 400
# What servers say of a prompt that is too long, where they give no code for it.
_TOO_LONG = ("context_length_exceeded", "maximum context length", "context window", "longer than the maximum model")


class Fatal(Exception):
    """The run must stop. The message is a whole sentence without the url."""


class Unavailable(Exception):
    """The url cannot take the call now. `unreached`: there was no connection. `crowded`: there are too many calls."""

    def __init__(self, message: str, unreached: bool = False, crowded: bool = False) -> None:
        super().__init__(message)
        self.unreached, self.crowded = unreached, crowded


class Failed(Exception):
    """The call failed with one of the codes of `reply.ERRORS`."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error

    @property
    def transient(self) -> bool:
        """Whether another try may succeed."""
        return self.error in TRANSIENT


def of_error(error: APIError, endpoint: Endpoint, answered: bool) -> Exception:
    """What an error of the SDK means. `answered`: the url has answered other requests."""
    import httpx2
    from openai import APIStatusError

    if isinstance(error, APIStatusError):
        return of_status(error.status_code, said_by(error.body, error.message), error.code or "", endpoint, answered)
    cause = error.__cause__ or error
    if isinstance(cause, httpx2.ConnectError):
        return Unavailable(f"cannot be reached ({brief(str(cause), endpoint)})", unreached=True)
    kind = "timeout" if isinstance(cause, httpx2.TimeoutException) else "hang_up"
    return Failed(kind, brief(str(cause), endpoint))


def of_garbled(garbled: Garbled, endpoint: Endpoint, answered: bool) -> Exception:
    """What a 200 without a completion means: an error inside it counts as the status that it claims."""
    if garbled.status is not None:
        return of_status(garbled.status, str(garbled), "", endpoint, answered)
    return Failed("garbled", brief(str(garbled), endpoint))


def of_status(status: int, said: str, code: str, endpoint: Endpoint, answered: bool) -> Exception:
    """What an HTTP status means."""
    words = f"{status}: {brief(said, endpoint)}"
    if status == 401 or (status == 403 and not answered):
        key = "without a key" if endpoint.key_env is None else f"with the key in ${endpoint.key_env}"
        return Fatal(f"does not let us in {key} ({words})")
    if status == 402 or (status == 429 and "quota" in code):
        return Fatal(f"has no credit left ({words})")
    if status in (404, 405):
        return Fatal(f"has no model '{endpoint.model}', or no chat completions at this address ({words})")
    if 300 <= status < 400:
        return Fatal(f"sends us elsewhere ({words}); name the address that answers")
    if status in (408, 409, 425, 429, 502, 503):
        return Unavailable(f"has no time ({words})", crowded=status == 429)
    if status >= 500:
        return Failed("server", words)
    too_long = any(sign in f"{code} {said}".lower() for sign in _TOO_LONG)
    return Failed("prompt_too_long" if too_long else "rejected", words)


def said_by(body: object, otherwise: str) -> str:
    """The server's own words in an error body: `{"message": …}`, or FastAPI's `{"detail": …}`."""
    if isinstance(body, dict):
        for name in ("message", "detail", "error"):
            if isinstance(said := body.get(name), str):
                return said
    return otherwise


def brief(said: str, endpoint: Endpoint) -> str:
    """A stranger's words on one short line, without the key, which some servers repeat."""
    words = writable(" ".join(said.split()))
    if endpoint.key_env is not None:
        words = words.replace(endpoint.key() or "", "***")
    return words if len(words) <= LONGEST_MESSAGE else words[: LONGEST_MESSAGE - 1] + "…"
