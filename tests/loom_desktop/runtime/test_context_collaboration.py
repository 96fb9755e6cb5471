"""What agents say to many, and what they do for each other, through the real engine."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from loom_desktop import Agent, Context, Event, Loom, until
from loom_desktop.bus.collaboration import Gathered
from loom_desktop.bus.contract import Contracted
from loom_desktop.errors import Denied, TimedOut
from loom_desktop.event import Privacy, privacy_at_birth
from loom_desktop.testing import loom_for_tests


def event(*origin: str, **changes: Any) -> Event:
    origins = frozenset(origin)
    return Event(
        topic="thing.happened", origin=origins, privacy=privacy_at_birth(origins), **changes
    )


def context(loom: Loom, cause: Event, agent: str = "asker") -> Context:
    return Context(agent, cause, loom.supervisor.parts, loom.tasks, {})


def knows(name: str, *origin: str, topic: str = "thread.*.broadcast") -> Agent:
    """Somebody who answers whatever is asked in any thread."""
    agent = Agent(name)

    @agent.on(topic)
    async def answer(ctx: Context, question: Event) -> None:
        ctx.absorb(frozenset(origin))
        await ctx.reply(question, value=f"{name} heard {question.payload['text']}")

    return agent


async def test_everybody_in_the_thread_is_asked_and_their_labels_come_back(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, knows("a", "file"), knows("b", "web")) as loom:
        ctx = context(loom, event("user-typed", thread=42))
        assert ctx.thread == 42
        found: Gathered = await ctx.gather(until=until.everyone(2), text="hello")
        assert {one.payload["value"] for one in found.replies} == {"a heard hello", "b heard hello"}
        assert {one.topic for one in found.replies} == {"thread.42.reply"}
        assert {one.thread for one in found.replies} == {42}
        assert ctx.event.origin >= {"user-typed", "file", "web"}
        assert ctx.event.privacy >= Privacy.PRIVATE
        assert ctx.event.tainted


async def test_a_question_may_have_a_topic_and_names_those_who_are_to_answer(
    tmp_path: Path,
) -> None:
    async with loom_for_tests(tmp_path, knows("a", "web", topic="plumber.wanted")) as loom:
        ctx = context(loom, event("user-typed"))
        found = await ctx.gather("plumber.wanted", expected=["a"], text="?")
        assert [one.sender for one in found.replies] == ["a"]
        with pytest.raises(TimedOut):
            await ctx.gather("plumber.wanted", expected=["b"], timeout_s=0.01, text="?")


async def test_what_the_runtime_says_nobody_else_asks(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        ctx = context(loom, event("user-typed"))
        for topic in ("chat.asked", "card.offered", "agent.deleted", "capability.added"):
            with pytest.raises(Denied):
                await ctx.gather(topic, timeout_s=0)


async def test_a_broadcast_is_heard_in_its_thread(tmp_path: Path) -> None:
    heard = asyncio.Queue[Event]()
    async with loom_for_tests(tmp_path) as loom:
        loom.bus.subscribe("thread.42.broadcast", heard.put_nowait)
        await context(loom, event("web", thread=43)).broadcast(text="not here")
        await context(loom, event("web", thread=42)).broadcast(text="here")
        one = heard.get_nowait()
        assert (one.payload, one.thread) == ({"text": "here"}, 42)
        assert one.origin == {"web"}
        assert heard.empty()


async def test_agents_meet_and_their_labels_come_with_them(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        ctx = context(loom, event("user-typed"))
        with ctx.barrier("round.reached", ["a", "b"]) as barrier:
            await context(loom, event("web"), "b").emit("round.reached")
            with pytest.raises(TimedOut) as told:
                await barrier.wait(timeout_s=0)
            assert told.value.hint == "Missing: a."
            assert not ctx.event.tainted, "so far nothing was made of theirs"
            await context(loom, event("file"), "a").emit("round.reached")
            met = await barrier.wait(timeout_s=5)
        assert [one.sender for one in met.arrivals] == ["b", "a"]
        assert ctx.event.origin == {"user-typed", "web", "file"}
        assert ctx.event.tainted


def digger(name: str, price: float, *origin: str, fails: bool = False) -> Agent:
    agent = Agent(name)

    @agent.on("contract.announced")
    async def offer(ctx: Context, announced: Event) -> None:
        async def dig(award: Event) -> Mapping[str, Any]:
            ctx.absorb(frozenset(origin))
            if fails:
                raise ValueError("the spade broke")
            return {"depth": announced.payload["depth"]}

        await ctx.bid(announced, dig, price=price)

    return agent


async def test_the_cheapest_that_does_not_fail_does_the_work(tmp_path: Path) -> None:
    agents = (digger("a", 1, fails=True), digger("b", 2, "file"), digger("c", 3, "web"))
    async with loom_for_tests(tmp_path, *agents) as loom:
        ctx = context(loom, event("user-typed"))
        done: Contracted = await ctx.contract(
            score=lambda bid: -float(bid.payload["price"]), enough=3, bids_for_s=30, depth=3
        )
        assert (done.winner, done.failures) == ("b", (("a", "the spade broke"),))
        assert done.result is not None
        assert done.result.payload["result"] == {"depth": 3}
        assert ctx.event.origin == {"user-typed", "file"}
        await loom.store.journal.flush()
        kept = [one.topic for one in await loom.store.journal.thread(ctx.thread)]
        assert kept.count("contract.bid") == 3, "the bids can be looked up afterwards"
        assert kept.count("contract.awarded") == 2
        assert kept[-1] in ("contract.rejected", "contract.completed")


async def test_work_that_nobody_wants_is_told(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        with pytest.raises(TimedOut, match="Nobody bid"):
            await context(loom, event("user-typed")).contract(
                score=lambda bid: 0.0, bids_for_s=0.01, depth=3
            )
