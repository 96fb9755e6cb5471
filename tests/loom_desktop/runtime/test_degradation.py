from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from loom_desktop import Event, QoS
from loom_desktop.runtime import degradation
from loom_desktop.runtime.degradation import (
    CALM_S,
    FORGET_S,
    MOST_CALM_S,
    PACES,
    RISE_S,
    Degradation,
    Signals,
    Standing,
    asked,
    decide,
    memory_taken,
)
from loom_desktop.testing import FakeClock, loom_for_tests, next_event

CALM, HARD = Signals(), Signals(lag_s=2.0)
SIGNALS = st.builds(
    Signals,
    lag_s=st.sampled_from([0.0, 0.03, 0.04, 0.05, 0.12, 0.2, 0.6, 5.0]),
    fill=st.dictionaries(st.sampled_from(list(QoS)), st.sampled_from([0.0, 0.4, 0.6, 0.8, 1.0])),
    disk=st.sampled_from(["ok", "low", "scarce", "full", "broken", "memory"]),
    memory=st.sampled_from([0.0, 0.5, 0.85, 0.91, 0.99]),
)


class World:
    """Lanes that are paced, and signals that the test sets."""

    def __init__(self, signals: Signals = CALM) -> None:
        self.signals, self.clock = signals, FakeClock(1000.0)
        self.paces: list[tuple[QoS, float]] = []
        self.events: list[Event] = []
        self.made = Degradation(
            lambda: self.signals,
            lambda lane, share: self.paces.append((lane, share)),
            self.events.append,
            FakeClock(),
            self.clock,
        )

    def pass_(self, seconds: float) -> list[int]:
        """A look each second; the levels that were seen."""
        levels = []
        for _ in range(int(seconds)):
            self.clock.forward(1)
            levels.append(self.made.look())
        return levels


# -------------------------------------------------------------------- what is decided
@pytest.mark.parametrize(
    ("signals", "level", "said"),
    [
        (CALM, 0, ""),
        (Signals(lag_s=0.049), 0, ""),
        (Signals(lag_s=0.05), 1, "The loop is 50 ms late."),
        (Signals(lag_s=0.2), 2, "200 ms"),
        (Signals(lag_s=0.6), 3, "600 ms"),
        (Signals(fill={QoS.REALTIME: 1.0}), 3, "realtime lane is 100%"),
        (Signals(fill={QoS.BATCHED: 1.0}), 1, "batched lane is 100%"),
        (Signals(fill={QoS.BACKGROUND: 1.0}), 0, ""),
        (Signals(disk="low"), 0, ""),
        (Signals(disk="scarce"), 1, "The disk is scarce."),
        (Signals(disk="full", lag_s=0.05), 2, "The disk is full."),
        (Signals(disk="memory"), 0, ""),
        (Signals(memory=0.96), 2, "Memory is 96% full."),
        (Signals(memory=0.96, lag_s=0.2), 2, "The loop is 200 ms late. Memory is 96% full."),
    ],
)
def test_what_the_signals_ask_for(signals: Signals, level: int, said: str) -> None:
    found, words = asked(signals)
    assert found == level
    assert said in words
    assert bool(words) == bool(level)


@given(SIGNALS)
def test_a_full_lane_never_asks_for_what_slows_it(signals: Signals) -> None:
    for lane, fill in signals.fill.items():
        level, _ = asked(Signals(fill={lane: fill}))
        assert PACES[level].get(lane, 1.0) == 1.0


@given(SIGNALS, st.floats(0, 10))
def test_more_strain_never_asks_for_less(signals: Signals, more_s: float) -> None:
    assert asked(replace(signals, lag_s=signals.lag_s + more_s))[0] >= asked(signals)[0]
    assert asked(signals, eased=0.7)[0] >= asked(signals)[0], "it is left later than reached"


def test_realtime_is_in_no_table_and_background_comes_first() -> None:
    for paces in PACES:
        assert set(paces) == {QoS.BACKGROUND, QoS.BATCHED}
        assert paces[QoS.BACKGROUND] <= paces[QoS.BATCHED] or paces == PACES[0]
        assert paces[QoS.BATCHED] > 0, "what is batched never stands still"
    for lane in PACES[0]:
        shares = [paces[lane] for paces in PACES]
        assert shares == sorted(shares, reverse=True)
    assert PACES[1][QoS.BATCHED] == 1.0 > PACES[1][QoS.BACKGROUND]


# -------------------------------------------------------------------- over time
def test_it_goes_up_step_by_step_and_says_why() -> None:
    world = World(HARD)
    levels = world.pass_(10)
    assert levels == [0, 0, 1, 1, 2, 2, 3, 3, 3, 3]
    assert world.paces == [
        (QoS.BACKGROUND, 0.5), (QoS.BACKGROUND, 0.2), (QoS.BATCHED, 0.8),
        (QoS.BACKGROUND, 0.0), (QoS.BATCHED, 0.5),
    ]  # fmt: skip
    assert [one.topic for one in world.events] == ["runtime.degraded"] * 3
    assert world.events[-1].payload == {
        "level": 3, "reason": "The loop is 2000 ms late.", "background": 0.0, "batched": 0.5,
    }  # fmt: skip
    found = world.made.finding()
    assert found.state == "degraded"
    assert "background 0%, batched 50%" in found.words
    assert "The loop is 2000 ms late." in found.words


def test_a_short_strain_is_none() -> None:
    world = World()
    for _ in range(20):
        world.signals = HARD
        world.pass_(RISE_S)
        world.signals = CALM
        world.pass_(1)
    assert world.made.level == 0
    assert not world.paces


def test_it_comes_down_when_it_is_calm_and_everything_is_as_it_was() -> None:
    world = World(HARD)
    world.pass_(10)
    world.signals = Signals(lag_s=0.5 * 0.7)
    assert set(world.pass_(300)) == {3}, "not quite calm: it stays"
    world.signals = CALM
    levels = world.pass_(3 * CALM_S + 3)
    assert levels[-1] == 0
    last = dict(world.paces)
    assert last == PACES[0]
    assert (world.events[-1].topic, world.events[-1].payload["level"]) == ("runtime.recovered", 0)
    assert world.made.finding().state == "ok"


def test_who_comes_back_soon_stays_longer_and_after_a_while_is_forgiven() -> None:
    world, stays = World(), []
    for _ in range(7):
        world.signals = Signals(lag_s=0.1)
        world.pass_(RISE_S + 1)
        world.signals = CALM
        stays.append(sum(level == 1 for level in world.pass_(MOST_CALM_S + 5)))
    assert stays == [15, 30, 60, 120, 120, 120, 120]
    world.pass_(FORGET_S)
    world.signals = Signals(lag_s=0.1)
    world.pass_(RISE_S + 1)
    world.signals = CALM
    assert sum(level == 1 for level in world.pass_(MOST_CALM_S)) == CALM_S


@given(st.lists(st.tuples(SIGNALS, st.integers(1, 40)), max_size=12))
def test_whatever_comes(history: list[tuple[Signals, int]]) -> None:
    """Realtime is never touched, background always before batched, and in the end all is well."""
    world = World()
    shares: dict[QoS, float] = dict(PACES[0])
    changes: list[tuple[float, int]] = [(-1e9, 0)]
    for signals, seconds in [*history, (CALM, int(3 * MOST_CALM_S + 10))]:
        world.signals = signals
        for _ in range(seconds):
            before = world.made.level
            world.paces.clear()
            (level,) = world.pass_(1)
            for lane, share in world.paces:
                assert lane in (QoS.BACKGROUND, QoS.BATCHED)
                shares[lane] = share
            assert shares == PACES[level]
            if level != before:
                assert abs(level - before) == 1
                wait_s = world.clock.now - changes[-1][0]
                assert wait_s >= (RISE_S if level > before else CALM_S), "no flapping"
                changes.append((world.clock.now, level))
    assert world.made.level == 0


@given(st.integers(1, 60), st.integers(1, 60))
def test_strain_that_comes_and_goes_moves_it_seldom(on: int, off: int) -> None:
    world, levels = World(), [0]
    for _ in range(3600 // (on + off)):
        world.signals = HARD
        levels += world.pass_(on)
        world.signals = CALM
        levels += world.pass_(off)
    changes = sum(a != b for a, b in itertools.pairwise(levels))
    assert changes <= 40, "an hour of it"


def test_a_lane_that_is_slowed_and_fills_up_does_not_hold_itself_down() -> None:
    """What is paced fills its own mailboxes; the level still falls when the strain is over."""
    world = World(HARD)
    world.pass_(10)
    full: Mapping[QoS, float] = {QoS.BACKGROUND: 1.0, QoS.BATCHED: 1.0}
    world.signals = Signals(fill=full)
    assert world.pass_(3 * MOST_CALM_S)[-1] == 1, "batched runs free, and background has to wait"
    world.signals = Signals(fill={QoS.BACKGROUND: 1.0})
    assert world.pass_(2 * CALM_S)[-1] == 0


# -------------------------------------------------------------------- the loop around it
async def run_until(world: World, over: Callable[[], bool]) -> None:
    task = asyncio.get_running_loop().create_task(world.made.run())
    world.made.arm()
    async with asyncio.timeout(20):
        while not over():
            world.clock.forward(1)
            await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})


async def test_it_looks_while_something_happens_and_ends_what_it_began(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(degradation, "LOOK_S", 0.0)
    world = World(HARD)
    await run_until(world, lambda: world.made.level == 3)
    world.signals = CALM
    await run_until(world, lambda: world.made.level == 0)


async def test_signals_that_cannot_be_read_are_calm(caplog: pytest.LogCaptureFixture) -> None:
    world = World(HARD)
    world.pass_(10)
    broken = Degradation(
        lambda: 1 / 0,  # type: ignore[arg-type,return-value]
        lambda lane, share: world.paces.append((lane, share)),
        world.events.append,
        FakeClock(),
        world.clock,
    )
    broken._standing = world.made._standing
    for _ in range(int(4 * CALM_S)):
        world.clock.forward(1)
        broken.look()
    assert broken.level == 0
    assert "cannot be read" in caplog.text


async def test_a_running_loom_paces_and_tells(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, listening=True) as loom:
        now = FakeClock(0.0)
        assert loom.loop_watch
        if loom.degradation is None:
            loom.loop_watch.turned()
        made = loom.degradation
        assert made
        made._signals, made._clock = (lambda: HARD), now
        told = loom.tasks.run("wait", next_event(loom, "runtime.degraded"))
        await asyncio.sleep(0)
        for _ in range(4):
            made.look()
            now.forward(1)
        assert (await told).payload["reason"] == "The loop is 2000 ms late."
        health = await loom.call("health")
        (load,) = (one for one in health["parts"] if one["name"] == "load")
        assert load["state"] == "degraded"


def test_memory(tmp_path: Path) -> None:
    file = tmp_path / "meminfo"
    file.write_text("MemTotal:  1000 kB\nMemFree: 5 kB\nMemAvailable:   250 kB\nHuge:  0\n")
    assert memory_taken(file) == 0.75
    file.write_text("nonsense")
    assert memory_taken(file) == 0.0
    assert memory_taken(tmp_path / "nowhere") == 0.0
    assert 0.0 <= memory_taken() < 1.0


def test_where_it_stands_before_anything_is_calm() -> None:
    assert decide(Standing(), CALM, 5.0) == Standing()
