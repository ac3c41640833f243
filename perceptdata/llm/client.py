"""Asking one endpoint: cached answers for nothing, the rest once, whole and checked.

    async with Client(endpoint, replies, images=ws.images) as client:
        reply = await client.ask(request)

A failure is laid at the right door. What stops everybody (a wrong key, no such model) ends the run. What a url cannot
do now is tried again, at another url or later. What may be the request's own fault (a status 500, a timeout) is tried
once more at another url where there is one, and then becomes the reply's error, for one poisonous image must not end a
run of 100,000; several in a row, with no answer in between, are the url's fault. An answer that breaks its schema gets
one repair turn with the validator's message.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, ValidationError

from perceptdata.errors import PerceptDataError, Rejected, UsageError
from perceptdata.llm.cache import ReplyCache
from perceptdata.llm.endpoint import Endpoint
from perceptdata.llm.failures import Failed, Fatal, Unavailable, brief, of_error, of_garbled
from perceptdata.llm.hosts import Host, Hosts
from perceptdata.llm.ledger import Budget
from perceptdata.llm.reply import TRANSIENT, Garbled, Reply, read_completion
from perceptdata.llm.request import Message, Request, json_schema
from perceptdata.llm.upload import data_uri
from perceptdata.packs import ImageStore

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI
    from openai._types import RequestOptions

REJECTED_AT_FIRST = 8  # so many requests rejected before any is answered: it is the way we ask
MOST_PUT_OFF = 5  # so often a url may have no time for a request while it answers others
_JSON: RequestOptions = {"headers": {"content-type": "application/json"}}


class Stopped(PerceptDataError):
    """The run was told to stop before this request was sent; the message says why."""


@dataclass(slots=True)
class _Tries:
    """What a call has been through: how often it was sent, put off, and failed; where not to send it next."""

    made: int = 0
    put_off: int = 0
    failed: int = 0
    avoid: Host | None = None


class _Sent(NamedTuple):
    """One try: where, when, and how many calls the url had answered by then."""

    host: Host
    at: float
    answered: int

    @property
    def others_were_answered(self) -> bool:
        """While this one was under way: then the url is in order."""
        return self.host.answered != self.answered


class Client:
    """One endpoint, one cache. `retry_failed`: failures that were paid for are asked again."""

    def __init__(
        self,
        endpoint: Endpoint,
        replies: ReplyCache,
        *,
        images: ImageStore | None = None,
        budget: Budget | None = None,
        retry_failed: bool = False,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.endpoint, self.replies, self.images = endpoint, replies, images
        self.budget, self.retry_failed = budget or Budget(), retry_failed
        self.budget.check(endpoint)
        endpoint.key()
        self.ledger = replies.ledger
        self.hosts = Hosts(endpoint.urls, endpoint.concurrency)
        self._transport = transport
        self._clients: dict[Host, AsyncOpenAI] = {}
        self._asked: dict[str, asyncio.Task[Reply]] = {}
        self._rejected = 0

    async def __aenter__(self) -> Client:
        from perceptdata.llm.transport import open_client  # the SDK takes a second to import

        for host in self.hosts.all:
            self._clients[host] = open_client(self.endpoint, host, self._count_retry, self._transport)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.replies.flush()
        for client in self._clients.values():
            await client.close()

    @property
    def given_up(self) -> list[str]:
        """The urls that are no longer asked, each with the reason."""
        return [f"{host.url} {host.given_up}" for host in self.hosts.all if host.given_up]

    def stop(self, why: PerceptDataError) -> None:
        """Send nothing new. What is under way finishes and is saved."""
        self.hosts.stop(why)

    async def ask(self, request: Request) -> Reply:
        """The reply: from the cache, or from the endpoint and on disk by now.

        A reply may carry an error of its own. Raises Stopped once the budget is spent, UsageError when the endpoint
        turns us away, PerceptDataError when it cannot be reached or gives up, WorkspaceError when nothing can be saved.
        """
        key = request.key(self.endpoint)
        if (known := self.replies.settled(key, self.retry_failed)) is not None:
            self.ledger.cached += 1
            return known
        if (twin := self._asked.get(key)) is not None:  # the same question is under way
            reply = await asyncio.shield(twin)
            self.ledger.cached += 1
            return reply
        task = self._asked[key] = asyncio.ensure_future(self._settle(key, request))
        try:
            return await task
        finally:
            del self._asked[key]

    async def _settle(self, key: str, request: Request) -> Reply:
        try:
            reply = await self._answer(request)
        except Failed as failed:
            reply = Reply("", error=failed.error, message=str(failed))
        if reply.error is not None:
            self.ledger.errors[reply.error] += 1
        if reply.error not in TRANSIENT:
            await self.replies.put(key, reply)
        return reply

    async def _answer(self, request: Request) -> Reply:
        reply = await self._call(request)
        if request.schema is None or reply.error is not None:
            return reply
        parsed, problem = _parse(request.schema, request.prefill, reply.text)
        if problem is None:
            return replace(reply, parsed=parsed)
        self.ledger.repairs += 1
        answer = Message("assistant", _whole(request.prefill, reply.text))
        again = replace(
            request, prefill="", messages=(*request.messages, answer, Message("user", _please(request.schema, problem)))
        )
        try:
            second = await self._call(again, finishing=True)
        except Failed as failed:
            if failed.transient:
                raise
            return replace(reply, error="invalid", message=f"{problem}; the second turn: {failed}", calls=2)
        both = _together(reply, second)
        if second.error is not None:
            return replace(both, error="invalid", message=f"{problem}; the second turn: {second.message}")
        parsed, problem = _parse(request.schema, "", second.text)
        if problem is not None:
            return replace(both, error="invalid", message=problem)
        return replace(both, parsed=parsed)

    async def _call(self, request: Request, finishing: bool = False) -> Reply:
        """One completion, however many tries it takes. Raises Failed for what is the request's fault."""
        tries = _Tries()
        while True:
            async with self.hosts.slot(tries.avoid, finishing) as host:
                self._count_try(tries, finishing)
                sent = _Sent(host, time.monotonic(), host.answered)
                try:
                    reply = await self._post(host, request)
                except Fatal as fatal:
                    error = UsageError(f"{host.url} {fatal}. What was answered is saved")
                    self.stop(error)
                    raise error from None
                except Unavailable as unavailable:
                    self._put_off(sent, tries, unavailable)
                except Failed as failed:
                    self._weigh(sent, tries, request, failed)
                else:
                    host.answer()
                    cost = self.ledger.charge(self.endpoint, reply.prompt_tokens, reply.completion_tokens)
                    seconds, message = time.monotonic() - sent.at, brief(reply.message, self.endpoint)
                    return replace(reply, cost=cost, seconds=seconds, message=message)

    def _count_try(self, tries: _Tries, finishing: bool) -> None:
        """Raises Stopped when this would be a new call and the budget is spent."""
        if tries.made:
            self.ledger.retries += 1
        elif not finishing and (why := self.budget.exhausted(self.ledger)):
            raise Stopped(f"{why}: what was answered is saved, run the same command again to go on")
        else:
            self.ledger.calls += 1
        tries.made += 1

    def _put_off(self, sent: _Sent, tries: _Tries, unavailable: Unavailable) -> None:
        """The url had no time for the request, which is sent again.

        Raises Failed when it goes on having time for others: a gateway says 502 of a request that kills its server.
        """
        host, why = sent.host, str(unavailable)
        if unavailable.unreached and not host.answered:
            host.give_up(why)
        elif not sent.others_were_answered:
            host.fail(sent.at, object(), why, patient=True)
        elif not unavailable.crowded:
            tries.put_off += 1
            if tries.put_off == MOST_PUT_OFF:
                raise Failed("server", why)

    def _weigh(self, sent: _Sent, tries: _Tries, request: Request, failed: Failed) -> None:
        """The request failed. Raises it again unless it is the url that is to blame, or another url is left to try."""
        host = sent.host
        if not failed.transient:
            self._notice_rejection(host, failed)
            raise failed
        tries.failed += 1
        tries.avoid = host
        if not sent.others_were_answered:
            host.fail(sent.at, request.messages, f"fails ({failed})")
        if tries.failed >= min(2, self.hosts.left) and not host.given_up:
            raise failed

    async def _post(self, host: Host, request: Request) -> Reply:
        """Send the request to a url and read what comes. Raises Fatal, Unavailable or Failed."""
        import httpx2
        from openai import APIError

        uris = await self._uris(request)
        content = json.dumps(request.body(self.endpoint, uris), allow_nan=False).encode()
        try:
            # The request is JSON already and the answer is read here: half the SDK's work a call is models of both.
            response = await self._clients[host].post(
                "/chat/completions", cast_to=httpx2.Response, content=content, options=_JSON
            )
        except APIError as error:
            raise of_error(error, self.endpoint, bool(host.answered)) from error
        try:
            return read_completion(response.content)
        except Garbled as garbled:
            raise of_garbled(garbled, self.endpoint, bool(host.answered)) from garbled

    async def _uris(self, request: Request) -> dict[str, str]:
        """The images, read and encoded when the call is about to leave: memory holds those under way alone."""
        wanted = dict.fromkeys(request.pictures())
        if not wanted:
            return {}
        if self.images is None:
            raise UsageError("the request shows images, and the client was given no image store")
        try:
            return {
                sha256: await asyncio.to_thread(data_uri, self.images, sha256, request.max_pixels) for sha256 in wanted
            }
        except Rejected as rejected:
            raise Failed("image", rejected.message) from rejected

    def _notice_rejection(self, host: Host, failed: Failed) -> None:
        """Stop when everything is rejected: then it is not the rows, but a parameter that the server does not take."""
        if failed.error != "rejected" or any(host.answered for host in self.hosts.all):
            return
        self._rejected += 1
        if self._rejected >= REJECTED_AT_FIRST and self.replies.typical(self.replies.step) is None:
            error = UsageError(f"{host.url} rejects every request ({failed}). Mend the endpoint's options")
            self.stop(error)
            raise error from None

    def _count_retry(self) -> None:
        self.ledger.retries += 1


def _whole(prefill: str, text: str) -> str:
    """The assistant's whole turn. Some servers repeat the prefill, some do not."""
    return text if text.startswith(prefill) else prefill + text


def _parse(schema: type[BaseModel], prefill: str, text: str) -> tuple[Any, str | None]:
    """The answer as JSON values that fit the schema, and None; or None, and what is wrong."""
    whole = _whole(prefill, text).strip()
    if whole.startswith("```") and whole.endswith(
        "```"
    ):  # a fence round the whole answer is the commonest disobedience
        whole = whole.removesuffix("```").partition("\n")[2]
    try:
        values = schema.model_validate_json(whole).model_dump(mode="json")
        json.dumps(values, allow_nan=False)
        return values, None
    except ValidationError as error:
        said = [
            f"{'.'.join(map(str, item['loc'])) or 'the answer'}: {item['msg']}"
            for item in error.errors(include_url=False, include_input=False, include_context=False)[:10]
        ]
        return None, "; ".join(said)
    except ValueError:
        return None, "NaN and Infinity are no JSON numbers"


def _please(schema: type[BaseModel], problem: str) -> str:
    return (
        f"This answer cannot be used: {problem}. Answer again with one JSON object and nothing else, "
        f"by this schema: {json.dumps(json_schema(schema), ensure_ascii=False)}"
    )


def _together(first: Reply, second: Reply) -> Reply:
    """The second turn's answer, with what both took."""
    known = None not in (first.cost, second.cost)
    return replace(
        second,
        prompt_tokens=_sum(first.prompt_tokens, second.prompt_tokens),
        completion_tokens=_sum(first.completion_tokens, second.completion_tokens),
        cost=(first.cost or 0.0) + (second.cost or 0.0) if known else None,
        seconds=first.seconds + second.seconds,
        calls=first.calls + second.calls,
    )


def _sum(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else first + second
