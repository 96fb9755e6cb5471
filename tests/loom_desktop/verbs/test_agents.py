from pathlib import Path

import pytest

from loom_desktop import Agent, Context, Event
from loom_desktop.errors import NotFound, SettingsError, Unavailable, UsageError
from loom_desktop.settings import Assistant, Settings
from loom_desktop.testing import answer_of, loom_for_tests

MINE = """
from loom_desktop import Agent, Context, Event

agent = Agent("shelf")


@agent.on("book.read")
async def note(ctx: Context, event: Event) -> None: ...
"""


async def test_every_agent_is_listed_with_what_it_did(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        await answer_of(loom, "2 + 2")
        assert await loom.supervisor.settled(5)
        agents = {one["name"]: one for one in await loom.call("agents")}
        chat = agents["chat"]
        assert (chat["state"], chat["handled"], chat["topics"]) == ("running", 1, ["chat.asked"])
        assert agents["reminders"]["durable"]


async def test_one_is_stopped_started_and_restarted(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        assert (await loom.call("stop_agent", name="chat"))["state"] == "stopped"
        assert (await loom.call("stop_agent", name="chat"))["state"] == "stopped"
        with pytest.raises(SettingsError) as error:
            await answer_of(loom, "2 + 2")
        assert error.value.hint == "Start it: loom start chat"
        assert (await loom.call("start_agent", name="chat"))["state"] == "running"
        with pytest.raises(UsageError, match="runs already"):
            await loom.call("start_agent", name="chat")
        assert (await loom.call("restart_agent", name="chat"))["state"] == "running"
        assert (await answer_of(loom, "2 + 2")).payload["text"] == "2 + 2 = 4"


async def test_what_waits_for_a_paused_one_is_handled_when_it_goes_on(tmp_path: Path) -> None:
    heard: list[str] = []
    lamp = Agent("lamp")

    @lamp.on("light.wanted")
    async def take(ctx: Context, event: Event) -> None:
        heard.append(event.topic)

    async with loom_for_tests(tmp_path, lamp) as loom:
        assert (await loom.call("pause_agent", name="lamp"))["state"] == "paused"
        for _ in range(3):
            loom.bus.publish(Event(topic="light.wanted"))
        assert not await loom.supervisor.settled(0.05)
        assert heard == []
        assert (await loom.call("resume_agent", name="lamp"))["state"] == "running"
        with pytest.raises(UsageError, match="lamp runs already"):
            await loom.call("resume_agent", name="lamp")
        assert await loom.supervisor.settled(5)
        assert len(heard) == 3


async def test_a_file_that_the_settings_do_not_name_can_be_started(tmp_path: Path) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "shelf.py").write_text(MINE)
    (tmp_path / "agents" / "broken.py").write_text("agent = 7")
    async with loom_for_tests(tmp_path) as loom:
        assert (await loom.call("start_agent", name="shelf"))["name"] == "shelf"
        assert "shelf" in loom.supervisor.agents
        with pytest.raises(UsageError, match="runs already"):
            await loom.call("start_agent", name="shelf")
        with pytest.raises(Unavailable, match="broken"):
            await loom.call("start_agent", name="broken")


async def test_a_deleted_one_is_forgotten_and_missed_by_nobody(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        await loom.store.state.put("chat", "seen", 1)
        await loom.health.look()
        done = await loom.call("delete_agent", name="chat")
        assert done == {"name": "chat", "named": True}
        assert await loom.store.state.keys("chat") == []
        assert "chat" not in [one["name"] for one in await loom.call("agents")]
        (part,) = [one for one in (await loom.health.look()).parts if one.name == "agents"]
        assert (part.state, part.words) == ("ok", ""), "the person said so"
        assert (await loom.call("start_agent", name="chat"))["state"] == "running"
        assert (await answer_of(loom, "2 + 2")).payload["text"] == "2 + 2 = 4"


@pytest.mark.parametrize("verb", ["start", "stop", "restart", "pause", "resume", "delete"])
async def test_one_that_is_not_there_is_told_with_those_that_are(verb: str, tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        with pytest.raises(NotFound, match="'ghost'") as error:
            await loom.call(f"{verb}_agent", name="ghost")
        assert "downloads" in error.value.hint


async def test_mailboxes_tell_what_waits_and_what_was_lost(tmp_path: Path) -> None:
    small = Agent("small", room=2, when_full="drop-newest")

    @small.on("a.b")
    async def take(ctx: Context, event: Event) -> None: ...

    async with loom_for_tests(tmp_path, small) as loom:
        await loom.call("pause_agent", name="small")
        for _ in range(9):
            loom.bus.publish(Event(topic="a.b"))
        (box,) = (one for one in await loom.call("mailboxes") if one["name"] == "agent:small")
        assert (box["size"], box["policy"], box["dropped"]) == (2, "drop-newest", 7)
        await loom.call("restart_agent", name="small")
        boxes = [one for one in await loom.call("mailboxes") if one["name"] == "agent:small"]
        told = [(one["ended"], one["dropped"]) for one in boxes]
        assert told == [(False, 0), (True, 7)], "what the one before lost is still there"
        (agent,) = (one for one in await loom.call("agents") if one["name"] == "small")
        assert agent["dropped"] == 7, "a restart is no way to forget it"
        await loom.supervisor.delete("small")
        loom.supervisor.start(small)
        assert loom.supervisor.report("small").dropped == 0, "this is another one"


@pytest.mark.parametrize("verb", ["start", "stop", "restart", "pause", "resume", "delete"])
async def test_one_that_was_left_out_says_why(verb: str, tmp_path: Path) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "books.py").write_text(MINE)
    wanted = Settings(assistant=Assistant(agents=("chat", "books", "chat")))
    async with loom_for_tests(tmp_path, settings=wanted) as loom:
        told = [one["message"] for one in (await loom.call("status"))["problems"]]
        assert any("books.py calls itself 'shelf'" in one and "equal" in one for one in told)
        assert any("names the agent chat more than once" in one for one in told)
        assert loom.supervisor.states["chat"] == "running"
        parts = {one["name"]: one for one in (await loom.call("health"))["parts"]}
        assert "must be equal" in parts["agents"]["words"]
        with pytest.raises(UsageError, match=r"books.py calls itself 'shelf'.* must be equal"):
            await loom.call(f"{verb}_agent", name="books")
        (tmp_path / "agents" / "books.py").write_text(MINE.replace("shelf", "books") + "# mended")
        assert (await loom.call("start_agent", name="books"))["state"] == "running"
        told = [one["message"] for one in (await loom.call("status"))["problems"]]
        assert not any("books.py" in one for one in told), "it is over"


async def test_one_without_a_file_says_that_the_settings_name_it(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        loom.entries.find_missing(Settings(assistant=Assistant(agents=("ghost",))))
        with pytest.raises(NotFound, match=r"loom.toml names the agent 'ghost'.*ghost.py"):
            await loom.call("restart_agent", name="ghost")
