"""Reaches the engine: the running application over its socket, or one of our own for a moment."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Coroutine, Generator
from contextlib import aclosing
from typing import Any, TypeVar

from loom_desktop.door import client
from loom_desktop.errors import (
    Denied,
    LoomError,
    NotFound,
    NotUnderstood,
    SettingsError,
    TimedOut,
    Unavailable,
    UsageError,
)

T = TypeVar("T")
_ENDS = ("chat.answered", "chat.failed", "chat.cancelled")
_KINDS: dict[str, type[LoomError]] = {
    "DENIED": Denied,
    "INVALID_PARAMS": UsageError,
    "PROVIDER_UNAVAILABLE": Unavailable,
    "ACTION_TIMEOUT": TimedOut,
}
__all__ = ["NotFound", "NotUnderstood", "SettingsError", "call", "events", "out", "running", "wait"]


def call(verb: str, /, *, timeout_s: float = 600.0, **arguments: Any) -> Any:
    """Do the verb, wherever the engine is. Raises LoomError."""
    try:
        return client.call(verb, arguments, timeout_s=timeout_s)
    except client.Failed as error:
        raise _error(error) from None
    except client.NotRunning:
        return wait(_here(verb, arguments))


def events(verb: str, /, **arguments: Any) -> Generator[dict[str, Any], None, None]:
    """Do a verb that asks, and yield ``{"topic", "payload", "trace"}`` until it is answered.

    Closing it, or an interrupt, cancels what was asked.
    """
    try:
        yield from client.stream(verb, arguments)
        return
    except client.Failed as error:
        raise _error(error) from None
    except client.NotRunning:
        pass
    loop = asyncio.new_event_loop()
    try:
        steps = _stream_here(verb, arguments)
        while True:
            try:
                yield loop.run_until_complete(anext(steps))
            except StopAsyncIteration:
                return
            except GeneratorExit:
                loop.run_until_complete(steps.aclose())
                raise
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


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


def clean(text: str) -> str:
    """Text from outside for a terminal: no control characters but line ends and tabs."""
    return "".join(c for c in text if c in "\n\t" or (c.isprintable() and c not in "\u202e\u202d"))


async def _here(verb: str, arguments: dict[str, Any]) -> Any:
    from loom_desktop.door.lock import held
    from loom_desktop.loom import Loom

    if verb in ("answer",):
        arguments["door"] = "cli"
    with held():
        async with Loom(listening=False) as loom:
            return await loom.call(verb, **arguments)


async def _stream_here(
    verb: str, arguments: dict[str, Any]
) -> AsyncGenerator[dict[str, Any], None]:
    from loom_desktop.door.lock import held
    from loom_desktop.loom import Loom

    with held():
        async with (
            Loom(listening=False) as loom,
            aclosing(loom.talk(verb, **arguments)) as events,
        ):
            async for event in events:
                yield {"topic": event.topic, "payload": event.payload, "trace": event.trace}


def _error(error: client.Failed) -> LoomError:
    return _KINDS.get(error.code, LoomError)(error.message, hint=error.hint)
