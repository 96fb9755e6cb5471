"""``ctx.memory``, the topics of the memory, what is told of it, and what ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from loom_desktop import Context, Event, Loom
from loom_desktop.errors import Denied, NotFound, UsageError
from loom_desktop.event import Privacy, privacy_at_birth
from loom_desktop.memory.recall import Query, Recalled
from loom_desktop.runtime.memory import labels
from loom_desktop.settings import Attention, Settings
from loom_desktop.settings import Memory as MemorySettings
from loom_desktop.store import Memory
from loom_desktop.testing import FakeClock, loom_for_tests, next_event

QUIET = Settings(attention=Attention(quiet_hours=""))
ANNA: dict[str, Any] = {"subject": "Anna", "relation": "lives in"}


def context(loom: Loom, *origin: str, agent: str = "a", thread: int = 0) -> Context:
    origins = frozenset(origin or ("user-typed",))
    event = Event(
        topic="thing.happened", origin=origins, privacy=privacy_at_birth(origins), thread=thread
    )
    return Context(agent, event, loom.supervisor.parts, loom.tasks, {})


async def cards(loom: Loom) -> list[str]:
    return [one.title for one in await loom.store.cards.open()]


async def until(look: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not await look():
            await asyncio.sleep(0.01)


# -------------------------------------------------------------------- ctx.memory
async def test_what_was_kept_is_found_with_its_labels(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        number = await context(loom, "web").memory.add("The harvest was poor", kind="episodic")
        ctx = context(loom)
        (found,) = await ctx.memory.query("harvests")
        assert (found.id, found.text, found.agent) == (number, "The harvest was poor", "a")
        assert (found.origin, found.privacy, found.tainted) == (("web",), "public", True)
        assert ctx.event.origin == {"web", "memory", "user-typed"}
        assert ctx.event.tainted, "what is made from it is no more trusted than that"
        before = context(loom)
        assert await before.memory.query("harvest", trusted=True) == []
        assert before.event.origin == {"user-typed"}, "nothing was found, nothing comes in"


async def test_what_is_private_makes_what_follows_private(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        await context(loom, "mcp:mail").memory.add("harvest")
        ctx = context(loom)
        assert await ctx.memory.query("harvest", privacy=Privacy.PRIVATE) == []
        assert ctx.event.privacy == privacy_at_birth(frozenset({"user-typed"}))
        await ctx.memory.query("harvest")
        assert ctx.event.privacy.word == "local-only"


async def test_an_agent_forgets_what_it_kept_and_nothing_else(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        mine = await context(loom).memory.add("mine")
        told = await context(loom, "web").memory.add("told")
        others = await context(loom, agent="b").memory.add("of another")
        with pytest.raises(Denied):
            await context(loom).memory.forget(others)
        with pytest.raises(Denied, match="stranger"):
            await context(loom, "web").memory.forget(mine)
        with pytest.raises(NotFound):
            await context(loom).memory.forget(99)
        assert await context(loom, "web").memory.forget(told) == [told]
        made = await context(loom).memory.add("summary", made_from=[mine])
        forgotten, gone = await asyncio.gather(
            next_event(loom, "memory.forgotten"), context(loom).memory.forget(mine)
        )
        assert gone == forgotten.payload["memories"] == [mine, made]
        own = await context(loom, agent="b").memory.query("", own=True)
        assert [one.id for one in own] == [others]


async def test_working_memory_stays_in_its_thread(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        await context(loom, thread=7).memory.add("step one", tier="working")
        assert await context(loom, thread=8).memory.query("step") == []
        assert len(await context(loom, thread=7).memory.query("step")) == 1


async def test_what_is_known_is_looked_up_before_the_next_is_kept(tmp_path: Path) -> None:
    """At once, from several handlers: of one thing there is one fact."""
    async with loom_for_tests(tmp_path) as loom:
        towns = ("Bonn", "Kiel", "Rome", "Oslo")
        await asyncio.gather(*(context(loom).memory.add(**ANNA, object=town) for town in towns))
        (fact,) = await loom.store.memories.facts("Anna", "lives in")
        assert len(await loom.store.memories.history(fact.id)) == 3


# -------------------------------------------------------------------- what is told
async def test_a_fact_that_was_learned_is_told_and_can_be_undone(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, settings=QUIET) as loom:
        first = await context(loom).memory.add(**ANNA, object="Cologne")
        second = await context(loom).memory.add(**ANNA, object="Bonn")
        one, two = await loom.store.cards.open()
        assert {one.title, two.title} == {
            "Remembered: Anna lives in Cologne", "Remembered: Anna lives in Bonn",
        }  # fmt: skip
        card = one if one.title.endswith("Bonn") else two
        assert card.text == "Instead of: Anna lives in Cologne"
        told, _ = await asyncio.gather(
            next_event(loom, "memory.forgotten"), loom.desk.answer(card.id, "undo")
        )
        assert told.payload["memories"] == [second]
        (fact,) = await loom.store.memories.facts("Anna", "lives in")
        assert (fact.id, fact.object) == (first, "Cologne")
        assert await cards(loom) == ["Remembered: Anna lives in Cologne"]


async def test_notes_and_what_is_said_again_are_not_told(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, settings=QUIET) as loom:
        await context(loom).memory.add("a note")
        await context(loom).memory.add(**ANNA, object="Bonn", tier="session")
        assert await cards(loom) == []
        await context(loom).memory.add(**ANNA, object="Bonn")
        assert await cards(loom) == [], "it was known already"
        await context(loom).memory.add(subject="Tom", relation="lives in", object="Bonn")
        assert await cards(loom) == ["Remembered: Tom lives in Bonn"]


async def test_a_card_is_as_private_as_what_it_tells(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, settings=QUIET) as loom:
        hidden = await context(loom, "mcp:mail").memory.add("hidden")
        offered, _ = await asyncio.gather(
            next_event(loom, "card.offered"),
            context(loom).memory.add(**ANNA, object="Bonn", made_from=[hidden]),
        )
        assert offered.privacy is Privacy.LOCAL_ONLY
        assert "mcp:mail" in offered.origin


async def test_no_word_of_what_is_forgotten_stays_in_the_store(tmp_path: Path) -> None:
    """Also of what is still on its way to the disk: the topics, the card and its event."""
    secret = "Xylophonquarz"
    async with loom_for_tests(tmp_path, settings=QUIET) as loom:
        ctx = context(loom)
        asked = await ctx.request("memory.update", **ANNA, object=secret)
        found = await context(loom).request("memory.retrieve", query="Anna")
        assert found.payload["memories"][0]["object"] == secret
        number = asked.payload["memory"]
        await loom.store.journal.flush()
        dump = await everything(loom)
        assert dump.count(secret) >= 4, "the row, its event, its card and the event of that"
        await loom.memory.forget([number])
        assert secret not in await everything(loom)


async def everything(loom: Loom) -> str:
    """Every cell of every table, events opened."""
    from loom_desktop.store import schema

    def look(connection: Any) -> str:
        told = []
        for table in schema.TABLES:
            for row in connection.execute(f"select * from {table}").fetchall():
                told += [
                    repr(msgspec.msgpack.decode(one)) if table == "event" and type(one) is bytes
                    else repr(one) for one in row
                ]  # fmt: skip
        return "\n".join(told)

    text: str = await loom.store.memories._db.read(look)
    return text


# -------------------------------------------------------------------- topics
async def test_topics_do_what_the_context_does(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, settings=QUIET) as loom:
        asker = context(loom, "web", agent="b")
        answer = await asker.request("memory.update", **ANNA, object="Bonn")
        kept = await loom.store.memories.get(answer.payload["memory"])
        assert (kept.agent, kept.origin, kept.kind) == ("b", frozenset({"web"}), "semantic")
        ctx = context(loom)
        found = await ctx.request("memory.retrieve", query="where lives Anna", limit=1)
        (one,) = found.payload["memories"]
        assert (one["text"], one["tainted"]) == ("Anna lives in Bonn", True)
        assert ctx.event.origin >= {"web", "memory"}
        assert await loom.store.journal.event(found.id) is None, "it would hold the words"


@pytest.mark.parametrize(
    ("topic", "payload", "words"),
    [
        ("memory.update", {"text": ""}, "nothing to remember"),
        ("memory.update", {"text": 5}, "Expected `str`"),
        ("memory.update", {"text": "x", "made_from": [99]}, "no memory 99"),
        ("memory.retrieve", {"query": "x", "limit": 0}, "limit"),
        ("memory.retrieve", {"query": "x", "privacy": "secret"}, "level of privacy"),
    ],
)
async def test_what_cannot_be_done_is_answered(
    tmp_path: Path, topic: str, payload: dict[str, Any], words: str
) -> None:
    async with loom_for_tests(tmp_path) as loom:
        answer = await context(loom).request(topic, **payload)
        assert words in answer.payload["error"]


@pytest.mark.parametrize("topic", ["memory.updated", "memory.forgotten"])
async def test_what_happened_to_the_memory_is_told_by_the_runtime_alone(
    tmp_path: Path, topic: str
) -> None:
    async with loom_for_tests(tmp_path) as loom:
        with pytest.raises(Denied):
            await context(loom).emit(topic)
        said, number = await asyncio.gather(
            next_event(loom, "memory.updated"), context(loom).memory.add("a secret")
        )
        assert said.payload == {"memory": number, "kind": "note", "tier": "long-term"}


# -------------------------------------------------------------------- what ends, and models
async def test_what_is_over_is_removed_by_itself(tmp_path: Path) -> None:
    clock = FakeClock()
    async with loom_for_tests(tmp_path, clock=clock, listening=True) as loom:
        short = await context(loom).memory.add("of this hour", tier="session")
        kept = await context(loom).memory.add("for ever")
        clock.forward(3_600)
        assert [one.id for one in await context(loom).memory.query("")] == [kept]
        await context(loom).memory.add("so that it looks again")

        async def gone() -> bool:
            try:
                await loom.store.memories.get(short)
            except NotFound:
                return True
            return False

        await until(gone)


async def test_a_model_that_is_not_there_is_told_and_letters_find(tmp_path: Path) -> None:
    settings = Settings(memory=MemorySettings(embed_model=str(tmp_path / "none")))
    async with loom_for_tests(tmp_path, settings=settings) as loom:
        await context(loom).memory.add("Zahnarzt")
        assert loom.memory.problem is not None
        assert [one.text for one in await context(loom).memory.query("Zahnartz")] == ["Zahnarzt"]


async def test_memory_is_not_loaded_until_it_is_used(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys, loom_desktop.loom\n"
        "assert not [one for one in sys.modules if one.startswith('loom_desktop.memory')]\n"
        "assert 'numpy' not in sys.modules and 'tokenizers' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


class Elsewhere:
    """A backend of somebody's own."""

    def __init__(self) -> None:
        self.kept: list[Memory] = []

    async def add(self, memory: Memory, *, sources: Iterable[int] = ()) -> Memory:
        self.kept.append(msgspec.structs.replace(memory, id=len(self.kept) + 1))
        return self.kept[-1]

    async def query(self, query: Query) -> list[Recalled]:
        return [Recalled(memory=one, score=1.0, confidence=1.0, tainted=False) for one in self.kept]

    async def forget(self, ids: Iterable[int]) -> list[int]:
        gone = set(ids)
        self.kept = [one for one in self.kept if one.id not in gone]
        return sorted(gone)


async def test_another_backend_may_keep_the_memories(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        there = loom.memory.backend = Elsewhere()
        assert await context(loom).memory.add("elsewhere") == 1
        assert there.kept[0].origin == {"user-typed"}
        assert await loom.store.memories.count() == 0
        assert [one.text for one in await context(loom).memory.query("x")] == ["elsewhere"]
        assert await loom.memory.forget([1]) == [1]


async def test_a_number_of_a_backend_is_none_of_the_store(tmp_path: Path) -> None:
    """Both begin at 1: what is done to the one must not be done to the other."""
    async with loom_for_tests(tmp_path, settings=QUIET) as loom:
        inside = await loom.store.memories.add(Memory(text="in the store", agent="a"))
        there = loom.memory.backend = Elsewhere()
        number = await context(loom).memory.add(**ANNA, object="Bonn", kind="semantic")
        assert number == inside.id == there.kept[0].id
        assert await cards(loom) == [], "its undo would remove another one"
        assert (await loom.store.memories.get(inside.id)).card == 0
        with pytest.raises(Denied):
            await context(loom, agent="a").memory.forget(number)
        broker = loom.memory.bound(context(loom, "web"), anyones=True)
        with pytest.raises(Denied, match="stranger"):
            await broker.forget(number)
        assert len(there.kept) == 1
        assert await loom.memory.bound(context(loom), anyones=True).forget(number) == [number]
        assert there.kept == []
        assert await loom.store.memories.listed() == [inside]


def test_what_was_made_from_nothing_is_from_the_memory_alone() -> None:
    assert labels([]) == (frozenset({"memory"}), Privacy.PUBLIC)


async def test_changed_words_are_a_note(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, settings=QUIET) as loom:
        number = await context(loom).memory.add(**ANNA, object="Bonn")
        changed = await loom.memory.change(number, "Anna has moved")
        assert (changed.kind, changed.subject, changed.text) == ("note", "", "Anna has moved")
        with pytest.raises(UsageError):
            await loom.memory.change(number, " ")


@pytest.mark.parametrize("how", ["forget", "undo", "change"])
async def test_what_is_on_its_way_to_the_journal_is_there_before_it_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Else it would come after it, and stay."""
    async with loom_for_tests(tmp_path) as loom:
        number = await context(loom).memory.add("a secret")
        order: list[str] = []

        def noted(part: Any, name: str) -> None:
            before = getattr(part, name)

            async def call(*args: Any, **more: Any) -> Any:
                order.append(name)
                return await before(*args, **more)

            monkeypatch.setattr(part, name, call)

        noted(loom.store.journal, "flush")
        for name in ("forget", "revert", "change"):
            noted(loom.store.memories, name)
        if how == "forget":
            await loom.memory.forget([number])
        elif how == "undo":
            await loom.memory.undo(number, context(loom).event)
        else:
            await loom.memory.change(number, "other words")
        assert order == ["flush", {"undo": "revert"}.get(how, how)]
