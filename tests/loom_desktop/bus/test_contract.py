import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loom_desktop.bus.contract import Contracted, Ended, bid_for, contract
from loom_desktop.errors import Denied, TimedOut, UsageError
from loom_desktop.event import Event, Privacy, labels_of
from loom_desktop.tasks import Tasks
from tests.watched_bus import WatchedBus, watched_bus

SOON, LONG = 0.02, 30.0


def work(**changes: Any) -> Event:
    told = {"origin": frozenset({"user-typed"}), "privacy": Privacy.PRIVATE, **changes}
    return Event(
        topic="contract.announced", sender="planner", payload={"task": "dig"}, time=1.0, **told
    )


def cheapest(bid: Event) -> float:
    return -float(bid.payload["price"])


def stages(bus: WatchedBus) -> list[Event]:
    seen = list[Event]()
    bus.always("contract.>", seen.append)
    return seen


def told(seen: list[Event]) -> list[tuple[str, str]]:
    """Stage by stage: what, and who is meant."""
    return [
        (one.topic.removeprefix("contract."), one.payload.get("bidder", one.sender)) for one in seen
    ]


class Bidders:
    """Agents that bid for whatever is announced, each in a task."""

    def __init__(self, bus: WatchedBus, tasks: Tasks) -> None:
        self.ended: dict[str, asyncio.Task[Ended]] = {}
        self.did: list[str] = []
        self._bus, self._tasks = bus, tasks

    def add(
        self,
        name: str,
        price: Any,
        does: Callable[[], Mapping[str, Any] | None] | BaseException | None = None,
        **more: Any,
    ) -> None:
        async def execute(award: Event) -> Mapping[str, Any] | None:
            self.did.append(name)
            if isinstance(does, BaseException):
                raise does
            if does is None:
                await asyncio.Event().wait()
            assert callable(does)
            return does()

        def heard(announced: Event) -> None:
            self.ended[name] = self._tasks.run(
                name,
                bid_for(self._bus, announced, {"price": price}, execute, sender=name, **more),
            )

        self._bus.always("contract.announced", heard)


def dug() -> Mapping[str, Any]:
    return {"depth": 3}


# -------------------------------------------------------------------- how it goes well
async def test_the_best_bid_gets_the_work_and_every_stage_can_be_seen() -> None:
    async with watched_bus() as bus, Tasks() as tasks:
        seen, bidders = stages(bus), Bidders(bus, tasks)
        for name, price in (("a", 5), ("b", 2), ("c", 9)):
            bidders.add(name, price, dug)
        announcement = work()
        done = await contract(bus, announcement, score=cheapest, enough=3, bids_for_s=LONG)
        assert (done.winner, done.done, done.failures) == ("b", True, ())
        assert done.result is not None
        assert done.result.payload["result"] == {"depth": 3}
        assert [bid.sender for bid in done.bids] == ["b", "a", "c"]
        ends = {name: await task for name, task in bidders.ended.items()}
        assert ends == {"a": "rejected", "b": "completed", "c": "rejected"}
    assert told(seen) == [
        ("announced", "planner"), ("bid", "a"), ("bid", "b"), ("bid", "c"), ("awarded", "b"),
        ("completed", "b"), ("rejected", "a"), ("rejected", "c"),
    ]  # fmt: skip
    assert {one.begins for one in seen} == {announcement.id}
    assert {one.payload["contract"] for one in seen[1:]} == {announcement.id}
    assert bidders.did == ["b"]


async def test_bids_are_taken_for_their_time_and_then_compared() -> None:
    async with watched_bus() as bus, Tasks() as tasks:
        bidders = Bidders(bus, tasks)
        bidders.add("a", 5, dug)
        bidders.add("b", 2, dug)
        done = await contract(bus, work(), score=cheapest, bids_for_s=SOON)
        assert done.winner == "b"


@settings(max_examples=40, deadline=None)
@given(
    st.permutations([("a", 1), ("b", 1), ("c", 0), ("d", 3)]),
    st.sets(st.sampled_from("abcd"), max_size=4),
)
def test_who_wins_does_not_depend_on_who_came_first(
    order: list[tuple[str, int]], failing: set[str]
) -> None:
    async def run() -> Contracted:
        async with watched_bus() as bus, Tasks() as tasks:
            bidders = Bidders(bus, tasks)
            for name, price in order:
                bidders.add(name, price, ValueError("broke") if name in failing else dug)
            return await contract(
                bus, work(), score=cheapest, enough=4, bids_for_s=LONG, most_awards=4
            )

    done = asyncio.run(run())
    ranking = ["c", "a", "b", "d"]
    assert [bid.sender for bid in done.bids] == ranking
    able = [name for name in ranking if name not in failing]
    assert done.winner == (able[0] if able else "")
    tried = ranking[: ranking.index(able[0])] if able else ranking
    assert done.failures == tuple((name, "broke") for name in tried)


# -------------------------------------------------------------------- how it goes wrong
async def test_the_next_gets_it_when_one_fails_refuses_or_is_silent() -> None:
    async with watched_bus() as bus, Tasks() as tasks:
        seen, bidders = stages(bus), Bidders(bus, tasks)
        bidders.add("a", 1, ValueError("the spade broke"))
        bidders.add("b", 2, Denied("not today"))
        bus.always("contract.announced", lambda one: bus.publish(silent_bid(one, "c", 3)))
        bidders.add("d", 4, dug)
        done = await contract(
            bus, work(), score=cheapest, enough=4, bids_for_s=LONG, execute_s=SOON * 5,
            most_awards=4,
        )  # fmt: skip
        assert done.winner == "d"
        assert done.failures == (("a", "the spade broke"), ("b", "refused"), ("c", "silent"))
        ends = [(await bidders.ended[name]) for name in "abd"]
        assert ends == ["failed", "failed", "completed"]
    reasons = [one.payload["reason"] for one in seen if one.topic == "contract.rejected"]
    assert reasons == ["silent"]


def silent_bid(announced: Event, sender: str, price: Any, **changes: Any) -> Event:
    return Event(
        topic="contract.bid", sender=sender, payload={"price": price}, answers=announced.id,
        thread=announced.begins, origin=frozenset({"web"}), privacy=Privacy.PUBLIC, **changes,
    )  # fmt: skip


async def test_nobody_bids() -> None:
    async with watched_bus() as bus:
        seen = stages(bus)
        with pytest.raises(TimedOut, match="Nobody bid"):
            await contract(bus, work(), score=cheapest, bids_for_s=SOON)
    assert told(seen) == [("announced", "planner"), ("failed", "")]


async def test_nobody_does_it_within_the_awards_there_are() -> None:
    async with watched_bus() as bus, Tasks() as tasks:
        seen, bidders = stages(bus), Bidders(bus, tasks)
        for name, price in (("a", 1), ("b", 2), ("c", 3)):
            bidders.add(name, price, ValueError(name))
        done = await contract(bus, work(), score=cheapest, enough=3, bids_for_s=LONG, most_awards=2)
        assert (done.done, done.winner) == (False, "")
        assert done.failures == (("a", "a"), ("b", "b"))
        assert await bidders.ended["c"] == "rejected"
    assert told(seen)[-2:] == [("rejected", "c"), ("failed", "")]
    assert bidders.did == ["a", "b"]


async def test_a_bid_that_cannot_be_scored_costs_the_others_nothing() -> None:
    async with watched_bus() as bus, Tasks() as tasks:
        bidders = Bidders(bus, tasks)
        bidders.add("a", "cheap", dug)
        bidders.add("b", float("nan"), dug)
        bidders.add("c", 3, dug)
        done = await contract(bus, work(), score=cheapest, enough=3, bids_for_s=LONG)
        assert done.winner == "c"
        assert dict(done.failures) == {"a": "unusable", "b": "unusable"}
        assert await bidders.ended["a"] == "rejected"


async def test_a_second_bid_of_one_and_one_that_is_late_do_not_count() -> None:
    async with watched_bus() as bus, Tasks() as tasks:
        seen, bidders = stages(bus), Bidders(bus, tasks)

        def bid_twice(announced: Event) -> None:
            bus.publish(silent_bid(announced, "a", 5))
            bus.publish(silent_bid(announced, "a", 0))
            bus.publish(Event(topic="contract.bid", sender="x", payload={"price": 0}))

        bus.always("contract.announced", bid_twice)
        bidders.add("b", 3, dug)
        announced = list[Event]()
        bus.always("contract.announced", announced.append)
        bus.always("contract.awarded", lambda one: bus.publish(silent_bid(announced[0], "late", 0)))
        done = await contract(bus, work(), score=cheapest, enough=2, bids_for_s=LONG)
        assert (done.winner, done.duplicates, done.late) == ("b", 1, 1)
        after = silent_bid(announced[0], "later", 0)
        bus.publish(after)
    rejected = [one.payload for one in seen if one.topic == "contract.rejected"]
    assert [(one["bidder"], one["reason"]) for one in rejected] == [
        ("late", "late"), ("a", "outbid"),
    ]  # fmt: skip


async def test_only_the_winner_can_say_that_it_is_done() -> None:
    async with watched_bus() as bus:

        def forge(award: Event) -> None:
            for sender, answers in (("x", award.id), ("a", award.answers), ("a", 0)):
                bus.publish(Event(topic="contract.completed", sender=sender, answers=answers))

        bus.always("contract.awarded", forge)
        bus.always("contract.announced", lambda one: bus.publish(silent_bid(one, "a", 1)))
        done = await contract(
            bus, work(), score=cheapest, enough=1, bids_for_s=LONG, execute_s=SOON
        )
        assert done.failures == (("a", "silent"),)


async def test_only_the_announcer_can_award() -> None:
    async with watched_bus() as bus:

        def forge(bid: Event) -> None:
            bus.publish(Event(topic="contract.awarded", sender="x", answers=bid.id))
            bus.publish(Event(topic="contract.rejected", sender="x", answers=bid.id))

        bus.always("contract.bid", forge)
        terms = {"bids_for_s": SOON, "execute_s": 0, "most_awards": 1}
        announced = Event(topic="contract.announced", sender="planner", payload=terms)
        assert await bid_for(bus, announced, {}, never, sender="a") == "silent"


async def never(award: Event) -> None:
    raise AssertionError("nobody awarded it")


async def test_who_takes_a_bid_back_is_passed_over_at_no_cost() -> None:
    async with watched_bus() as bus, Tasks() as tasks:
        bidders = Bidders(bus, tasks)

        def bid_and_withdraw(announced: Event) -> None:
            bid = silent_bid(announced, "a", 1)
            bus.publish(bid)
            bus.publish(Event(topic="contract.failed", sender="b", answers=bid.id))
            bus.publish(Event(topic="contract.failed", sender="a", answers=bid.id))

        bus.always("contract.announced", bid_and_withdraw)
        bidders.add("b", 2, dug)
        done = await contract(bus, work(), score=cheapest, enough=2, bids_for_s=LONG, most_awards=1)
        assert (done.winner, done.failures) == ("b", (("a", "withdrawn"),))


async def test_a_bidder_that_is_cancelled_says_so_and_the_next_gets_it_at_once() -> None:
    async with watched_bus() as bus, Tasks() as tasks:
        seen, bidders = stages(bus), Bidders(bus, tasks)
        bidders.add("a", 1)
        bidders.add("b", 2, dug)

        def stop(award: Event) -> None:
            if award.payload["bidder"] == "a":
                asyncio.get_running_loop().call_soon(tasks.cancel, bidders.ended["a"])

        bus.always("contract.awarded", stop)

        done = await contract(
            bus, work(), score=cheapest, enough=2, bids_for_s=LONG, execute_s=LONG
        )
        assert done.winner == "b"
        assert done.failures == (("a", "cancelled"),)
    award = next(one for one in seen if one.topic == "contract.awarded")
    failed = next(one for one in seen if one.topic == "contract.failed")
    assert failed.answers == award.id


async def test_a_bid_that_is_taken_back_while_it_is_awarded_costs_no_time() -> None:
    async with watched_bus() as bus:
        bids = list[Event]()
        bus.always("contract.bid", bids.append)
        bus.always("contract.announced", lambda one: bus.publish(silent_bid(one, "a", 1)))
        bus.always(
            "contract.awarded",
            lambda one: bus.publish(
                Event(topic="contract.failed", sender="a", answers=bids[0].id,
                      payload={"error": "withdrawn"})
            ),
        )  # fmt: skip
        done = await contract(
            bus, work(), score=cheapest, enough=1, bids_for_s=LONG, execute_s=LONG
        )
        assert done.failures == (("a", "withdrawn"),)


async def test_work_that_takes_too_long_is_stopped_on_both_sides() -> None:
    async with watched_bus() as bus, Tasks() as tasks:
        bidders = Bidders(bus, tasks)
        bidders.add("a", 1)
        done = await contract(
            bus, work(), score=cheapest, enough=1, bids_for_s=LONG, execute_s=SOON
        )
        assert not done.done
        assert await bidders.ended["a"] in ("rejected", "failed")
        assert bidders.did == ["a"]


@pytest.mark.parametrize("phase", ["contract.announced", "contract.awarded"])
async def test_a_cancel_tells_everybody_and_leaves_nothing_behind(phase: str) -> None:
    async with watched_bus() as bus, Tasks() as tasks:
        seen, bidders = stages(bus), Bidders(bus, tasks)
        bidders.add("a", 1)
        bidders.add("b", 2)
        enough = 2 if phase == "contract.awarded" else 3
        reached = asyncio.Event()
        bus.always(phase, lambda one: reached.set())
        async with Tasks() as inside:
            running = inside.run(
                "contract",
                contract(bus, work(), score=cheapest, enough=enough, bids_for_s=LONG),
            )
            await reached.wait()
            while bus.open < (8 if phase == "contract.awarded" else 6):
                await asyncio.sleep(0)
            inside.cancel(running)
        assert running.cancelled()
        assert [await task for task in bidders.ended.values()] == ["rejected", "rejected"]
    assert told(seen)[-3:] == [("rejected", "a"), ("rejected", "b"), ("failed", "")]
    assert {one.payload.get("reason", "cancelled") for one in seen[-3:]} == {"cancelled"}


@pytest.mark.parametrize("who", ["announcer", "a", "b", "c"])
async def test_a_cancel_at_any_moment_leaves_nothing_behind(who: str) -> None:
    for moment in range(25):
        async with watched_bus() as bus, Tasks() as tasks:
            bidders = Bidders(bus, tasks)
            bidders.add("a", 1, ValueError("broke"))
            bidders.add("b", 2, dug)
            bidders.add("c", 3, dug)
            running = tasks.run(
                "contract",
                contract(bus, work(), score=cheapest, enough=3, bids_for_s=SOON, execute_s=LONG),
            )
            for _ in range(moment):
                await asyncio.sleep(0)
            if who == "announcer":
                tasks.cancel(running)
            elif who in bidders.ended:
                tasks.cancel(bidders.ended[who])
            else:
                continue  # nothing was announced yet; the end of the block cancels all
            async with asyncio.timeout(5):
                await asyncio.wait([running, *bidders.ended.values()])
            if who != "announcer":
                assert running.result().winner in {"b", "c"}, moment


async def test_work_is_announced_under_its_own_topic() -> None:
    async with watched_bus() as bus:
        with pytest.raises(UsageError, match=r"contract\.announced"):
            await contract(bus, Event(topic="work.announced"), score=cheapest)


@pytest.mark.parametrize("terms", [
    {"bids_for_s": "soon", "execute_s": float("nan"), "most_awards": True},
    {"bids_for_s": -1, "execute_s": None, "most_awards": []},
])  # fmt: skip
async def test_terms_that_are_none_are_those_that_are_usual(terms: dict[str, Any]) -> None:
    async with watched_bus() as bus, Tasks() as tasks:
        announced = Event(topic="contract.announced", sender="planner", payload=terms)
        waiting = tasks.run("bid", bid_for(bus, announced, {}, never, sender="a"))
        await asyncio.sleep(0)
        assert not waiting.done()
        tasks.cancel(waiting)


# -------------------------------------------------------------------- labels
async def test_no_label_is_lost_on_the_way() -> None:
    async with watched_bus() as bus, Tasks() as tasks:
        seen, bidders = stages(bus), Bidders(bus, tasks)
        made_from = (frozenset({"file"}), Privacy.LOCAL_ONLY)
        bidders.add("a", 2, dug, labels=lambda: made_from)
        bus.always("contract.announced", lambda one: bus.publish(silent_bid(one, "b", 9)))
        done = await contract(bus, work(), score=cheapest, enough=2, bids_for_s=LONG)
        assert done.labels == (frozenset({"user-typed", "file", "web"}), Privacy.LOCAL_ONLY)
        assert done.labels == labels_of([*done.bids, *([done.result] if done.result else [])])
    for one in seen:
        if one.topic != "contract.bid" or one.sender == "a":
            assert "user-typed" in one.origin
            assert one.privacy >= Privacy.PRIVATE
    rejected = next(one for one in seen if one.topic == "contract.rejected")
    assert rejected.origin == {"user-typed", "web"}


async def test_a_bid_cannot_lead_the_contract_into_another_thread() -> None:
    async with watched_bus() as bus:
        seen = stages(bus)

        def stray(announced: Event) -> None:
            bid = silent_bid(announced, "a", 1)
            bus.publish(msgspec.structs.replace(bid, thread=12345))

        bus.always("contract.announced", stray)
        announcement = work()
        await contract(bus, announcement, score=cheapest, enough=1, bids_for_s=LONG, execute_s=0)
    ours = [one for one in seen if one.sender == "planner"]
    assert {one.begins for one in ours} == {announcement.id}
