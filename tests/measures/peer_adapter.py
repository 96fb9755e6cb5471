"""Loom's bus and journal in the harness that compares event systems (``peerbench``).

The harness is a tool of its own and no dependency: with its folder on the path,
``python bench_peers.py --adapters limit,pyee --adapter peer_adapter:LoomAdapter --vs deque``
run from this folder measures both in one run. Everything is on: the envelope with its clock, lanes,
bounded mailboxes, deadlines and the tracing ring.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from peerbench import Adapter
from peerbench.core import Handler, Payload

from loom_desktop.bus import Bus, Subscription
from loom_desktop.clock import wall
from loom_desktop.event import Event, QoS

LANES = {"realtime": QoS.REALTIME, "batched": QoS.BATCHED, None: QoS.BATCHED}
ROOM = 200_000
"""Bounded, and larger than what a workload publishes before it waits: nothing may be lost here."""


class LoomAdapter(Adapter):
    """A task per mailbox: what a handler gets when nothing else is said."""

    name, kind, delivery = "loom", "ours", "mailbox task"
    inline: ClassVar[bool] = False

    async def start(self) -> None:
        """The bus alone: no agents, no store."""
        self.bus = Bus()

    async def stop(self) -> None:
        """End its tasks."""
        await self.bus.close()

    async def sub(self, pattern: str, handler: Handler) -> Subscription:
        """One subscription."""
        return self.bus.subscribe(pattern, handler, size=ROOM, inline=self.inline)

    async def unsub(self, token: Subscription) -> None:
        """End it."""
        token.close()

    def pub(self, topic: str, payload: Payload, qos: str | None = None) -> None:
        """As everything in Loom does it: an event with the time of its making."""
        self.bus.publish(Event(topic=topic, payload=payload, time=wall(), qos=LANES[qos]))

    def get(self, message: Any) -> Any:
        """What was said."""
        return message.payload

    async def serve(self, name: str, function: Callable[[Any], Any]) -> None:
        """Answers are events with a correlation id."""
        bus = self.bus

        async def answer(question: Event) -> None:
            value = function(question.payload["v"])
            bus.publish(
                Event(topic="svc.answered", payload={"v": value}, time=wall(), answers=question.id)
            )

        bus.subscribe(f"svc.{name}", answer, size=ROOM, inline=self.inline)

    async def request(self, name: str, value: Any) -> Any:
        """Ask and wait, with a deadline."""
        question = Event(topic=f"svc.{name}", payload={"v": value}, time=wall())
        return (await self.bus.request(question)).payload["v"]

    def light_trace(self, on: bool) -> bool:
        """It is never off."""
        return False


class LoomInlineAdapter(LoomAdapter):
    """Handlers that are marked as never waiting: stepped by the dispatcher."""

    name, delivery = "loom:inline", "dispatcher"
    inline = True
