"""Lost answers: a question that nobody works on any more is over, and whoever waits is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from loom_desktop.event import SCHEDULED, Event
from loom_desktop.tasks import Tasks

if TYPE_CHECKING:
    from loom_desktop.bus import Bus
    from loom_desktop.runtime.status import Status
    from loom_desktop.runtime.supervisor import Supervisor

LOOK_S = 1.0
"""How often somebody who waits for an answer looks whether anybody still works on it."""


class LostAnswers:
    """``publish(sender, origin, topic, *, thread, **payload)`` says it."""

    def __init__(
        self,
        bus: Bus,
        status: Status,
        supervisor: Supervisor,
        tasks: Tasks,
        publish: Callable[..., Any],
    ) -> None:
        self._status, self._supervisor = status, supervisor
        self._tasks, self._publish = tasks, publish
        bus.subscribe("agent.failed", self._failed)

    def end(self) -> None:
        """Look now, and say of each question that is lost that it is."""
        for turn, thread in list(self._status.turns.items()):
            if not self._supervisor.at_work(thread):
                self._publish(
                    "loom", SCHEDULED, "chat.failed", thread=thread, turn=turn, text="",
                    message="The answer broke off.", hint="Ask again. The log says what happened.",
                )  # fmt: skip

    def _failed(self, event: Event) -> None:
        if self._status.turns:
            self._tasks.start("answers that were lost", self._after_failure(event.begins))

    async def _after_failure(self, thread: int) -> None:
        """Who failed is told before it has ended: wait for that, so that no answer stays open."""
        await asyncio.sleep(0)
        while thread in self._status.turns.values() and self._supervisor.at_work(thread):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)
        self.end()
