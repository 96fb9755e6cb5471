"""What is remembered, how it is found, and that nothing of it stays when it is forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from loom_desktop.errors import NotFound
from loom_desktop.event import Event, Privacy
from loom_desktop.store import Memory, Store
from loom_desktop.store.ballast import Ballast
from loom_desktop.store.cards import Card
from loom_desktop.store.conversations import Message
from tests.loom_desktop.store.conftest import HandClock

TYPED = frozenset({"user-typed"})


def fact(subject: str, relation: str, thing: str, **more: object) -> Memory:
    words = {"subject": subject, "relation": relation, "object": thing}
    return Memory(kind="semantic", text=" ".join(words.values()), **words, **more)  # type: ignore[arg-type]


def grams(text: str) -> list[str]:
    return [text[at : at + 3] for at in range(len(text) - 2)]


async def test_a_memory_comes_back_with_its_labels(store: Store, clock: HandClock) -> None:
    made = await store.memories.add(
        Memory(
            text="Bread \ud800", kind="episodic", tier="session", expires=clock.now + 5, thread=7,
            agent="chat", confidence=0.5, origin=TYPED, privacy=Privacy.PRIVATE, event=3,
        )
    )  # fmt: skip
    assert (made.text, made.time, made.changed) == ("Bread \ufffd", clock.now, clock.now)
    assert await store.memories.get(made.id) == made
    with pytest.raises(NotFound):
        await store.memories.get(made.id + 1)


async def test_the_newest_come_first_and_may_be_of_one_kind(store: Store, clock: HandClock) -> None:
    for kind in ("note", "episodic", "note"):
        await store.memories.add(Memory(text=f"{kind} {clock.now}", kind=kind))
        clock.now += 1
    times = [one.time for one in await store.memories.listed()]
    assert times == sorted(times, reverse=True)
    assert len(times) == await store.memories.count() == 3
    assert [one.kind for one in await store.memories.listed(kind="note", limit=1)] == ["note"]
    assert await store.memories.listed(tier="session") == []


@pytest.mark.parametrize("query", ["service", "BOILERS", "boiler unheard of", "cafe"])
async def test_one_word_in_any_form_is_enough(store: Store, query: str) -> None:
    await store.memories.add(Memory(text="Buy bread"))
    made = await store.memories.add(Memory(text="The boiler at the café was serviced"))
    assert await store.memories.words(query) == [made.id]


@pytest.mark.parametrize("query", ["", "-", '"', "' or 1=1 --", "text:bread", "NEAR(", "\ud800"])
async def test_nothing_in_a_query_is_syntax(store: Store, query: str) -> None:
    await store.memories.add(Memory(text="Where the key is"))
    assert await store.memories.words(query) == []
    assert await store.memories.letters([query, '"""', "*()"]) == []


async def test_letters_find_what_is_misspelt_and_rare_ones_count_more(store: Store) -> None:
    for day in ("Monday", "Tuesday", "Friday"):
        await store.memories.add(Memory(text=f"the appointment of {day}"))
    made = await store.memories.add(Memory(text="the dentist of Anna"))
    (best, share), *others = await store.memories.letters(grams("the dentst"))
    assert best == made.id
    assert 0.5 < share < 1.0
    assert all(one[1] < 0.5 for one in others)


async def test_the_nearest_are_those_with_the_fewest_bits_apart(store: Store) -> None:
    ids = []
    for bits in (0b1111, 0b1110, 0b0001):
        vectors = {"m": (b"v", bytes([bits])), "light": (b"w", b"")}
        ids.append((await store.memories.add(Memory(text="x"), vectors=vectors)).id)
    assert await store.memories.near("m", bytes([0b1111]), limit=2) == ids[:2]
    assert await store.memories.near("other", bytes([0b1111])) == []
    assert await store.memories.near("light", b"") == []
    assert await store.memories.vectors("light", ids[:2]) == dict.fromkeys(ids[:2], b"w")


async def test_who_has_no_vector_gets_one_and_who_is_gone_does_not(store: Store) -> None:
    made = await store.memories.add(Memory(text="x"))
    assert await store.memories.without_vector("m") == [made]
    await store.memories.put_vectors({made.id: ("m", b"v", b"b"), 99: ("m", b"v", b"b")})
    assert await store.memories.without_vector("m") == []
    assert await store.memories.near("m", b"b") == [made.id]


async def test_the_number_of_a_forgotten_one_is_not_given_again(store: Store) -> None:
    """A card may still say it, and a vector may still be on its way."""
    gone = await store.memories.add(Memory(text="The first"))
    await store.memories.forget([gone.id])
    other = await store.memories.add(Memory(text="The second"))
    assert other.id > gone.id
    await store.memories.put_vectors({gone.id: ("m", b"v", b"b")})
    assert await store.memories.near("m", b"b") == []
    assert await store.memories.forget([gone.id]) == []
    assert await store.memories.listed() == [other]


async def test_a_newer_fact_takes_the_place_of_the_old_one(store: Store, clock: HandClock) -> None:
    old = await store.memories.add(fact("Anna", "lives in", "Cologne"))
    clock.now += 60
    new = await store.memories.add(fact("anna", "Lives in", "Bonn"), supersedes=[old.id])
    clock.now += 60
    newest = await store.memories.add(fact("Anna", "lives in", "Kiel"), supersedes=[new.id])
    assert await store.memories.facts("ANNA", "lives in") == [newest]
    assert await store.memories.words("Cologne Bonn") == []
    assert await store.memories.letters(["Bon", "onn"]) == []
    history = await store.memories.history(newest.id)
    assert [(one.object, one.state, one.superseded_by) for one in history] == [
        ("Bonn", "superseded", newest.id),
        ("Cologne", "superseded", new.id),
    ]
    assert history[1].changed == new.time
    assert await store.memories.revert(newest.id) == [newest.id]
    assert [one.object for one in await store.memories.facts("Anna", "lives in")] == ["Bonn"]
    assert await store.memories.words("Bonn") == [new.id]


async def test_what_is_undone_in_the_middle_leaves_one_fact_and_its_history(store: Store) -> None:
    old = await store.memories.add(fact("Anna", "lives in", "Bonn"))
    new = await store.memories.add(fact("Anna", "lives in", "Berlin"), supersedes=[old.id])
    newest = await store.memories.add(fact("Anna", "lives in", "Rome"), supersedes=[new.id])
    assert await store.memories.revert(new.id) == [new.id]
    assert await store.memories.facts("Anna", "lives in") == [newest]
    assert await store.memories.words("Bonn") == []
    assert [one.object for one in await store.memories.history(newest.id)] == ["Bonn"]
    assert await store.memories.revert(newest.id) == [newest.id]
    assert [one.id for one in await store.memories.facts("Anna", "lives in")] == [old.id]


@pytest.mark.parametrize("how", ["forgotten", "undone", "changed"])
async def test_what_goes_with_its_source_gives_its_place_back(store: Store, how: str) -> None:
    """Else the older fact would be there, count no more and be the history of nothing."""
    source = await store.memories.add(Memory(text="A letter"))
    old = await store.memories.add(fact("Anna", "lives in", "Bonn"))
    await store.memories.add(
        fact("Anna", "lives in", "Berlin"), sources=[source.id], supersedes=[old.id]
    )
    if how == "forgotten":
        await store.memories.forget([source.id])
    elif how == "undone":
        await store.memories.revert(source.id)
    else:
        await store.memories.change(replace(source, text="Nothing"))
    assert [one.id for one in await store.memories.facts("Anna", "lives in")] == [old.id]


async def test_changed_words_are_found_and_the_old_ones_are_not(store: Store) -> None:
    made = await store.memories.add(Memory(text="Buy bread"), vectors={"m": (b"old", b"o")})
    summary = await store.memories.add(Memory(text="Shopping"), sources=[made.id])
    await store.memories.change(replace(made, text="Buy butter"), vectors={"m": (b"new", b"n")})
    assert await store.memories.words("bread") == []
    assert await store.memories.letters(["rea"]) == []
    assert await store.memories.words("butter") == [made.id]
    assert await store.memories.vectors("m", [made.id]) == {made.id: b"new"}
    with pytest.raises(NotFound):
        await store.memories.get(summary.id)
    with pytest.raises(NotFound):
        await store.memories.change(replace(made, id=99))


async def test_what_was_made_from_it_is_forgotten_with_it(store: Store) -> None:
    first = await store.memories.add(Memory(text="One"))
    second = await store.memories.add(Memory(text="Two"))
    summary = await store.memories.add(Memory(text="Both"), sources=[first.id, second.id])
    learned = await store.memories.add(fact("a", "b", "c"), sources=[summary.id])
    assert await store.memories.made_from(summary.id) == [first.id, second.id]
    assert await store.memories.forget([first.id]) == [first.id, summary.id, learned.id]
    assert await store.memories.listed() == [second]
    assert await store.memories.forget([first.id]) == []


async def test_a_forgotten_fact_takes_its_history_with_it(store: Store) -> None:
    old = await store.memories.add(fact("Anna", "lives in", "Cologne"))
    new = await store.memories.add(fact("Anna", "lives in", "Bonn"), supersedes=[old.id])
    assert await store.memories.forget([new.id]) == [old.id, new.id]


async def test_what_ends_is_not_there_and_then_removed(store: Store, clock: HandClock) -> None:
    short = await store.memories.add(Memory(text="Soon over", expires=clock.now + 3600))
    made = await store.memories.add(Memory(text="From it"), sources=[short.id])
    kept = await store.memories.add(Memory(text="Stays"))
    later = await store.memories.add(Memory(text="Later", expires=clock.now + 7200))
    assert await store.memories.sweep() == ([], short.expires)
    clock.now += 3600
    assert {one.id for one in await store.memories.listed()} == {made.id, kept.id, later.id}
    assert await store.memories.some([short.id]) == []
    assert await store.memories.sweep() == ([short.id, made.id], later.expires)
    with pytest.raises(NotFound):
        await store.memories.get(short.id)


async def test_a_forgotten_conversation_takes_what_was_learned_in_it(store: Store) -> None:
    await store.conversations.put(
        Message(conversation=5, turn=5, role="user", text="Anna lives in Bonn", time=1.0)
    )
    learned = await store.memories.add(fact("Anna", "lives in", "Bonn", thread=5))
    summary = await store.memories.add(Memory(text="On Anna", thread=6), sources=[learned.id])
    task = await store.memories.add(Memory(text="At work", tier="working", thread=5))
    kept = await store.memories.add(Memory(text="The key is under the mat", thread=5))
    await store.conversations.forget(5)
    assert await store.memories.listed() == [kept]
    for one in (learned, summary, task):
        with pytest.raises(NotFound):
            await store.memories.get(one.id)


async def test_a_forgotten_conversation_leaves_what_others_said(store: Store) -> None:
    bonn = await store.memories.add(fact("Anna", "lives in", "Bonn", thread=5))
    berlin = await store.memories.add(
        fact("Anna", "lives in", "Berlin", thread=6), supersedes=[bonn.id]
    )
    rome = await store.memories.add(
        fact("Anna", "lives in", "Rome", thread=7), supersedes=[berlin.id]
    )
    await store.conversations.put(Message(conversation=6, turn=6, role="user", text="x", time=1.0))
    await store.conversations.forget(6)
    assert await store.memories.facts("Anna", "lives in") == [rome]
    assert [one.id for one in await store.memories.history(rome.id)] == [bonn.id]
    await store.conversations.put(Message(conversation=7, turn=7, role="user", text="x", time=1.0))
    await store.conversations.forget(7)
    assert [one.id for one in await store.memories.facts("Anna", "lives in")] == [bonn.id]
    assert await store.memories.words("Bonn") == [bonn.id]


@pytest.mark.parametrize("how", ["conversation", "forgotten", "undone", "changed"])
async def test_no_byte_of_an_older_fact_stays_on_the_card_of_the_newer_one(
    path: Path, clock: HandClock, ballast: Ballast, how: str
) -> None:
    """ "Instead of: ..." stands on it, in the event that offered it, and in the copies."""
    secret = "Xylophonquarz"
    async with Store(
        path, None, clock=clock, upkeep=False, use_keyring=False, ballast=ballast
    ) as s:
        said = Message(conversation=5, turn=5, role="user", text=f"In {secret}", time=1.0)
        await s.conversations.put(said)
        older = await s.memories.add(fact("Anna", "lives in", "Bonn", thread=4))
        old = await s.memories.add(
            fact("Anna", "lives in", secret, thread=5), supersedes=[older.id]
        )
        new = await s.memories.add(fact("Anna", "lives in", "Rome", thread=6), supersedes=[old.id])
        card = await s.cards.put(
            Card(
                kind="notice", agent="memory", title="Remembered: Rome", thread=6, cause=66,
                text=f"Instead of: {secret}",
            )
        )  # fmt: skip
        payload = {"card": {"id": card.id, "title": card.title, "text": card.text}}
        await s.journal.append(Event(topic="card.offered", thread=6, cause=66, payload=payload))
        await s.memories.told(new.id, card.id)
        assert await s.snapshot()
        assert secret.encode() in contents(path.parent)
        if how == "changed":
            await s.memories.change(replace(await s.memories.get(old.id), text="Nothing"))
        elif how == "undone":
            await s.memories.revert(old.id)
        elif how == "forgotten":
            await s.memories.forget([old.id])
        await s.conversations.forget(5)
        (there,) = await s.cards.open()
        assert (there.id, there.title, there.text) == (card.id, "Remembered: Rome", "")
        assert [one.object for one in await s.memories.facts("Anna", "lives in")] == ["Rome"]
        assert await s.check(thorough=True)
        after = contents(path.parent)
        left = [one for one in (secret.encode(), b"xylophonquarz", b"xyl", b"arz") if one in after]
        assert left == []


@pytest.mark.parametrize("how", ["forgotten", "undone", "changed"])
async def test_no_byte_of_it_stays_in_any_file(
    path: Path, clock: HandClock, ballast: Ballast, how: str
) -> None:
    """Not encrypted, so that every byte can be looked at: rows, both indexes, vectors, the event
    that brought it, the card that told of it, and the copies."""
    secret = "Xylophonquarz"
    vector, bits = b"VECTORVECTOR" * 8, b"SIGNSIGN"
    async with Store(
        path, None, clock=clock, upkeep=False, use_keyring=False, ballast=ballast
    ) as s:
        for number in range(200):
            await s.memories.add(Memory(text=f"Something else, number {number}"))
        event = Event(topic="memory.update", payload={"text": secret}, thread=8)
        await s.journal.append(event)
        card = await s.cards.put(
            Card(kind="notice", agent="memory", title=f"Remembered: {secret}", cause=event.id)
        )
        payload = {"card": {"id": card.id, "title": f"Remembered: {secret}"}}
        await s.journal.append(Event(topic="card.offered", cause=event.id, payload=payload))
        other = {"card": {"id": card.id + 1, "title": "Another one"}}
        await s.journal.append(Event(topic="card.offered", cause=event.id, payload=other))
        made = await s.memories.add(
            Memory(text=f"The word is {secret}", event=event.id), vectors={"m": (vector, bits)}
        )
        await s.memories.told(made.id, card.id)
        await s.memories.add(Memory(text=f"A summary of {secret}"), sources=[made.id])
        assert await s.snapshot()
        pieces = (secret.encode(), b"xylophonquarz", b"VECTORVECTOR", b"SIGNSIGN")
        before = contents(path.parent)
        assert [piece for piece in pieces if piece not in before] == []
        if how == "forgotten":
            await s.memories.forget([made.id])
        elif how == "undone":
            await s.memories.revert(made.id)
        else:
            now = await s.memories.get(made.id)
            await s.memories.change(replace(now, text="Nothing"), vectors={})
        left = [one.topic for one in await s.journal.events(since=0.0, until=9e9, limit=99)]
        assert left == ["card.offered"], "the other card is not about it"
        assert await s.check(thorough=True)
        after = contents(path.parent)
        assert [piece for piece in (*pieces, b"xyl", b"arz") if piece in after] == []


def contents(folder: Path) -> bytes:
    return b"".join(one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file())
