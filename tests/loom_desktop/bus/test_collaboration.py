import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loom_desktop.bus import Bus, until
from loom_desktop.bus.collaboration import Barrier, Gathered, gather, outcome
from loom_desktop.bus.until import Tally, Until
from loom_desktop.errors import TimedOut, UsageError
from loom_desktop.event import Event, Privacy
from loom_desktop.tasks import Tasks
from tests.watched_bus import WatchedBus, watched_bus

SOON = 0.01
"""For what is to end by its time."""
LONG = 30.0
"""For what is to end long before."""


def peer(
    bus: WatchedBus, name: str, *values: Any, topic: str = "who.knows", **changes: Any
) -> None:
    """Somebody who answers at once, once for each value."""

    def answer(question: Event) -> None:
        for value in values:
            told = {"origin": frozenset({"web"}), "privacy": Privacy.PUBLIC, **changes}
            bus.publish(
                Event(topic=question.reply_to, sender=name, answers=question.id,
                      thread=question.begins, payload={"value": value}, **told)
            )  # fmt: skip

    bus.always("who.knows", answer)


def question(**changes: Any) -> Event:
    return Event(topic="who.knows", sender="asker", **changes)


def values(gathered: Gathered) -> list[Any]:
    return [one.payload["value"] for one in gathered.replies]


# -------------------------------------------------------------------- gather
async def test_the_first_will_do() -> None:
    async with watched_bus() as bus:
        peer(bus, "a", 1)
        peer(bus, "b", 2)
        found = await gather(bus, question(), timeout_s=LONG)
    assert (values(found), found.reason, found.late) == ([1], "enough", 1)


async def test_answers_come_to_the_topic_of_the_thread_or_where_they_are_wanted() -> None:
    async with watched_bus() as bus:
        peer(bus, "a", 1)
        asked = question(thread=77)
        found = await gather(bus, asked, timeout_s=LONG)
        assert found.replies[0].topic == "thread.77.reply"
        found = await gather(bus, question(reply_to="agent.asker.replies"), timeout_s=LONG)
        assert found.replies[0].topic == "agent.asker.replies"


async def test_those_who_answer_are_partial_and_the_missing_are_named() -> None:
    async with watched_bus() as bus:
        peer(bus, "a", 1)
        peer(bus, "c", 3)
        found = await gather(
            bus, question(), expected=["a", "b", "c"], until=until.everyone(), timeout_s=SOON
        )
    assert (values(found), found.reason, found.missing) == ([1, 3], "timeout", ("b",))
    assert not found.complete


async def test_who_answers_twice_counts_once_and_who_was_not_asked_does_not() -> None:
    async with watched_bus() as bus:
        peer(bus, "a", 1, 2)
        peer(bus, "stranger", 9)
        peer(bus, "b", 3)
        found = await gather(
            bus, question(), expected=["a", "b"], until=until.everyone(), timeout_s=LONG
        )
    assert (values(found), found.duplicates, found.strangers) == ([1, 3], 1, 1)
    assert found.complete


async def test_nobody_waits_when_all_who_may_answer_have() -> None:
    async with watched_bus() as bus:
        peer(bus, "a", 1)
        found = await gather(
            bus, question(), expected=["a"], until=until.first_k(3), timeout_s=LONG
        )
    assert (values(found), found.reason) == ([1], "exhausted")


async def test_a_majority_and_a_split() -> None:
    async with watched_bus() as bus:
        for name, value in (("a", 1), ("b", 2), ("c", 1)):
            peer(bus, name, value)
        found = await gather(bus, question(), until=until.majority(3), timeout_s=LONG)
        assert [one.sender for one in found.agreed] == ["a", "c"]
        split = await gather(bus, question(), until=until.majority(4), timeout_s=SOON)
        assert (split.reason, len(split.replies), split.agreed) == ("timeout", 3, ())
        peer(bus, "d", 2)
        split = await gather(bus, question(), until=until.majority(4), timeout_s=LONG)
        assert (split.reason, split.complete) == ("split", False)


async def test_a_time_to_gather_in_ends_with_what_came() -> None:
    async with watched_bus() as bus:
        peer(bus, "a", 1)
        found = await gather(bus, question(), until=until.for_seconds(SOON), timeout_s=LONG)
        assert (values(found), found.reason) == ([1], "enough")


@pytest.mark.parametrize(
    "how", [until.any_(), until.first_k(2), until.majority(3), until.everyone(2),
            until.for_seconds(SOON)],
)  # fmt: skip
async def test_dead_peers_and_none_at_all_are_told_when_the_time_is_over(how: Until) -> None:
    async with watched_bus() as bus:
        with pytest.raises(TimedOut, match="Nobody answered"):
            await gather(bus, question(), until=how, timeout_s=SOON)
        peer(bus, "dead")
        with pytest.raises(TimedOut) as told:
            await gather(bus, question(), expected=["dead"], until=how, timeout_s=SOON)
        assert "dead" in told.value.hint


@pytest.mark.parametrize("how", [until.any_(), until.majority(), until.for_seconds(LONG)])
async def test_where_nobody_is_expected_nobody_is_waited_for(how: Until) -> None:
    async with watched_bus() as bus:
        with pytest.raises(TimedOut, match="nobody to answer"):
            await gather(bus, question(), expected=[], until=how, timeout_s=LONG)
        none = await gather(bus, question(), expected=[], until=until.everyone(), timeout_s=LONG)
        assert (none.replies, none.complete) == ((), True)


async def test_one_who_fails_and_one_who_answers_something_else_cost_nothing() -> None:
    async with watched_bus() as bus:

        def fail(event: Event) -> None:
            raise RuntimeError("no")

        bus.always("who.knows", fail)

        def other(event: Event) -> None:
            bus.publish(Event(topic=event.reply_to, sender="x", answers=event.id + 1))
            bus.publish(Event(topic=event.reply_to, sender="x"))

        bus.always("who.knows", other)
        peer(bus, "a", 1)
        found = await gather(bus, question(), timeout_s=LONG)
    assert (values(found), found.duplicates, found.late) == ([1], 0, 0)


async def test_a_question_on_the_topic_of_its_answers_is_none_of_them() -> None:
    async with watched_bus() as bus:
        asked = question(id=50, answers=50, reply_to="who.knows")
        with pytest.raises(TimedOut):
            await gather(bus, asked, timeout_s=SOON)


async def test_an_answer_that_takes_its_time_is_waited_for() -> None:
    async with watched_bus() as bus, Tasks() as tasks:
        asked = question()
        waiting = tasks.run("gather", gather(bus, asked, until=until.first_k(2), timeout_s=LONG))
        for name in ("a", "b"):
            await asyncio.sleep(0)
            assert not waiting.done()
            bus.publish(Event(topic=f"thread.{asked.id}.reply", sender=name, answers=asked.id))
        assert [one.sender for one in (await waiting).replies] == ["a", "b"]


async def test_an_answer_that_comes_together_with_the_end_of_the_time_is_an_answer() -> None:
    loop = asyncio.get_running_loop()
    over: asyncio.Future[str] = loop.create_future()
    loop.call_soon(over.set_result, "enough")  # in the same turn of the loop as the time is over
    assert await outcome(over, 0, "timeout") == "enough"
    assert await outcome(loop.create_future(), 0, "timeout") == "timeout"


async def test_a_cancel_leaves_nothing_behind() -> None:
    async with watched_bus() as bus:
        async with Tasks() as tasks:
            waiting = tasks.run("gather", gather(bus, question(), timeout_s=LONG))
            await asyncio.sleep(0)
            assert bus.open == 1
            tasks.cancel(waiting)
        assert waiting.cancelled()


async def test_a_question_that_the_bus_drops_is_told_as_unanswered() -> None:
    async with watched_bus() as bus:
        peer(bus, "a", 1)
        with pytest.raises(TimedOut):
            await gather(bus, question(hop=99), timeout_s=SOON)


async def test_answers_to_a_pattern_are_a_mistake() -> None:
    async with watched_bus() as bus:
        with pytest.raises(UsageError, match="pattern"):
            await gather(bus, question(reply_to="thread.*.reply"))
        with pytest.raises(UsageError, match="how many"):
            await gather(bus, question(), until=until.everyone())


async def test_what_is_made_of_the_replies_carries_the_labels_of_all_of_them() -> None:
    async with watched_bus() as bus:
        peer(bus, "a", 1, origin=frozenset({"web"}), privacy=Privacy.PUBLIC)
        peer(bus, "b", 2, origin=frozenset({"file"}), privacy=Privacy.PRIVATE)
        found = await gather(bus, question(), until=until.first_k(2), timeout_s=LONG)
        assert found.labels == (frozenset({"web", "file"}), Privacy.PRIVATE)
        peer(bus, "c", 3, origin=frozenset(), privacy=Privacy.LOCAL_ONLY)
        found = await gather(bus, question(), until=until.first_k(3), timeout_s=LONG)
        assert found.labels == (frozenset({"web", "file", "unknown"}), Privacy.LOCAL_ONLY)


async def test_answers_to_a_question_that_is_over_are_counted_and_hurt_nobody() -> None:
    async with watched_bus() as bus:
        peer(bus, "a", 1)
        first, second = question(), Event(topic="nobody.knows", sender="asker")
        assert (await gather(bus, first, timeout_s=LONG)).complete
        assert bus.late_answers == 0
        with pytest.raises(TimedOut):
            await gather(bus, second, timeout_s=0)
        for one in (first, second, question()):
            bus.publish(Event(topic=f"thread.{one.id}.reply", sender="b", answers=one.id))
        assert bus.late_answers == 2, "the last was never asked"


ANSWERS = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 2), st.booleans()), max_size=8)
HOW = st.sampled_from(
    [until.any_(), until.first_k(2), until.first_k(3), until.majority(3), until.everyone(2),
     until.everyone(4), until.for_seconds(0)],
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(ANSWERS, HOW, st.none() | st.sets(st.sampled_from("abc")))
def test_gathering_is_what_a_list_looked_through_afterwards_says(
    answers: list[tuple[str, int, bool]], how: Until, expected: set[str] | None
) -> None:
    """Each answer: of whom, what, and whether it is to this question."""

    async def ask() -> Gathered | None:
        async with watched_bus() as bus:

            def answer(asked: Event) -> None:
                for name, value, ours in answers:
                    bus.publish(
                        Event(topic=asked.reply_to, sender=name, payload={"value": value},
                              answers=asked.id if ours else asked.id + 10**9)
                    )  # fmt: skip

            bus.always("who.knows", answer)
            try:
                return await gather(bus, question(), expected=expected, until=how, timeout_s=0)
            except TimedOut:
                return None

    found = asyncio.run(ask())
    taken: list[tuple[str, int]] = []
    duplicates = strangers = late = 0
    verdict = Tally(how, expected).begin()
    for name, value, ours in answers:
        if not ours:
            continue
        if expected is not None and name not in expected:
            strangers += 1
        elif name in dict(taken):
            duplicates += 1
        elif verdict is not None:
            late += 1
        else:
            taken.append((name, value))
            tally = Tally(how, expected)
            for _, one in taken:
                verdict = tally.add(Event(topic="a", payload={"value": one}))
    if found is None:
        assert not taken
        assert verdict != "enough"
        return
    over = "enough" if how.kind == "seconds" and taken else "timeout"
    assert [(one.sender, one.payload["value"]) for one in found.replies] == taken
    assert found.reason == (verdict or over)
    assert (found.duplicates, found.late, found.strangers) == (duplicates, late, strangers)
    assert set(found.missing) == set(expected or ()) - set(dict(taken))


# -------------------------------------------------------------------- barrier
def check_in(bus: Bus, *names: str, **payload: Any) -> None:
    for name in names:
        bus.publish(
            Event(topic="round.reached", sender=name, payload=payload,
                  origin=frozenset({"schedule"}), privacy=Privacy.PRIVATE)
        )  # fmt: skip


@pytest.fixture
def names() -> list[str]:
    return ["a", "b", "c"]


async def test_a_barrier_opens_when_all_are_there_and_again(names: list[str]) -> None:
    async with watched_bus() as bus:
        with Barrier(bus, "round.reached", names) as barrier:
            for generation in range(3):
                async with Tasks() as tasks:
                    waiting = [tasks.run("wait", barrier.wait(timeout_s=LONG)) for _ in range(2)]
                    check_in(bus, "c", "a", "a")
                    await asyncio.sleep(0)
                    assert not any(one.done() for one in waiting)
                    check_in(bus, "b")
                    for one in waiting:
                        met = await one
                        assert met.generation == generation
                        assert [event.sender for event in met.arrivals] == ["c", "a", "b"]
                assert barrier.duplicates == generation + 1
        check_in(bus, *names)
        assert barrier.missing == ("a", "b", "c"), "it hears no more"


async def test_who_came_before_anybody_waited_is_there(names: list[str]) -> None:
    async with watched_bus() as bus:
        with Barrier(bus, "round.reached", names) as barrier:
            check_in(bus, *names)
            met = await barrier.wait(timeout_s=0)
            assert met.labels == (frozenset({"schedule"}), Privacy.PRIVATE)
            assert barrier.missing == ("a", "b", "c"), "the next generation has begun"


async def test_who_is_missing_is_named_and_may_still_come(names: list[str]) -> None:
    async with watched_bus() as bus:
        with Barrier(bus, "round.reached", names) as barrier:
            check_in(bus, "b", "stranger")
            with pytest.raises(TimedOut) as told:
                await barrier.wait(timeout_s=SOON)
            assert told.value.hint == "Missing: a, c."
            check_in(bus, "a", "c")
            assert (await barrier.wait(timeout_s=LONG)).generation == 0
            assert barrier.strangers == 1


async def test_who_says_the_generation_may_be_one_ahead_and_may_be_late(names: list[str]) -> None:
    async with watched_bus() as bus:
        with Barrier(bus, "round.reached", names) as barrier:
            check_in(bus, *names, generation=0)
            check_in(bus, "a", generation=1)
            check_in(bus, "a", generation=2)
            check_in(bus, "a", generation="soon")
            assert (await barrier.wait(timeout_s=0)).generation == 0
            assert barrier.missing == ("b", "c")
            check_in(bus, "b", generation=0)
            assert (barrier.late, barrier.strangers) == (1, 2)
            check_in(bus, "b", "c", generation=1)
            assert (await barrier.wait(timeout_s=0)).generation == 1


async def test_a_barrier_without_parties_is_open() -> None:
    async with watched_bus() as bus:
        with Barrier(bus, "round.reached", []) as barrier:
            assert (await barrier.wait(timeout_s=0)).arrivals == ()


async def test_who_is_cancelled_at_a_barrier_does_not_open_it(names: list[str]) -> None:
    async with watched_bus() as bus:
        with Barrier(bus, "round.reached", names) as barrier:
            async with Tasks() as tasks:
                waiting = tasks.run("wait", barrier.wait(timeout_s=LONG))
                await asyncio.sleep(0)
                tasks.cancel(waiting)
                check_in(bus, *names)
            assert waiting.cancelled()
            assert not barrier._waiting
            assert (await barrier.wait(timeout_s=0)).generation == 0


STEPS = st.lists(
    st.tuples(st.sampled_from("abx"), st.none() | st.integers(-1, 3)) | st.just("wait"),
    max_size=30,
)


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_a_barrier_is_what_a_list_of_who_came_says(steps: list[Any]) -> None:
    async def walk() -> None:
        came: list[tuple[str, int]] = []
        passed = duplicates = late = strangers = 0
        async with watched_bus() as bus:
            with Barrier(bus, "round.reached", "ab") as barrier:
                for step in steps:
                    if step != "wait":
                        name, generation = step
                        said = {} if generation is None else {"generation": generation}
                        check_in(bus, name, **said)
                        meant = (name, passed if generation is None else generation)
                        if name == "x" or meant[1] > passed + 1:
                            strangers += 1
                        elif meant[1] < passed:
                            late += 1
                        elif meant in came:
                            duplicates += 1
                        else:
                            came.append(meant)
                        continue
                    there = [name for name, generation in came if generation == passed]
                    if len(there) == 2:
                        met = await barrier.wait(timeout_s=0)
                        assert [one.sender for one in met.arrivals] == there
                        assert met.generation == passed
                        passed += 1
                    else:
                        with pytest.raises(TimedOut) as told:
                            await barrier.wait(timeout_s=0)
                        missing = ", ".join(sorted(set("ab") - set(there)))
                        assert told.value.hint == f"Missing: {missing}."
                found = (barrier.generation, barrier.duplicates, barrier.late, barrier.strangers)
                assert found == (passed, duplicates, late, strangers)

    asyncio.run(walk())
