"""The SDK's client for one url, on aiohttp, with an eye on every attempt.

The SDK repeats 408, 409, 429, 5xx, timeouts and broken connections, and waits as long as Retry-After says. What it does
not do happens here, once an attempt: a deadline for all of it (the SDK's own are for one read, and a body that drips
never meets one), the url's limit told of what was too much, and names for broken connections that can be trusted (the
aiohttp transport calls a refused connection and a server that hangs up both a timeout).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx2

from perceptdata.llm.endpoint import Endpoint
from perceptdata.llm.hosts import Host

if TYPE_CHECKING:
    from openai import AsyncOpenAI

CONNECT_SECONDS = 20.0
# Servers close idle connections, many after 5 s; one that is closed while a call is being sent costs a retry.
IDLE_SECONDS = 4.0
NO_KEY = "none"  # the SDK would otherwise send what OPENAI_API_KEY holds to whoever is asked


def open_client(
    endpoint: Endpoint,
    host: Host,
    on_retry: Callable[[], None],
    transport: httpx2.AsyncBaseTransport | None = None,
) -> AsyncOpenAI:
    """A client for one url; the caller closes it. `transport` stands in for the network in tests."""
    import aiohttp
    from openai import AsyncOpenAI, DefaultAioHttpClient

    class Watched(DefaultAioHttpClient):
        """Every attempt goes through `send`."""

        async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
            if request.headers.get("x-stainless-retry-count", "0") != "0":
                on_retry()
            sent = time.monotonic()
            try:
                async with asyncio.timeout(endpoint.timeout):
                    response = await super().send(request, **options)
            except (TimeoutError, httpx2.RequestError, aiohttp.ClientError) as error:
                told = _told(error, error.__cause__ or error, request, endpoint.timeout)
                if isinstance(told, httpx2.ReadTimeout):
                    host.press_less(sent)
                raise told from error
            if response.status_code in (429, 503):
                host.press_less(sent)
                host.pause(_retry_after(response.headers), f"status {response.status_code}")
            return response

    def _told(error: Exception, cause: BaseException, request: httpx2.Request, seconds: float) -> httpx2.RequestError:
        """The error by what happened: no connection, no whole answer in time, or a connection that broke."""
        unreached = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, httpx2.ConnectError)
        if isinstance(cause, unreached) or isinstance(error, httpx2.ConnectError):
            return httpx2.ConnectError(str(cause) or "no connection in time", request=request)
        if isinstance(cause, TimeoutError) or isinstance(error, TimeoutError):
            return httpx2.ReadTimeout(f"no whole answer within {seconds:g} s", request=request)
        if isinstance(error, httpx2.TimeoutException) and not isinstance(cause, aiohttp.ClientError):
            return httpx2.ReadTimeout(f"no whole answer within {seconds:g} s", request=request)
        return httpx2.RemoteProtocolError(f"{type(cause).__name__}: {cause}", request=request)

    client = AsyncOpenAI(
        base_url=host.url,
        api_key=endpoint.key() or NO_KEY,
        max_retries=endpoint.retries,
        timeout=httpx2.Timeout(endpoint.timeout, connect=CONNECT_SECONDS, pool=None),
        http_client=Watched(
            limits=httpx2.Limits(max_connections=endpoint.concurrency, keepalive_expiry=IDLE_SECONDS),
            follow_redirects=False,
            transport=transport,
        ),
    )
    client.organization = client.project = None  # from the environment, and none of another server's business
    return client


def _retry_after(headers: httpx2.Headers) -> float:
    """Seconds to wait, 0 where none are given in numbers."""
    try:
        seconds = float(headers.get("retry-after", "0"))
    except ValueError:
        return 0.0
    return max(0.0, seconds) if math.isfinite(seconds) else 0.0
