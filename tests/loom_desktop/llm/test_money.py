"""Caps that hold, prices that nobody knows, and days that end at the person's midnight."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from loom_desktop.errors import Denied
from loom_desktop.llm import Asker, Facts
from loom_desktop.llm.money import Caps, Money
from loom_desktop.store import Routed

DAY = 86_400.0
CLOUD = Facts(name="cloud", kind="openai", model="big")
HERE = Facts(name="here", kind="openai", model="small", local=True)
CHAT, CLIP = Asker(agent="chat"), Asker(agent="clipboard")


class Hands:
    def __init__(self) -> None:
        self.now = 10 * DAY + 3600

    def __call__(self) -> float:
        return self.now

    def midnight(self) -> float:
        return self.now // DAY * DAY


@pytest.fixture
def clock() -> Hands:
    return Hands()


def purse(clock: Hands, *before: Routed, **caps: Any) -> Money:
    return Money(Caps(**caps), clock, clock.midnight, before=before)


async def pay(money: Money, cost: float, asker: Asker = CHAT, *, background: bool = False) -> None:
    money.settle(await money.hold(CLOUD, asker, cost, background=background), cost)


async def test_a_day_that_is_spent_stops_the_next_answer_and_says_what_to_do(clock: Hands) -> None:
    money = purse(clock, per_day=1.0)
    await pay(money, 0.6)
    with pytest.raises(Denied) as error:
        await pay(money, 0.5)
    assert error.value.message == (
        "cloud (big) was not asked: a day may cost $1.00, today it is $0.60, and this is $0.50 "
        "more."
    )
    assert "loom settings router.cost_per_day AMOUNT" in error.value.hint
    await pay(money, 0.4)
    with pytest.raises(Denied, match=r"today it is \$1\.00\.$"):
        await pay(money, 0.0001)
    money.settle(await money.hold(HERE, CHAT, 0.0, background=False), 0.0)
    assert money.today().total == pytest.approx(1.0), "a model on this computer goes on"


async def test_a_day_begins_at_the_persons_midnight(clock: Hands) -> None:
    money = purse(clock, per_day=1.0)
    await pay(money, 1.0)
    clock.now = 11 * DAY - 1
    assert money.refusal(CLOUD, "chat", 0.1)
    clock.now = 11 * DAY
    assert money.refusal(CLOUD, "chat", 0.1) is None
    assert money.today().total == 0


async def test_what_an_earlier_run_spent_today_counts(clock: Hands) -> None:
    rows = [
        Routed(time=clock.now - 60, decision=1, name="cloud", local=False, agent="chat", cost=0.9),
        Routed(time=clock.now - DAY, decision=1, name="cloud", local=False, agent="chat", cost=5),
        Routed(time=clock.now - 50, decision=1, name="here", local=True, agent="chat", cost=0),
        Routed(time=clock.now - 40, decision=1, name="new", local=False, agent="chat", cost=-1.0),
    ]
    money = purse(clock, *rows, per_day=1.0)
    today = money.today()
    assert (today.total, today.answers, today.unknown) == (0.9, 2, 1)
    assert money.refusal(CLOUD, "chat", 0.2)


async def test_two_questions_at_once_do_not_both_fit_under_one_cap(clock: Hands) -> None:
    money = purse(clock, per_day=1.0)
    held = await money.hold(CLOUD, CHAT, 0.6, background=False)
    assert money.today().on_its_way == 0.6
    with pytest.raises(Denied):
        await money.hold(CLOUD, CHAT, 0.6, background=False)
    money.settle(held, 0.1)
    assert (money.today().on_its_way, money.today().total) == (0.0, 0.1)
    await pay(money, 0.6)


@pytest.mark.parametrize(
    ("caps", "stopped", "setting"),
    [
        ({"per_agent": 0.5}, {"chat"}, "router.cost_per_agent"),
        ({"agents": {"chat": 0.5}}, {"chat"}, "agents.chat.routing.cost_per_day"),
        ({"per_agent": 0.5, "agents": {"chat": 9.0}}, {"chat"}, "router.cost_per_agent"),
        ({"per_agent": 9.0, "agents": {"chat": 0.5}}, {"chat"}, "agents.chat.routing.cost_per_day"),
        ({"agents": {"clipboard": 0.01}}, {"clipboard"}, "agents.clipboard.routing.cost_per_day"),
        ({"per_day": 0.5}, {"chat", "clipboard"}, "router.cost_per_day"),
        ({}, set(), ""),
    ],
)
async def test_an_agent_has_its_own_cap(
    clock: Hands, caps: dict[str, Any], stopped: set[str], setting: str
) -> None:
    money = purse(clock, **caps)
    money.settle(await money.hold(CLOUD, CHAT, 0.5, background=False), 0.5)
    refused = {who: money.refusal(CLOUD, who, 0.02) for who in ("chat", "clipboard")}
    assert {who for who, one in refused.items() if one} == stopped
    assert all(setting in one.hint for one in refused.values() if one)


@pytest.mark.parametrize("cap", [0.0, -1.0, float("nan")])
async def test_a_cap_of_nothing_lets_nothing_through_but_what_costs_nothing(
    clock: Hands, cap: float
) -> None:
    money = purse(clock, per_day=cap, unknown_price="allow")
    for cost in (0.0001, None):
        assert money.refusal(CLOUD, "chat", cost)
    assert money.refusal(CLOUD, "chat", 0.0) is None
    assert money.refusal(HERE, "chat", 0.0) is None


async def test_what_agents_spend_by_themselves_is_told_apart(clock: Hands) -> None:
    money = purse(clock)
    await pay(money, 0.25)
    await pay(money, 0.5, CLIP, background=True)
    today = money.today()
    assert (today.total, today.asked, today.background) == (0.75, 0.25, 0.5)
    assert today.agents == {"chat": 0.25, "clipboard": 0.5}


# ------------------------------------------------------------------------------ unknown prices


class Person:
    """Says yes or no, or does not answer, and counts how often they were asked."""

    def __init__(self, says: bool | None) -> None:
        self.says, self.asked, self.there = says, 0, True

    async def __call__(self, facts: Facts, asker: Asker) -> None:
        self.asked += 1
        await asyncio.sleep(0)
        if self.says is None:
            self.there = False
        if not self.says:
            raise Denied("No.")


def attended(clock: Hands, person: Person, **caps: Any) -> Money:
    return Money(Caps(**caps), clock, clock.midnight, ask=person, attended=lambda: person.there)


async def test_an_unknown_price_is_asked_about_once_and_never_counted_as_zero(
    clock: Hands,
) -> None:
    person = Person(True)
    money = attended(clock, person)
    for _ in range(3):
        money.settle(await money.hold(CLOUD, CHAT, None, background=False), None)
    assert person.asked == 1
    assert (money.today().total, money.today().answers, money.today().unknown) == (0, 3, 3)


async def test_two_questions_at_once_are_one_question_to_the_person(clock: Hands) -> None:
    person = Person(True)
    money = attended(clock, person)
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(money.hold(CLOUD, CHAT, None, background=False))
    assert person.asked == 1


async def test_a_no_holds_for_the_run_and_is_not_asked_again(clock: Hands) -> None:
    person = Person(False)
    money = attended(clock, person)
    with pytest.raises(Denied, match="No"):
        await money.hold(CLOUD, CHAT, None, background=False)
    with pytest.raises(Denied, match="its price is not known, and you said no") as error:
        await money.hold(CLOUD, CHAT, None, background=False)
    assert "prices.toml" in error.value.hint
    assert person.asked == 1


@pytest.mark.parametrize("says", [True, False])
async def test_an_answer_is_for_one_seller_of_a_model(clock: Hands, says: bool) -> None:
    person = Person(True)
    money = attended(clock, person)
    one, other = (msgspec.structs.replace(CLOUD, endpoint=f"{at}.example:443") for at in "ab")
    await money.hold(one, CHAT, None, background=False)
    person.says = says
    if says:
        await money.hold(other, CHAT, None, background=False)
    else:
        with pytest.raises(Denied, match="No"):
            await money.hold(other, CHAT, None, background=False)
    assert person.asked == 2
    await money.hold(one, CHAT, None, background=False)
    assert bool(money.refusal(other, "chat", None)) is not says
    assert person.asked == 2


async def test_nobody_there_is_no_yes_and_no_no(clock: Hands) -> None:
    person = Person(None)
    money = attended(clock, person)
    with pytest.raises(Denied):
        await money.hold(CLOUD, CHAT, None, background=False)
    with pytest.raises(Denied, match="nobody is there to ask"):
        await money.hold(CLOUD, CHAT, None, background=False)
    person.there, person.says = True, True
    await money.hold(CLOUD, CHAT, None, background=False)
    with pytest.raises(Denied, match="nobody is there to ask"):
        await purse(clock).hold(CLOUD, CHAT, None, background=False)


@pytest.mark.parametrize(("mode", "refused"), [("refuse", True), ("allow", False)])
async def test_the_person_may_have_said_it_in_the_settings(
    clock: Hands, mode: str, refused: bool
) -> None:
    person = Person(True)
    money = attended(clock, person, unknown_price=mode)
    assert bool(money.refusal(CLOUD, "chat", None)) is refused
    if not refused:
        await money.hold(CLOUD, CHAT, None, background=False)
    assert person.asked == 0
