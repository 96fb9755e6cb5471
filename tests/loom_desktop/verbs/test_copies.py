import asyncio
from pathlib import Path

import pytest

from loom_desktop import Agent, Context, Event
from loom_desktop.errors import NotFound, UsageError
from loom_desktop.testing import loom_for_tests


async def test_everything_comes_back_and_what_there_was_is_kept(tmp_path: Path) -> None:
    to = tmp_path / "copy.db"
    async with loom_for_tests(tmp_path) as loom:
        await loom.call("remind", text="call Anna tomorrow at 9")
        done = await loom.call("backup", to=str(to))
        assert done == {"path": str(to), "size_bytes": to.stat().st_size}
        assert await loom.call("copies") == []
        await loom.call("remind", text="call Bert tomorrow at 9")
        kept = (await loom.call("restore", path=str(to)))["kept"]
        assert [one["text"] for one in await loom.call("reminders")] == ["call Anna"]
        assert {one["kind"] for one in await loom.call("copies")} == {"snapshot", "before-restore"}
        await loom.call("restore", path=kept)
        assert len(await loom.call("reminders")) == 2
        (told,) = (await loom.call("replay", topic="application.restored"))["events"]
        assert told["payload"]["path"] == kept


async def test_what_belongs_to_this_run_stays_as_it_is(tmp_path: Path) -> None:
    to = str(tmp_path / "copy.db")
    async with loom_for_tests(tmp_path) as loom:
        await loom.call("backup", to=to)
        await loom.call("pause_capture", seconds=-1)
        await loom.call("restore", path=to)
        assert (await loom.call("status"))["state"] == "paused"
        assert await loom.store.state.fact("paused_until") == -1.0
    async with loom_for_tests(tmp_path) as loom:
        assert loom.status.paused, "and after a start"
        assert not loom.supervisor.durable.crashed, "it ended well"


async def test_a_durable_agent_goes_on_from_where_the_copy_says_it_is(tmp_path: Path) -> None:
    had: list[str] = []
    counts = Agent("counts", durable=True)

    @counts.on("sheep.seen")
    async def count(ctx: Context, event: Event) -> None:
        had.append(event.payload["name"])
        await ctx.remember("last", event.payload["name"])

    def seen(name: str) -> Event:
        return Event(topic="sheep.seen", payload={"name": name})

    to = str(tmp_path / "copy.db")
    async with loom_for_tests(tmp_path, counts) as loom:
        loom.bus.publish(seen("a"))
        assert await loom.supervisor.settled(5)
        await loom.call("stop_agent", name="counts")
        loom.bus.publish(seen("b"))
        await loom.call("backup", to=to)
        await loom.call("start_agent", name="counts")
        loom.bus.publish(seen("c"))
        assert await loom.supervisor.settled(5)
        assert had == ["a", "b", "c"]
        await loom.call("restore", path=to)
        loom.bus.publish(seen("d"))
        assert await loom.supervisor.settled(5)
        assert had == ["a", "b", "c", "b", "d"], "b was not had yet, and c never happened"
        found = await loom.store.state.get("counts", "last")
        assert found is not None
        assert found.value[0] == "d"


async def test_a_durable_agent_that_the_copy_does_not_know_gets_nothing_of_its_past(
    tmp_path: Path,
) -> None:
    had: list[str] = []
    late = Agent("late", durable=True)

    @late.on("sheep.seen")
    async def count(ctx: Context, event: Event) -> None:
        had.append(event.payload["name"])

    to = str(tmp_path / "copy.db")
    async with loom_for_tests(tmp_path) as loom:
        loom.bus.publish(Event(topic="sheep.seen", payload={"name": "before"}))
        await loom.call("backup", to=to)
        loom.supervisor.start(late)
        assert await loom.supervisor.settled(5)
        await loom.call("restore", path=to)
        assert await loom.supervisor.settled(5)
        loom.bus.publish(Event(topic="sheep.seen", payload={"name": "after"}))
        assert await loom.supervisor.settled(5)
        assert had == ["after"]


async def test_what_was_in_hand_marks_nothing_in_the_copy(tmp_path: Path) -> None:
    begun, may = asyncio.Event(), asyncio.Event()
    had: list[str] = []
    slow = Agent("slow", durable=True)

    @slow.on("sheep.seen")
    async def count(ctx: Context, event: Event) -> None:
        had.append(event.payload["name"])
        if event.payload["name"] == "last":
            begun.set()
            await may.wait()
        await ctx.remember("last", event.payload["name"])

    to = str(tmp_path / "copy.db")
    async with loom_for_tests(tmp_path, slow) as loom:
        assert await loom.supervisor.settled(5), "it has begun"
        await loom.call("stop_agent", name="slow")
        loom.bus.publish(Event(topic="sheep.seen", payload={"name": "first"}))
        await loom.call("backup", to=to)
        await loom.call("start_agent", name="slow")
        loom.bus.publish(Event(topic="sheep.seen", payload={"name": "last"}))
        async with asyncio.timeout(5):
            await begun.wait()
        await loom.call("restore", path=to)
        may.set()
        assert await loom.supervisor.settled(5)
        assert had == ["first", "last", "first"]
        found = await loom.store.state.get("slow", "last")
        assert found is not None
        assert found.value[0] == "first", "what was in hand is of the data before"


@pytest.mark.parametrize("path", ["copy.db", "", "/no/such/folder/copy.db\0", "~/copy.db"])
async def test_a_path_is_one_in_full(path: str, tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        for verb, name in (("backup", "to"), ("restore", "path")):
            with pytest.raises(UsageError, match="no path in full"):
                await loom.call(verb, **{name: path})


async def test_what_cannot_be_written_or_is_no_copy_changes_nothing(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        await loom.call("remind", text="call Anna tomorrow at 9")
        with pytest.raises(NotFound, match="There is no folder /no/such/folder"):
            await loom.call("backup", to="/no/such/folder/copy.db")
        for verb in ("look_at_copy", "restore"):
            with pytest.raises(NotFound):
                await loom.call(verb, path="/no/such/file.db")
        other = tmp_path / "other.db"
        other.write_text("nothing of ours")
        with pytest.raises(UsageError):
            await loom.call("restore", path=str(other))
        with pytest.raises(UsageError, match="already something"):
            await loom.call("backup", to=str(other))
        assert len(await loom.call("reminders")) == 1
