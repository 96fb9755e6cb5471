"""What the person asked to write down."""

from __future__ import annotations

import pytest

from loom_desktop.errors import NotFound
from loom_desktop.event import Privacy
from loom_desktop.store import Store
from tests.loom_desktop.store.conftest import HandClock


async def test_a_note_comes_back_with_its_labels(store: Store) -> None:
    note = await store.notes.add(
        "Bread \ud800", thread=5, origin=frozenset({"user-voice"}), privacy=Privacy.PRIVATE
    )
    assert note.text == "Bread \ufffd"
    assert await store.notes.get(note.id) == note


async def test_notes_are_found_by_words_and_listed_newest_first(
    store: Store, clock: HandClock
) -> None:
    for text in ("Buy bread", "The boiler was serviced", "Bread recipe: flour"):
        await store.notes.add(text)
        clock.now += 1
    assert [one.text for one in await store.notes.recent(limit=2)] == [
        "Bread recipe: flour",
        "The boiler was serviced",
    ]
    assert {one.text for one in await store.notes.search("bread")} == {
        "Buy bread",
        "Bread recipe: flour",
    }
    assert [one.text for one in await store.notes.search("service")] == ["The boiler was serviced"]
    assert await store.notes.search("-") == []


async def test_a_changed_note_is_found_by_its_new_words_only(
    store: Store, clock: HandClock
) -> None:
    note = await store.notes.add("Buy bread")
    clock.now += 10
    await store.notes.change(note.id, "Buy butter")
    assert await store.notes.search("bread") == []
    (found,) = await store.notes.search("butter")
    assert (found.time, found.changed) == (note.time, note.time + 10)


async def test_removing_is_undone_by_restoring(store: Store) -> None:
    note = await store.notes.add("Buy bread")
    assert await store.notes.remove(note.id)
    assert not await store.notes.remove(note.id)
    assert await store.notes.recent() == []
    assert await store.notes.search("bread") == []
    assert await store.notes.restore(note.id)
    assert not await store.notes.restore(note.id)
    assert await store.notes.search("bread") == [note]


async def test_what_is_forgotten_cannot_be_restored(store: Store) -> None:
    note = await store.notes.add("Buy bread")
    assert await store.notes.forget(note.id)
    assert not await store.notes.restore(note.id)
    with pytest.raises(NotFound):
        await store.notes.get(note.id)
    with pytest.raises(NotFound):
        await store.notes.change(note.id, "x")
