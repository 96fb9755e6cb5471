"""Asks a model server: waits its turn, tries again where that helps, and never twice after a word.

What every provider has in common. A provider gives the request and reads the objects that come; the
deadlines, the retries and the words for a person are here.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

from loom_desktop import clock as clocks
from loom_desktop.clock import Clock
from loom_desktop.errors import LoomError, TimedOut, Unavailable
from loom_desktop.llm import Asker, Delta, Facts, Finish, Usage
from loom_desktop.llm.endpoint import Endpoint
from loom_desktop.llm.refusals import Failed, refusal, said
from loom_desktop.llm.stream import Garbled, objects
from loom_desktop.net import Net, Response, Unreachable

MOST_TRIES = 3
STALL_S = 30.0
"""The longest silence in the middle of an answer."""
_LINGER_S = 2.0  # after the finish: usage and [DONE] may still come, or never
_PROBE_S = 5.0
_REST_S = 0.3
_MOST_ERROR_BYTES = 64_000
_PICK = "pick another model in Settings."


class Reader(Protocol):
    """Understands one answer in one wire format."""

    def read(self, found: dict[str, Any]) -> Iterator[Delta]:
        """The pieces in an object of the stream. Raises Failed for an error inside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One question to a server, in its own wire format."""

    facts: Facts
    where: Endpoint
    url: str
    headers: Mapping[str, str]
    body: dict[str, Any]
    reader: Callable[[], Reader]
    """A new one for each try."""
    timeout_s: float
    """Until the first piece, tries and waits included."""
    asker: Asker
    secret: str = ""
    """The key itself, so that no error repeats it."""
    key: str = ""
    """The key's reference, so that an error can name it."""
    amend: Callable[[dict[str, Any], Failed], dict[str, Any] | None] | None = None
    """A body that the server may like better after it refused this one, or None."""
    probe: dict[str, Any] | None = None
    """The body to ask with, not streamed, why a stream was empty."""
    models: Callable[[], Awaitable[list[str]]] | None = None


class Turns:
    """One question at a time for each server on this computer: it has one machine to think with.

    After an answer was given up the server may still be at it for a moment, so it gets a rest.
    """

    def __init__(self, clock: Clock = clocks.monotonic, rest_s: float = _REST_S) -> None:
        self._clock = clock
        self._rest_s = rest_s
        self._locks: dict[str, asyncio.Lock] = {}
        self._rested: dict[str, float] = {}

    @contextlib.asynccontextmanager
    async def turn(self, where: Endpoint, timeout_s: float) -> AsyncIterator[None]:
        """Wait for the turn. Raises TimedOut; servers elsewhere have no turns."""
        if not where.local:
            yield
            return
        lock = self._locks.setdefault(where.at, asyncio.Lock())
        try:
            async with asyncio.timeout(timeout_s):
                await lock.acquire()
        except TimeoutError as error:
            raise TimedOut(
                f"{where.words} is still busy with an earlier answer.",
                hint="Stop the other answer, or wait until it is done.",
            ) from error
        try:
            await asyncio.sleep(max(0.0, self._rested.get(where.at, 0.0) - self._clock()))
            yield
        except (asyncio.CancelledError, GeneratorExit):
            self._rested[where.at] = self._clock() + self._rest_s
            raise
        finally:
            lock.release()


@dataclass(slots=True)
class Attempts:
    """How questions are put. One for all providers of an engine, so that turns are shared."""

    net: Net
    turns: Turns = field(default_factory=Turns)
    clock: Clock = clocks.monotonic
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random
    stall_s: float = STALL_S

    async def stream(self, ask: Ask) -> AsyncGenerator[Delta, None]:
        """The answer as it comes; a Finish is always the last piece.

        Tries again only before the first piece, on what passes: a broken line, 408, 409, 429 and
        5xx, with the wait that the server asks for or a growing one with chance in it.
        """
        until = self.clock() + ask.timeout_s
        body = ask.body
        async with self.turns.turn(ask.where, ask.timeout_s):
            tried = 0
            while True:
                tried += 1
                begun = False
                try:
                    async with contextlib.aclosing(self._once(ask, body, until)) as pieces:
                        async for piece in pieces:
                            begun = True
                            yield piece
                    return
                except Failed as failed:
                    failed.mask(ask.secret)
                    if begun or not failed.passing or tried >= MOST_TRIES:
                        better = ask.amend(body, failed) if ask.amend and not begun else None
                        if better is None:
                            raise await self._refused(ask, failed) from failed
                        body, wait = better, 0.0
                    else:
                        wait = self._wait(tried, failed.retry_after_s)
                        if self.clock() + wait >= until:
                            raise await self._refused(ask, failed) from failed
                except Unreachable as error:
                    wait = self._wait(tried, None)
                    again = error.why in ("broken", "route") or (
                        error.why == "refused" and not ask.where.local
                    )
                    if begun or not again or tried >= MOST_TRIES or self.clock() + wait >= until:
                        raise _worded(error, ask) from error
                await self.pause(wait)

    async def _once(
        self, ask: Ask, body: dict[str, Any], until: float
    ) -> AsyncGenerator[Delta, None]:
        """One try. The Finish is held back until the end, because usage comes after it."""
        reader = ask.reader()
        begun = ended = False
        finish: Finish | None = None
        async with (
            self._posted(ask, body, until) as response,
            contextlib.aclosing(
                objects(response.chunks(), response.headers.get("content-type", ""))
            ) as found,
        ):
            latest = until
            while True:
                limit = _LINGER_S if finish else max(0.0, latest - self.clock())
                try:
                    async with asyncio.timeout(limit):
                        one = await anext(found)
                except StopAsyncIteration:
                    break
                except TimeoutError as error:
                    if finish:
                        break
                    raise self._too_slow(ask, begun) from error
                except Unreachable:
                    if finish:
                        break
                    raise
                except Garbled as error:
                    if finish:
                        break
                    raise _garbled(ask, error, begun) from error
                if one is None:
                    ended = True
                    break
                for piece in reader.read(one):
                    if isinstance(piece, Finish):
                        finish = piece
                        continue
                    begun = begun or not isinstance(piece, Usage)
                    latest = self.clock() + self.stall_s if begun else latest
                    yield piece
        if not begun:
            raise await self._empty(ask, body, finish)
        if not finish and not ended:
            raise Unavailable(
                f"{ask.where.words} stopped in the middle of its answer.", hint="Ask again."
            )
        yield finish or Finish("stop")

    @contextlib.asynccontextmanager
    async def _posted(
        self, ask: Ask, body: dict[str, Any], until: float
    ) -> AsyncIterator[Response]:
        """The head of the answer. Raises Failed when the status is not a good one."""
        limit, answered = max(0.05, until - self.clock()), False
        try:
            async with self.net.stream(
                "POST",
                ask.url,
                headers=ask.headers,
                json=body,
                purpose="answer",
                agent=ask.asker.agent,
                thread=ask.asker.thread,
                privacy=ask.asker.privacy,
                timeout_s=limit,
                idle_timeout_s=limit + self.stall_s,
                allow_local=True,
                called=ask.where.called,
            ) as response:
                if response.status != 200:
                    raise await _failed(response, ask.secret)
                answered = True
                yield response
        except TimedOut as error:
            if answered:
                raise
            raise self._too_slow(ask, begun=False) from error

    async def _empty(self, ask: Ask, body: dict[str, Any], finish: Finish | None) -> Exception:
        """Why nothing came. Some servers say it only when they are asked without streaming."""
        who = ask.where.words
        if finish and finish.reason == "length":
            return Unavailable(
                f"{ask.facts.model} used all it may write before its answer began.",
                hint=f"Raise max_tokens under [llm.{ask.facts.name}], or ask for less.",
            )
        if finish and finish.reason == "content_filter":
            return Unavailable(
                f"{who} does not answer this: its own filter stopped it.", hint="Ask differently."
            )
        if not finish and ask.probe is not None:
            for _ in range(2):  # the kept connection is dead after such an answer
                try:
                    async with self._posted(ask, ask.probe, self.clock() + _PROBE_S) as response:
                        await response.read()
                    break
                except Failed as failed:
                    return failed
                except Unreachable:
                    continue
                except LoomError:
                    break
        return Unavailable(f"{who} sent an empty answer.", hint=f"Ask again, or {_PICK}")

    async def _refused(self, ask: Ask, failed: Failed) -> LoomError:
        there: list[str] | None = None
        if ask.models and failed.status in (400, 404):
            with contextlib.suppress(LoomError, TimeoutError):
                async with asyncio.timeout(_PROBE_S):
                    there = await ask.models()
        return refusal(failed, ask.facts, ask.where.words, key=ask.key, there=there)

    def _too_slow(self, ask: Ask, begun: bool) -> TimedOut:
        if begun:
            return TimedOut(
                f"{ask.where.words} went silent in the middle of its answer.",
                hint=f"Ask again, or {_PICK}",
            )
        slow = "A model that is loading needs longer the first time. " if ask.where.local else ""
        return TimedOut(
            f"{ask.where.words} did not answer within {ask.timeout_s:g} seconds.",
            hint=f"{slow}Ask again, raise timeout_s under [llm.{ask.facts.name}], or {_PICK}",
        )

    def _wait(self, tried: int, asked_s: float | None) -> float:
        if asked_s is not None:
            return asked_s
        return 0.5 * 2.0 ** (tried - 1) * (0.75 + self.chance() / 2)


async def _failed(response: Response, secret: str) -> Failed:
    body = bytearray()
    with contextlib.suppress(LoomError):  # half of a reason is still a reason
        async with contextlib.aclosing(response.chunks()) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) > _MOST_ERROR_BYTES:
                    break
    return Failed(
        response.status,
        said(bytes(body[:_MOST_ERROR_BYTES]), secret),
        retry_after_s=_retry_after(response.headers),
        location=response.headers.get("location", ""),
    )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; a date counts from the server's own ``Date``, so that no clock of ours matters."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            then = parsedate_to_datetime(text)
            seconds = (then - parsedate_to_datetime(headers.get("date", ""))).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(seconds, 86_400.0) if seconds >= 0 else None  # also refuses nan


def _garbled(ask: Ask, error: Garbled, begun: bool) -> Unavailable:
    if begun:
        return Unavailable(
            f"{ask.where.words} sent something unreadable in the middle of its answer.",
            hint="Ask again.",
        )
    return Unavailable(
        f"{ask.where.words} answered, but not as a model does: {error}.",
        hint=f"Check api_base under [llm.{ask.facts.name}]; it usually ends in /v1.",
    )


def _worded(error: Unreachable, ask: Ask) -> Unreachable:
    if error.why == "refused" and ask.where.local:
        hint = f"Start it, or {_PICK}"
    elif error.why in ("name", "route", "refused"):
        hint = f"Check the network connection, or {_PICK}"
    else:
        hint = error.hint
    return Unreachable(error.message, hint=hint, why=error.why)
