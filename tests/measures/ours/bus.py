"""The bus as everybody has it: envelope, lanes, bounded mailboxes, deadlines, ring. EVENTS, SECONDS
of load, and so many SUBSCRIPTIONS at most."""

import asyncio
import json
import sys
from typing import Any

from loom_desktop.bus import Bus
from loom_desktop.clock import wall
from loom_desktop.event import Event, QoS
from tests.measures.loads import (
    FAN,
    Handler,
    ask_us,
    fan_out_us,
    latencies_us,
    live_bytes,
    mixed_us,
    one_topic_us,
)

ROOM = 200_000


class Ours:
    def __init__(self, bus: Bus, *, inline: bool = False) -> None:
        self.bus, self.inline = bus, inline

    def subscribe(self, pattern: str, handler: Handler) -> None:
        self.bus.subscribe(pattern, handler, size=ROOM, inline=self.inline)

    def publish(self, topic: str, payload: dict[str, Any], *, urgent: bool = False) -> None:
        qos = QoS.REALTIME if urgent else QoS.BATCHED
        self.bus.publish(Event(topic=topic, payload=payload, time=wall(), qos=qos))

    def said(self, message: Any) -> dict[str, Any]:
        found: dict[str, Any] = message.payload
        return found


async def mixed(subscriptions: int, *, inline: bool) -> float:
    async with Bus() as bus:
        return await mixed_us(Ours(bus, inline=inline), subscriptions)


async def answered_us(bus: Bus, questions: int) -> float:
    async def answer(question: Event) -> None:
        payload = {"v": question.payload["v"] + 1}
        bus.publish(
            Event(topic="asked.answered", payload=payload, time=wall(), answers=question.id)
        )

    bus.subscribe("asked", answer)

    async def ask(number: int) -> int:
        question = Event(topic="asked", payload={"v": number}, time=wall())
        return int((await bus.request(question)).payload["v"])

    return await ask_us(ask, questions)


async def sleeping_bytes() -> float:
    async def nothing(event: Event) -> None: ...

    async with Bus() as bus:
        bus.subscribe("never", nothing, deadline_s=0.05)  # so it looks for who sleeps as often

        async def asleep() -> None:
            while bus.at_work:  # nobody is told of it
                await asyncio.sleep(0.01)

        return await live_bytes(Ours(bus), asleep)


async def main() -> None:
    events, seconds, most = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    async with Bus() as bus:
        system = Ours(bus)
        said = {
            "one_us": await one_topic_us(system, events),
            "fan_us": await fan_out_us(system, events // FAN),
            "ask_us": await answered_us(bus, events // 5),
            "live_bytes": await live_bytes(system),
            "sleeping_bytes": await sleeping_bytes(),
        } | await latencies_us(system, seconds)
    for name, inline in (("default", False), ("inline", True)):
        said |= {
            f"few_{name}_us": await mixed(10, inline=inline),
            f"mixed_{name}_us": await mixed(1_000, inline=inline),
            f"most_{name}_us": await mixed(most, inline=inline),
        }
    sys.stdout.write(json.dumps(said) + "\n")


asyncio.run(main())
