"""Reaches the engine: the running application over its socket, or one of our own for a moment."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator
from contextlib import aclosing
from time import sleep
from typing import TYPE_CHECKING, Any, TypeVar

from loom_desktop.clock import monotonic
from loom_desktop.door import client
from loom_desktop.door.lock import Lock, take
from loom_desktop.errors import (
    Denied,
    LoomError,
    NotFound,
    TimedOut,
    Unavailable,
    UsageError,
)
from loom_desktop.paths import paths

if TYPE_CHECKING:
    from loom_desktop.loom import Loom

T = TypeVar("T")
_PATIENCE_S, _BETWEEN_S = 15.0, 0.05
_ANSWER_S = 600.0
"""A restore or a bench takes its time."""
_REMEMBERED = frozenset(
    {
        "cards", "inbox", "why", "reminders", "undoables", "left_today",
        "replay", "dead", "dead_letter", "replay_dead", "drop_dead", "copies", "routes", "rate",
        "memories", "find_memories", "memory", "export_memories", "conversations",
        "conversation", "find_messages", "export_conversations",
        "import_conversations", "forget_conversation", "branch", "edit", "retry",
    }
)  # fmt: skip
"""The verbs that have nothing to say when the store cannot be opened."""
_KINDS: dict[str, type[LoomError]] = {
    "DENIED": Denied,
    "INVALID_PARAMS": UsageError,
    "PROVIDER_UNAVAILABLE": Unavailable,
    "ACTION_TIMEOUT": TimedOut,
}


def call(verb: str, /, **arguments: Any) -> Any:
    """Do the verb, wherever the engine is. Raises LoomError."""
    place = _place(lambda: client.call(verb, arguments, timeout_s=_ANSWER_S))
    if not isinstance(place, Lock):
        return place
    try:
        return wait(_here(verb, arguments))
    finally:
        place.release()


def call_running(verb: str, /, **arguments: Any) -> Any:
    """The same on the running application alone: one made for this command would say nothing about
    anybody's. Raises NotFound when there is none."""
    try:
        return client.call(verb, arguments, timeout_s=_ANSWER_S)
    except client.Failed as error:
        raise _error(error) from None
    except client.NotRunning:
        raise NotFound("Loom does not run.", hint="Start it with: loom run") from None


def events(verb: str, /, **arguments: Any) -> Generator[dict[str, Any], None, None]:
    """Do a verb that asks, and yield ``{"topic", "payload", "trace"}`` until it is answered.

    Closing it, or an interrupt, cancels what was asked.
    """
    place = _place(lambda: _begun(client.stream(verb, arguments)))
    if not isinstance(place, Lock):
        try:
            yield from place
        except client.Failed as error:
            raise _error(error) from None
        return
    try:
        # Its end, an interrupt among them, cancels what still runs and waits for it.
        with asyncio.Runner() as runner:
            steps = _stream_here(verb, arguments)
            try:
                while (event := runner.run(_next(steps))) is not None:
                    yield event
            finally:
                runner.run(steps.aclose())
    finally:
        place.release()


def _place(ask: Callable[[], T]) -> T | Lock:
    """The answer of the running application, or the lock of one for a moment.

    Another command, or an application that starts or ends, is waited for: it is soon one or
    the other.
    """
    at, until = paths().lock, monotonic() + _PATIENCE_S
    while True:
        try:
            return ask()
        except client.Failed as error:
            raise _error(error) from None
        except client.NotRunning:
            lock = take(at)
        if lock is not None:
            return lock
        if monotonic() > until:
            raise Unavailable(
                "Another Loom is at work and does not answer.", hint="Try again in a moment."
            )
        sleep(_BETWEEN_S)


def _begun(steps: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The same, with its first step taken: only then it is known whether somebody is there."""
    first = next(steps, None)
    return iter(()) if first is None else itertools.chain((first,), steps)


def running() -> bool:
    """Whether the application is running."""
    try:
        client.call("status", {}, timeout_s=5.0)
    except (client.NotRunning, client.Failed):
        return False
    return True


def wait(work: Coroutine[Any, Any, T]) -> T:
    """Run it to its end."""
    return asyncio.run(work)


def out(text: str = "") -> None:
    """A line for the person, without characters that move the cursor or change colours."""
    sys.stdout.write(clean(text) + "\n")


def out_json(value: Any) -> None:
    """A line for a program: exactly what it is, whatever the terminal can show."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    said = json.dumps(value, ensure_ascii=False)
    sys.stdout.write("".join(c if _shows(c, encoding) else _escaped(c) for c in said) + "\n")


def clean(text: str) -> str:
    """Text from outside for a terminal: no control characters but line ends and tabs."""
    return "".join(c for c in text if c in "\n\t" or (c.isprintable() and c not in "\u202e\u202d"))


def _shows(character: str, encoding: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return character.isprintable()


def _escaped(character: str) -> str:
    return f"\\u{ord(character):04x}" if character <= "\uffff" else json.dumps(character)[1:-1]


async def _here(verb: str, arguments: dict[str, Any]) -> Any:
    from loom_desktop.loom import Loom

    if verb in ("answer",):
        arguments["door"] = "cli"
    async with Loom(listening=False, following=False) as loom:
        _tell_of_store(loom, verb)
        return await loom.call(verb, **arguments)


def _tell_of_store(loom: Loom, verb: str) -> None:
    """Nobody else would: what a Loom of a moment finds out is gone with it.

    Raises Unavailable when the verb would answer that there is nothing, and nothing can be read.
    """
    from loom_desktop.cli import tell

    unread = loom.store.in_memory and verb in _REMEMBERED
    problems = loom.status.problems if unread else loom.store.problems
    for message, hint in problems:
        tell(LoomError(message, hint=hint))
    if unread:
        raise Unavailable("What Loom remembers cannot be read just now.", hint="See: loom doctor")


async def _next(steps: AsyncGenerator[dict[str, Any], None]) -> dict[str, Any] | None:
    return await anext(steps, None)


async def _stream_here(
    verb: str, arguments: dict[str, Any]
) -> AsyncGenerator[dict[str, Any], None]:
    from loom_desktop.loom import Loom

    async with (
        Loom(listening=False, following=False) as loom,
        aclosing(loom.talk(verb, **arguments)) as events,
    ):
        async for event in events:
            yield {"topic": event.topic, "payload": event.payload, "trace": event.trace}


def _error(error: client.Failed) -> LoomError:
    return _KINDS.get(error.code, LoomError)(error.message, hint=error.hint)
