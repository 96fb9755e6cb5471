"""Sleep, waking up and screen lock, with a fake logind on a private bus, and with clocks alone."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from loom_desktop.sources.system import Settings, System
from loom_desktop.tasks import Tasks
from tests.fake_desktop import FakeDesktop
from tests.loom_desktop.sources.test_hotkey import Heard, until
from tests.screen import Screen

x11 = pytest.mark.x11  # for the private bus


class Clocks:
    """Two clocks of a computer that can be put to sleep."""

    def __init__(self) -> None:
        self.awake_s = 100.0
        self.asleep_s = 50.0

    def awake(self) -> float:
        return self.awake_s

    def both(self) -> float:
        return self.awake_s + self.asleep_s


def system(environ: dict[str, str], clocks: Clocks, **settings: Any) -> System:
    return System(
        Settings(**settings),
        environ=environ,
        awake=clocks.awake,
        awake_and_asleep=clocks.both,
        look_s=0.02,
        settle_s=0.05,
    )


@contextlib.asynccontextmanager
async def watching(source: System) -> AsyncIterator[Heard]:
    heard = Heard()
    async with Tasks() as tasks:
        tasks.start("system", source.run(heard))
        await until(lambda: "not watched yet" not in source.report().detail, "report")
        yield heard


def bus(screen: Screen) -> str:
    return screen.env["DBUS_SESSION_BUS_ADDRESS"]


NO_BUS = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent/bus"}


def test_before_it_runs_the_report_says_so() -> None:
    assert not System(Settings(), environ={}).report().working


@pytest.mark.skipif(sys.platform != "linux", reason="the clock that counts sleep is Linux's")
async def test_without_a_bus_the_clocks_tell_of_a_resume_and_the_report_says_so() -> None:
    clocks = Clocks()
    source = system(NO_BUS, clocks)
    async with watching(source) as heard:
        report = source.report()
        assert (report.working, report.driver) == (True, "clock")
        assert "no message bus" in report.detail
        assert "going to sleep is not" in report.detail
        assert "locked screen is not noticed" in report.detail
        clocks.awake_s += 1000
        clocks.asleep_s += 3600
        await until(lambda: heard.events, "resume")
        clocks.asleep_s += 1.5  # how clocks are read, not a sleep
        clocks.awake_s += 15
        clocks.asleep_s += 60
        await until(lambda: len(heard.events) == 2, "second resume")
    assert heard.events == [
        ("system.resumed", {"slept_s": 3600.0}),
        ("system.resumed", {"slept_s": 61.5}),
    ]


async def test_a_small_difference_of_the_clocks_is_no_sleep() -> None:
    clocks, looks = Clocks(), 0
    source = system(NO_BUS, clocks)
    before = source._ahead

    def counted() -> float:
        nonlocal looks
        looks += 1
        return before()

    source._ahead = counted  # type: ignore[method-assign]  # to know that it looked
    async with watching(source) as heard:
        clocks.asleep_s += 1.9
        seen = looks
        await until(lambda: looks > seen + 2, "look at the clocks")
        assert heard.events == []
        clocks.asleep_s -= 30  # a clock was set
        await until(lambda: looks > seen + 6, "look at the clocks")
        clocks.asleep_s += 20
        await until(lambda: heard.events, "resume")
    assert heard.events == [("system.resumed", {"slept_s": 20.0})]


async def test_the_clocks_are_looked_at_four_times_a_minute_at_most() -> None:
    assert System(Settings(), environ={})._look_s >= 15


@x11
async def test_logind_tells_of_sleep_and_waits_until_we_gave_its_lock_back(
    bare_screen: Screen,
) -> None:
    async with FakeDesktop(bus(bare_screen), ("logind",)) as desk:
        clocks = Clocks()
        source = system(bare_screen.env, clocks)
        async with watching(source) as heard:
            await until(lambda: source.report().driver == "logind", "logind")
            await until(lambda: desk.login.held == 1, "delay lock")
            facts = source.report().facts or {}
            assert facts == {
                "sleep": "logind",
                "lock": ["logind", "screensaver"],
                "delay_lock": True,
            }
            await desk.sleep()
            await until(lambda: desk.login.held == 0, "release of the delay lock")
            assert heard.events == [("system.sleeping", {})]
            clocks.asleep_s += 600
            await desk.resume()
            await until(lambda: desk.login.held == 1, "delay lock again")
            await until(lambda: len(heard.events) >= 2, "resume")
            await desk.sleep()
            await until(lambda: len(heard.events) >= 3, "second sleep")
        await until(lambda: desk.login.held == 0, "release at the end")
    assert heard.events == [
        ("system.sleeping", {}),
        ("system.resumed", {"slept_s": 600.0}),
        ("system.sleeping", {}),
    ]


@x11
async def test_a_resume_is_told_once_whoever_notices_first(bare_screen: Screen) -> None:
    async with FakeDesktop(bus(bare_screen), ("logind",)) as desk:
        clocks = Clocks()
        source = system(bare_screen.env, clocks)
        async with watching(source) as heard:
            await until(lambda: desk.login.held == 1, "delay lock")
            await desk.sleep()
            await until(lambda: desk.login.held == 0, "release of the delay lock")
            clocks.asleep_s += 600
            await until(lambda: len(heard.events) == 2, "resume by the clocks")
            await desk.resume()
            await until(lambda: desk.login.held == 1, "delay lock again")
            assert [topic for topic, _ in heard.events] == ["system.sleeping", "system.resumed"]


@x11
async def test_the_delay_lock_can_be_switched_off(bare_screen: Screen) -> None:
    async with FakeDesktop(bus(bare_screen), ("logind",)) as desk:
        source = system(bare_screen.env, Clocks(), delay_sleep=False)
        async with watching(source) as heard:
            await until(lambda: source.report().driver == "logind", "logind")
            await desk.sleep()
            await until(lambda: heard.events, "sleep")
            assert desk.login.held == 0


@x11
@pytest.mark.parametrize("by", ["logind", "screensaver"])
async def test_the_lock_of_the_screen_is_told_once(bare_screen: Screen, by: str) -> None:
    async with FakeDesktop(bus(bare_screen), ("logind",)) as desk:
        source = system(bare_screen.env, Clocks())
        async with watching(source) as heard:
            await until(lambda: source.report().facts["lock"] == ["logind", "screensaver"], "both")  # type: ignore[index]  # there are facts
            await desk.lock(by)
            await desk.lock("screensaver")
            await until(lambda: len(heard.events) == 1, "lock")
            await desk.unlock(by)
            await desk.unlock("screensaver")
            await until(lambda: len(heard.events) == 2, "unlock")
            await desk.lock(by)
            await until(lambda: len(heard.events) == 3, "second lock")
    topics = [topic for topic, _ in heard.events]
    assert topics == ["system.locked", "system.unlocked", "system.locked"]


@x11
async def test_a_logind_that_goes_away_and_comes_back_is_used_again(bare_screen: Screen) -> None:
    source = system(bare_screen.env, Clocks())
    async with watching(source) as heard:
        assert "logind does not run here" in source.report().detail
        for _ in range(2):
            async with FakeDesktop(bus(bare_screen), ("logind",)) as desk:
                await until(lambda: source.report().driver == "logind", "logind")
                await desk.sleep()
                await until(lambda: heard.events, "sleep")
                heard.events.clear()
                await desk.resume()
                await until(lambda: heard.events, "resume")
                heard.events.clear()
            await until(lambda: source.report().driver != "logind", "report of the loss")


@x11
async def test_signals_of_anybody_else_are_not_believed(bare_screen: Screen) -> None:
    async with FakeDesktop(bus(bare_screen), ("logind",)) as desk:
        source = system(bare_screen.env, Clocks())
        async with watching(source) as heard:
            await until(lambda: source.report().driver == "logind", "logind")
            bare_screen.run(
                *("dbus-send", "--session", "--type=signal", "/org/freedesktop/login1"),
                *("org.freedesktop.login1.Manager.PrepareForSleep", "boolean:true"),
            )
            await desk.lock()
            await until(lambda: heard.events, "lock")
            assert heard.events == [("system.locked", {})]


@x11
async def test_a_signal_that_is_not_what_it_should_be_is_ignored(bare_screen: Screen) -> None:
    source = system(bare_screen.env, Clocks())
    async with watching(source) as heard:
        await until(lambda: "screensaver" in (source.report().facts or {})["lock"], "session bus")
        send = ("dbus-send", "--session", "--type=signal", "/s")
        bare_screen.run(*send, "org.freedesktop.ScreenSaver.ActiveChanged", "string:yes")
        bare_screen.run(*send, "org.freedesktop.ScreenSaver.ActiveChanged", "boolean:true")
        await until(lambda: heard.events, "lock")
        assert heard.events == [("system.locked", {})]
