"""Durable agents: what was committed reaches them, also later, and its effects happen once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from loom_desktop import Agent, Context, Event, Loom
from loom_desktop.bus import Bus
from loom_desktop.errors import NotFound
from loom_desktop.event import QoS
from loom_desktop.paths import Paths
from loom_desktop.runtime import durable as durable_module
from loom_desktop.runtime.durable import Durable
from loom_desktop.settings import Settings
from loom_desktop.store import Store
from loom_desktop.tasks import Tasks
from loom_desktop.testing import loom_for_tests


def publish(loom: Loom, topic: str, **payload: Any) -> Event:
    return loom.publisher("test", origin="user-typed")(topic, **payload)


def counting(got: list[int], **options: Any) -> Agent:
    agent = Agent("ledger", durable=True, **options)

    @agent.on("thing.happened")
    async def handle(ctx: Context, event: Event) -> None:
        got.append(event.payload["n"])

    return agent


async def test_what_was_committed_comes_once_and_in_order(tmp_path: Path) -> None:
    got = list[int]()
    async with loom_for_tests(tmp_path, counting(got)) as loom:
        for n in range(300):
            publish(loom, "thing.happened", n=n)
        assert await loom.supervisor.settled(20)
        assert got == list(range(300))
    async with loom_for_tests(tmp_path, counting(got)) as loom:
        assert await loom.supervisor.settled(20)
    assert got == list(range(300)), "a restart brings nothing again"


async def test_it_comes_when_it_is_on_the_disk_and_not_before(tmp_path: Path) -> None:
    agent, seen = Agent("ledger", durable=True), asyncio.Queue[Event | None]()

    @agent.on("thing.happened")
    async def handle(ctx: Context, event: Event) -> None:
        seen.put_nowait(await loom.store.journal.event(event.id))

    async with loom_for_tests(tmp_path, agent) as loom:
        committed = loom.store.journal.committed
        assert committed is not None
        held: list[Any] = []
        loom.store.journal.committed = held.append
        event = publish(loom, "thing.happened", n=1)
        await loom.store.journal.flush()
        assert seen.empty()
        committed([one for group in held for one in group])
        async with asyncio.timeout(5):
            assert await seen.get() == event


async def test_realtime_events_come_at_once_and_only_then(tmp_path: Path) -> None:
    got = list[int]()
    async with loom_for_tests(tmp_path, counting(got)) as loom:
        loom.publisher("test", origin="user-typed")("thing.happened", qos=QoS.REALTIME, n=1)
        assert await loom.supervisor.settled(5)
    async with loom_for_tests(tmp_path, counting(got)) as loom:
        assert await loom.supervisor.settled(5)
    assert got == [1]


async def test_what_came_while_it_was_off_comes_when_it_is_on(tmp_path: Path) -> None:
    got = list[int]()
    async with loom_for_tests(tmp_path, counting(got)):
        pass
    async with loom_for_tests(tmp_path) as loom:  # without the agent
        for n in range(5):
            publish(loom, "thing.happened", n=n)
            publish(loom, "other.happened", n=n)
    async with loom_for_tests(tmp_path, counting(got)) as loom:
        assert await loom.supervisor.settled(20)
        publish(loom, "thing.happened", n=5)
        assert await loom.supervisor.settled(20)
    assert got == [0, 1, 2, 3, 4, 5]


async def test_what_does_not_fit_in_memory_waits_in_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durable_module, "WINDOW", 16)
    monkeypatch.setattr(durable_module, "PAGE", 8)
    got, gate, most = list[int](), asyncio.Event(), [0]
    agent = Agent("ledger", durable=True)

    @agent.on("thing.happened")
    async def handle(ctx: Context, event: Event) -> None:
        await gate.wait()
        most[0] = max(most[0], loom.supervisor.reports()[index].waiting)
        got.append(event.payload["n"])

    async with loom_for_tests(tmp_path, agent) as loom:
        index = [one.name for one in loom.supervisor.reports()].index("ledger")
        for n in range(500):
            publish(loom, "thing.happened", n=n)
        await loom.store.journal.flush()
        gate.set()
        async with asyncio.timeout(20):
            while len(got) < 500:
                await loom.supervisor.settled(20)
        assert most[0] <= 32
        assert loom.bus.dropped == 0
    assert got == list(range(500))


async def test_it_is_at_the_end_also_when_the_last_events_are_not_there_any_more(
    tmp_path: Path,
) -> None:
    async with store_of(tmp_path) as (bus, store, tasks):
        await store.deliveries.begin("ledger")
        await store.journal.append_many(Event(topic="other.happened") for _ in range(3))
        await store.journal.forget_before(1.0)
        got = asyncio.Queue[Event]()
        made = Durable(bus, store, tasks)
        await made.prepare()
        made.follow("ledger", bus.subscribe("thing.happened", got.put, from_journal=True))
        async with asyncio.timeout(5):
            await made.caught_up()
            event = Event(topic="thing.happened")
            await store.journal.append(event)
            assert await got.get() == event


async def test_a_command_alone_starts_nobody_and_what_happens_in_it_is_had(tmp_path: Path) -> None:
    """What waited before stays for the application, also what it did not know of."""
    got = list[int]()
    async with loom_for_tests(tmp_path, counting(got)):
        pass
    async with loom_for_tests(tmp_path) as loom:  # without the agent: it waits
        publish(loom, "thing.happened", n=1)
    async with command(tmp_path, counting(got)) as loom:
        assert await loom.supervisor.settled(5)
        assert got == [], "looking starts nobody"
        publish(loom, "thing.happened", n=2)
        assert await loom.supervisor.settled(5)
        assert got == [2]
        assert not await loom.store.state.fact("running", False), "it is no run of its own"
    async with loom_for_tests(tmp_path, counting(got)) as loom:
        assert await loom.supervisor.settled(5)
    assert got == [2, 1], "and nothing twice"


@asynccontextmanager
async def command(folder: Path, agent: Agent) -> AsyncIterator[Loom]:
    here = Paths(folder, folder / "data", folder / "cache", folder / "logs", folder)
    made = Loom(Settings(), paths=here, key=bytes(range(32)), listening=False, following=False)
    async with made as loom:
        loom.supervisor.start(agent)
        yield loom


# ---------------------------------------------------------------- failures


def failing(times: int, got: list[int], poison: int = 1) -> Agent:
    agent, left = Agent("ledger", durable=True), [times]

    @agent.on("thing.happened")
    async def handle(ctx: Context, event: Event) -> None:
        got.append(event.payload["n"])
        if event.payload["n"] == poison and left[0]:
            left[0] -= 1
            raise RuntimeError("it does not fit")

    return agent


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durable_module, "AGAIN_S", (0.0, 0.0, 0.0))


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0)


@pytest.mark.usefixtures("_at_once")
async def test_what_fails_comes_again_and_holds_up_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    got = list[int]()
    with caplog.at_level(logging.CRITICAL):
        async with loom_for_tests(tmp_path, failing(2, got)) as loom:
            for n in range(4):
                publish(loom, "thing.happened", n=n)
            await until(lambda: got.count(1) == 3)
            assert await loom.supervisor.settled(5)
            assert not await loom.store.deliveries.dead()
    assert sorted(set(got)) == [0, 1, 2, 3]
    assert got.count(1) == 3


@pytest.mark.usefixtures("_at_once")
async def test_after_three_times_it_is_a_dead_letter_that_can_be_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    got = list[int]()
    with caplog.at_level(logging.CRITICAL):
        async with loom_for_tests(tmp_path, failing(4, got)) as loom:
            event = publish(loom, "thing.happened", n=1)
            await until(lambda: any("ledger" in m for m, _ in loom.status.problems))
            (letter,) = await loom.store.deliveries.dead()
            assert (letter.subscriber, letter.event, letter.tries) == ("ledger", event, 3)
            assert "it does not fit" in letter.traceback
            assert "handle" in letter.handler
            assert got == [1, 1, 1]

            await loom.supervisor.durable.again(letter.id)
            await until(lambda: len(got) == 4)
            await loom.supervisor.settled(5)
            (again,) = await loom.store.deliveries.dead()
            assert not again.taken, "it failed once more and is back"

            await loom.supervisor.durable.again(again.id)
            await until(lambda: len(got) == 5)
            await loom.supervisor.settled(5)
            await loom.store.journal.flush()
            assert not await loom.store.deliveries.dead()
            with pytest.raises(NotFound):
                await loom.supervisor.durable.again(again.id)
    async with loom_for_tests(tmp_path, failing(0, got)) as loom:
        assert await loom.supervisor.settled(5)
    assert len(got) == 5, "what was buried or done does not come at the next start"


async def test_a_failure_counts_over_a_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    got = list[int]()
    with caplog.at_level(logging.CRITICAL):
        for run in range(3):
            async with loom_for_tests(tmp_path, failing(9, got)) as loom:
                if run == 0:
                    publish(loom, "thing.happened", n=1)
                await until(lambda run=run: len(got) == run + 1)  # type: ignore[misc]
                await loom.supervisor.settled(5)
        async with loom_for_tests(tmp_path) as loom:
            (letter,) = await loom.store.deliveries.dead()
            assert letter.tries == 3


async def test_an_event_that_ends_the_process_is_not_tried_for_ever(tmp_path: Path) -> None:
    """Each run breaks off with it in hand: a stop without its end."""
    got = list[int]()
    async with loom_for_tests(tmp_path, counting(got)):
        pass
    async with loom_for_tests(tmp_path) as loom:
        publish(loom, "thing.happened", n=1)
    for _ in range(3):
        async with store_of(tmp_path) as (bus, store, tasks):
            made = Durable(bus, store, tasks, crashed=True)
            await made.prepare()
            handed = asyncio.Event()

            async def handle(event: Event, handed: asyncio.Event = handed) -> None:
                handed.set()  # and here it breaks off: nothing says that it was had

            box = bus.subscribe("thing.happened", handle, from_journal=True)
            made.follow("ledger", box)
            async with asyncio.timeout(5):
                await handed.wait()
    async with store_of(tmp_path) as (bus, store, tasks):
        buried = asyncio.Event()
        made = Durable(bus, store, tasks, crashed=True)
        await made.prepare()
        made.buried = lambda *_: buried.set()
        made.follow("ledger", bus.subscribe("thing.happened", handle, from_journal=True))
        async with asyncio.timeout(5):
            await buried.wait()
        (letter,) = await store.deliveries.dead()
        assert letter.event.payload == {"n": 1}


@asynccontextmanager
async def store_of(folder: Path) -> AsyncIterator[tuple[Bus, Store, Tasks]]:
    async with (
        Bus() as bus,
        Store(folder / "data" / "loom.db", bytes(range(32)), upkeep=False) as store,
        Tasks() as tasks,
    ):
        yield bus, store, tasks


# ---------------------------------------------------------------- what it remembers


async def test_what_it_remembers_is_written_with_the_mark(tmp_path: Path) -> None:
    agent, done = Agent("ledger", durable=True), asyncio.Event()

    @agent.on("thing.happened")
    async def handle(ctx: Context, event: Event) -> None:
        total = await ctx.recall("total", 0) + event.payload["n"]
        await ctx.remember("total", total)
        assert await ctx.recall("total") == total, "it reads what it wrote"
        assert (await loom.store.state.get("ledger", "total") is None) == (total == 1)
        if total == 3:
            done.set()

    async with loom_for_tests(tmp_path, agent) as loom:
        for n in (1, 2):
            publish(loom, "thing.happened", n=n)
        async with asyncio.timeout(5):
            await done.wait()
        assert await loom.supervisor.settled(5)
        found = await loom.store.state.get("ledger", "total")
        assert found is not None
        assert (found.value[0], found.version) == (3, 2)


@pytest.mark.usefixtures("_at_once")
async def test_what_a_failed_handler_remembers_is_not_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    agent, tries = Agent("ledger", durable=True), list[int]()

    @agent.on("thing.happened")
    async def handle(ctx: Context, event: Event) -> None:
        total = await ctx.recall("total", 0) + 1
        tries.append(total)
        await ctx.remember("total", total)
        if len(tries) < 3:
            raise RuntimeError("after it wrote")

    with caplog.at_level(logging.CRITICAL):
        async with loom_for_tests(tmp_path, agent) as loom:
            publish(loom, "thing.happened", n=1)
            await until(lambda: len(tries) == 3)
            assert await loom.supervisor.settled(5)
            found = await loom.store.state.get("ledger", "total")
            assert found is not None
            assert found.value[0] == 1
    assert tries == [1, 1, 1]


@pytest.mark.usefixtures("_at_once")
async def test_two_at_once_lose_no_count(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Compare and set: whose reading is old by then is handed its event again."""
    agent, at_once = Agent("ledger", durable=True, at_once=2), asyncio.Barrier(2)
    first = [True, True]

    @agent.on("thing.happened")
    async def handle(ctx: Context, event: Event) -> None:
        total = await ctx.recall("total", 0)
        if first:
            first.pop()
            await at_once.wait()
        await ctx.remember("total", total + 1)

    with caplog.at_level(logging.CRITICAL):
        async with loom_for_tests(tmp_path, agent) as loom:
            for n in (1, 2):
                publish(loom, "thing.happened", n=n)
            async with asyncio.timeout(10):
                while True:
                    found = await loom.store.state.get("ledger", "total")
                    if found is not None and found.value[0] == 2:
                        break
            assert await loom.supervisor.settled(5)
            assert not await loom.store.deliveries.dead()


# ---------------------------------------------------------------- stopping


async def test_a_cancelled_thread_is_not_brought_again(tmp_path: Path) -> None:
    agent, begun, got = Agent("ledger", durable=True), asyncio.Event(), list[int]()

    @agent.on("thing.happened")
    async def handle(ctx: Context, event: Event) -> None:
        got.append(event.payload["n"])
        begun.set()
        await asyncio.Event().wait()

    async with loom_for_tests(tmp_path, agent) as loom:
        one, two = publish(loom, "thing.happened", n=1), publish(loom, "thing.happened", n=2)
        async with asyncio.timeout(5):
            await begun.wait()
            await loom.store.journal.flush()
        assert loom.supervisor.cancel(two.begins) == 1
        assert loom.supervisor.cancel(one.begins) == 1
        assert await loom.supervisor.settled(5)
    async with loom_for_tests(tmp_path, agent) as loom:
        assert await loom.supervisor.settled(5)
    assert got == [1]


async def test_a_thread_that_is_cancelled_before_its_event_is_on_the_disk_does_not_begin(
    tmp_path: Path,
) -> None:
    got = list[int]()
    async with loom_for_tests(tmp_path, counting(got)) as loom:
        event = publish(loom, "thing.happened", n=1)
        loom.supervisor.cancel(event.begins)
        assert await loom.supervisor.settled(5)
        assert got == []
        loom.publisher("test")("thing.happened", thread=event.begins, n=2)
        assert await loom.supervisor.settled(5)
        assert got == [2], "what comes after the cancel is new"


async def test_one_that_is_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    got = list[int]()
    async with loom_for_tests(tmp_path, counting(got)) as loom:
        publish(loom, "thing.happened", n=1)
        assert await loom.supervisor.settled(5)
        await loom.supervisor.stop("ledger")
        publish(loom, "thing.happened", n=2)
        await loom.store.journal.flush()
        assert got == [1]
        loom.supervisor.start_again("ledger")
        assert await loom.supervisor.settled(5)
        assert got == [1, 2]
        await loom.supervisor.restart("ledger")
        assert await loom.supervisor.settled(5)
        assert got == [1, 2]


async def test_a_pattern_that_comes_later_counts_from_then_on(tmp_path: Path) -> None:
    got = list[int]()
    async with loom_for_tests(tmp_path, counting(got)) as loom:
        publish(loom, "other.happened", n=1)
        assert await loom.supervisor.settled(5)
        assert loom.supervisor.subscribe("ledger", "other.*")
        publish(loom, "other.happened", n=2)
        assert await loom.supervisor.settled(5)
        assert loom.supervisor.unsubscribe("ledger", "other.*")
        publish(loom, "other.happened", n=3)
        assert await loom.supervisor.settled(5)
    assert got == [2]


# ---------------------------------------------------------------- what never comes to a handler


async def test_what_is_too_old_counts_as_had_and_holds_up_no_other(tmp_path: Path) -> None:
    got = list[int]()
    async with loom_for_tests(tmp_path, counting(got)) as loom:
        loom.supervisor.pause("ledger")
        publish(loom, "thing.happened", n=0)
        old = msgspec.structs.replace(follower_event(loom, n=1), ttl_ms=1_000)
        loom.bus.publish(old)
        publish(loom, "thing.happened", n=2)
        await loom.store.journal.flush()
        loom.clock.forward(2.0)  # type: ignore[attr-defined]
        loom.supervisor.resume("ledger")
        assert await loom.supervisor.settled(5)
        assert got == [0, 2]
        (box,) = [one for one in loom.bus.mailboxes() if one.name == "agent:ledger"]
        assert box.expired == 1
        await loom.store.journal.flush()
        place = await loom.store.deliveries.begin("ledger")
        assert place.seq == loom.supervisor.durable.end, "the cursor goes past it"


def follower_event(loom: Loom, **payload: Any) -> Event:
    return Event(topic="thing.happened", payload=payload, time=loom.clock())


@pytest.mark.usefixtures("_at_once")
async def test_a_dead_letter_that_is_too_old_is_tried_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    got = list[int]()
    with caplog.at_level(logging.CRITICAL):
        async with loom_for_tests(tmp_path, failing(3, got)) as loom:
            loom.bus.publish(msgspec.structs.replace(follower_event(loom, n=1), ttl_ms=1_000))
            await until(lambda: any("ledger" in m for m, _ in loom.status.problems))
            loom.clock.forward(2.0)  # type: ignore[attr-defined]
            (letter,) = await loom.store.deliveries.dead()
            await loom.supervisor.durable.again(letter.id)
            await until(lambda: len(got) == 4)


async def test_what_waited_for_a_pattern_that_is_gone_counts_as_had(tmp_path: Path) -> None:
    got = list[int]()
    async with loom_for_tests(tmp_path, counting(got)) as loom:
        assert loom.supervisor.subscribe("ledger", "other.*")
        loom.supervisor.pause("ledger")
        for n in range(3):
            publish(loom, "other.happened", n=n)
        await loom.store.journal.flush()
        await loom.supervisor.durable.caught_up()
        loom.supervisor.unsubscribe("ledger", "other.*")
        loom.supervisor.resume("ledger")
        publish(loom, "thing.happened", n=3)
        assert await loom.supervisor.settled(5)
        await loom.store.journal.flush()
        place = await loom.store.deliveries.begin("ledger")
        assert place.seq == loom.supervisor.durable.end
        assert not place.done


def test_a_durable_agent_has_no_room_of_its_own() -> None:
    """What a mailbox drops or merges would be lost."""
    for options in ({"room": 4}, {"when_full": "sample"}):
        with pytest.raises(ValueError, match="journal"):
            Agent("ledger", durable=True, **options)


async def test_what_an_agent_had_in_hand_when_it_was_stopped_comes_again(tmp_path: Path) -> None:
    agent, begun, got = Agent("ledger", durable=True), asyncio.Event(), list[int]()

    @agent.on("thing.happened")
    async def handle(ctx: Context, event: Event) -> None:
        got.append(event.payload["n"])
        await ctx.remember("half", True)
        begun.set()
        if len(got) == 1:
            await asyncio.Event().wait()

    async with loom_for_tests(tmp_path, agent) as loom:
        publish(loom, "thing.happened", n=1)
        async with asyncio.timeout(5):
            await begun.wait()
        await loom.supervisor.stop("ledger", drain_s=0.0)
        await until(lambda: not loom.supervisor.busy)
        assert await loom.store.state.get("ledger", "half") is None, "it did not get to its end"
        loom.supervisor.start_again("ledger")
        assert await loom.supervisor.settled(5)
        assert got == [1, 1]


async def test_what_stopped_work_remembered_is_not_written(tmp_path: Path) -> None:
    agent, begun = Agent("ledger", durable=True), asyncio.Event()

    @agent.on("thing.happened")
    async def handle(ctx: Context, event: Event) -> None:
        await ctx.remember("half", True)
        begun.set()
        await asyncio.Event().wait()

    async with loom_for_tests(tmp_path, agent) as loom:
        event = publish(loom, "thing.happened", n=1)
        async with asyncio.timeout(5):
            await begun.wait()
        assert loom.supervisor.cancel(event.begins) == 1
        assert await loom.supervisor.settled(5)
        assert await loom.store.state.get("ledger", "half") is None


async def test_only_the_start_after_a_crash_counts_as_a_try(tmp_path: Path) -> None:
    async with store_of(tmp_path) as (bus, store, tasks):
        await store.deliveries.begin("ledger")
        await store.journal.append(Event(topic="thing.happened"))
        made = Durable(bus, store, tasks, crashed=True)
        await made.prepare()
        for _ in range(4):
            handed = asyncio.Event()

            async def handle(event: Event, handed: asyncio.Event = handed) -> None:
                handed.set()

            box = bus.subscribe("thing.happened", handle, from_journal=True)
            made.follow("ledger", box)
            async with asyncio.timeout(5):
                await handed.wait()
            made.leave("ledger")
            box.close()
        assert (await store.deliveries.begin("ledger")).tries == {1: 1}


async def test_what_is_remembered_after_the_handler_has_ended_is_written_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, go, done = Agent("ledger", durable=True), asyncio.Event(), asyncio.Event()

    @agent.on("thing.happened")
    async def handle(ctx: Context, event: Event) -> None:
        async def later() -> None:
            await go.wait()
            await ctx.remember("later", 1)
            assert await ctx.recall("later") == 1
            assert await ctx.change("later", lambda n: n + 1) == 2
            done.set()

        await ctx.remember("now", 1)
        ctx.spawn("goes on", later())

    async with loom_for_tests(tmp_path, agent) as loom:
        commit = loom.store.deliveries.commit

        async def while_written(*args: Any) -> bool:
            go.set()
            return await commit(*args)

        monkeypatch.setattr(loom.store.deliveries, "commit", while_written)
        publish(loom, "thing.happened", n=1)
        async with asyncio.timeout(5):
            await done.wait()
        found = await loom.store.state.get("ledger", "later")
        assert found is not None
        assert found.value[0] == 2


@pytest.mark.usefixtures("_at_once")
async def test_what_was_read_twice_must_be_as_it_was_the_first_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    agent, tries = Agent("ledger", durable=True), list[int]()

    @agent.on("thing.happened")
    async def handle(ctx: Context, event: Event) -> None:
        total = await ctx.recall("total", 0)
        tries.append(total)
        if len(tries) == 1:  # somebody else writes between its two looks
            await loom.store.state.put("ledger", "total", [10, [], 3])
        await ctx.recall("total", 0)
        await ctx.remember("total", total + 1)

    with caplog.at_level(logging.CRITICAL):
        async with loom_for_tests(tmp_path, agent) as loom:
            publish(loom, "thing.happened", n=1)
            await until(lambda: len(tries) == 2)
            assert await loom.supervisor.settled(5)
            found = await loom.store.state.get("ledger", "total")
            assert found is not None
            assert found.value[0] == 11
    assert tries == [0, 10]


@pytest.mark.usefixtures("_at_once")
async def test_a_mistake_while_it_is_marked_costs_a_try_and_not_the_event(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, tries = Agent("ledger", durable=True), list[int]()

    @agent.on("thing.happened")
    async def handle(ctx: Context, event: Event) -> None:
        tries.append(1)
        await ctx.remember("total", len(tries))

    async with loom_for_tests(tmp_path, agent) as loom:
        commit = loom.store.deliveries.commit

        async def broken(*args: Any) -> bool:
            if len(tries) == 1:
                raise RuntimeError("a bug")
            return await commit(*args)

        monkeypatch.setattr(loom.store.deliveries, "commit", broken)
        monkeypatch.setattr("loom_desktop.runtime.restarts.FIRST_WAIT_S", 0.0)
        with caplog.at_level(logging.CRITICAL):
            publish(loom, "thing.happened", n=1)
            await until(lambda: len(tries) == 2)
            assert await loom.supervisor.settled(5)
        found = await loom.store.state.get("ledger", "total")
        assert found is not None
        assert found.value[0] == 2


async def test_what_it_did_not_want_is_marked_before_it_is_forgotten(tmp_path: Path) -> None:
    got = list[int]()
    async with loom_for_tests(tmp_path, counting(got)) as loom:
        publish(loom, "thing.happened", n=1)
        for n in range(5):
            publish(loom, "other.happened", n=n)
        assert await loom.supervisor.settled(5)
        await loom.supervisor.durable.mark()
        await loom.store.journal.forget_before(loom.clock() + 1.0)
        assert not [one for one in loom.status.problems if "forgotten" in one[0]]


async def test_the_end_of_a_run_marks_what_it_did_not_want(tmp_path: Path) -> None:
    got = list[int]()
    async with loom_for_tests(tmp_path, counting(got)) as loom:
        for n in range(5):
            publish(loom, "other.happened", n=n)
        assert await loom.supervisor.settled(5)
        end = loom.supervisor.durable.end
    async with store_of(tmp_path) as (_, store, _):
        assert (await store.deliveries.begin("ledger")).seq >= end
