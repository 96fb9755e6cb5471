from __future__ import annotations

import pytest

from loom_desktop.bus import Bus
from loom_desktop.bus import ended as module
from loom_desktop.bus.ended import Counts
from loom_desktop.event import Event


async def handler(event: Event) -> None:
    """Takes no time."""


async def one_that_dropped(bus: Bus, name: str) -> None:
    """Handled one event and dropped two."""
    box = bus.subscribe("a", handler, name=name, size=1)
    bus.publish_many(Event(topic="a") for _ in range(3))
    assert await bus.settled(5)
    box.close()


async def test_what_was_lost_stays_visible_by_the_name_of_who_ended() -> None:
    async with Bus() as bus:
        await one_that_dropped(bus, "lamp")
        (told,) = bus.lost_by_ended()
        assert (told.name, told.ended, told.handled, told.dropped) == ("lamp", True, 1, 2)
        await one_that_dropped(bus, "lamp")
        assert bus.ended["lamp"] == Counts(handled=2, dropped=4), "they add up"
        assert bus.dropped == 4
        assert bus.mailboxes() == []


async def test_who_lost_nothing_leaves_nothing() -> None:
    async with Bus() as bus:
        box = bus.subscribe("a", handler, name="busy")
        bus.publish(Event(topic="a"))
        assert await bus.settled(5)
        box.close()
        assert dict(bus.ended) == {}
        assert bus.lost_by_ended() == []


async def test_names_are_forgotten_and_the_sum_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_NAMES", 2)
    async with Bus() as bus:
        for name in ("one", "two", "one", "three"):
            await one_that_dropped(bus, name)
        assert [name for name, _ in bus.ended] == ["one", "three"], "the oldest goes"
        assert bus.ended.total == Counts(handled=4, dropped=8)
        assert bus.ended["two"] == Counts()
        assert bus.dropped == 8
