"""Audit: every decision of the broker is an event, on the disk before anything is done."""

from __future__ import annotations

import msgspec

from loom_desktop.actions import Call, Capability
from loom_desktop.actions.policy import Decision
from loom_desktop.bus import Bus
from loom_desktop.clock import Clock
from loom_desktop.runtime.context import follow
from loom_desktop.store import Store


class Audit:
    """Writes ``action.decided``; when it cannot be written, nothing is done."""

    def __init__(self, bus: Bus, store: Store, clock: Clock) -> None:
        self._bus, self._store, self._clock = bus, store, clock

    async def decided(self, call: Call, capability: Capability, decision: Decision) -> None:
        """On the disk when this returns. Raises Unavailable when it could not be written."""
        payload = {
            "capability": capability.name,
            "effect": capability.effect,
            "agent": call.agent,
            **msgspec.structs.asdict(decision),
        }
        event = follow(call.cause, "action.decided", payload, sender="broker", time=self._clock())
        await self._store.journal.append(event)
        self._bus.publish(event)
