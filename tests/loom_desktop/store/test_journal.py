"""Every durable event is kept, found again, and forgotten when it is old."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loom_desktop.event import Event, Privacy, QoS
from loom_desktop.store import Store

data = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)  # fmt: skip
ids = st.integers(0, 2**53)
events = st.builds(
    Event,
    id=st.integers(1, 2**53),
    topic=st.text(min_size=1),
    payload=st.dictionaries(st.text(), data, max_size=5),
    sender=st.text(),
    time=st.floats(0, 4e9),
    qos=st.sampled_from(QoS),
    thread=ids,
    cause=ids,
    answers=ids,
    hop=st.integers(0, 16),
    origin=st.frozensets(st.text()),
    privacy=st.sampled_from(Privacy),
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(events, unique_by=lambda event: event.id, max_size=20))
async def test_every_event_comes_back_as_it_was(tmp_path: Path, given_events: list[Event]) -> None:
    async with Store(":memory:") as store:
        for number, event in enumerate(given_events):
            if number % 2:
                store.journal.keep(event)
            else:
                await store.journal.append(event)
        for event in given_events:
            assert await store.journal.event(event.id) == event
        expected = sorted(given_events, key=lambda event: event.id)
        assert await store.journal.events(limit=100) == expected
        assert store.lost == 0


async def test_what_was_kept_is_seen_by_the_next_question(store: Store) -> None:
    for n in range(1, 2_501):
        store.journal.keep(Event(id=n, topic="a.b"))
    assert await store.journal.last_id() == 2_500
    assert len(await store.journal.events(limit=5_000)) == 2_500


async def test_the_payload_is_written_as_it_was_when_it_was_handed_over(store: Store) -> None:
    payload = {"n": 1}
    store.journal.keep(Event(id=1, topic="a.b", payload=payload))
    payload["n"] = 2
    found = await store.journal.event(1)
    assert found is not None
    assert found.payload == {"n": 1}


async def test_the_same_event_twice_is_kept_once(store: Store) -> None:
    event = Event(id=1, topic="a.b", origin=frozenset({"web", "file", "clipboard"}))
    await store.journal.append(event)
    await store.journal.append(event)
    store.journal.keep(event)
    assert await store.journal.events() == [event]


async def test_another_event_under_the_same_id_never_takes_its_place() -> None:
    async with Store(":memory:") as store:
        first, second = (Event(id=1, topic=topic) for topic in ("a.b", "a.c"))
        await store.journal.append(first)
        with pytest.raises(ValueError, match="another event 1"):
            await store.journal.append(second)
        store.journal.keep(second)
        store.journal.keep(Event(id=2, topic="a.d"))
        assert [event.topic for event in await store.journal.events()] == ["a.b", "a.d"]
        assert store.lost == 1


@pytest.mark.parametrize("payload", [{"x": object()}, {"x": 2**80}])
async def test_what_is_not_plain_data_is_counted_by_keep_and_refused_by_append(
    payload: dict[str, Any],
) -> None:
    async with Store(":memory:") as store:
        store.journal.keep(Event(id=1, topic="a.b", payload=payload))
        assert store.lost == 1
        with pytest.raises(TypeError):
            await store.journal.append(Event(id=2, topic="a.b", payload=payload))


async def test_a_file_name_that_is_no_text_costs_its_odd_bytes_and_not_the_event(
    store: Store,
) -> None:
    event = Event(id=1, topic="file.created", payload={"path": "/x/\udcff.txt"})
    store.journal.keep(event)
    found = await store.journal.event(1)
    assert found is not None
    assert found.payload == {"path": "/x/\ufffd.txt"}


async def test_a_thread_is_the_event_that_began_it_and_all_that_belong_to_it(store: Store) -> None:
    for event in (
        Event(id=10, topic="chat.asked"),
        Event(id=11, topic="chat.answered", thread=10),
        Event(id=12, topic="file.created"),
        Event(id=13, topic="card.offered", thread=10),
    ):
        store.journal.keep(event)
    assert [event.id for event in await store.journal.thread(10)] == [10, 11, 13]
    assert await store.journal.thread(99) == []


async def test_the_chain_leads_from_the_root_to_every_effect(store: Store) -> None:
    #  1 -> 2 -> 3 -> 5        1 -> 4 is a sibling of the way; 6 comes from nowhere
    #            3 -> 7 -> 8
    for id_, cause in ((1, 0), (2, 1), (3, 2), (4, 1), (5, 3), (6, 0), (7, 3), (8, 7)):
        store.journal.keep(Event(id=id_, topic="a.b", cause=cause))
    assert [event.id for event in await store.journal.chain(3)] == [1, 2, 3, 5, 7, 8]
    assert [event.id for event in await store.journal.chain(1)] == [1, 2, 3, 4, 5, 7, 8]
    assert [event.id for event in await store.journal.chain(6)] == [6]
    assert await store.journal.chain(99) == []


async def test_a_circle_of_causes_ends(store: Store) -> None:
    store.journal.keep(Event(id=1, topic="a.b", cause=2))
    store.journal.keep(Event(id=2, topic="a.b", cause=1))
    assert [event.id for event in await store.journal.chain(1)] == [1, 2]


async def test_a_span_of_time_by_topic_gives_the_newest_oldest_first(store: Store) -> None:
    for n in range(1, 11):
        topic = "file.created" if n % 2 else "clipboard.copied"
        store.journal.keep(Event(id=n, topic=topic, time=float(n)))
    ids = [one.id for one in await store.journal.events("file.", since=2.0, until=9.0, limit=2)]
    assert ids == [5, 7]
    assert [one.id for one in await store.journal.events(limit=3)] == [8, 9, 10]


async def test_what_is_old_is_forgotten(store: Store) -> None:
    for n in range(1, 101):
        store.journal.keep(Event(id=n, topic="a.b", time=float(n)))
    assert await store.journal.forget_before(51.0) == 50
    assert [event.id for event in await store.journal.events(limit=1)] == [100]
    assert len(await store.journal.events(limit=1_000)) == 50
    assert await store.journal.forget_before(51.0) == 0


async def test_many_at_once_are_all_acknowledged(store: Store) -> None:
    await asyncio.gather(*(store.journal.append(Event(id=n, topic="a")) for n in range(1, 801)))
    assert len(await store.journal.events(limit=5_000)) == 800
