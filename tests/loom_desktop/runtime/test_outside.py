import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from loom_desktop.errors import SettingsError, Unavailable
from loom_desktop.event import Event, Privacy, QoS
from loom_desktop.runtime import outside as module
from loom_desktop.runtime.outside import Outside
from loom_desktop.sources import Publish, Report
from loom_desktop.tasks import Tasks
from loom_desktop.testing import FakeClock


class Bell:
    """A source that rings when it is told to."""

    def __init__(self, origin: str = "clipboard", fail: Exception | None = None) -> None:
        self.origin, self.fail = origin, fail
        self.ring: Publish | None = None
        self.runs, self.ended, self.held = 0, 0, list[str]()

    async def run(self, publish: Publish) -> None:
        self.runs += 1
        if self.fail is not None and self.runs == 1:
            raise self.fail
        self.ring = publish
        try:
            await asyncio.Event().wait()
        finally:
            self.ended += 1

    def report(self) -> Report:
        return Report(True)

    def pause(self) -> None:
        self.held.append("pause")

    async def resume(self) -> None:
        self.held.append("resume")


@asynccontextmanager
async def made(**sources: Bell) -> AsyncIterator[tuple[Outside, list[Event]]]:
    events: list[Event] = []
    async with Tasks() as tasks:
        outside = Outside(events.append, FakeClock(), tasks)
        for name, source in sources.items():
            outside.add(name, lambda source=source: source)  # type: ignore[misc]
            outside.start(name)
        yield outside, events


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def test_what_a_source_says_is_labelled_by_where_it_comes_from() -> None:
    copies, key = Bell("clipboard"), Bell("user-typed")
    async with made(clipboard=copies, hotkey=key) as (_, events):
        await until(lambda: copies.ring and key.ring)
        assert copies.ring
        assert key.ring
        copies.ring("clipboard.copied", text="x")
        key.ring("hotkey.pressed", name="popup")
    assert [(e.origin, e.privacy, e.qos) for e in events] == [
        (frozenset({"clipboard"}), Privacy.PRIVATE, QoS.BATCHED),
        (frozenset({"user-typed"}), Privacy.PRIVATE, QoS.REALTIME),
    ]


async def test_while_paused_what_captures_says_nothing_and_the_rest_goes_on() -> None:
    copies, key = Bell("clipboard"), Bell("user-typed")
    async with made(clipboard=copies, hotkey=key) as (outside, events):
        await until(lambda: copies.ring and key.ring)
        await outside.pause(True)
        assert copies.ring
        assert key.ring
        copies.ring("clipboard.copied", text="x")
        key.ring("hotkey.pressed", name="popup")
        await outside.pause(False)
        copies.ring("clipboard.copied", text="y")
    assert [event.topic for event in events] == ["hotkey.pressed", "clipboard.copied"]
    assert copies.held == ["pause", "resume"]
    assert key.held == []


@pytest.mark.parametrize("error", [Unavailable("It is away.", hint="Wait."), RuntimeError("bug")])
async def test_one_that_fails_is_named_and_started_again(
    error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(module, "_LONGEST_WAIT_S", 0.04)
    bell = Bell(fail=error)
    with caplog.at_level(logging.CRITICAL):
        async with made(bell=bell) as (outside, _):
            await until(lambda: "bell" in outside.failed)
            assert str(error) in outside.failed["bell"].message
            await until(lambda: bell.ring)
            assert outside.failed == {}


async def test_stopping_ends_it_and_it_can_start_again() -> None:
    bell = Bell()
    async with made(bell=bell) as (outside, _):
        await until(lambda: bell.ring)
        await outside.stop("bell")
        assert bell.ended == 1
        assert not outside.running("bell")
        outside.start("bell")
        outside.start("bell")
        await until(lambda: bell.runs == 2)
    assert bell.ended == 2


async def test_a_source_that_has_ended_is_off_and_can_be_started_again() -> None:
    class Short(Bell):
        async def run(self, publish: Publish) -> None:
            self.runs += 1

    bell = Short()
    async with made(bell=bell) as (outside, _):
        await until(lambda: not outside.running("bell"))
        outside.start("bell")
        await until(lambda: bell.runs == 2)


async def test_what_its_settings_forbid_is_off_and_told_and_not_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_FIRST_WAIT_S", 0.0)
    bell = Bell(fail=SettingsError("The folder is not there.", hint="Name another."))
    async with made(bell=bell) as (outside, _):
        await until(lambda: not outside.running("bell"))
        assert outside.failed["bell"].message == "The folder is not there."
        assert bell.runs == 1
        outside.start("bell")  # the settings were changed
        await until(lambda: bell.ring)
        assert not outside.failed


@pytest.mark.parametrize(("ran_s", "waits"), [(59.0, 8.0), (61.0, 1.0)])
def test_a_good_long_run_makes_failures_forgotten(ran_s: float, waits: float) -> None:
    assert module._after(ran_s, 8.0) == waits
