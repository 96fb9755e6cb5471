"""What was offered, and who answered first."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from loom_desktop.errors import NotFound
from loom_desktop.store import Store
from loom_desktop.store.cards import Action, Card
from tests.loom_desktop.store.conftest import HandClock


def offered(title: str = "Sort it?", **more: object) -> Card:
    fields: dict[str, object] = {"kind": "suggestion", "agent": "downloads", "title": title}
    return Card(**{**fields, **more})  # type: ignore[arg-type]  # the fields of a card


cards = st.builds(
    Card,
    kind=st.sampled_from(["suggestion", "approval", "reminder", "notice"]),
    agent=st.text(),
    title=st.text(),
    text=st.text(),
    detail=st.text(),
    actions=st.lists(st.builds(Action, st.text(), st.text(), st.booleans()), max_size=3).map(tuple),
    created=st.floats(0, 4e9),
    expires=st.floats(0, 4e9),
    thread=st.integers(0, 2**53),
    cause=st.integers(0, 2**53),
    origin=st.frozensets(st.text()),
    why=st.text(),
    digest=st.text(),
    data=st.dictionaries(st.text(), st.integers(0, 5) | st.text() | st.lists(st.text())),
)


@settings(max_examples=25, deadline=None)
@given(cards)
async def test_a_card_comes_back_as_it_was(card: Card) -> None:
    async with Store(":memory:") as store:
        kept = await store.cards.put(card)
        assert kept.id > 0
        assert await store.cards.get(kept.id) == kept == replace(card, id=kept.id)


async def test_a_card_with_an_id_of_its_own_is_replaced(store: Store) -> None:
    await store.cards.put(offered(id=77))
    await store.cards.put(offered("Sort them?", id=77))
    assert [one.title for one in await store.cards.recent()] == ["Sort them?"]
    assert await store.cards.recent("it") == []


async def test_a_card_that_is_not_there_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.cards.get(5)
    assert not await store.cards.set_state(5, "answered")


async def test_the_first_answer_wins(store: Store) -> None:
    card = await store.cards.put(offered())
    won = await asyncio.gather(
        *(store.cards.set_state(card.id, "answered", answer=f"a{n}") for n in range(20))
    )
    assert won.count(True) == 1
    kept = await store.cards.get(card.id)
    assert (kept.state, kept.answer) == ("answered", f"a{won.index(True)}")


async def test_a_card_whose_time_is_over_is_not_answered(store: Store, clock: HandClock) -> None:
    card = await store.cards.put(offered(expires=clock.now + 60))
    clock.now += 60
    assert not await store.cards.set_state(card.id, "answered", answer="yes")
    assert [one.id for one in await store.cards.expire_due()] == [card.id]
    assert await store.cards.expire_due() == []
    assert (await store.cards.get(card.id)).state == "expired"


async def test_only_open_and_waiting_cards_expire(store: Store, clock: HandClock) -> None:
    for state in ("open", "waiting", "answered", "quiet"):
        await store.cards.put(offered(state, state=state, expires=clock.now))
    await store.cards.put(offered("for ever", expires=0.0))
    assert {one.title for one in await store.cards.expire_due()} == {"open", "waiting"}
    assert [one.title for one in await store.cards.open()] == ["for ever"]
    assert await store.cards.waiting() == []


async def test_the_budget_counts_what_was_shown_and_when(store: Store, clock: HandClock) -> None:
    start = clock.now
    waits = await store.cards.put(offered(state="waiting"))
    await store.cards.put(offered(state="quiet"))
    await store.cards.put(offered(kind="approval"))
    await store.cards.put(offered())
    assert await store.cards.offered_since(start) == 1
    clock.now += 3_600
    assert await store.cards.offered_since(clock.now) == 0
    assert await store.cards.set_state(waits.id, "open")
    assert await store.cards.offered_since(clock.now) == 1
    await store.cards.put(replace(waits, state="answered"))
    assert await store.cards.offered_since(start) == 2  # a later change does not unsee it


async def test_the_inbox_finds_by_words_kind_and_agent(store: Store) -> None:
    await store.cards.put(offered("Move invoice.pdf?", created=1.0))
    await store.cards.put(
        offered("Reminder", detail="Pay the invoices", kind="reminder", created=2.0)
    )
    await store.cards.put(offered("Other", agent="clipboard", created=3.0))
    assert [one.title for one in await store.cards.recent()] == [
        "Other",
        "Reminder",
        "Move invoice.pdf?",
    ]
    assert len(await store.cards.recent("invoice")) == 2
    assert [one.title for one in await store.cards.recent("invoice", kind="reminder")] == [
        "Reminder"
    ]
    assert [one.title for one in await store.cards.recent(agent="clipboard")] == ["Other"]
    assert [one.title for one in await store.cards.recent(since=2.5)] == ["Other"]
    assert await store.cards.recent("  ?!  ") == []


async def test_never_again_is_kept_listed_and_taken_back(store: Store) -> None:
    assert not await store.cards.never("downloads", "sort")
    await store.cards.add_never("downloads", "sort")
    await store.cards.add_never("downloads", "sort")
    assert await store.cards.never("downloads", "sort")
    assert not await store.cards.never("clipboard", "sort")
    assert [(one.agent, one.what) for one in await store.cards.nevers()] == [("downloads", "sort")]
    assert await store.cards.remove_never("downloads", "sort")
    assert not await store.cards.remove_never("downloads", "sort")
    assert not await store.cards.never("downloads", "sort")


async def test_settled_cards_are_forgotten_when_old_and_open_ones_are_not(store: Store) -> None:
    await store.cards.put(offered("settled", state="answered", created=1.0))
    await store.cards.put(offered("open", created=1.0))
    assert await store.cards.forget_before(2.0) == 1
    assert [one.title for one in await store.cards.recent()] == ["open"]
