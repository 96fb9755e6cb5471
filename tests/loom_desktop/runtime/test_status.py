from typing import Any
from zoneinfo import ZoneInfo

from loom_desktop.bus import Bus
from loom_desktop.event import Event
from loom_desktop.runtime.status import UNTIL_TOLD, Status
from loom_desktop.testing import FakeClock


def said(bus: Bus, topic: str, **payload: Any) -> int:
    event = Event(topic=topic, payload=payload)
    bus.publish(event)
    return event.id


async def test_what_wants_the_person_comes_first() -> None:
    clock = FakeClock()
    bus = Bus(clock)
    status = Status(bus, clock, lambda: ZoneInfo("Europe/Berlin"))
    changes: list[str] = []
    status.changed = lambda: changes.append(status.state)
    status.look()
    status.trouble("The disk is full.", "Free some space.")
    status.trouble("The disk is full.", "Free some space.")
    status.paused_until = clock() + 600
    status.look()
    assert status.words == "Capture is paused until 09:10"
    turn = said(bus, "chat.asked")
    said(bus, "card.offered", card={"id": 7, "kind": "approval"})
    said(bus, "chat.answered", turn=turn)
    said(bus, "card.closed", card=7)
    clock.forward(601)
    status.look()
    assert status.words == "The disk is full."
    status.solved("The disk is full.")
    assert changes == ["idle", "trouble", "paused", "thinking", "asks", "paused", "trouble", "idle"]


async def test_a_pause_until_told_has_no_end() -> None:
    clock = FakeClock()
    status = Status(Bus(clock), clock, lambda: ZoneInfo("UTC"))
    status.paused_until = UNTIL_TOLD
    clock.forward(10**9)
    assert status.paused
    assert status.words == "Capture is paused"


async def test_other_cards_ask_nothing() -> None:
    bus = Bus()
    status = Status(bus, FakeClock(), lambda: ZoneInfo("UTC"))
    said(bus, "card.offered", card={"id": 7, "kind": "suggestion"})
    assert status.state == "idle"
