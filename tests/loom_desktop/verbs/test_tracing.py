from pathlib import Path

import pytest

from loom_desktop import Agent, Context, Event
from loom_desktop.errors import NotFound
from loom_desktop.event import QoS
from loom_desktop.telemetry.tracing import Ring
from loom_desktop.testing import answer_of, loom_for_tests


def relay() -> Agent:
    """Says on what it heard, and then is done."""
    agent = Agent("relay")

    @agent.on("light.wanted")
    async def first(ctx: Context, event: Event) -> None:
        await ctx.emit("light.on", qos=QoS.REALTIME)

    @agent.on("light.on")
    async def second(ctx: Context, event: Event) -> None: ...

    return agent


async def test_a_thread_is_followed_through_all_that_it_led_to(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, relay()) as loom:
        wanted, other = Event(topic="light.wanted"), Event(topic="light.wanted")
        loom.bus.publish_many([wanted, other])
        assert await loom.supervisor.settled(5)
        found = await loom.call("trace", thread=wanted.id)
        assert (found["thread"], found["complete"]) == (wanted.id, True)
        first, second = found["hops"]
        assert (first["event"], first["topic"], first["cause"]) == (wanted.id, "light.wanted", 0)
        assert (second["topic"], second["cause"]) == ("light.on", wanted.id), "realtime, too"
        for one in (first, second):
            (by,) = one["handled"]
            assert by["subscriber"] == "agent:relay"
            assert by["ms"] >= 0
        assert other.id not in [one["event"] for one in found["hops"]]


async def test_a_later_question_of_a_conversation_is_of_its_thread(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        first = await answer_of(loom, "2 + 2")
        await answer_of(loom, "3 + 3", conversation=first.thread)
        assert await loom.supervisor.settled(5)
        hops = (await loom.call("trace", thread=first.thread))["hops"]
        assert [one["topic"] for one in hops].count("chat.asked") == 2
        assert [one["topic"] for one in hops].count("chat.answered") == 2


async def test_what_is_too_long_ago_is_told(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, relay()) as loom:
        wanted = Event(topic="light.wanted")
        loom.bus.publish(wanted)
        assert await loom.supervisor.settled(5)
        kept = [one for one in loom.bus.ring.published() if one[2] == wanted.id]
        loom.bus.ring = Ring(8)
        for one in kept:
            loom.bus.ring.record(one)
        found = await loom.call("trace", thread=wanted.id)
        assert (found["complete"], [one["topic"] for one in found["hops"]]) == (False, ["light.on"])
        with pytest.raises(NotFound) as told:
            await loom.call("trace", thread=7)
        assert told.value.hint == "What was recorded of it: loom replay --thread 7"
