import asyncio
import os
from typing import Any

import pytest

from loom_desktop import capability
from loom_desktop.actions import Broker, Call, Capability, Consent
from loom_desktop.actions.broker import PERSON
from loom_desktop.actions.consent import digest
from loom_desktop.actions.policy import Decision
from loom_desktop.errors import Unavailable
from loom_desktop.event import Event
from loom_desktop.testing import FakeClock

TYPED = Event(topic="chat.asked", origin=frozenset({"user-typed"}))
TAINTED = Event(topic="file.created", origin=frozenset({"file"}))


@capability("shelf.add", effect="none")
def add(one: int, two: int) -> int:
    """Add two numbers."""
    return one + two


@capability("shelf.put", effect="write-reversible", paths=("path",))
async def put(path: str) -> str:
    """Put something somewhere."""
    return path


@capability("shelf.fail", effect="none")
async def fail() -> None:
    """Fail."""
    raise RuntimeError("the shelf broke")


@capability("shelf.absent", effect="none")
async def absent() -> None:
    """Something is not there."""
    raise Unavailable("The shelf is away.", hint="Wait.")


@capability("shelf.hang", effect="none", timeout_s=0.01)
async def hang() -> None:
    """Never end."""
    await asyncio.sleep(60)


def broker(clock: FakeClock | None = None, **more: Any) -> Broker:
    made = Broker(
        Consent(clock or FakeClock()),
        clock or FakeClock(),
        granted=lambda path: path.startswith("/granted"),
        **more,
    )
    for one in (add, put, fail, absent, hang):
        made.add(one)
    return made


def by(cause: Event = TYPED, **more: Any) -> Call:
    return Call(agent="test", cause=cause, **more)


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("shelf.add", {"one": 1, "two": 2}, "ACTION_OK"),
        ("shelf.add", {"one": 1}, "INVALID_PARAMS"),
        ("shelf.add", {"one": 1, "two": 2, "three": 3}, "INVALID_PARAMS"),
        ("shelf.add", {"one": object(), "two": 2}, "INVALID_PARAMS"),
        ("shelf.add", {"one": 1, "two": "x" * 1_000_001}, "INVALID_PARAMS"),
        ("shelf.none", {}, "PROVIDER_UNAVAILABLE"),
        ("nothing", {}, "PROVIDER_UNAVAILABLE"),
        ("shelf.fail", {}, "CAPABILITY_ERROR"),
        ("shelf.absent", {}, "PROVIDER_UNAVAILABLE"),
        ("shelf.hang", {}, "ACTION_TIMEOUT"),
        ("shelf.put", {"path": "/elsewhere"}, "DENIED"),
    ],
)
async def test_it_never_raises_and_says_how_it_went(
    name: str, arguments: dict[str, Any], code: str
) -> None:
    result = await broker().invoke(name, arguments, by())
    assert result.code == code
    assert result.ok == (code == "ACTION_OK")
    assert result.ok or result.message


async def test_a_granted_path_goes_through_and_a_tainted_call_does_not() -> None:
    made = broker()
    assert (await made.invoke("shelf.put", {"path": "/granted/a"}, by())).ok
    refused = await made.invoke("shelf.put", {"path": "/granted/a"}, by(TAINTED))
    assert refused.code == "DENIED"


async def test_a_path_that_the_person_named_is_granted_for_the_call() -> None:
    made = broker()
    assert (await made.invoke("shelf.put", {"path": "/mine"}, by(given=("/mine",)))).ok
    assert not (await made.invoke("shelf.put", {"path": "/mine"}, by())).ok


async def test_an_approval_on_a_card_lets_exactly_that_call_through_once() -> None:
    made = broker()
    made.consent.ask = lambda question: made.consent.answer(question.digest, allowed=False)  # type: ignore[assignment]
    made.consent.give(digest("shelf.put", {"path": "/granted/a"}))
    assert not (await made.invoke("shelf.put", {"path": "/granted/b"}, by(TAINTED))).ok
    assert (await made.invoke("shelf.put", {"path": "/granted/a"}, by(TAINTED))).ok
    assert not (await made.invoke("shelf.put", {"path": "/granted/a"}, by(TAINTED))).ok


async def test_an_approval_never_beats_a_hard_no() -> None:
    @capability("shelf.burn", effect="execute")
    def burn() -> None:
        """Burn the shelf."""

    made = broker()
    made.add(burn)
    made.consent.give(digest("shelf.burn", {}))
    assert (await made.invoke("shelf.burn", {}, by())).code == "DENIED"


async def test_too_much_in_a_minute_is_refused_and_a_minute_later_it_goes_on() -> None:
    clock = FakeClock()
    made = broker(clock)
    codes = [(await made.invoke("shelf.put", {"path": "/granted/a"}, by())).code for _ in range(11)]
    assert codes == ["ACTION_OK"] * 10 + ["DENIED"]
    clock.forward(61)
    assert (await made.invoke("shelf.put", {"path": "/granted/a"}, by())).ok


def question(**more: Any) -> Event:
    return Event(topic="chat.asked", thread=7, origin=frozenset({"user-typed"}), **more)


async def test_each_question_that_the_person_typed_is_counted_for_itself() -> None:
    """Who writes down a dozen notes in one conversation is no program that runs amok."""
    made = broker()

    async def put_(cause: Event) -> bool:
        return (await made.invoke("shelf.put", {"path": "/granted/a"}, by(cause))).ok

    asked = [question() for _ in range(12)]
    assert [await put_(one) for one in asked] == [True] * 12
    assert [await put_(asked[0]) for _ in range(10)] == [True] * 9 + [False]


@pytest.mark.parametrize(
    "more",
    [
        {"cause": 3},  # asked by an agent that something typed has woken
        {"topic": "thing.typed"},
    ],
)
async def test_what_an_agent_asks_in_the_persons_name_counts_for_the_agent(
    more: dict[str, Any],
) -> None:
    made = broker()
    fields = {"topic": "chat.asked", "origin": frozenset({"user-typed"}), **more}
    causes = [Event(thread=n, **fields) for n in range(1, 12)]
    put_ = [(await made.invoke("shelf.put", {"path": "/granted/a"}, by(one))) for one in causes]
    assert [one.ok for one in put_] == [True] * 10 + [False]
    assert "in a minute" in put_[-1].message


async def test_a_day_has_its_own_limit_and_says_so() -> None:
    clock = FakeClock()
    made = broker(clock)
    for _ in range(100):
        assert (await made.invoke("shelf.put", {"path": "/granted/a"}, by())).ok
        clock.forward(61)
    refused = await made.invoke("shelf.put", {"path": "/granted/a"}, by())
    assert not refused.ok
    assert "in a day" in refused.message
    assert "tomorrow" in refused.hint


async def test_what_is_counted_is_forgotten_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loom_desktop.actions.broker._MOST_COUNTED", 5)
    clock = FakeClock()
    made = broker(clock)
    for _ in range(20):
        await made.invoke(
            "shelf.put",
            {"path": "/granted/a"},
            by(question()),
        )
        clock.forward(86_400)
    assert len(made._recent) <= 6


async def test_what_cannot_be_written_down_is_not_done() -> None:
    class NoPaper:
        async def decided(
            self, call: Call, one: Capability, decision: Decision, *, by: str = "policy"
        ) -> None:
            raise OSError("no space")

    done: list[str] = []

    @capability("shelf.note", effect="write-reversible")
    def note() -> None:
        """Note something."""
        done.append("note")

    made = broker(audit=NoPaper())
    made.add(note)
    assert (await made.invoke("shelf.note", {}, by())).code == "DENIED"
    assert not done


def test_two_of_one_name_are_a_mistake() -> None:
    @capability("shelf.add", effect="none")
    def again() -> None:
        """Another."""

    with pytest.raises(ValueError, match="two capabilities"):
        broker().add(again)


async def test_a_family_is_loaded_when_it_is_wanted() -> None:
    loaded: list[str] = []

    def find(family: str) -> list[Capability]:
        loaded.append(family)
        return [add] if family == "shelf" else []

    made = Broker(Consent(FakeClock()), FakeClock(), find=find)
    assert not loaded
    assert (await made.invoke("shelf.add", {"one": 1, "two": 2}, by())).value == 3
    await made.invoke("shelf.add", {"one": 1, "two": 2}, by())
    assert loaded == ["shelf"]


async def test_a_path_that_is_not_text_is_a_path_like_any_other() -> None:
    path, made = os.fsdecode(b"/granted/\xff.pdf"), broker()
    assert (await made.invoke("shelf.put", {"path": path}, by())).value == path
    made.consent.ask = lambda question: made.consent.answer(question.digest, allowed=False)  # type: ignore[assignment]
    made.consent.give(digest("shelf.put", {"path": path}))
    assert (await made.invoke("shelf.put", {"path": path}, by(TAINTED))).ok


async def test_what_was_allowed_beforehand_is_done_also_where_nobody_can_be_asked() -> None:
    """``loom organize --apply`` on a machine without a window."""
    made = broker()
    assert not made.consent.attended
    made.consent.give(digest("shelf.put", {"path": "/elsewhere"}))
    assert (await made.invoke("shelf.put", {"path": "/elsewhere"}, by())).ok
    assert not (await made.invoke("shelf.put", {"path": "/elsewhere"}, by())).ok


async def test_how_often_is_counted_for_each_agent_and_not_for_the_person() -> None:
    made = broker()
    put_ = ("shelf.put", {"path": "/granted/a"})
    assert [(await made.invoke(*put_, by())).ok for _ in range(12)] == [True] * 10 + [False] * 2
    assert (await made.invoke(*put_, Call(agent="other", cause=TYPED))).ok
    for _ in range(200):
        assert (await made.invoke(*put_, Call(agent=PERSON, cause=TYPED))).ok


@pytest.mark.parametrize("path", ["/granted/.ssh/id", "/elsewhere/.ssh/id"])
async def test_what_is_closed_stays_closed_also_when_the_person_names_it(path: str) -> None:
    made = broker(closed=lambda one: ".ssh" in one)
    made.consent.give(digest("shelf.put", {"path": path}))
    result = await made.invoke("shelf.put", {"path": path}, by(given=(path,)))
    assert (result.code, "closed" in result.message) == ("DENIED", True)


def test_who_brings_something_is_known_and_every_change_is_told() -> None:
    broker, told = Broker(Consent(FakeClock()), FakeClock()), list[str]()
    broker.added = lambda one: told.append(f"+{one.name}")
    broker.removed = lambda name: told.append(f"-{name}")
    broker.add(add, provider="shelf")
    broker.add(add)
    broker.add(put)
    assert (broker.provider("shelf.add"), broker.provider("shelf.put")) == ("shelf", "loom")
    broker.remove("shelf.add")
    broker.remove("shelf.add")
    assert told == ["+shelf.add", "+shelf.put", "-shelf.add"]
