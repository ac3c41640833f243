"""What goes wrong between us and the Hub, as one sentence without the token; and how patiently it is tried again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from perceptdata.errors import PerceptDataError

Got = TypeVar("Got")

WAITS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Seconds before each new try, where the Hub names none."""
LONGEST_WAIT = 900.0
"""A Hub that asks for more is told of, not waited for: its limit of commits an hour would keep a terminal as long."""
LONGEST_MESSAGE = 400
_LATER = (408, 425, 429, 500, 502, 503, 504)


class HubError(PerceptDataError):
    """The Hub cannot be reached or refuses. What is uploaded stays uploaded: the same command goes on from there."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed call: its HTTP status (None where no answer came), the Hub's words, and the seconds it asks for."""

    status: int | None
    words: str
    wait: float | None = None

    @property
    def passing(self) -> bool:
        """Whether the same call may succeed later."""
        return self.status is None or self.status in _LATER

    @property
    def busy(self) -> bool:
        """Somebody else's commit came before ours (412), or is being made (409)."""
        return self.status in (409, 412)

    @property
    def unknown_object(self) -> bool:
        """A commit names a file whose bytes the Hub has not, or no longer."""
        return self.status in (400, 404, 422) and "does not exist" in self.words and "pointer" in self.words.lower()


def failure_of(error: Exception, secret: str | None) -> Failure:
    """The failure behind what the client raised. An error of neither the Hub nor the network is raised again."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
    from huggingface_hub.utils._http import parse_ratelimit_headers

    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, HfHubHTTPError | httpx2.TransportError | OfflineModeIsEnabled):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, OfflineModeIsEnabled):
        raise HubError("HF_HUB_OFFLINE is set, so the Hub cannot be asked; unset it") from error
    if isinstance(cause, HfHubHTTPError):
        headers = cause.response.headers
        limit = parse_ratelimit_headers(headers)
        after = headers.get("retry-after", "").strip()
        wait: float | None = None
        if limit is not None and limit.remaining == 0:
            wait = limit.reset_in_seconds + 1.0  # the Hub counts in whole seconds
        elif after.isdigit():
            wait = float(after)
        said = cause.server_message or str(cause)
        return Failure(cause.response.status_code, brief(said, secret), wait)
    if isinstance(cause, httpx2.TransportError):
        return Failure(None, brief(str(cause) or type(cause).__name__, secret))
    if isinstance(error, PermissionError | ValueError) and not (isinstance(error, OSError) and error.errno):
        return Failure(403 if isinstance(error, OSError) else 400, brief(str(error), secret))
    if isinstance(error, ConnectionError | TimeoutError | RuntimeError):  # what hf_xet raises
        return Failure(None, brief(str(error), secret))
    raise error


def brief(said: str, secret: str | None) -> str:
    """Words on one short line, without the secret, which some servers repeat."""
    words = " ".join(said.split())
    if secret:
        words = words.replace(secret, "***")
    return words if len(words) <= LONGEST_MESSAGE else words[: LONGEST_MESSAGE - 1] + "…"


class Patience:
    """Waits before another try: as long as the Hub asks, or longer each time; and gives up in the end."""

    def __init__(self, tell: Callable[[str], None] | None = None) -> None:
        self._tell, self._waits = tell, list(WAITS)

    def wait(self, failure: Failure, doing: str) -> None:
        """Sleep, or raise HubError that says what is not to be waited for any longer."""
        seconds = failure.wait if failure.wait is not None else (self._waits[0] if self._waits else 0.0)
        if seconds > LONGEST_WAIT:
            raise HubError(
                f"{doing}: the Hub asks to wait {seconds / 60:.0f} minutes ({failure.words}); "
                "run the same command again then, it goes on where this one stopped"
            )
        if not self._waits:
            raise HubError(f"{doing}: {said(failure)}; run the same command again to go on from here")
        self._waits.pop(0)
        if self._tell is not None and seconds >= 1:
            self._tell(f"{doing}: {said(failure)}; again in {seconds:.0f} s")
        time.sleep(seconds)


def said(failure: Failure) -> str:
    """The failure in a clause."""
    if failure.status is None:
        return f"no whole answer came ({failure.words})"
    return f"the Hub says {failure.status} ({failure.words})"


def patiently(
    call: Callable[[], Got], doing: str, secret: str | None, tell: Callable[[str], None] | None = None
) -> Got:
    """The result of a call that may be made again, tried until it succeeds. Raises HubError."""
    patience = Patience(tell)
    while True:
        try:
            return call()
        except Exception as error:
            failure = failure_of(error, secret)
            if not failure.passing:
                raise refused(failure, doing) from unless_secret(error, secret)
        patience.wait(failure, doing)  # here, so that what it raises does not carry the error along


def refused(failure: Failure, doing: str) -> HubError:
    """The error of a call that must not be made again, with what helps."""
    remedy = {
        401: "the token is not valid (any more): `hf auth login`, or another HF_TOKEN",
        402: "the account has no credit",
        403: "the token or the account may not do this; look at its rights, and at the storage that is left",
        404: "check the name, and that the token may see it",
        413: "that is more than the Hub takes",
    }.get(failure.status or 0, "run the same command again when this is mended")
    return HubError(f"{doing}: {said(failure)}; {remedy}")


def unless_secret(error: Exception, secret: str | None) -> Exception | None:
    """The error as the cause of ours, unless it repeats the token: a traceback prints it."""
    chain: BaseException | None = error
    while chain is not None:
        if secret and secret in f"{chain!s} {chain!r}":
            return None
        chain = chain.__cause__ or chain.__context__
    return error
