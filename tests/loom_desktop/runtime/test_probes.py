from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from loom_desktop import Agent
from loom_desktop.breaker import MOST_FAILURES, Breaker
from loom_desktop.errors import Unavailable
from loom_desktop.event import MOST_HOPS, Event
from loom_desktop.runtime import probes
from loom_desktop.runtime.health import State
from loom_desktop.runtime.schedule import TICK_S, Timers
from loom_desktop.settings import Assistant, Settings
from loom_desktop.testing import FakeClock, loom_for_tests


async def test_a_loom_that_runs_is_well_and_ready(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, listening=True) as loom:
        told = await loom.call("health")
        assert (told["state"], told["ready"]) == ("ok", True), told["words"]
        names = {one["name"] for one in told["parts"]}
        assert {"store", "bus", "agents", "timers", "models", "network"} <= names
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


def test_what_was_dropped_is_told_once_and_what_is_full_as_long_as_it_is() -> None:
    box = SimpleNamespace(name="lamp", size=100, waiting=10)
    bus = SimpleNamespace(published=7, circled=0, dropped=3, mailboxes=lambda: [box])
    look = probes.bus(bus)
    assert "3 events were dropped" in look().words
    assert look().state == "ok"
    box.waiting = 95
    for _ in range(2):
        found = look()
        assert (found.state, found.facts["full"]) == ("degraded", ["lamp"])


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
    store: Any = SimpleNamespace(disk=disk, problems=problems, lost=lost)
    found = probes.store(store)
    assert found.state == state
    assert bool(found.words and found.hint) == (state != "ok")
    assert found.facts == {"disk": disk, "lost_writes": lost}


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


def test_what_other_threads_lost_is_told() -> None:
    bus = SimpleNamespace(published=7, circled=0, dropped=0, overrun=5)
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
