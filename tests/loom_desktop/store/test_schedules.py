"""What shall happen when: nothing fires twice, nothing is forgotten."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from loom_desktop.errors import NotFound
from loom_desktop.event import Event, Privacy
from loom_desktop.store import Store
from loom_desktop.store.schedules import Schedule


def planned(text: str = "Call Ada", next: float = 100.0, **more: object) -> Schedule:  # noqa: A002
    return Schedule(text=text, next=next, **more)  # type: ignore[arg-type]


schedules = st.builds(
    Schedule,
    text=st.text(),
    said=st.text(),
    at=st.text(),
    zone=st.text(),
    fold=st.integers(0, 1),
    rrule=st.text(),
    cron=st.text(),
    every_s=st.floats(0, 1e6),
    policy=st.sampled_from(["skip", "once", "all", "ask"]),
    next=st.floats(0, 4e9),
    thread=st.integers(0, 2**53),
    origin=st.frozensets(st.text()),
    privacy=st.sampled_from(Privacy),
    created=st.floats(1, 4e9),
    agent=st.text(),
    data=st.dictionaries(st.text(), st.integers(0, 9)),
)


@settings(max_examples=25, deadline=None)
@given(schedules)
async def test_a_schedule_comes_back_as_it_was(schedule: Schedule) -> None:
    async with Store(":memory:") as store:
        kept = await store.schedules.add(schedule)
        assert await store.schedules.get(kept.id) == kept == replace(schedule, id=kept.id)


async def test_what_is_due_comes_earliest_first(store: Store) -> None:
    for text, at in (("late", 90.0), ("first", 10.0), ("future", 101.0), ("never", 0.0)):
        await store.schedules.add(planned(text, at))
    assert [one.text for one in await store.schedules.due(100.0)] == ["first", "late"]
    assert await store.schedules.next_due() == 10.0
    assert [one.text for one in await store.schedules.active()] == [
        "first", "late", "future", "never",
    ]  # fmt: skip


async def test_of_many_who_see_it_due_one_may_fire(store: Store) -> None:
    one = await store.schedules.add(planned())
    may = await asyncio.gather(*(store.schedules.advance(one.id, 100.0, 200.0) for _ in range(10)))
    assert may.count(True) == 1
    assert (await store.schedules.get(one.id)).next == 200.0
    assert await store.schedules.occurrences(one.id) == [100.0]


async def test_the_last_occurrence_ends_it(store: Store) -> None:
    one = await store.schedules.add(planned())
    assert await store.schedules.advance(one.id, 100.0, 0.0)
    assert (await store.schedules.get(one.id)).state == "done"
    assert await store.schedules.due(1e9) == []
    assert await store.schedules.next_due() == 0.0


async def test_a_clock_that_is_set_back_brings_nothing_again(store: Store) -> None:
    one = await store.schedules.add(planned())
    assert await store.schedules.advance(one.id, 100.0, 200.0)
    await store.schedules.change(replace(one, next=100.0))
    assert [due.id for due in await store.schedules.due(150.0)] == [one.id]
    assert not await store.schedules.advance(one.id, 100.0, 200.0)
    assert await store.schedules.due(150.0) == []  # and it is not due for ever either


async def test_a_change_while_it_fires_stays(store: Store) -> None:
    one = await store.schedules.add(planned())
    await store.schedules.change(replace(one, next=500.0))
    assert await store.schedules.advance(one.id, 100.0, 200.0)
    assert (await store.schedules.get(one.id)).next == 500.0


async def test_removing_is_undone_by_restoring(store: Store) -> None:
    one = await store.schedules.add(planned())
    assert await store.schedules.remove(one.id)
    assert not await store.schedules.remove(one.id)
    assert await store.schedules.due(1_000.0) == []
    assert not await store.schedules.advance(one.id, 100.0, 0.0)
    assert await store.schedules.restore(one.id)
    assert await store.schedules.get(one.id) == one
    assert not await store.schedules.restore(one.id)
    assert await store.schedules.finish(one.id)
    assert (await store.schedules.get(one.id)).state == "done"
    assert [each.state for each in await store.schedules.recent()] == ["done"]


async def test_agents_have_schedules_of_their_own(store: Store) -> None:
    await store.schedules.add(planned("mine"))
    await store.schedules.add(planned("work", agent="research"))
    assert [one.text for one in await store.schedules.active(agent="research")] == ["work"]
    assert [one.text for one in await store.schedules.active(agent="")] == ["mine"]


async def test_what_is_not_there_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.schedules.get(7)
    with pytest.raises(NotFound):
        await store.schedules.change(planned())
    assert not await store.schedules.advance(7, 1.0, 2.0)
    assert not await store.schedules.forget(7)


async def test_forgetting_takes_its_occurrences_with_it(store: Store) -> None:
    one = await store.schedules.add(planned())
    await store.schedules.advance(one.id, 100.0, 200.0)
    assert await store.schedules.forget(one.id)
    assert await store.schedules.occurrences(one.id) == []


async def test_schedules_survive_a_restart(path: Path, key: bytes) -> None:
    async with Store(path, key, upkeep=False) as store:
        one = await store.schedules.add(planned())
        await store.schedules.advance(one.id, 100.0, 200.0)
    async with Store(path, key, upkeep=False) as store:
        assert (await store.schedules.get(one.id)).next == 200.0
        assert not await store.schedules.advance(one.id, 100.0, 300.0)


async def test_what_fires_is_noted_and_kept_in_one_transaction(store: Store) -> None:
    one = await store.schedules.add(Schedule(text="x", next=100.0))
    told: list[int] = []
    store.journal.committed = lambda group: told.extend(event.id for _, event in group)
    assert await store.schedules.advance(one.id, 100.0, 200.0, Event(id=1, topic="reminder.due"))
    assert not await store.schedules.advance(
        one.id, 100.0, 200.0, Event(id=2, topic="reminder.due")
    )
    with pytest.raises(ValueError, match="another event 1"):
        await store.schedules.advance(one.id, 200.0, 300.0, Event(id=1, topic="reminder.late"))
    assert await store.schedules.occurrences(one.id) == [100.0], "neither noted nor kept"
    assert (await store.schedules.get(one.id)).next == 200.0
    assert [event.topic for event in await store.journal.events()] == ["reminder.due"]
    assert told == [1]


async def test_what_fired_long_ago_is_forgotten_and_fires_no_more_for_that(store: Store) -> None:
    one = await store.schedules.add(planned(next=100.0, every_s=10.0))
    for at in (100.0, 110.0, 120.0):
        assert await store.schedules.advance(one.id, at, at + 10.0)
    assert await store.schedules.forget_before(store._clock()) == 0
    assert await store.schedules.forget_before(store._clock() + 1.0) == 3
    assert await store.schedules.occurrences(one.id) == []
    assert (await store.schedules.get(one.id)).next == 130.0
    assert await store.schedules.due(125.0) == []
