from __future__ import annotations

import asyncio
import itertools
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.runtime.health import (
    CALM_S,
    FALLS,
    FALLS_WITHIN_S,
    Finding,
    Health,
    Part,
    Standing,
    State,
)
from loom_desktop.testing import FakeClock


def yes() -> bool:
    return True


class Says:
    """A part that says what the test wants."""

    def __init__(self, state: State = "ok", words: str = "") -> None:
        self.finding = Finding(state, words)
        self.asked = 0

    def __call__(self) -> Finding:
        self.asked += 1
        return self.finding


def part(standing: Standing, name: str) -> Part:
    (found,) = (one for one in standing.parts if one.name == name)
    return found


async def test_the_whole_stands_as_its_worst_part() -> None:
    health, clock = Health(FakeClock(), yes), FakeClock()
    assert (await health.look()).state == "ok"
    disk = Says("degraded", "The disk is nearly full.")
    health.register("bus", Says())
    health.register("store", disk, needed=True)
    health.register("model", Says("failed", "Nobody answers."))
    told = await health.look()
    assert (told.state, told.ready) == ("failed", True), "a model is not needed to be ready"
    assert told.words == "model: Nobody answers. store: The disk is nearly full."
    assert told.time == part(told, "store").since == clock.now
    disk.finding = Finding("failed", "The disk is broken.")
    assert not (await health.look()).ready


async def test_before_everything_is_joined_it_is_not_ready() -> None:
    started: list[int] = []
    health = Health(FakeClock(), lambda: bool(started))
    health.register("store", Says(), needed=True)
    told = await health.look()
    assert (told.state, told.ready, told.words) == ("ok", False, "Loom is starting.")
    started.append(1)
    assert (await health.look()).ready


async def test_a_part_that_is_gone_is_not_asked_any_more() -> None:
    health = Health(FakeClock(), yes)
    old, new = Says("failed"), Says()
    remove = health.register("one", old)
    health.register("one", new)
    remove()
    assert [one.name for one in (await health.look()).parts] == ["one"]
    assert (old.asked, new.asked) == (0, 1)


@pytest.mark.parametrize("answer", [None, "fine", {"state": "ok"}, ValueError("no"), OSError()])
async def test_a_probe_that_cannot_say_is_a_finding_and_the_others_are_asked(answer: Any) -> None:
    def probe() -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    health = Health(FakeClock(), yes)
    health.register("broken", probe)
    health.register("sound", Says())
    told = await health.look()
    assert part(told, "broken").state == "failed"
    assert "cannot say how it stands" in part(told, "broken").words
    assert part(told, "sound").state == "ok"


async def test_a_probe_that_hangs_is_a_finding_and_the_loop_goes_on() -> None:
    entered, go = threading.Event(), threading.Event()
    calls: list[int] = []

    def hang() -> Finding:
        calls.append(1)
        entered.set()
        go.wait(30)
        return Finding()

    health = Health(FakeClock(), yes, patience_s=0.05)
    before, after = Says(), Says()
    health.register("before", before)
    health.register("hanging", hang)
    health.register("after", after)
    try:
        told = await health.look()
        assert entered.is_set()
        assert part(told, "hanging").words == "It does not answer."
        assert (part(told, "before").state, part(told, "after").state) == ("ok", "ok")
        told = await health.look()
        assert (len(calls), before.asked, after.asked) == (1, 2, 2), "it is not asked twice"
        assert part(told, "hanging").state == "failed"
    finally:
        go.set()
    for thread in threading.enumerate():
        if thread.name == "loom-health":
            await asyncio.to_thread(thread.join, 10)
    assert part(await health.look(), "hanging").state == "ok", "it has come back"
    assert len(calls) == 2


async def test_two_who_ask_at_once_get_an_answer_each() -> None:
    health = Health(FakeClock(), yes)
    health.register("one", Says())
    first, second = await asyncio.gather(health.look(), health.look())
    assert first.parts == second.parts


# -------------------------------------------------------------------- what comes and goes
async def test_a_single_fall_is_over_when_it_is_over() -> None:
    clock, disk = FakeClock(), Says()
    health = Health(clock, yes)
    health.register("disk", disk)
    first = clock.now
    await health.look()
    clock.forward(100)
    assert part(await health.look(), "disk").since == first, "as long as anybody has looked"
    disk.finding = Finding("degraded", "Nearly full.")
    fallen = clock.now
    assert part(await health.look(), "disk").since == fallen
    clock.forward(5)
    assert part(await health.look(), "disk").since == fallen, "since then, not since now"
    disk.finding = Finding()
    told = part(await health.look(), "disk")
    assert (told.state, told.since, told.flapping) == ("ok", clock.now, False)


async def test_what_comes_and_goes_is_one_trouble_until_it_was_good_for_a_while() -> None:
    clock, net = FakeClock(), Says()
    health = Health(clock, yes)
    health.register("net", net)
    seen: list[State] = []
    for _ in range(20):
        for finding in (Finding("failed", "Away."), Finding()):
            net.finding = finding
            seen.append(part(await health.look(), "net").state)
            clock.forward(5)
    changes = sum(a != b for a, b in itertools.pairwise(seen))
    assert changes <= 2 * FALLS - 2, seen
    told = part(await health.look(), "net")
    assert (told.state, told.flapping, told.words) == ("failed", True, "It comes and goes: Away.")
    clock.forward(CALM_S)
    told = part(await health.look(), "net")
    assert (told.state, told.flapping) == ("ok", False)


async def test_falls_far_apart_are_no_flapping() -> None:
    clock, net = FakeClock(), Says()
    health = Health(clock, yes)
    health.register("net", net)
    for _ in range(10):
        net.finding = Finding("failed", "Away.")
        await health.look()
        net.finding = Finding()
        assert part(await health.look(), "net").state == "ok"
        clock.forward(FALLS_WITHIN_S)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ok", "degraded", "failed"]), st.sampled_from([0.0, 1.0, 59.0, 61.0])
        ),
        max_size=40,
    )
)
def test_what_is_shown_is_never_better_than_what_is(history: list[tuple[State, float]]) -> None:
    order = ["ok", "degraded", "failed"]

    async def play() -> None:
        clock, one = FakeClock(), Says()
        health = Health(clock, yes)
        health.register("one", one)
        for state, seconds in history:
            one.finding = Finding(state)
            shown = part(await health.look(), "one")
            assert order.index(shown.state) >= order.index(state)
            assert shown.since <= clock.now
            clock.forward(seconds)
        one.finding = Finding()
        await health.look()
        clock.forward(CALM_S)
        assert (await health.look()).state == "ok", "whatever was, it ends"

    asyncio.run(play())
