"""What was asked and answered."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from loom_desktop.event import Event, Privacy
from loom_desktop.store import Store
from loom_desktop.store.ballast import Ballast
from loom_desktop.store.cards import Card
from loom_desktop.store.conversations import Conversation, Message


def said(
    text: str, *, turn: int = 1, conversation: int = 1, role: str = "user", state: str = "done"
) -> Message:
    return Message(
        conversation=conversation,
        turn=turn,
        role=role,
        text=text,
        time=float(turn),
        state=state,
        origin=frozenset({"user-typed"}),
        privacy=Privacy.PRIVATE,
    )


async def test_a_message_comes_back_with_its_labels(store: Store) -> None:
    message = replace(said("Hello"), route="offline", model="none", seconds=0.5, cost=0.01)
    kept = await store.conversations.put(message)
    assert kept.id > 0
    assert await store.conversations.messages(1) == [kept]
    assert replace(kept, id=0) == message


async def test_a_streaming_answer_grows_and_becomes_whole(store: Store) -> None:
    await store.conversations.put(said("Where?"))
    answer = await store.conversations.put(said("In", role="assistant", state="streaming"))
    store.conversations.extend(1, " the")
    store.conversations.extend(1, " shed")
    await store.state.set_fact("x", 1)  # comes after them
    assert [one.text for one in await store.conversations.messages(1)] == ["Where?", "In the shed"]
    assert await store.conversations.search("shed") == []  # its words come in when it is whole
    whole = await store.conversations.put(said("In the shed.", role="assistant"))
    assert whole.id == answer.id
    assert [one.text for one in await store.conversations.search("shed")] == ["In the shed."]
    store.conversations.extend(1, " late")
    await store.state.set_fact("x", 2)
    assert (await store.conversations.messages(1))[1].text == "In the shed."


async def test_an_answer_that_streamed_when_we_ended_is_interrupted(
    path: Path, key: bytes, ballast: Ballast
) -> None:
    async with Store(path, key, upkeep=False, ballast=ballast) as store:
        await store.conversations.put(said("so far", role="assistant", state="streaming"))
    async with Store(path, key, upkeep=False, ballast=ballast) as store:
        (message,) = await store.conversations.messages(1)
        assert (message.text, message.state) == ("so far", "interrupted")
        assert await store.conversations.search("far") == [message]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("runs", True),
        ("CAFE", True),
        ("shoe run", True),
        ("sho", True),
        ("shoes bicycle", False),
        ('"', False),
        ("' or 1=1 --", False),
        ("text:run", False),
    ],
)
async def test_a_search_knows_forms_and_accents(store: Store, query: str, found: bool) -> None:
    await store.conversations.put(said("My running shoes are in the café"))
    assert bool(await store.conversations.search(query)) is found
    assert bool(await store.conversations.recent(query)) is found


async def test_history_has_titles_and_the_newest_first(store: Store) -> None:
    await store.conversations.put(said("First\n  question", conversation=1, turn=1))
    await store.conversations.put(said("Answer", conversation=1, turn=1, role="assistant"))
    await store.conversations.put(said("Second one", conversation=2, turn=2))
    await store.conversations.put(said("More", conversation=1, turn=3))
    assert await store.conversations.recent() == [
        Conversation(conversation=1, title="First question", time=3.0, turns=2),
        Conversation(conversation=2, title="Second one", time=2.0, turns=1),
    ]
    # a hit in the answer finds the conversation, which keeps its title
    assert [one.title for one in await store.conversations.recent("answer")] == ["First question"]


async def test_a_long_title_is_cut(store: Store) -> None:
    await store.conversations.put(said("word " * 200))
    (one,) = await store.conversations.recent()
    assert len(one.title) <= 80
    assert one.title.endswith("word…")


async def test_forgetting_takes_messages_events_and_cards_with_it(store: Store) -> None:
    for number in (1, 2):
        await store.conversations.put(said("secret plan", conversation=number, turn=number))
        await store.journal.append(Event(id=number, topic="chat.asked"))
        await store.journal.append(Event(id=number + 10, topic="chat.answered", thread=number))
        await store.cards.put(Card(kind="notice", agent="a", title="t", thread=number))
    assert await store.conversations.forget(1) == 1
    assert [one.conversation for one in await store.conversations.recent("secret")] == [2]
    assert [one.id for one in await store.journal.events()] == [2, 12]
    assert [one.thread for one in await store.cards.recent()] == [2]


async def test_old_conversations_are_forgotten_as_a_whole(store: Store) -> None:
    await store.conversations.put(said("a", conversation=1, turn=1))
    await store.conversations.put(said("b", conversation=1, turn=9))
    await store.conversations.put(said("c", conversation=2, turn=2))
    assert await store.conversations.forget_before(5.0) == 1
    assert [one.conversation for one in await store.conversations.recent()] == [1]
    assert len(await store.conversations.messages(1)) == 2
