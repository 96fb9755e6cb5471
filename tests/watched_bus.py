"""A bus that knows what was left on it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from loom_desktop.bus import Bus
from loom_desktop.event import Event


class WatchedBus(Bus):
    """Counts the subscriptions that are open, but for those that the test itself leaves there."""

    def __init__(self) -> None:
        super().__init__()
        self.open = 0

    def subscribe(  # type: ignore[override]  # no options: nobody here has a mailbox
        self, *args: Any, **named: Any
    ) -> Callable[[], None]:
        undo = super().subscribe(*args, **named)
        self.open += 1
        closing = iter([1])

        def close() -> None:
            self.open -= next(closing, 0)
            undo()

        return close

    def always(self, pattern: str, deliver: Callable[[Event], None]) -> None:
        """Somebody who is there before and after."""
        self.subscribe(pattern, deliver)
        self.open -= 1


@asynccontextmanager
async def watched_bus() -> AsyncIterator[WatchedBus]:
    """What is left on it at the end is an error, and so is a task."""
    bus, before = WatchedBus(), asyncio.all_tasks()
    yield bus
    assert bus.open == 0, "a subscription was left behind"
    assert asyncio.all_tasks() == before, "a task was left behind"
