"""What was asked and answered."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from loom_desktop.event import Event, Privacy, count_ids_from
from loom_desktop.store import Store
from loom_desktop.store.ballast import Ballast
from loom_desktop.store.cards import Card
from loom_desktop.store.conversations import Conversation, Hit, Imported, Message
from loom_desktop.store.provenance import Provenance
from loom_desktop.text import transcripts
from loom_desktop.text.transcripts import Transcript, from_json, to_json


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


async def held(store: Store) -> list[Message]:
    """A conversation of three turns, the second of them stopped; ids go on behind them."""
    count_ids_from(10)
    turns = [
        said("Which tea?", turn=1),
        said("Green.", turn=1, role="assistant"),
        said("Why?", turn=5),
        said("Beca", turn=5, role="assistant", state="cancelled"),
        said("And cake?", turn=9),
        said("Yes", turn=9, role="assistant", state="streaming"),
    ]
    return [await store.conversations.put(one) for one in turns]


async def test_a_branch_has_what_was_said_up_to_a_turn_and_is_a_conversation_of_its_own(
    store: Store,
) -> None:
    said_before = await held(store)
    branch = await store.conversations.branch(1, 5)
    copied = await store.conversations.messages(branch)
    assert branch == copied[0].turn > 9, "its id is that of its first turn"
    assert len({one.turn for one in copied}) == 2
    same = [replace(one, id=0, conversation=0, turn=0) for one in copied]
    assert same == [replace(one, id=0, conversation=0, turn=0) for one in said_before[:4]]
    about = await store.conversations.provenance(branch)
    assert (about.parent, about.turn) == (1, 5)
    assert about.copies == {copied[0].turn: 1, copied[2].turn: 5}
    assert await store.conversations.branches(1) == [branch]
    line = next(one for one in await store.conversations.recent() if one.conversation == branch)
    assert (line.title, line.parent, line.turns) == ("Which tea?", 1, 2)
    await store.conversations.forget(1)
    assert await store.conversations.messages(branch) == copied


async def test_a_branch_of_a_branch_knows_the_turns_that_were_asked(store: Store) -> None:
    await held(store)
    first = await store.conversations.branch(1, 9)
    turns = sorted((await store.conversations.provenance(first)).copies)
    second = await store.conversations.branch(first, turns[1])
    assert [*(await store.conversations.provenance(second)).copies.values()] == [1, 5]
    assert (await store.conversations.provenance(second)).parent == first


async def test_what_still_streams_is_interrupted_in_its_branch(store: Store) -> None:
    await held(store)
    branch = await store.conversations.branch(1, 9)
    last = (await store.conversations.messages(branch))[-1]
    assert (last.text, last.state) == ("Yes", "interrupted")


async def test_a_branch_before_the_first_turn_has_no_messages(store: Store) -> None:
    await held(store)
    branch = await store.conversations.branch(1, 0)
    assert await store.conversations.messages(branch) == []
    assert (await store.conversations.provenance(branch)).parent == 1


async def test_forgetting_a_branch_forgets_where_it_came_from(store: Store) -> None:
    await held(store)
    branch = await store.conversations.branch(1, 9)
    await store.conversations.forget(branch)
    assert await store.conversations.provenance(branch) == Provenance()
    assert await store.conversations.branches(1) == []
    old = await store.conversations.branch(1, 9)
    await store.conversations.forget_before(100.0)
    assert await store.conversations.provenance(old) == Provenance()


TALK = Transcript(
    title="Of tea",
    service="chatgpt",
    id="aaaa",
    messages=tuple(
        transcripts.Message(role=role, text=text, time=time, origin=origin, privacy=privacy)  # type: ignore[arg-type]
        for role, text, time, origin, privacy in [
            ("user", "Which?", 1.0, (), "public"),
            ("assistant", "Green.", 2.0, ("user-typed",), "private"),
            ("assistant", "Or black.", 3.0, ("web",), "local-only"),
            ("user", "Why?", 4.0, ("file",), "sensitive"),
            ("user", "Well?", 5.0, ("file",), "private"),
        ]
    ),
)


async def test_an_import_is_tainted_whatever_it_says_of_itself(store: Store) -> None:
    (added,), known = await store.conversations.take_in([TALK])
    messages = await store.conversations.messages(added)
    assert known == 0
    assert [(one.role, one.text, one.time) for one in messages] == [
        (one.role, one.text, one.time) for one in TALK.messages
    ]
    assert all("file" in one.origin for one in messages)
    assert [one.privacy for one in messages] == [
        Privacy.PRIVATE, Privacy.PRIVATE, Privacy.LOCAL_ONLY, Privacy.PRIVATE, Privacy.PRIVATE,
    ]  # fmt: skip
    first, *more = dict.fromkeys(one.turn for one in messages)
    assert first == added
    assert len(more) == 3, "a second answer and a question without one are turns of their own"
    assert (await store.conversations.recent("black"))[0] == Conversation(
        conversation=added, title="Of tea", time=5.0, turns=4, service="chatgpt"
    )


async def test_what_was_imported_before_is_known_until_it_is_forgotten(store: Store) -> None:
    nameless, other = replace(TALK, id=""), replace(TALK, id="bbbb")
    (first, second), _ = await store.conversations.take_in([TALK, nameless])
    again = await store.conversations.take_in([TALK, nameless, other, other])
    assert (len(again.added), again.known) == (2, 2)
    await store.conversations.forget(first)
    assert len((await store.conversations.take_in([TALK])).added) == 1
    assert second not in again.added


async def test_what_is_of_here_is_known_and_what_goes_out_comes_in_elsewhere_the_same(
    store: Store, tmp_path: Path
) -> None:
    await held(store)
    await store.conversations.take_in([TALK])
    numbers = [one.conversation for one in await store.conversations.recent()]
    gone_out = [await store.conversations.transcript(one) for one in numbers]
    read = from_json(to_json([one for one in gone_out if one]))
    assert read == gone_out
    assert await store.conversations.take_in(read) == Imported([], 2)
    ballast = Ballast(tmp_path / "b", size_bytes=1 << 16, ample_bytes=0)
    async with Store(tmp_path / "x" / "loom.db", None, upkeep=False, ballast=ballast) as elsewhere:
        added, _ = await elsewhere.conversations.take_in(read)
        back = [await elsewhere.conversations.transcript(one) for one in added]
        assert [one and (one.service, one.id, one.title) for one in back] == [
            (one.service, one.id, one.title) for one in read
        ]
        assert await elsewhere.conversations.take_in(read) == Imported([], 2)


async def test_an_import_is_whole_or_not_at_all(store: Store) -> None:
    hollow = replace(TALK, id="c", messages=(*TALK.messages, None))
    with pytest.raises(AttributeError):
        await store.conversations.take_in([TALK, hollow])
    assert await store.conversations.recent() == []
    assert (await store.conversations.take_in([TALK])).known == 0


async def test_there_is_no_transcript_of_what_is_not_there(store: Store) -> None:
    assert await store.conversations.transcript(7) is None


async def test_a_find_says_where_and_shows_what_stands_around_it(store: Store) -> None:
    await store.conversations.put(said("word " * 60 + "the\nrunning shoes " + "more " * 60))
    (hit,) = await store.conversations.find("shoe run")
    assert (hit.conversation, hit.turn, hit.role) == (1, 1, "user")
    assert "the running shoes more" in hit.text
    assert len(hit.text) < 200
    assert await store.conversations.find(" \n") == []
    assert isinstance(hit, Hit)


async def test_the_title_of_an_import_is_searched_too(store: Store) -> None:
    await store.conversations.take_in([TALK, replace(TALK, id="b", title="Of cake")])
    assert [one.title for one in await store.conversations.recent("of CAKE")] == ["Of cake"]
    assert await store.conversations.recent("of pie") == []


async def test_the_ids_of_copies_are_never_given_again(store: Store) -> None:
    await store.conversations.take_in([TALK])
    (line,) = await store.conversations.recent()
    turns = [one.turn for one in await store.conversations.messages(line.conversation)]
    assert await store.journal.last_id() == max(turns)
