"""J4: say when, see the times, be reminded once each time, also after a restart."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.journeys.application import Application
from tests.screen import Screen

pytestmark = [pytest.mark.journey, pytest.mark.x11]


def titled(loom: Application, text: str) -> list[dict[str, Any]]:
    """The notifications on the screen with these words."""
    return [one for one in loom._keys.fake.notifications() if text in one["title"]]


def fired(loom: Application, text: str) -> list[dict[str, Any]]:
    """Every reminder card there ever was with these words."""
    items = loom.verb("inbox", kind="reminder", limit=1000)
    return [item["card"] for item in items if text in item["title"]]


def test_the_card_shows_the_times_as_they_were_understood(loom: Application) -> None:
    loom.ask("Remind me every weekday at half past eight to stretch")
    loom.page_has("8:30")
    card = loom.card("Reminder set: stretch")
    assert "8:30" in card["text"]
    assert "weekday" in card["text"]
    times = card["detail"].splitlines()
    assert len(times) == 3
    for line in times:
        assert re.fullmatch(r"(Mon|Tues|Wednes|Thurs|Fri)day \d+ \w+ \d{4}, 08:30", line), line
    assert len(set(times)) == 3
    (reminder,) = loom.json("reminders")
    assert (reminder["text"], reminder["zone"]) == ("stretch", "Europe/Berlin")
    assert "BYDAY=MO,TU,WE,TH,FR" in reminder["rrule"]
    loom.hide()
    loom.click("Undo")
    loom.until(lambda: loom.json("reminders") == [], "reminder taken away")
    loom.no_cards()


def test_change_lets_one_say_it_again(loom: Application) -> None:
    said = "Remind me tomorrow at 9 to call Ana"
    loom.ask(said)
    loom.card("Reminder set: call Ana")
    loom.hide()
    loom.click("Change")
    loom.until(lambda: loom.popup_open, "popup")
    assert loom.screen.accessibility.text("Ask Loom") == said
    assert len(loom.json("reminders")) == 1, "the old one stands until the new one is set"


def test_it_comes_once_as_card_and_notification(loom: Application) -> None:
    loom.ask("Remind me in 2 seconds to drink some water")
    loom.page_has("drink some water")
    card = loom.until(lambda: loom.cards("reminder"), "reminder")[0]
    assert card["title"] == "drink some water"
    (shown,) = loom.until(lambda: titled(loom, "drink some water"), "notification")
    assert set(shown["buttons"].values()) >= {"Done", "In 10 minutes"}
    assert shown["urgency"] == 2
    loom.hide()
    loom.click("Done")
    loom.until(lambda: not loom.cards("reminder"), "end of the card")
    loom.until(lambda: not titled(loom, "drink some water"), "end of the notification")
    assert loom.json("reminders") == []
    assert [one["state"] for one in fired(loom, "drink some water")] == ["answered"]


def test_the_notification_answers_too(loom: Application) -> None:
    loom.ask("Remind me in 1 second to open the window")
    loom.until(lambda: titled(loom, "open the window"), "notification")
    assert "open the window" in loom.loom("inbox")  # nobody presses in the moment it comes up
    loom._keys.fake.press("In 10 minutes")
    loom.until(lambda: not loom.cards("reminder"), "end of the card")
    (reminder,) = loom.until(lambda: loom.json("reminders"), "reminder put off")
    assert reminder["text"] == "open the window"
    assert reminder["state"] == "active"
    loom.verb("reminder_snooze", reminder=reminder["id"], seconds=1)
    loom.until(lambda: len(titled(loom, "open the window")) == 1, "once more")
    assert "open the window" in loom.loom("inbox")
    loom._keys.fake.press("Done")
    loom.until(lambda: not loom.cards("reminder"), "end of the card")
    assert loom.json("reminders") == []
    assert len(fired(loom, "open the window")) == 2


def test_what_was_missed_comes_once_and_says_so(loom: Application) -> None:
    loom.verb("remind", text="in 2 seconds to feed the cat")
    loom.stop()
    loom.screen.wait_for(lambda: not loom.running, "end")
    wait_past_due(loom._keys)
    loom.start()
    card = loom.until(lambda: loom.cards("reminder"), "missed reminder")[0]
    assert card["title"] == "feed the cat"
    loom.restart()
    loom.until(lambda: loom.cards("reminder"), "the same card")
    assert len(fired(loom, "feed the cat")) == 1
    loom.click("Done")
    loom.until(lambda: not loom.cards("reminder"), "end of the card")


def wait_past_due(screen: Screen) -> None:
    """Until three more seconds have gone by for everybody."""
    screen.run("sleep", "3")


def test_a_reminder_survives_a_power_cut(loom: Application) -> None:
    loom.verb("remind", text="in 4 seconds to save the file")
    loom.until(lambda: loom.json("reminders"), "reminder")
    loom.kill()
    loom.start()
    loom.until(lambda: loom.cards("reminder"), "reminder")
    loom.until(lambda: len(titled(loom, "save the file")) == 1, "notification")
    assert len(fired(loom, "save the file")) == 1


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Remind me", "when"),
        ("Remind me on 31 February to stretch", "february"),
    ],
)
def test_what_was_not_understood_sets_nothing_and_says_what_to_say(
    plain_desktop: Screen, said: str, told: str
) -> None:
    with Application(plain_desktop) as loom:
        loom.ask(said)
        loom.answer()
        assert loom.json("reminders") == []
        loom.until(lambda: told in loom.page().lower(), "explanation")
