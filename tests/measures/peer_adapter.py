"""Loom's bus and journal in the harness that compares event systems (``peerbench``).

The harness is a tool of its own and no dependency: with its folder on the path,
``python bench_peers.py --adapters limit,pyee --adapter peer_adapter:LoomAdapter --vs deque``
run from this folder measures both in one run. Everything is on: the envelope with its clock, lanes,
bounded mailboxes, deadlines and the tracing ring. W7 goes the whole way: published, in the journal
with its group synced, handled by a durable subscriber, marked as had.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from peerbench import Adapter, Options, Result, calibrated
from peerbench.core import Handler, Payload

from loom_desktop.bus import Bus, Subscription
from loom_desktop.clock import wall
from loom_desktop.event import Event, QoS
from tests.measures.durable_rig import AHEAD, TOGETHER, durable_rig, fill, recover, replay

LANES = {"realtime": QoS.REALTIME, "batched": QoS.BATCHED, None: QoS.BATCHED}
ROOM = 200_000
"""Bounded, and larger than what a workload publishes before it waits: nothing may be lost here."""


class LoomAdapter(Adapter):  # type: ignore[misc]  # the harness is not here
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
        """It is never off, so there is nothing to switch on and compare with."""
        return False

    async def durable(self, options: Options) -> Result:
        """W7, plain and encrypted, always FULL. ``stream`` is bursts that do not wait for each
        other; ``ready`` is open, cursor, and the first thousand that were not had."""
        found: Result = {}
        for name, key in (("plain", None), ("encrypted", bytes(range(32)))):
            with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
                found |= await self._rates(name, Path(folder, "rates.db"), key, options)
                log = Path(folder, "log.db")
                filling_s = await fill(log, key, options.log_events)
                found[f"{name}_fill_per_s"] = round(options.log_events / filling_s)
                ready_s, _ = await recover(log, key)
                found[f"{name}_ready_ms"] = round(ready_s * 1e3, 2)
                replay_s, count = await replay(log, key)
                assert count == options.log_events
                found[f"{name}_replay_s"] = round(replay_s, 3)
        return found | {"log_events": options.log_events}

    async def _rates(self, name: str, path: Path, key: bytes | None, options: Options) -> Result:
        found: Result = {}
        async with durable_rig(path, key) as rig:
            for kind, together in TOGETHER.items():
                ahead = AHEAD if kind == "stream1000" else 0

                async def run(
                    size: int, together: int = together, ahead: int = ahead
                ) -> tuple[float, float]:
                    return await rig.run(size, together, ahead=ahead), 0.0

                size, took_s, _ = await calibrated(run, 100_000, options.target)
                found[f"{name}_{kind}_per_s"] = round(size / took_s)
        return found


class LoomInlineAdapter(LoomAdapter):
    """Handlers that are marked as never waiting: stepped by the dispatcher."""

    name, delivery = "loom:inline", "dispatcher"
    inline = True
