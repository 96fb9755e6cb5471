import asyncio
from pathlib import Path

import pytest

from loom_desktop import Agent, Context, Event, Loom
from loom_desktop.errors import NotFound, UsageError
from loom_desktop.runtime.supervisor import buried_words
from loom_desktop.testing import FakeClock, loom_for_tests

FAILING = "loom_desktop.runtime.durable.AGAIN_S"


async def kept(loom: Loom, *topics: str, thread: int = 0) -> None:
    for topic in topics:
        loom.bus.publish(
            Event(topic=topic, time=loom.clock(), thread=thread, payload={"text": topic})
        )
    await loom.store.journal.flush()


async def test_what_happened_is_shown_in_its_order_by_topic_thread_and_time(tmp_path: Path) -> None:
    clock = FakeClock()
    async with loom_for_tests(tmp_path, clock=clock) as loom:
        await kept(loom, "door.opened", "door.closed")
        clock.forward(7_200)
        await kept(loom, "light.on", "door.opened", thread=7)

        async def topics(**asked: object) -> list[str]:
            found = await loom.call("replay", **asked)
            return [one["topic"] for one in found["events"]]

        assert await topics() == ["light.on", "door.opened"], "the last hour"
        assert await topics(since="yesterday") == [
            "door.opened", "door.closed", "light.on", "door.opened"
        ]  # fmt: skip
        assert await topics(topic="door.*", since="3h") == [
            "door.opened",
            "door.closed",
            "door.opened",
        ]
        assert await topics(until="1 hour ago") == ["door.opened", "door.closed"]
        assert await topics(topic="door.opened", since="3h") == ["door.opened"] * 2
        assert await topics(since="3 hours ago", until="1 hour ago") == [
            "door.opened", "door.closed"
        ]  # fmt: skip
        assert await topics(thread=7) == ["light.on", "door.opened"]
        first = await loom.call("replay", since="3h", limit=3)
        assert (len(first["events"]), first["more"]) == (3, True)
        rest = await loom.call("replay", after=first["next"], limit=3)
        assert ([one["topic"] for one in rest["events"]], rest["more"]) == (["door.opened"], False)
        row = rest["events"][0]
        assert (row["text"], row["thread"], row["lane"]) == ("door.opened", 7, "batched")


async def test_the_newest_are_those_recorded_last_in_their_order(tmp_path: Path) -> None:
    clock = FakeClock()
    async with loom_for_tests(tmp_path, clock=clock) as loom:
        await kept(loom, "book.bought", "door.opened")
        clock.forward(7_200)
        await kept(loom, *(f"light.n{n}" for n in range(50)))

        async def topics(**asked: object) -> list[str]:
            found = await loom.call("replay", **asked)
            assert not found["more"]
            return [one["topic"] for one in found["events"]]

        assert await topics(last=3) == ["light.n47", "light.n48", "light.n49"]
        assert await topics(last=2, topic="door.>") == ["door.opened"], "of any time"
        assert await topics(last=1, until="1 hour ago") == ["door.opened"]
        assert await topics(last=9, topic="door.>", since="1h") == []
        assert len(await topics(last=1_000)) >= 52
        newest = await loom.call("replay", last=1)
        await kept(loom, "light.off")
        assert await topics(after=newest["next"]) == ["light.off"]


async def test_an_answer_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loom_desktop.verbs.journal._MOST_BYTES", 1_000)
    async with loom_for_tests(tmp_path) as loom:
        await kept(loom, *["door.opened"] * 30)
        found = await loom.call("replay")
        assert found["more"]
        assert 1 <= len(found["events"]) < 10
        last = await loom.call("replay", last=30)
        newest = last["events"]
        assert 1 <= len(newest) < 10
        assert last["left_out"] == 30 - len(newest), "and that is told"
        assert (await loom.call("replay", last=1))["left_out"] == 0
        assert newest[-1]["seq"] > found["events"][-1]["seq"]


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": 0}, {"limit": 10_001}, {"last": -1}, {"last": 10_001}, {"last": 1, "after": 1},
        {"topic": "a..b"}, {"topic": "door.o*"}, {"topic": " "}, {"since": "soon"},
        {"since": "10m", "until": "1h"},
    ],
)  # fmt: skip
async def test_what_cannot_be_looked_for_is_told(asked: dict[str, object], tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        with pytest.raises(UsageError):
            await loom.call("replay", **asked)


class Shelf:
    """A durable agent that fails until it is mended."""

    def __init__(self) -> None:
        self.mended = False
        self.agent = Agent("shelf", durable=True)
        self.agent.on("book.bought")(self.put)

    async def put(self, ctx: Context, event: Event) -> None:
        if not self.mended:
            raise RuntimeError("the shelf is not there")
        await ctx.remember("book", event.payload["text"])


async def buried(loom: Loom) -> int:
    """A dead letter of the shelf; its number."""
    died: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    told = loom.supervisor.durable.buried

    def note(name: str, event: Event, letter: int) -> None:
        told(name, event, letter)
        died.set_result(letter)

    loom.supervisor.durable.buried = note
    await kept(loom, "book.bought")
    async with asyncio.timeout(10):
        letter = await died
    loom.supervisor.durable.buried = told
    return letter


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FAILING, (0.0, 0.0, 0.0))


async def test_a_dead_letter_is_shown_tried_again_and_is_over_when_it_went_well(
    tmp_path: Path,
) -> None:
    shelf, clock = Shelf(), FakeClock()
    async with loom_for_tests(tmp_path, shelf.agent, clock=clock) as loom:
        letter = await buried(loom)
        clock.forward(1)
        words = buried_words("shelf", "book.bought")
        assert words in [message for message, _ in loom.status.problems]
        (one,) = await loom.call("dead")
        assert (one["id"], one["agent"], one["tries"]) == (letter, "shelf", 3)
        assert one["error"] == "RuntimeError: the shelf is not there"
        assert await loom.call("dead", agent="chat") == []
        shown = await loom.call("dead_letter", letter=letter)
        assert shown["event"]["payload"] == {"text": "book.bought"}
        assert "in put" in shown["traceback"]
        parts = {one["name"]: one for one in (await loom.call("health"))["parts"]}
        assert parts["durable"]["facts"]["dead_letters"] == 1

        assert await loom.call("replay_dead", letter=letter) == {
            "state": "failed", "error": "RuntimeError: the shelf is not there"
        }  # fmt: skip
        (again,) = await loom.call("dead")
        assert again["time"] > one["time"]
        assert again["event_time"] == one["event_time"] == shown["event"]["time"]
        shelf.mended = True
        assert (await loom.call("replay_dead", letter=letter))["state"] == "done"
        found = await loom.store.state.get("shelf", "book")
        assert found is not None
        assert found.value[0] == "book.bought"
        assert await loom.call("dead") == []
        assert words not in [message for message, _ in loom.status.problems]
        with pytest.raises(NotFound):
            await loom.call("replay_dead", letter=letter)


async def test_dead_letters_that_are_alike_have_one_card_until_the_last_is_over(
    tmp_path: Path,
) -> None:
    async with loom_for_tests(tmp_path, Shelf().agent) as loom:
        offered = asyncio.Queue[Event]()
        loom.bus.subscribe("card.offered", offered.put_nowait)
        first = await buried(loom)
        async with asyncio.timeout(10):
            card = (await offered.get()).payload["card"]
        assert (card["kind"], card["agent"]) == ("notice", "shelf")
        assert card["title"] == buried_words("shelf", "book.bought")
        assert f"loom dead show {first}" in card["text"]
        assert "three times" in card["why"]
        second = await buried(loom)

        async def open_cards() -> list[int]:
            return [one.id for one in await loom.store.cards.open()]

        await loom.call("drop_dead", letter=first)
        assert await open_cards() == [card["id"]], "another one is like it"
        await loom.call("drop_dead", letter=second)
        assert await open_cards() == []
        assert offered.empty()
        await buried(loom)
        async with asyncio.timeout(10):
            assert (await offered.get()).payload["card"]["id"] != card["id"]


async def test_a_dead_letter_is_dropped(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, Shelf().agent) as loom:
        letter = await buried(loom)
        await loom.call("drop_dead", letter=letter)
        assert await loom.call("dead") == []
        with pytest.raises(NotFound, match="no dead letter"):
            await loom.call("drop_dead", letter=letter)
        assert (await loom.call("health"))["state"] == "ok"


async def test_one_whose_agent_was_stopped_says_how_to_start_it(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, Shelf().agent) as loom:
        letter = await buried(loom)
        await loom.call("stop_agent", name="shelf")
        with pytest.raises(NotFound) as error:
            await loom.call("replay_dead", letter=letter)
        assert "loom start shelf" in error.value.hint
        await loom.call("start_agent", name="shelf")
        assert (await loom.call("replay_dead", letter=letter))["state"] == "failed"


async def test_one_that_takes_long_is_being_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loom_desktop.verbs.journal._TRY_S", 0.01)
    shelf = Shelf()
    async with loom_for_tests(tmp_path, shelf.agent) as loom:
        letter = await buried(loom)
        await loom.call("pause_agent", name="shelf")
        assert (await loom.call("replay_dead", letter=letter))["state"] == "trying"
        with pytest.raises(UsageError, match="already"):
            await loom.call("replay_dead", letter=letter)
        (one,) = await loom.call("dead")
        assert one["trying"]
