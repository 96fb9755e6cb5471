"""Audit: every decision of the broker is an event, on the disk before anything is done; so is how
it ended."""

from __future__ import annotations

import msgspec

from loom_desktop.actions import Call, Capability
from loom_desktop.actions.policy import Decision
from loom_desktop.bus import Bus
from loom_desktop.clock import Clock
from loom_desktop.errors import LoomError
from loom_desktop.runtime.context import follow
from loom_desktop.store import Store


class Audit:
    """Writes ``action.decided`` and ``action.done``; when it cannot be written, nothing is done."""

    def __init__(self, bus: Bus, store: Store, clock: Clock) -> None:
        self.written = 0
        """Decisions on the disk."""
        self.trouble: LoomError | None = None
        """Why the last decision could not be written; None when it was."""
        self._bus, self._store, self._clock = bus, store, clock

    async def decided(
        self, call: Call, capability: Capability, decision: Decision, *, by: str = "policy"
    ) -> None:
        """On the disk when this returns. Raises Unavailable when it could not be written."""
        payload = {
            "capability": capability.name,
            "effect": capability.effect,
            "agent": call.agent,
            **msgspec.structs.asdict(decision),
            "by": by,
        }
        event = follow(call.cause, "action.decided", payload, sender="broker", time=self._clock())
        try:
            await self._store.journal.append(event)
        except LoomError as error:
            self.trouble = error
            raise
        self.written, self.trouble = self.written + 1, None
        self._bus.publish(event)

    def done(self, call: Call, capability: Capability, code: str) -> None:
        """``action.done``, with the outcome; kept like every other event."""
        payload = {"capability": capability.name, "agent": call.agent, "code": code}
        self._bus.publish(
            follow(call.cause, "action.done", payload, sender="broker", time=self._clock())
        )
