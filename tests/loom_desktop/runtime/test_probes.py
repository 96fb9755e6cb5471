from __future__ import annotations

import asyncio
import threading
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from loom_desktop import Agent, Context, Loom, Offer
from loom_desktop.breaker import MOST_FAILURES, Breaker
from loom_desktop.bus import Bus
from loom_desktop.errors import LoomError, Unavailable
from loom_desktop.event import MOST_HOPS, Event, QoS
from loom_desktop.paths import Paths
from loom_desktop.runtime import probes
from loom_desktop.runtime.health import Finding, State
from loom_desktop.runtime.schedule import TICK_S, Timers
from loom_desktop.settings import Assistant, Settings
from loom_desktop.store import Upkeep
from loom_desktop.store.keys import Key
from loom_desktop.testing import FakeClock, loom_for_tests

TYPED = Event(topic="chat.asked", origin=frozenset({"user-typed"}))


async def test_a_loom_that_runs_is_well_and_ready(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, listening=True) as loom:
        told = await loom.call("health")
        assert (told["state"], told["ready"]) == ("ok", True), told["words"]
        names = {one["name"] for one in told["parts"]}
        assert {"store", "bus", "agents", "timers", "models", "network"} <= names
        assert {"upkeep", "key", "broker", "recorder", "cards", "notifications", "door"} <= names
        assert "shell" not in names, "there are no windows"
        assert {"source clipboard", "source files", "source system"} <= names
        made = {type(one).__module__ for one in loom.outside.sources.made()}
        assert made == {"loom_desktop.sources.system"}, "what is off stays unloaded"
    assert not (await loom.health.look()).ready, "it has ended"


async def test_a_part_that_fails_is_named_and_the_doctor_says_it_too(tmp_path: Path) -> None:
    agent = Agent("lamp")
    async with loom_for_tests(tmp_path, agent) as loom:
        loom.bus.publish(Event(topic="light.dimmed", hop=MOST_HOPS + 1))
        lines = await loom.call("doctor")
        assert any(one["name"] == "bus" and "in circles" in one["detail"] for one in lines)
        loom.agents_wanted = (*loom.agents_wanted, "ghost")
    del loom.health
    (agents,) = (one for one in (await loom.health.look()).parts if one.name == "agents")
    assert (agents.state, agents.words) == ("degraded", "Not running: ghost.")


class Held:
    """A handler that waits until it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.began = asyncio.Event()

    async def __call__(self, event: Event) -> None:
        self.began.set()
        await self.go.wait()


async def test_what_was_dropped_is_told_once_and_what_is_full_as_long_as_it_is() -> None:
    async with Bus() as bus:
        look, held = probes.bus(bus), Held()
        box = bus.subscribe("light.*", held, name="lamp", size=10)
        bus.publish(Event(topic="light.dimmed"))
        await held.began.wait()
        bus.publish_many(Event(topic="light.dimmed") for _ in range(13))
        found = look()
        assert found.words.startswith("3 events were dropped")
        assert (found.state, found.facts["full"]) == ("degraded", ["lamp"])
        found = look()
        assert found.words == "Next to full: what waits for lamp."
        assert (found.state, found.facts["dropped"]) == ("degraded", 3)
        held.go.set()
        assert await bus.settled(5)
        assert (look().state, look().words) == ("ok", "")
        bus.pace(QoS.BACKGROUND, 0.5)
        assert look().facts["shares"] == [1.0, 1.0, 0.5]
        box.close()
        assert (look().state, look().facts["dropped"]) == ("ok", 3), "the count stays"


async def test_an_event_past_its_time_is_told_and_is_no_fault_while_others_are_handled() -> None:
    clock = FakeClock()
    async with Bus(clock) as bus:
        look, held = probes.bus(bus), Held()
        bus.subscribe("light.*", held, name="lamp")

        def publish(times: int) -> None:
            late = [Event(topic="light.dimmed", time=clock(), ttl_ms=100) for _ in range(times)]
            bus.publish_many(late)

        bus.publish(Event(topic="light.on", time=clock() - 9, ttl_ms=1))
        found = look()
        assert found.words == f"1 {probes._LATE['expired']}", "it was late when it was published"
        assert (found.state, found.facts["expired"]) == ("ok", 1)
        bus.publish(Event(topic="light.on"))
        await held.began.wait()
        publish(12)
        clock.forward(1)
        held.go.set()
        assert await bus.settled(5)
        found = look()
        assert (found.state, found.facts["expired"], found.facts["in_vain"]) == ("ok", 13, [])
        assert look().words == "", "older is over"


async def test_who_gets_nothing_in_time_is_named() -> None:
    clock = FakeClock()
    async with Bus(clock) as bus:
        look, held = probes.bus(bus), Held()
        held.go.set()
        bus.subscribe("light.*", held, name="lamp")
        bus.publish(Event(topic="light.on"))
        assert await bus.settled(5)
        assert look().state == "ok"
        late = [Event(topic="light.dimmed", time=clock(), ttl_ms=100) for _ in range(12)]
        bus.publish_many(late)
        clock.forward(1)
        assert await bus.settled(5)
        found = look()
        assert (found.state, found.facts["in_vain"]) == ("degraded", ["lamp"])
        assert found.words == "Whatever came to lamp was past its time."
        assert look().state == "ok"


async def test_answers_that_nobody_waits_for_are_told_and_are_no_fault() -> None:
    async with Bus() as bus:
        look = probes.bus(bus)
        bus.over(7)
        bus.publish(Event(topic="light.on.answered", answers=7))
        bus.publish(Event(topic="chat.answered", answers=8))
        found = look()
        assert found.words == f"1 {probes._LATE['late_answers']}"
        assert (found.state, found.facts["late_answers"], look().words) == ("ok", 1, "")


@pytest.mark.parametrize(
    ("disk", "problems", "lost", "state"),
    [
        ("ok", [], 0, "ok"),
        ("low", [], 0, "degraded"),
        ("scarce", [], 0, "degraded"),
        ("full", [], 0, "failed"),
        ("broken", [], 3, "failed"),
        ("memory", [], 0, "failed"),
        ("ok", [("It was damaged.", "Look at it.")], 0, "degraded"),
        ("ok", [], 2, "degraded"),
    ],
)
def test_the_store(disk: str, problems: list[Any], lost: int, state: State) -> None:
    journal = SimpleNamespace(waiting=5, damaged=2)
    store: Any = SimpleNamespace(disk=disk, problems=problems, lost=lost, journal=journal)
    found = probes.store(store)
    assert found.state == state
    assert bool(found.words and found.hint) == (state != "ok")
    assert found.facts == {"disk": disk, "lost_writes": lost, "waiting": 5, "left_out": 2}


@pytest.mark.parametrize(
    ("states", "left", "state", "words"),
    [
        ({"a": "running", "b": "running"}, 0, "ok", ""),
        ({"a": "running"}, 0, "degraded", "Not running: b."),
        ({"a": "running", "b": "failed"}, 0, "degraded", "Not running: b."),
        ({"a": "running", "b": "running", "c": "failed"}, 0, "degraded", "Not running: c."),
        ({}, 0, "failed", "Not running: a, b."),
        ({"a": "running", "b": "running"}, 1, "degraded", "1 handlers did not end"),
        ({"a": "paused", "b": "stopped"}, 0, "ok", "You said so: a is paused, b is stopped."),
    ],
)
def test_agents(states: dict[str, str], left: int, state: State, words: str) -> None:
    supervisor: Any = SimpleNamespace(states=states, failed={}, busy=0, left_behind=left)
    found = probes.agents(supervisor, ("a", "b"))
    assert found.state == state
    assert found.words.startswith(words)
    assert bool(found.words) == bool(words)


@pytest.mark.parametrize(
    ("behind", "letters", "state"),
    [({}, 0, "ok"), ({"a": 10}, 0, "ok"), ({"a": 10_001}, 0, "degraded"), ({}, 1, "degraded")],
)
def test_what_durable_agents_have_not_done(
    behind: dict[str, int], letters: int, state: State
) -> None:
    durable: Any = SimpleNamespace(behind=behind)
    found = probes.durable(durable, lambda: letters)
    assert found.state == state
    assert found.facts == {"behind": behind, "dead_letters": letters}


async def test_what_other_threads_lost_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loom_desktop.bus._MOST_FROM_THREADS", 2)
    async with Bus() as bus:
        events = [Event(topic="light.on") for _ in range(7)]
        thread = threading.Thread(target=bus.publish_many_from_thread, args=(events,))
        thread.start()
        thread.join()
        assert "5 events from other threads" in probes.bus(bus)().words


async def test_a_loom_that_wants_nobody_lacks_nobody(tmp_path: Path) -> None:
    nobody = Settings(assistant=Assistant(agents=()))
    async with loom_for_tests(tmp_path, settings=nobody) as loom:
        assert (await loom.health.look()).ready


@pytest.mark.parametrize(
    ("failed", "running", "working", "asked_for", "state"),
    [
        (False, False, False, True, "ok"),
        (False, True, True, True, "ok"),
        (False, True, False, True, "degraded"),
        (False, True, False, False, "ok"),
        (True, True, True, True, "degraded"),
        (True, False, True, False, "ok"),
    ],
)
def test_a_source(
    failed: bool, running: bool, working: bool, asked_for: bool, state: State
) -> None:
    report = SimpleNamespace(working=working, driver="x11", detail="No screen.", fix="Get one.")
    outside: Any = SimpleNamespace(
        failed={"eye": Unavailable("It broke.")} if failed else {},
        running=lambda name: running,
        sources={"eye": SimpleNamespace(report=lambda: report)} if running else {},
    )
    found = probes.source(outside, "eye", asked_for=asked_for)
    assert found.state == state
    assert found.words


async def test_timers_that_nobody_winds_are_told() -> None:
    clock = FakeClock()
    looks = asyncio.Event()

    class Store:
        async def due(self, now: float) -> list[Any]:
            looks.set()
            if clock.now > 1_800_000_000:
                raise Unavailable("The disk is full.")
            return []

        async def next_due(self) -> float:
            return 0.0

    timers = Timers(Store(), lambda *_: None, clock)  # type: ignore[arg-type]
    assert probes.timers(timers, clock).state == "ok", "it has just been made"
    running = asyncio.get_running_loop().create_task(timers.run())
    await looks.wait()
    while not timers.looked:
        await asyncio.sleep(0)
    clock.forward(TICK_S)
    assert probes.timers(timers, clock).state == "ok"
    clock.forward(10 * TICK_S)
    found = probes.timers(timers, clock)
    assert (found.state, found.since) == ("degraded", timers.looked)
    clock.now = 1_800_000_001
    timers.changed()
    while not timers.trouble:
        await asyncio.sleep(0)
    assert probes.timers(timers, clock).words == "The disk is full."
    running.cancel()


def test_models_that_are_left_alone_are_named() -> None:
    assert probes.models(None).state == "ok"
    breaker = Breaker(lambda: 1.0, name="deepseek")
    router: Any = SimpleNamespace(breakers=[Breaker(name="llama"), breaker])
    assert probes.models(router).state == "ok"
    for _ in range(MOST_FAILURES):
        attempt = breaker.begin()
        assert attempt
        attempt.failed()
    found = probes.models(router)
    assert (found.state, "deepseek" in found.words, "llama" in found.words) == (
        ("degraded", True, False)
    )


@pytest.mark.parametrize(
    ("said", "known", "state"),
    [(False, False, "ok"), (True, True, "ok"), (False, True, "ok"), (True, False, "failed")],
)
def test_the_network(said: bool, known: bool, state: State) -> None:
    router: Any = SimpleNamespace(net=SimpleNamespace(local_only=known))
    assert probes.network(router, local_only=said).state == state
    assert probes.network(None, local_only=said).state == "ok"


WELL = Upkeep(True, True, 1.0, "", 3, 1_750_000_000.0, 0.0, "")


@pytest.mark.parametrize(
    ("stands", "not_forgotten", "state", "words"),
    [
        (WELL, "", "ok", ""),
        (WELL._replace(snapshots=0, newest=0.0), "", "ok", "There is no snapshot so far."),
        (WELL._replace(wanted=False, running=False), "", "ok", "This run does not look after"),
        (WELL._replace(running=False), "", "failed", "Nobody looks after the store"),
        (WELL._replace(failed=7.0, failure="No copy."), "", "degraded", "No copy."),
        (WELL._replace(trouble="No room."), "", "degraded", "No room."),
        (WELL._replace(looked_ago_s=1_200.0), "", "degraded", "Nobody has looked after the store "
         "for 20 minutes."),
        (WELL, "The disk is full.", "degraded", "What is old was not forgotten: The disk is full."),
    ],
)  # fmt: skip
def test_the_upkeep(stands: Upkeep, not_forgotten: str, state: State, words: str) -> None:
    found = probes.upkeep(stands, not_forgotten)
    assert found.state == state
    assert found.words.startswith(words)
    assert bool(found.hint) == (state != "ok")
    assert found.facts["newest"] == stands.newest
    assert found.since == (7.0 if stands.failure else 0.0)


FILE = Key(b"k", "file", "It lies beside it.", "the keyring refused")


@pytest.mark.parametrize(
    ("key", "encrypted", "wanted", "state", "kept", "words"),
    [
        (None, True, True, "ok", "given", ""),
        (Key(b"k", "keyring"), True, True, "ok", "keyring", ""),
        (FILE, True, True, "ok", "file", "It lies beside it."),
        (None, False, False, "ok", "", "What is written down is not encrypted: loom.toml"),
        (None, False, True, "failed", "", "What is written down is not encrypted, and should"),
        (Unavailable("It is locked.", hint="Unlock it."), False, False, "failed", "", "It is"),
    ],
)
def test_the_key(
    key: Key | LoomError | None, encrypted: bool, wanted: bool, state: State, kept: str, words: str
) -> None:
    found = probes.key(key, encrypted=encrypted, wanted=wanted)
    assert (found.state, found.facts["kept"]) == (state, kept)
    assert found.words.startswith(words)
    assert bool(found.words) == bool(words)
    assert bool(found.hint) == (state == "failed")
    if key is FILE:
        assert found.facts["fell_back"] == "the keyring refused"


async def test_a_key_that_cannot_be_had_is_told_by_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def locked(folder: Path) -> Key:
        raise Unavailable("The keyring is locked.", hint="Unlock it.")

    monkeypatch.setattr("loom_desktop.loom.obtain", locked)
    place = Paths(tmp_path, tmp_path / "data", tmp_path / "cache", tmp_path / "logs", tmp_path)
    async with Loom(Settings(), paths=place, listening=False) as loom:
        parts = {one.name: one for one in (await loom.health.look()).parts}
    assert (parts["key"].state, parts["key"].words) == ("failed", "The keyring is locked.")


async def test_the_broker_says_what_it_cannot_write_down_or_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    async with loom_for_tests(tmp_path, clock=clock) as loom:
        look = partial(probes.broker, loom.broker, loom.audit, clock)
        assert look().state == "ok"
        assert "Nobody is there to be asked" in look().words
        ctx = Context("lamp", TYPED, loom.supervisor.parts, loom.tasks, {})

        async def full(event: Event) -> None:
            raise Unavailable("The disk is full.", hint="Free some.")

        with monkeypatch.context() as patch:
            patch.setattr(loom.store.journal, "append", full)
            assert not (await ctx.tool("notes.add", text="x")).ok
        assert (look().state, look().hint) == ("failed", "Free some.")
        assert "The disk is full." in look().words

        def broken(asked: object) -> None:
            raise RuntimeError("a bug")

        with monkeypatch.context() as patch:
            patch.setattr("loom_desktop.actions.broker.decide", broken)
            assert not (await ctx.tool("notes.add", text="x")).ok
        assert (await ctx.tool("notes.add", text="x")).ok
        found = look()
        assert (found.state, found.since, found.facts["undecided"]) == ("degraded", clock.now, 1)
        clock.forward(600)
        assert look().state == "ok"
        loom.desk.attend()
        assert look().words == ""
    assert (await loom.health.look()).ready is False


@pytest.mark.parametrize(
    ("running", "trouble", "waiting", "state"),
    [
        (True, "", 3, "ok"),
        (True, "The disk is full.", 0, "degraded"),
        (True, "", 5_000, "degraded"),
        (False, "", 0, "failed"),
    ],
)
def test_the_recorder(running: bool, trouble: str, waiting: int, state: State) -> None:
    recorder: Any = SimpleNamespace(
        running=running, trouble=trouble, waiting=waiting, kept=7, lost=1
    )
    found = probes.recorder(recorder)
    assert found.state == state
    assert bool(found.words and found.hint) == (state != "ok")
    assert trouble in found.words
    assert found.facts == {"kept": 7, "lost": 1, "waiting": waiting}


async def test_open_cards_are_counted(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, desktop=True) as loom:
        assert probes.cards(loom.desk).facts == {"open": 0, "attended": True}
        first = await loom.desk.offer(Offer(title="Move?", kind="notice"), agent="a", cause=TYPED)
        await loom.desk.offer(Offer(title="And this?", kind="notice"), agent="a", cause=TYPED)
        assert probes.cards(loom.desk).words == "2 cards are open."
        await loom.desk.answer(first, "dismiss")
        assert probes.cards(loom.desk).words == "1 card is open."
        loom.desk.trouble = "The disk is full."
        found = probes.cards(loom.desk)
        assert (found.state, found.facts["open"]) == ("degraded", 1)
        assert "The disk is full." in found.words
    async with loom_for_tests(tmp_path, listening=True) as loom:
        assert probes.cards(loom.desk).facts["open"] == 1, "also those of the run before"


@pytest.mark.parametrize(
    ("on", "sent", "trouble", "here", "state", "words"),
    [
        (True, 0, "", True, "ok", "None was sent so far."),
        (True, 2, "", True, "ok", ""),
        (True, 2, "no daemon", True, "degraded", "The last one was not shown: no daemon"),
        (True, 0, "no bus", False, "ok", "The last one was not shown: no bus"),
        (False, 0, "no bus", True, "ok", "Off."),
    ],
)
def test_notifications(
    on: bool, sent: int, trouble: str, here: bool, state: State, words: str
) -> None:
    stand: Any = SimpleNamespace(on=on, sent=sent, trouble=trouble, wanted_here=here)
    found = probes.notifications(stand)
    assert (found.state, found.words) == (state, words)
    assert found.facts == {"on": on, "sent": sent}


async def test_windows_that_do_not_say_anything_are_not_there(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, desktop=True) as loom:
        parts = {one.name: one for one in (await loom.health.look()).parts}
        assert parts["shell"].words == "There is none in this run."
        loom.around["shell"] = lambda: Finding("degraded", "They stand still.", "Wait.")
        parts = {one.name: one for one in (await loom.health.look()).parts}
        assert (parts["shell"].state, parts["shell"].words) == ("degraded", "They stand still.")
