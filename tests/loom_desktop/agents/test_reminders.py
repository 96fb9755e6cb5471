import asyncio
from pathlib import Path
from typing import Any

import pytest

from loom_desktop import Event, Loom
from loom_desktop.testing import FakeClock, answer_of, loom_for_tests, next_event

TYPED = Event(topic="chat.asked", origin=frozenset({"user-typed"}))
FOREIGN = Event(topic="chat.asked", origin=frozenset({"user-typed", "file"}))


async def due(loom: Loom, text: str, *, late_s: float = 0.0, event: Event = TYPED) -> Any:
    """A reminder whose moment came; its card."""
    one = await loom.reminders.add(text, event=event)
    await loom.supervisor.settled(5)
    for card in await loom.call("cards"):
        await loom.call("answer", card=card["id"], action="dismiss", door="window")
    shown = loom.tasks.run("wait", next_event(loom, "card.offered"))
    await asyncio.sleep(0)
    schedule = await loom.store.schedules.get(one.id)
    loom.bus.publish(loom.reminders.fire(schedule, loom.clock() - late_s, late_s))
    return (await shown).payload["card"]


async def test_its_moment_is_a_card_that_stays(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        card = await due(loom, "tomorrow at 9 to call Anna")
        assert (card["kind"], card["title"], card["expires"]) == ("reminder", "call Anna", 0)
        assert [one["id"] for one in card["actions"]] == ["done", "snooze", "hour"]
        assert card["why"] == "You asked: tomorrow at 9 to call Anna"


@pytest.mark.parametrize(("late_s", "told"), [(10, False), (3600, True)])
async def test_a_late_one_says_so(tmp_path: Path, late_s: float, told: bool) -> None:
    async with loom_for_tests(tmp_path) as loom:
        card = await due(loom, "tomorrow at 9 to call Anna", late_s=late_s)
        assert card["text"].startswith("It was due") is told


@pytest.mark.parametrize("event", [TYPED, FOREIGN], ids=["typed", "foreign"])
@pytest.mark.parametrize("door", ["window", "notification", "cli"])
@pytest.mark.parametrize(
    ("action", "at"),
    [("snooze", "2026-11-20T09:10:00+01:00"), ("hour", "2026-11-20T10:00:00+01:00"), ("done", "")],
)
async def test_the_answer_is_done_from_every_door(
    tmp_path: Path, event: Event, door: str, action: str, at: str
) -> None:
    """Also of one that was set while a stranger's document was open: it must not stay silent."""
    async with loom_for_tests(tmp_path) as loom:
        card = await due(loom, "tomorrow at 9 to call Anna", event=event)
        await loom.call("answer", card=card["id"], action=action, door=door)
        await loom.supervisor.settled(5)
        assert [one["at"] for one in await loom.call("reminders")] == ([at] if at else [])


async def _card(loom: Loom) -> Any:
    await loom.supervisor.settled(5)
    (card,) = await loom.call("cards")
    return card


async def _answer(loom: Loom, action: str) -> None:
    card = await _card(loom)
    await loom.call("answer", card=card["id"], action=action, door="window")
    await loom.supervisor.settled(5)


async def test_the_old_one_stands_until_the_new_one_is_set(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        await answer_of(loom, "remind me every day at 8:30 to stretch")
        await _answer(loom, "change")
        assert [one["text"] for one in await loom.call("reminders")] == ["stretch"]
        await answer_of(loom, "remind me every day at 9:30 to stretch")
        card = await _card(loom)
        assert card["title"] == "Reminder changed: stretch"
        assert "Instead of: remind me every day at 8:30 to stretch" in card["text"]
        (one,) = await loom.call("reminders")
        assert "9:30" in one["words"]
        await _answer(loom, "remove")
        (one,) = await loom.call("reminders")
        assert "8:30" in one["words"], "as it was before"


@pytest.mark.parametrize(
    ("waits_s", "new"),
    [(301, "remind me every day at 9:30 to stretch"), (0, "remind me at noon to breathe")],
    ids=["much later", "something else"],
)
async def test_who_changes_nothing_has_both(tmp_path: Path, waits_s: float, new: str) -> None:
    clock = FakeClock()
    async with loom_for_tests(tmp_path, clock=clock) as loom:
        await answer_of(loom, "remind me every day at 8:30 to stretch")
        await _answer(loom, "change")
        clock.forward(waits_s)
        await answer_of(loom, new)
        assert (await _card(loom))["title"].startswith("Reminder set: ")
        assert len(await loom.call("reminders")) == 2


async def test_what_is_gone_already_does_not_come_back(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        await answer_of(loom, "remind me every day at 8:30 to stretch")
        await _answer(loom, "change")
        (old,) = await loom.call("reminders")
        await loom.call("reminder_remove", reminder=old["id"])
        await answer_of(loom, "remind me every day at 9:30 to stretch")
        assert (await _card(loom))["title"] == "Reminder set: stretch"
        await _answer(loom, "remove")
        assert await loom.call("reminders") == []


async def test_a_new_one_shows_its_times_and_can_be_undone(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        await answer_of(loom, "remind me every day at 8:30 to stretch")
        await loom.supervisor.settled(5)
        (card,) = await loom.call("cards")
        assert card["title"] == "Reminder set: stretch"
        assert "21 November 2026, 08:30" in card["detail"]
        await loom.call("answer", card=card["id"], action="remove", door="window")
        await loom.supervisor.settled(5)
        assert not await loom.call("reminders")


async def test_change_lets_the_person_say_it_again(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        await answer_of(loom, "remind me every day at 8:30 to stretch")
        await loom.supervisor.settled(5)
        (card,) = await loom.call("cards")
        popup = loom.tasks.run("wait", next_event(loom, "popup.requested"))
        await asyncio.sleep(0)
        await loom.call("answer", card=card["id"], action="change", door="window")
        assert (await popup).payload["draft"] == "remind me every day at 8:30 to stretch"


async def test_what_could_not_be_done_is_said(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        card = await due(loom, "tomorrow at 9 to call Anna")
        await loom.store.schedules.forget(card["data"]["reminder"])
        await loom.call("answer", card=card["id"], action="snooze", door="window")
        await loom.supervisor.settled(5)
        (told,) = await loom.call("cards")
        assert told["title"] == "The reminder was not changed"
        assert "no reminder" in told["text"]


async def test_the_whole_way_from_the_phrase_to_the_card(tmp_path: Path) -> None:
    clock = FakeClock()
    async with loom_for_tests(tmp_path, clock=clock, listening=True) as loom:
        await answer_of(loom, "remind me in 10 minutes to stretch")
        shown = loom.tasks.run("wait", next_event(loom, "timer.due"))
        await asyncio.sleep(0)
        clock.forward(601)
        loom.timers.changed()
        assert (await shown).payload["text"] == "stretch"
        await loom.supervisor.settled(5)
        cards = await loom.call("cards")
        assert [card["title"] for card in cards if card["kind"] == "reminder"] == ["stretch"]


async def test_a_reminder_that_is_taken_away_takes_its_cards_with_it(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        await answer_of(loom, "remind me tomorrow at 9 to call Anna")
        await loom.supervisor.settled(5)
        assert len(await loom.call("cards")) == 1
        (one,) = await loom.call("reminders")
        await loom.call("reminder_remove", reminder=one["id"])
        await loom.supervisor.settled(5)
        assert await loom.call("cards") == []
