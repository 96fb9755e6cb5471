"""Every durable event is kept, found again, and forgotten when it is old."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loom_desktop.errors import Unavailable
from loom_desktop.event import Event, Privacy, QoS
from loom_desktop.store import Store, journal
from loom_desktop.store.journal import Faults, Numbered

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


# ---------------------------------------------------------------------- the order of commits


async def gathered(store: Store, count: int) -> list[Sequence[Numbered]]:
    """What ``committed`` was called with, once that many events have come."""
    groups: list[Sequence[Numbered]] = []
    enough = asyncio.Event()

    def committed(group: Sequence[Numbered]) -> None:
        groups.append(group)
        if sum(map(len, groups)) >= count:
            enough.set()

    store.journal.committed = committed
    for n in range(count - 2):
        store.journal.keep(Event(id=1_000 - n, topic="a.b"))
    await store.journal.append_many([Event(id=5_000, topic="a.c"), Event(id=3, topic="a.d")])
    await enough.wait()
    return groups


async def test_a_group_is_told_once_in_the_order_of_its_numbers(store: Store) -> None:
    groups = await gathered(store, 600)
    seqs = [seq for group in groups for seq, _ in group]
    assert seqs == [*range(1, 601)]
    assert len(groups) <= 3
    assert [one for group in groups for one in group] == await store.journal.after(0, limit=600)


async def test_what_is_told_is_the_very_object_that_was_kept(store: Store) -> None:
    told: list[Event] = []
    store.journal.committed = lambda group: told.extend(event for _, event in group)
    event = Event(id=1, topic="a.b\udcff", payload={"path": "/x/\udcff"})
    store.journal.keep(event)
    await store.journal.flush()
    assert len(told) == 1
    assert told[0] is event
    assert [one.topic for one in await store.journal.events("a.b\ufffd")] == ["a.b\ufffd"]
    assert await faults(store) == Faults(0, 0)


async def test_an_event_made_earlier_and_kept_later_comes_later(store: Store) -> None:
    assert await store.journal.append(Event(id=20, topic="a.b")) == 1
    assert await store.journal.append_many(
        [Event(id=10, topic="a.b"), Event(id=30, topic="a.b")]
    ) == [2, 3]
    assert await store.journal.append(Event(id=10, topic="a.b")) == 2, "it is there already"
    assert [(seq, one.id) for seq, one in await store.journal.after(1)] == [(2, 10), (3, 30)]
    assert await store.journal.last_seq() == 3
    assert await store.journal.append_many([]) == []


async def test_several_are_written_together_or_not_at_all(store: Store) -> None:
    await store.journal.append(Event(id=2, topic="a.b"))
    with pytest.raises(ValueError, match="another event 2"):
        await store.journal.append_many([Event(id=1, topic="a.b"), Event(id=2, topic="a.c")])
    assert await store.journal.event(1) is None
    assert await store.journal.append(Event(id=3, topic="a.b")) > 1
    assert await faults(store) == Faults(0, 0)


async def test_no_number_is_given_twice(path: Path, key: bytes) -> None:
    async with Store(path, key, upkeep=False, use_keyring=False) as store:
        for n in range(1, 4):
            await store.journal.append(Event(id=n, topic="a.b", time=float(n)))
        await store.conversations.forget(3)
        assert await store.journal.forget_before(10.0) == 2
    async with Store(path, key, upkeep=False, use_keyring=False) as store:
        assert await store.journal.append(Event(id=9, topic="a.b")) == 4
        assert await faults(store) == Faults(0, 0)


# ---------------------------------------------------------------------- acknowledgement


class Stubborn:
    """A disk that takes nothing until it is told to."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full, self.tried = True, 0
        commit = store._db._commit

        def failing() -> apsw.Error | None:
            self.tried += 1
            return apsw.FullError("full") if self.full else commit()

        monkeypatch.setattr(store._db, "_commit", failing)


async def test_a_flush_raises_when_anything_before_it_is_not_on_the_disk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Store(":memory:") as store:
        disk = Stubborn(store, monkeypatch)
        store.journal.keep(Event(id=1, topic="a.b"))
        with pytest.raises(Unavailable):
            await store.journal.flush()
        disk.full = False
        store.journal.keep(Event(id=2, topic="a.b"))
        await store.journal.flush()
        assert [one.id for _, one in await store.journal.after(0)] == [1, 2], "tried once more"
        assert store.journal.waiting == 0
        assert store.journal.lost == 0


async def test_what_the_disk_did_not_take_is_tried_again_and_at_the_end_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Store(":memory:") as store:
        disk = Stubborn(store, monkeypatch)
        store.journal.keep(Event(id=1, topic="a.b"))
        with pytest.raises(Unavailable):
            await store.journal.flush()
        tried = disk.tried
    assert disk.tried > tried
    assert store.lost == 1


async def test_what_was_not_taken_at_all_is_said_by_one_flush() -> None:
    async with Store(":memory:") as store:
        store.journal.keep(Event(id=1, topic="a.b", payload={"x": object()}))
        with pytest.raises(Unavailable, match="1 events were not saved"):
            await store.journal.flush()
        await store.journal.flush()


async def test_a_disk_that_hangs_costs_no_more_memory_than_was_set_aside(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "MOST_WAITING", 50)
    hanging = threading.Event()
    store._db.post(lambda connection: hanging.wait(10))
    for n in range(1, 61):
        store.journal.keep(Event(id=n, topic="a.b"))
    assert store.journal.waiting == 50
    assert store.journal.lost == 10
    hanging.set()
    with pytest.raises(Unavailable, match="10 events"):
        await store.journal.flush()
    assert len(await store.journal.after(0)) == 50
    store.journal._unkept = 0


async def test_closing_writes_all_that_waits(path: Path, key: bytes) -> None:
    async with Store(path, key, upkeep=False, use_keyring=False) as store:
        for n in range(1, 5_001):
            store.journal.keep(Event(id=n, topic="a.b"))
    assert store.lost == 0
    async with Store(path, key, upkeep=False, use_keyring=False) as store:
        assert await store.journal.last_seq() == 5_000


async def test_one_event_that_no_table_takes_costs_no_other(store: Store) -> None:
    for event in (
        Event(id=1, topic="a.b"),
        Event(id=2, topic="a.b", time=float("nan")),
        Event(id=2**63, topic="a.b"),
        Event(id=3, topic="a.b"),
    ):
        store.journal.keep(event)
    with pytest.raises(Unavailable, match="2 events"):
        await store.journal.flush()
    assert [one.id for one in await store.journal.events()] == [1, 3]
    store.journal._unkept = 0


# ---------------------------------------------------------------------- verified records


async def faults(store: Store, *, thorough: bool = True) -> Faults:
    return await store._db.do(
        lambda connection: store.journal.faults(
            connection, thorough=thorough, stopping=lambda: False
        )
    )


async def change(store: Store, sql: str) -> None:
    await store._db.do(lambda connection: connection.execute(sql))


async def test_a_row_that_is_not_what_was_written_is_never_given_to_anybody() -> None:
    async with Store(":memory:") as store:
        for n in range(1, 6):
            await store.journal.append(Event(id=n, topic="a.b", payload={"n": n}, thread=1))
        await change(
            store, "update event set event = cast(replace(event, 'a', 'b') as blob) where seq = 2"
        )
        await change(store, "update event set crc = crc + 1 where seq = 4")
        for found in (
            await store.journal.events(),
            await store.journal.thread(1),
            [event for _, event in await store.journal.after(0)],
            [event async for _, event in store.journal.replay()],
        ):
            assert [event.id for event in found] == [1, 3, 5]
        assert await store.journal.event(2) is None
        assert store.journal.damaged == 9
        assert await faults(store) == Faults(2, 0)


async def test_a_blob_that_calls_itself_a_text_stands_in_the_way_of_no_row(path: Path) -> None:
    """SQLite takes the types from the head of a row and believes them: one bit is the difference.
    What it says is what was written, so nothing is lost."""
    async with Store(path, None, upkeep=False, use_keyring=False) as store:
        for n in range(1, 4):
            payload = {"text": "\xff" * 40}
            await store.journal.append(Event(id=n, topic="seldom.seen", payload=payload))
    content = bytearray(path.read_bytes())
    content[content.index(b"seldom.seen") - 2] ^= 1  # the end of the head, and the id after it
    path.write_bytes(content)
    async with Store(path, None, upkeep=False, use_keyring=False) as store:
        found = await store.journal.events()
        assert [event.id for event in found] == [1, 2, 3]
        assert {event.payload["text"] for event in found} == {"\xff" * 40}
        assert not await store.check(thorough=True)


@pytest.mark.parametrize(
    "sql",
    [
        "update event set seq = 9 where seq = 2",
        "update event set id = 9 where seq = 2",
        "update event set topic = 'a.c' where seq = 2",
        "update event set thread = 9 where seq = 2",
        "update event set cause = 9 where seq = 2",
        "update event set time = 9 where seq = 2",
    ],
)
async def test_a_column_that_was_changed_is_found_and_gives_no_wrong_answer(sql: str) -> None:
    async with Store(":memory:") as store:
        for n in range(1, 4):
            await store.journal.append(Event(id=n, topic="a.b"))
        await change(store, sql)
        assert await store.journal.event(9) is None
        assert await store.journal.thread(9) == []
        assert (await faults(store)).damaged == 1


async def test_a_page_of_damaged_rows_hides_none_that_come_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(journal, "_PAGE", 2)
    async with Store(":memory:") as store:
        for n in range(1, 8):
            await store.journal.append(Event(id=n, topic="a.b"))
        await change(store, "update event set crc = crc + 1 where seq between 2 and 5")
        assert [seq for seq, _ in await store.journal.after(1, limit=2)] == [6, 7]
        assert [seq async for seq, _ in store.journal.replay()] == [1, 6, 7]
        assert await store.journal.after(7, limit=2) == []


async def test_rows_that_are_gone_are_missed() -> None:
    async with Store(":memory:") as store:
        for n in range(1, 2_501):
            store.journal.keep(Event(id=n, topic="a.b"))
        await store.journal.flush()
        assert await faults(store, thorough=False) == Faults(0, 0)
        await change(store, "drop trigger event_removed")
        await change(store, "delete from event where seq in (7, 1500)")
        assert await faults(store, thorough=False) == Faults(0, 2)


# ---------------------------------------------------------------------- replay


async def replayed(store: Store, *of: str, **wanted: Any) -> list[int]:
    return [seq async for seq, _ in store.journal.replay(*of, **wanted)]


async def test_replay_gives_what_happened_by_topic_thread_and_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_PAGE", 3)
    topics = ("file.created", "file.moved.away", "chat.asked")
    await store.journal.append_many(
        Event(id=100 - n, topic=topics[n % 3], time=float(n), thread=99 if n % 2 == 0 else 0)
        for n in range(1, 31)
    )
    assert await replayed(store) == [*range(1, 31)]
    assert await replayed(store, limit=4) == [1, 2, 3, 4]
    assert await replayed(store, after_seq=28) == [29, 30]
    assert await replayed(store, "file.") == [n for n in range(1, 31) if n % 3 != 2]
    assert await replayed(store, "file.*") == [n for n in range(1, 31) if n % 3 == 0]
    assert await replayed(store, "file.>") == [n for n in range(1, 31) if n % 3 != 2]
    assert await replayed(store, "*.moved.>", limit=2) == [1, 4]
    assert await replayed(store, "chat.asked", since=5.0, until=12.0) == [5, 8, 11]
    assert await replayed(store, thread=99, until=7.0) == [1, 2, 4, 6], "and what began it"
    assert await replayed(store, since=1_000.0) == []


async def test_replay_holds_nothing_while_its_reader_works(store: Store) -> None:
    await store.journal.append_many(Event(id=n, topic="a.b") for n in range(1, 4))
    seen: list[int] = []
    async for seq, _ in store.journal.replay():
        seen.append(seq)
        if seq == 3:
            await store.journal.append(Event(id=4, topic="a.b"))
            assert await store._db.checkpoint()
    assert seen == [1, 2, 3, 4]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(1, 100), min_size=1, max_size=40),
    st.floats(0, 100),
    st.floats(0, 100),
)
async def test_a_span_of_time_has_all_of_it_however_the_clock_jumps(
    times: list[float], since: float, until: float
) -> None:
    async with Store(":memory:") as store:
        for n, time in enumerate(times, 1):
            seq = 700 * n
            await store.journal.last_seq()
            store.journal._next = seq
            await store.journal.append(Event(id=n, topic="a.b", time=time))
        wanted = [
            n for n, one in enumerate(times, 1) if since <= one and (not until or one < until)
        ]
        found = await store.journal.events(since=since, until=until)
        assert [event.id for event in found] == wanted
        old = [n for n, one in enumerate(times, 1) if one < until]
        assert await store.journal.forget_before(until) == len(old)
        assert await faults(store) == Faults(0, 0)
        assert [one.id for one in await store.journal.events()] == [
            n for n in range(1, len(times) + 1) if n not in old
        ]


async def test_what_was_a_measurement_is_taken_out_and_nothing_else(store: Store) -> None:
    def some(thread: int) -> list[Event]:
        return [Event(topic="a.b", thread=thread) for _ in range(3)]

    await store.journal.append_many([*some(7), *some(8), *some(0)])
    assert await store.journal.forget_thread(7) == 3
    assert await store.journal.forget_thread(0) == 0, "what begins its own thread is not one"
    assert len(await store.journal.events()) == 6
    assert await store.check(thorough=True), "and nothing is missed"
