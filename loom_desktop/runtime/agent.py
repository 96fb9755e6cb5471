"""Agent: a name, the topics that wake it, and what it then does."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loom_desktop.actions import Capability
    from loom_desktop.bus import WhenFull
    from loom_desktop.event import Event
    from loom_desktop.runtime.context import Context

Handler = Callable[["Context", "Event"], Coroutine[Any, Any, None]]


class Agent:
    """Only a description: it does nothing until a supervisor starts it.

    ``at_once`` is how many events it works on at the same time; ``deadline_s`` is how long one
    may take (0: as the lane of the event says). ``room`` is how many may wait (0: 16,384), and
    ``when_full`` what becomes of more (see ``bus.mailbox.WhenFull``). ``on_event`` with ``topics``
    is the same as decorating a function with ``on`` for each topic. ``durable``: it gets every
    event that is not realtime once that is on the disk, also after a crash (see ``durable``).
    What it has no time for waits in the journal, so it has no ``room``. Raises ValueError for both.
    """

    def __init__(
        self,
        name: str,
        *,
        topics: Iterable[str] = (),
        capabilities: Iterable[Capability] = (),
        on_event: Handler | None = None,
        at_once: int = 1,
        deadline_s: float = 0.0,
        room: int = 0,
        when_full: WhenFull = "drop-oldest",
        durable: bool = False,
    ) -> None:
        if durable and (room or when_full != "drop-oldest"):
            raise ValueError(
                f"{name} is durable, and has a room or a when_full: what it has no time for waits "
                "in the journal. Leave both out, or leave out durable=True"
            )
        self.name = name
        self.capabilities = list(capabilities)
        self.at_once, self.deadline_s = at_once, deadline_s
        self.room, self.when_full, self.durable = room, when_full, durable
        self.handlers: list[tuple[str, Handler]] = []
        if on_event is not None:
            for topic in topics:
                self.on(topic)(on_event)

    def on(self, pattern: str) -> Callable[[Handler], Handler]:
        """Wake on every event whose topic matches. Raises TypeError for what is not async."""

        def remember(handler: Handler) -> Handler:
            called = getattr(type(handler), "__call__", None)  # noqa: B004  # an object with it
            if not (inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(called)):
                name = getattr(handler, "__name__", repr(handler))
                raise TypeError(f"{name}, woken by {pattern!r}, must be defined with 'async def'")
            self.handlers.append((pattern, handler))
            return handler

        return remember

    on_event = on
    """The same, by its older name."""
