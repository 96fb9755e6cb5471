"""A subscriber goes on where it was, writes once what it writes, and buries what it cannot do."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loom_desktop.errors import NotFound, UsageError
from loom_desktop.event import Event
from loom_desktop.store import Place, Store
from tests.loom_desktop.store.conftest import KEY, HandClock, subscribers
from tests.loom_desktop.store.test_journal import Stubborn

NOTHING: frozenset[int] = frozenset()


async def filled(store: Store, count: int = 5) -> None:
    await store.journal.append_many(
        Event(id=10 * n, topic="a.b", payload={"n": n}, time=float(n)) for n in range(1, count + 1)
    )


async def rows(store: Store, table: str) -> int:
    return await store._db.do(
        lambda one: int(str(one.execute(f"select count(*) from {table}").get))
    )


# ---------------------------------------------------------------------- cursors


async def test_a_new_subscriber_begins_at_the_end_or_at_the_start(store: Store) -> None:
    await filled(store)
    assert await store.deliveries.begin("new") == Place(5, NOTHING, {})
    assert await store.deliveries.begin("all", from_start=True) == Place(0, NOTHING, {})
    await filled(store, 7)
    assert await store.deliveries.begin("new") == Place(5, NOTHING, {}), "it was begun before"
    assert [seq for seq, _ in await store.deliveries.after(5)] == [6, 7]
    assert [one.id for _, one in await store.deliveries.after(0, limit=2)] == [10, 20]
    assert await subscribers(store) == ["all", "new"]


async def test_no_event_gets_a_number_that_a_cursor_has_passed(path: Path, tmp_path: Path) -> None:
    """A copy knows lower numbers than the run that goes on with it."""
    async with Store(path, KEY, upkeep=False, use_keyring=False) as store:
        await filled(store, 2)
        copy = await store.backup(tmp_path / "copy.db")
        await store.journal.append_many([Event(topic="a.b"), Event(topic="a.b")])
        await store.restore(copy)
        assert (await store.deliveries.begin("new")).seq == 4
    async with Store(path, KEY, upkeep=False, use_keyring=False) as store:
        assert await store.journal.append(Event(topic="a.b")) == 5
        place = await store.deliveries.begin("new")
        assert [seq for seq, _ in await store.deliveries.after(place.seq)] == [5]


async def test_a_new_subscriber_misses_nothing_from_an_id_on(store: Store) -> None:
    await filled(store)
    assert await store.deliveries.begin("later", since=41) == Place(4, NOTHING, {})
    assert await store.deliveries.begin("now", since=51) == Place(5, NOTHING, {})
    assert await store.deliveries.begin("all", since=1) == Place(0, NOTHING, {})
    assert await store.deliveries.begin("later", since=1) == Place(4, NOTHING, {}), "not new"


async def test_what_was_done_is_there_after_a_restart(path: Path) -> None:
    async with Store(path, KEY, upkeep=False, use_keyring=False) as store:
        await filled(store, 9)
        await store.deliveries.begin("a", from_start=True)
        for seq, low in ((1, 1), (2, 2), (5, 2), (4, 2), (8, 2)):
            store.deliveries.done("a", seq, low)
        await store.deliveries.tried("a", 3, 2)
    async with Store(path, KEY, upkeep=False, use_keyring=False) as store:
        assert await store.deliveries.begin("a") == Place(2, frozenset({4, 5, 8}), {3: 2})
        store.deliveries.done("a", 3, 5)
        assert await store.deliveries.begin("a") == Place(5, frozenset({8}), {})
        assert await rows(store, "delivery") == 1, "what the cursor says needs no row"


async def test_a_name_and_a_group_cost_one_write_of_the_cursor(store: Store) -> None:
    await filled(store, 100)
    await store.deliveries.begin("a", from_start=True)
    before = await store._db.do(lambda one: one.total_changes())
    for seq in range(1, 101):
        store.deliveries.done("a", seq, seq)
    await store.journal.flush()
    after = await store._db.do(lambda one: one.total_changes())
    assert after - before <= 2
    assert (await store.deliveries.begin("a")).seq == 100


async def test_a_mark_that_the_disk_refused_is_written_with_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Store(":memory:") as store:
        await filled(store)
        await store.deliveries.begin("a", from_start=True)
        disk = Stubborn(store, monkeypatch)
        store.deliveries.done("a", 1, 1)
        await store._db.checkpoint()  # runs when the group before it was tried
        assert disk.tried == 1
        disk.full = False
        store.deliveries.done("a", 4, 1)
        assert await store.deliveries.begin("a") == Place(1, frozenset({4}), {})
        store.deliveries.retry()


async def test_a_name_that_is_forgotten_begins_anew(store: Store) -> None:
    await filled(store)
    await store.deliveries.begin("a", from_start=True)
    store.deliveries.done("a", 3, 0)
    await store.deliveries.bury("a", 2, 0, Event(topic="a.b"), "h", "", 3)
    assert await store.deliveries.forget("a")
    assert not await store.deliveries.forget("a")
    assert await subscribers(store) == []
    assert [await rows(store, table) for table in ("delivery", "dead")] == [0, 0]
    store.deliveries.done("a", 1, 1)
    assert not await store.deliveries.commit("a", 1, 1, [])
    assert await store.deliveries.begin("a") == Place(5, NOTHING, {})


@settings(max_examples=40, deadline=None)
@given(st.permutations(range(1, 13)), st.sets(st.integers(1, 12)), st.data())
async def test_a_cursor_never_passes_what_was_not_done(
    order: list[int], committed: set[int], data: st.DataObject
) -> None:
    async with Store(":memory:") as store:
        await filled(store, 12)
        await store.deliveries.begin("a", from_start=True)
        done: set[int] = set()
        for seq in order[: data.draw(st.integers(0, 12))]:
            done.add(seq)
            low = next(n for n in range(13) if n + 1 not in done)
            if seq in committed:
                assert await store.deliveries.commit("a", seq, low, [("x", str(seq), seq, 0)])
                assert not await store.deliveries.commit("a", seq, low, [])
            else:
                store.deliveries.done("a", seq, low)
        place = await store.deliveries.begin("a")
        low = next(n for n in range(13) if n + 1 not in done)
        assert place == Place(low, frozenset(seq for seq in done if seq > low), {})
        assert await store.state.keys("x") == sorted(map(str, committed & done))


# ---------------------------------------------------------------------- effects that happen once


async def test_a_mark_and_what_the_handler_writes_are_one(store: Store) -> None:
    await filled(store)
    deliveries = store.deliveries
    await deliveries.begin("a", from_start=True)
    assert await deliveries.commit("a", 1, 1, [("x", "n", 1, 0), ("x", "m", [1], None)])
    assert not await deliveries.commit("a", 1, 1, [("x", "n", 2, None)]), "it had that one"
    assert not await deliveries.commit("a", 2, 2, [("x", "m", 0, None), ("x", "n", 2, 9)])
    assert (await deliveries.begin("a")).seq == 1, "nothing of it was written"
    assert [(await value(store, key)) for key in "nm"] == [1, [1]]
    deliveries.done("a", 3, 1)
    assert not await deliveries.commit("a", 3, 1, [("x", "n", 2, None)]), "though nobody waited"
    with pytest.raises(TypeError):
        await deliveries.commit("a", 2, 3, [("x", "n", object(), None)])
    assert await deliveries.commit("a", 2, 3, [("x", "n", 2, 1)])
    assert await deliveries.begin("a") == Place(3, NOTHING, {})


async def value(store: Store, key: str) -> Any:
    found = await store.state.get("x", key)
    return found and found.value


async def test_of_two_at_once_one_is_written(store: Store) -> None:
    await filled(store)
    await store.deliveries.begin("a", from_start=True)
    answers = await asyncio.gather(
        *(store.deliveries.commit("a", 1, 1, [("x", "n", n, None)]) for n in range(10))
    )
    assert sorted(answers) == [False] * 9 + [True]
    found = await store.state.get("x", "n")
    assert found is not None
    assert found.version == 1


# ---------------------------------------------------------------------- dead letters


async def test_what_cannot_be_worked_on_is_buried_and_the_rest_goes_on(
    store: Store, clock: HandClock
) -> None:
    await filled(store)
    deliveries = store.deliveries
    await deliveries.begin("a", from_start=True)
    await deliveries.tried("a", 1, 2)
    (_, event), *_ = await deliveries.after(0)
    id_ = await deliveries.bury("a", 1, 1, event, "sort.on_file", "Traceback ... Oops", 3)
    assert (await deliveries.begin("a")) == Place(1, NOTHING, {})
    letter = await deliveries.dead_letter(id_)
    assert (letter.event, letter.subscriber, letter.seq, letter.tries) == (event, "a", 1, 3)
    assert (letter.handler, letter.traceback) == ("sort.on_file", "Traceback ... Oops")
    assert letter.time == clock.now
    assert await deliveries.dead() == await deliveries.dead(subscriber="a") == [letter]
    assert await deliveries.dead(subscriber="b") == []
    assert await deliveries.drop(id_)
    assert not await deliveries.drop(id_)
    with pytest.raises(NotFound):
        await deliveries.dead_letter(id_)
    with pytest.raises(NotFound):
        await deliveries.revive(id_)


@pytest.mark.parametrize("by", ["done", "commit"])
async def test_a_revived_letter_is_gone_when_it_is_done(store: Store, by: str) -> None:
    await filled(store)
    deliveries = store.deliveries
    await deliveries.begin("a", from_start=True)
    id_ = await deliveries.bury("a", 1, 1, Event(id=10, topic="a.b"), "h", "t", 3)
    letter = await deliveries.revive(id_)
    assert (letter.subscriber, letter.event.id, letter.taken) == ("a", 10, False)
    assert [one.taken for one in await deliveries.dead()] == [True]
    with pytest.raises(UsageError):
        await deliveries.revive(id_)
    if by == "done":
        deliveries.done("a", 1, 1)
        await store.journal.flush()
    else:
        assert await deliveries.commit("a", 1, 1, [("x", "n", 1, 0)])
        assert not await deliveries.commit("a", 1, 1, [("x", "n", 2, None)])
    assert await deliveries.dead() == []


async def test_a_revived_letter_that_fails_is_buried_again(store: Store) -> None:
    await filled(store)
    deliveries = store.deliveries
    await deliveries.begin("a", from_start=True)
    event = Event(id=10, topic="a.b")
    id_ = await deliveries.bury("a", 1, 1, event, "h", "first", 3)
    await deliveries.revive(id_)
    await deliveries.tried("a", 1, 4)
    assert await deliveries.bury("a", 1, 1, event, "h", "second", 6) == id_
    (letter,) = await deliveries.dead()
    assert (letter.traceback, letter.tries, letter.taken) == ("second", 6, False)
    deliveries.done("a", 1, 1)
    await store.journal.flush()
    assert await deliveries.dead() == [letter], "that one was not revived"


async def test_no_dead_letter_gets_the_number_of_one_that_is_gone(
    path: Path, tmp_path: Path
) -> None:
    async def bury(store: Store, seq: int) -> int:
        await store.deliveries.begin("a", from_start=True)
        event = Event(id=10 * seq, topic="a.b")
        return await store.deliveries.bury("a", seq, seq, event, "h", "t", 3)

    async with Store(path, KEY, upkeep=False, use_keyring=False) as store:
        await filled(store)
        backup = await store.backup(tmp_path / "mine.db")
        first = await bury(store, 1)
        assert await store.deliveries.drop(first)
        second = await bury(store, 2)
        assert second > first
        assert await store.deliveries.drop(second)
    async with Store(path, KEY, upkeep=False, use_keyring=False) as store:
        third = await bury(store, 3)
        assert third > second, "after a start"
        assert await store.deliveries.forget("a")
        await store.restore(backup)
    async with Store(path, KEY, upkeep=False, use_keyring=False) as store:
        assert await bury(store, 4) > third, "after a restore, which knows of none"


async def test_a_crash_while_a_letter_is_tried_again_loses_nothing(path: Path) -> None:
    async with Store(path, KEY, upkeep=False, use_keyring=False) as store:
        await filled(store)
        await store.deliveries.begin("a", from_start=True)
        id_ = await store.deliveries.bury("a", 1, 1, Event(id=10, topic="a.b"), "h", "t", 3)
        await store.deliveries.revive(id_)
    async with Store(path, KEY, upkeep=False, use_keyring=False) as store:
        await store.deliveries.begin("a")
        assert [(one.id, one.taken) for one in await store.deliveries.dead()] == [(id_, False)]
        assert (await store.deliveries.revive(id_)).event.id == 10


async def test_a_dead_letter_goes_with_the_conversation_and_with_its_time(
    store: Store, clock: HandClock
) -> None:
    await store.deliveries.begin("a")
    for seq, thread in ((1, 0), (2, 10), (3, 77)):
        event = Event(id=10 * seq, topic="a.b", thread=thread)
        await store.deliveries.bury("a", seq, seq, event, "h", "t", 3)
    await store.conversations.forget(10)
    assert [one.seq for one in await store.deliveries.dead()] == [3]
    await store.journal.append(Event(id=1, topic="a.b", time=1.0))
    assert await store.journal.forget_before(clock.now + 1) == 1
    assert await store.deliveries.dead() == []


async def test_it_is_known_whether_there_are_more_letters_like_one(store: Store) -> None:
    for name in ("a", "b"):
        await store.deliveries.begin(name)
    for seq, (name, topic) in enumerate((("a", "x"), ("a", "y"), ("b", "x"), ("a", "x")), 1):
        await store.deliveries.bury(name, seq, seq, Event(id=seq, topic=topic), "h", "t", 3)
    letters = {one.seq: one for one in await store.deliveries.dead()}
    assert [await store.deliveries.alike(letters[seq]) for seq in (1, 2, 3, 4)] == [
        True, False, False, True,
    ]  # fmt: skip
    await store.deliveries.drop(letters[4].id)
    assert not await store.deliveries.alike(letters[1])


async def test_a_dead_letter_that_is_not_what_was_written_is_left_out() -> None:
    async with Store(":memory:") as store:
        await store.deliveries.begin("a")
        await store.deliveries.bury("a", 1, 1, Event(id=10, topic="a.b"), "h", "t", 3)

        def rot(connection: apsw.Connection) -> None:
            connection.execute("update dead set event = cast(replace(event, 'a', 'b') as blob)")

        await store._db.do(rot)
        assert await store.deliveries.dead() == []
        assert store.journal.damaged == 1


async def test_old_events_go_though_a_subscriber_has_not_had_them_and_that_is_told() -> None:
    async with Store(":memory:") as store:
        await filled(store)
        await store.deliveries.begin("a", from_start=True)
        store.deliveries.done("a", 1, 1)
        await store.journal.flush()
        assert await store.journal.forget_before(4.0) == 3
        assert "2 old events were forgotten" in store.problems[0].message
        assert [seq for seq, _ in await store.deliveries.after(1)] == [4, 5]


async def test_what_was_made_for_a_new_subscriber_is_its_own_also_when_it_was_faster(
    store: Store,
) -> None:
    await filled(store)
    assert await store.deliveries.begin("late", since=35) == Place(3, NOTHING, {})
    assert await store.deliveries.begin("new", since=51) == Place(5, NOTHING, {}), "nothing yet"
    assert await store.deliveries.begin("late", since=11) == Place(3, NOTHING, {}), "no more new"
