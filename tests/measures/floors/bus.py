"""The least that could stand for a bus: await the handler, or a deque, an Event and a task.

Nothing is isolated, bounded, ordered by urgency, counted or traced. EVENTS, SECONDS of load.
"""

import asyncio
import json
import sys
from collections import deque
from time import perf_counter as now
from typing import Any

from tests.measures.loads import (
    FAN,
    RUNS,
    Counting,
    Handler,
    ask_us,
    fan_out_us,
    latencies_us,
    live_bytes,
    one_topic_us,
)


class DequeAndEvent:
    """One deque, one Event and one task for each subscriber."""

    def __init__(self) -> None:
        self.table: dict[str, list[tuple[deque[Any], asyncio.Event]]] = {}
        self.tasks: list[asyncio.Task[None]] = []

    def subscribe(self, pattern: str, handler: Handler) -> None:
        queue: deque[Any] = deque()
        event = asyncio.Event()
        self.table.setdefault(pattern.split(".>")[0], []).append((queue, event))

        async def consume() -> None:
            while True:
                await event.wait()
                event.clear()
                while queue:
                    await handler(queue.popleft())

        self.tasks.append(asyncio.create_task(consume()))  # noqa: TID251  # a floor owns nothing

    def publish(self, topic: str, payload: dict[str, Any], *, urgent: bool = False) -> None:
        for queue, event in self.table.get(topic) or self.table[topic.rsplit(".", 1)[0]]:
            queue.append(payload)
            event.set()

    def said(self, message: Any) -> dict[str, Any]:
        found: dict[str, Any] = message
        return found


async def awaited_us(subscribers: int, events: int) -> float:
    """Per delivery, when the publisher awaits each handler itself."""
    counting, best = Counting(), float("inf")
    table = {"one.topic": [counting.handler() for _ in range(subscribers)]}
    for _ in range(RUNS):
        over, began = counting.expect(events * subscribers), now()
        for number in range(events):
            payload = {"n": number, "k": "v"}
            for handler in table["one.topic"]:
                await handler(payload)
        await over
        best = min(best, now() - began)
    return best / (events * subscribers) * 1e6


async def answered_us(system: DequeAndEvent, questions: int) -> float:
    """Question and answer each go through a deque; a future waits for the answer."""
    loop = asyncio.get_running_loop()
    waiting: dict[int, asyncio.Future[int]] = {}

    async def answer(question: Any) -> None:
        system.publish("answered", {"v": question["v"] + 1, "to": question["v"]})

    async def answered(reply: Any) -> None:
        waiting.pop(reply["to"]).set_result(reply["v"])

    async def ask(number: int) -> int:
        future = waiting[number] = loop.create_future()
        system.publish("asked", {"v": number})
        value: int = await future
        return value

    system.subscribe("asked", answer)
    system.subscribe("answered", answered)
    return await ask_us(ask, questions)


async def main() -> None:
    events, seconds = int(sys.argv[1]), float(sys.argv[2])
    system = DequeAndEvent()
    said = {
        "one_us": await one_topic_us(system, events),
        "fan_us": await fan_out_us(system, events // FAN),
        "awaited_one_us": await awaited_us(1, events),
        "awaited_fan_us": await awaited_us(FAN, events // FAN),
        "ask_us": await answered_us(system, events // 5),
        "live_bytes": await live_bytes(system),
    } | await latencies_us(system, seconds)
    sys.stdout.write(json.dumps(said) + "\n")
    for task in system.tasks:
        task.cancel()


asyncio.run(main())
