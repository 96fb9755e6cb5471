import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from loom_desktop import Event, Loom, Offer
from tests.loom_desktop.cli.conftest import Done, application
from tests.screen import wait_for

Run = Callable[..., Done]
TYPED = Event(topic="chat.asked", origin=frozenset({"user-typed"}))


def offered(*offers: Offer, agent: str = "reminders") -> list[int]:
    """Cards of an earlier run."""

    async def offer() -> list[int]:
        async with Loom(listening=False) as loom:
            loom.desk.settings = type(loom.desk.settings)(quiet_hours="")
            return [await loom.desk.offer(one, agent=agent, cause=TYPED) for one in offers]

    return asyncio.run(offer())


@contextmanager
def maybe(home: Path, running: bool) -> Iterator[None]:
    with application(home) if running else nullcontext():
        yield


def test_an_empty_inbox_says_so(loom: Run) -> None:
    assert loom("inbox").out == "The inbox is empty.\n"
    assert loom("inbox", "--json").json == []
    assert loom("inbox", "--limit", "0").code == 2
    assert "suggestion" in loom("inbox", "--kind", "foo").err
    assert loom("inbox", "no", "such", "words").out == "Nothing in the inbox is like that.\n"


@pytest.mark.parametrize("running", [False, True])
def test_it_lists_what_was_offered_and_how_to_answer(loom: Run, home: Path, running: bool) -> None:
    (card,) = offered(Offer(title="Sort 2 downloads?", text="2 to Music", actions=(("go", "Go"),),
                            expires_s=0))  # fmt: skip
    with maybe(home, running):
        out = loom("inbox").out
        assert "suggestion" in out
        assert "Sort 2 downloads?" in out
        assert f"answer with: loom answer {card} {{go, dismiss}}" in out
        (item,) = loom("inbox", "downloads", "--json").json
        assert item["card"]["title"] == "Sort 2 downloads?"
        assert {"id", "kind", "title", "text", "state", "time", "thread", "undo"} <= item.keys()
        assert loom("inbox", "nothing", "like", "it", "--json").json == []
        assert loom("answer", str(card), "dismiss").out == "Dismissed.\n"
        done = loom("answer", str(card), "dismiss")
        assert done.code == 1
        assert "declined already" in done.err


def test_an_answer_without_an_application_is_carried_out_before_it_ends(loom: Run) -> None:
    loom("ask", "remind me tomorrow at 9 to call Anna")
    (one,) = loom("reminders", "--json").json
    reminder: dict[str, Any] = {"reminder": one["id"]}
    (card,) = offered(
        Offer(kind="reminder", title="call Anna", actions=(("snooze", "Later"),), data=reminder,
              expires_s=0)
    )  # fmt: skip
    assert loom("answer", str(card), "snooze").out.startswith("Answered. ")
    (later,) = loom("reminders", "--json").json
    assert later["at"] < one["at"], "it was put off to ten minutes from now"


def test_setting_a_reminder_leaves_a_card_that_can_undo_it(loom: Run) -> None:
    loom("ask", "remind me tomorrow at 9 to call Anna")
    (item,) = loom("inbox", "--json").json
    assert item["title"] == "Reminder set: call Anna"
    said = loom("answer", str(item["id"]), "change")
    assert said.code == 1
    assert said.err.startswith("Loom does not run, so nobody would hear the change.")
    assert f"loom answer {item['id']} remove" in said.err
    assert loom("answer", str(item["id"]), "remove").code == 0
    assert loom("reminders", "--json").json == []


def test_a_change_of_what_is_not_there_or_no_reminder_says_so(loom: Run) -> None:
    (card,) = offered(Offer(title="Sort?", actions=(("go", "Go"),), expires_s=0), agent="downloads")
    assert loom("answer", "99", "change").err.startswith("There is no card 99.")
    assert "anew" not in loom("answer", str(card), "change").err


def about(loom: Run, words: str) -> list[dict[str, Any]]:
    return [one for one in loom("inbox", "--json").json if words in one["title"]]


def test_a_reminder_is_changed_by_saying_it_anew(loom: Run, home: Path) -> None:
    with application(home):
        loom("ask", "remind me tomorrow at 9 to call Anna")
        # a machine that is busy beside the tests makes Loom tell of it, on a card of its own
        item, *_ = wait_for(lambda: about(loom, "call Anna"), "card of the reminder")
        assert "loom ask TEXT" in loom("answer", str(item["id"]), "change").out
        (one,) = loom("reminders", "--json").json
        loom("ask", "remind me tomorrow at 10 to call Anna")

        def only_the_new_one() -> bool:
            there = loom("reminders", "--json").json
            return len(there) == 1 and there[0]["at"] > one["at"]

        wait_for(only_the_new_one, "end of the first one")


def test_reminders_are_listed_and_removed(loom: Run) -> None:
    assert "There are no reminders" in loom("reminders").out
    loom("ask", "remind me every weekday at half past eight to stretch")
    assert "stretch: " in loom("reminders").out
    (one,) = loom("reminders", "--json").json
    assert {"id", "text", "at", "zone", "rrule", "words", "state"} <= one.keys()
    assert loom("reminders", "--remove", str(one["id"])).out == "The reminder is gone.\n"
    assert loom("reminders", "--remove", "77").code == 1


def test_why_goes_from_cause_to_effect(loom: Run) -> None:
    loom("ask", "remind me tomorrow at 9 to call Anna")
    (item,) = loom("inbox", "--json").json
    topics = [one["topic"] for one in loom("why", str(item["id"]), "--json").json]
    assert topics[0] == "chat.asked"
    assert "card.offered" in topics
    assert "chat.asked" in loom("why", str(item["id"])).out
    assert loom("why", "77").code == 1
