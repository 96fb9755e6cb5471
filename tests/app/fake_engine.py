"""An engine for tests of the shell: answers verbs from a table and publishes what a test says."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Self

from loom_desktop.errors import NotFound
from loom_desktop.event import Event
from loom_desktop.runtime.health import Finding

Answer = Callable[..., Any]


class FakeBus:
    """Topics with ``*`` and a last ``>``, as far as the shell uses them."""

    def __init__(self) -> None:
        self._heard: list[tuple[str, Callable[[Event], None]]] = []

    def subscribe(self, pattern: str, deliver: Callable[[Event], None]) -> Callable[[], None]:
        pair = (pattern, deliver)
        self._heard.append(pair)
        return lambda: self._heard.remove(pair)

    def publish(self, event: Event) -> None:
        for pattern, deliver in list(self._heard):
            if _matches(pattern, event.topic):
                deliver(event)


class FakeEngine:
    """``async with``; ``verbs[name]`` is called with the arguments, and awaited when it wants."""

    def __init__(self, verbs: dict[str, Answer] | None = None, *, opens: object = None) -> None:
        self.bus = FakeBus()
        self.around: dict[str, Callable[[], Finding]] = {}
        self.verbs: dict[str, Answer] = verbs or {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.opens = opens
        self.threads: set[str] = set()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.closed = threading.Event()

    async def __aenter__(self) -> Self:
        self.loop = asyncio.get_running_loop()
        if isinstance(self.opens, BaseException):
            raise self.opens
        if callable(self.opens):
            await self.opens()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.closed.set()

    async def call(self, verb: str, /, **arguments: Any) -> Any:
        self.threads.add(threading.current_thread().name)
        self.calls.append((verb, arguments))
        if verb not in self.verbs:
            raise NotFound(f"There is no verb {verb!r}.", hint="Look at the list.")
        answer = self.verbs[verb](**arguments)
        return await answer if asyncio.iscoroutine(answer) else answer

    def say(self, topic: str, /, **payload: Any) -> None:
        """Publish on the engine's thread."""
        assert self.loop is not None
        self.loop.call_soon_threadsafe(self.bus.publish, Event(topic=topic, payload=payload))

    def asked(self, verb: str) -> list[dict[str, Any]]:
        return [arguments for name, arguments in self.calls if name == verb]


def _matches(pattern: str, topic: str) -> bool:
    wanted, there = pattern.split("."), topic.split(".")
    if wanted[-1] == ">":
        return there[: len(wanted) - 1] == wanted[:-1] and len(there) >= len(wanted)
    return len(wanted) == len(there) and all(
        one in ("*", other) for one, other in zip(wanted, there, strict=True)
    )
