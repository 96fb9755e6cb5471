import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from loom_desktop import Agent, Context, Event, Loom
from loom_desktop.errors import SettingsError, Unavailable, UsageError
from loom_desktop.event import QoS
from loom_desktop.paths import Paths
from loom_desktop.settings import Assistant, Attention, Grants, Settings
from loom_desktop.store import Problem
from loom_desktop.testing import A_FRIDAY, FakeClock, answer_of, loom_for_tests, next_event


def loom_at(folder: Path, toml: str = "", **more: Any) -> Loom:
    """A Loom that reads its loom.toml, as the person's own does."""
    if toml:
        (folder / "loom.toml").write_text(toml, encoding="utf-8")
    place = Paths(folder, folder / "data", folder / "cache", folder / "logs", folder)
    given = {
        "paths": place, "key": bytes(32), "clock": FakeClock(), "zone": ZoneInfo("Europe/Berlin"),
        "listening": False,
    }  # fmt: skip
    return Loom(**{**given, **more})


def own(folder: Path, kind: str, name: str, text: str) -> None:
    (folder / kind).mkdir(exist_ok=True)
    (folder / kind / f"{name}.py").write_text(text, encoding="utf-8")


async def problems(loom: Loom) -> str:
    return " ".join(
        f"{one['message']} {one['hint']}" for one in (await loom.call("status"))["problems"]
    )


# -------------------------------------------------------------------- the store
async def test_without_a_folder_for_data_it_starts_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    async with loom_at(tmp_path) as loom:
        assert loom.store.in_memory
        told = await problems(loom)
        assert "cannot be made" in told
        assert (await answer_of(loom, "2 + 2")).payload["text"].endswith("4")
        assert loom.status.state == "trouble"
    assert (tmp_path / "data").read_text() == "a file where the folder should be"


async def test_without_the_key_nothing_is_read_or_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with loom_at(tmp_path) as loom:
        await answer_of(loom, "note: the key is under the mat")
    before = (tmp_path / "data/loom.db").read_bytes()
    (tmp_path / "data/key.json").write_text('{"kind": "file"}')  # and the file is gone
    async with loom_at(tmp_path, key=None) as loom:
        assert loom.store.in_memory
        assert "Nothing is saved" in await problems(loom)
    assert (tmp_path / "data/loom.db").read_bytes() == before


async def test_a_damaged_store_is_told_in_the_status_and_the_start_goes_on(tmp_path: Path) -> None:
    async with loom_at(tmp_path) as loom:
        await answer_of(loom, "2 + 2")
    (tmp_path / "data/loom.db").write_bytes(b"this is no database " * 500)
    async with loom_at(tmp_path) as loom:
        assert loom.status.state == "trouble"
        assert await problems(loom)
        assert (await answer_of(loom, "2 + 3")).payload["text"].endswith("5")


async def test_trouble_of_the_store_while_it_runs_reaches_the_status(tmp_path: Path) -> None:
    async with loom_at(tmp_path) as loom:
        assert loom.status.state == "idle"
        changed = loom.tasks.run("wait", next_event(loom, "status.changed"))
        await asyncio.sleep(0)
        loom.store._tell("The disk is nearly full.", "Free some space.")
        await changed
        assert "The disk is nearly full. Free some space." in await problems(loom)
        loom._store_trouble(Problem("The disk is nearly full.", "Free some space."))
        assert len(loom.status.problems) == 1, "once is enough"


async def test_the_same_place_is_found_again(tmp_path: Path) -> None:
    async with loom_at(tmp_path) as loom:
        await answer_of(loom, "note: the key is under the mat")
        last = await loom.store.journal.last_id()
    async with loom_at(tmp_path) as loom:
        assert "mat" in (await answer_of(loom, "my notes")).payload["text"]
        assert await loom.store.journal.last_id() > last
        (kept, _) = await loom.call("conversations")
        (question, answer) = await loom.call("conversation", conversation=kept["conversation"])
        assert (question["state"], answer["state"]) == ("done", "done"), "nothing was cut off"


# -------------------------------------------------------------------- loom.toml and own files
async def test_a_broken_loom_toml_stops_a_command_and_not_the_desktop(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"line 2.*cards_per_hour"):
        async with loom_at(tmp_path, "[attention]\ncards_per_hour = 'six'\n"):
            pass
    async with loom_at(tmp_path, desktop=True) as loom:
        assert loom.settings.privacy.local_only, "until it can be followed, nothing leaves"
        assert "line 2" in await problems(loom)


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[sources.clipbord]\nenabled = true\n", r"line 1.*clipbord"),
        ("[agents.clipboard]\noffer_from = 3\n", r"line 2.*offer_from"),
        ("[sources.hotkey]\ncombo = 3\n", r"line 2.*combo"),
    ],
)
async def test_a_name_that_is_not_there_is_told_with_its_line(
    tmp_path: Path, toml: str, said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        async with loom_at(tmp_path, toml):
            pass


@pytest.mark.parametrize("desktop", [True, False])
async def test_one_agent_that_is_not_there_leaves_the_rest_of_the_file_in_force(
    tmp_path: Path, desktop: bool, caplog: pytest.LogCaptureFixture
) -> None:
    text = "[assistant]\nagents = ['chat', 'nobody']\n[attention]\ncards_per_hour = 3\n"
    async with loom_at(tmp_path, text, desktop=desktop) as loom:
        assert loom.settings.attention.cards_per_hour == 3
        assert not loom.settings.privacy.local_only
        assert loom.supervisor.agents == ["chat"]
        assert "line 2" in await problems(loom)
        assert "nobody" in await problems(loom)
        await loom.call("change_setting", table="attention", key="cards_per_hour", value=4)
        assert loom.settings.attention.cards_per_hour == 4
        assert "nobody" in (tmp_path / "loom.toml").read_text("utf-8"), "it is the person's file"
        assert any("nobody" in one.getMessage() for one in caplog.records), "the log says it"
        (agents,) = [one for one in (await loom.health.look()).parts if one.name == "agents"]
        assert (agents.state, agents.words) == ("degraded", "Not running: nobody.")
        (tmp_path / "loom.toml").write_text("[assistant]\nagents = ['chat']\n", "utf-8")
        await loom.reload()
        (agents,) = [one for one in (await loom.health.look()).parts if one.name == "agents"]
        assert agents.state == "ok", "nobody asks for it any more"


GREETER = """
from msgspec import Struct
from loom_desktop import Agent, Context, Event

agent = Agent("greeter")

class Settings(Struct):
    words: str = "Hello"

@agent.on("door.opened")
async def greet(ctx: Context, event: Event) -> None:
    await ctx.emit("greeting.said", text=f"{ctx.settings.words}, {event.payload['who']}")
"""


async def test_a_persons_own_agent_runs_with_its_settings(tmp_path: Path) -> None:
    own(tmp_path, "agents", "greeter", GREETER)
    toml = "[assistant]\nagents = ['chat', 'greeter']\n[agents.greeter]\nwords = 'Moin'\n"
    async with loom_at(tmp_path, toml) as loom:
        said = loom.tasks.run("wait", next_event(loom, "greeting.said"))
        await asyncio.sleep(0)
        loom.publisher("test", origin="user-typed")("door.opened", who="Anna")
        assert (await said).payload["text"] == "Moin, Anna"
        assert (await loom.call("settings"))["agents.greeter"]["words"]["value"] == "Moin"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def broken(:\n", "SyntaxError"),
        ("raise RuntimeError('no luck')\n", "no luck"),
        ("import nothing_of_this_name\n", "nothing_of_this_name"),
        ("x = 1\n", "agent"),
        ("agent = 5\n", "int"),
        ("from loom_desktop import Agent\nasync def handle(c, e): ...\n"
         "agent = Agent('mine', topics=['a..b'], on_event=handle)\n", "pattern"),
    ],
)  # fmt: skip
async def test_a_broken_agent_of_the_person_is_told_and_stops_nothing(
    tmp_path: Path, text: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    own(tmp_path, "agents", "mine", text)
    with caplog.at_level(logging.CRITICAL):
        async with loom_at(tmp_path, "[assistant]\nagents = ['chat', 'mine']\n") as loom:
            assert said in await problems(loom)
            assert loom.supervisor.agents == ["chat"]
            assert (await answer_of(loom, "2 + 2")).topic == "chat.answered"


async def test_a_broken_source_of_the_person_is_told_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own(tmp_path, "sources", "moon", "class Moon:\n    def __init__(self): raise OSError('dark')\n"
        "source = Moon\n")  # fmt: skip
    own(tmp_path, "sources", "sun", "raise OSError('bright')\n")
    with caplog.at_level(logging.CRITICAL):
        async with loom_at(tmp_path, "[sources.moon]\n", listening=True) as loom:
            sources = (await loom.call("status"))["sources"]
            assert not sources["moon"]["working"]
            assert "dark" in sources["moon"]["detail"]
            assert "bright" in sources["sun"]["detail"]
            assert await loom.call("settings")
            assert await loom.call("doctor")


# -------------------------------------------------------------------- talking
async def test_only_what_asks_can_be_talked_to(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        with pytest.raises(UsageError, match="status"):
            async for _ in loom.talk("status"):
                pass


async def test_closing_a_talk_early_cancels_what_was_asked(tmp_path: Path) -> None:
    agent, ended = Agent("chat"), asyncio.Event()

    @agent.on("chat.asked")
    async def answer(ctx: Context, event: Event) -> None:
        try:
            await ctx.emit("chat.streamed", qos=QoS.REALTIME, turn=event.id, text="Well")
            await asyncio.Event().wait()
        finally:
            ended.set()

    settings = Settings(assistant=Assistant(agents=()))
    async with loom_for_tests(tmp_path, agent, settings=settings) as loom:
        talk = loom.talk("ask", text="Tell me a long story")
        async with asyncio.timeout(5):
            while (event := await anext(talk)).topic != "chat.streamed":
                pass
            assert loom.status.turns
            await talk.aclose()
            await ended.wait()
        assert loom.status.state == "idle"
        (_, kept) = await loom.call("conversation", conversation=event.begins)
        assert (kept["text"], kept["state"]) == ("Well", "cancelled"), "what was said stays"


async def test_when_nobody_answers_questions_it_is_said_at_once(tmp_path: Path) -> None:
    settings = Settings(assistant=Assistant(agents=("reminders",)))
    async with loom_for_tests(tmp_path, settings=settings) as loom:
        with pytest.raises(SettingsError, match="chat"):
            await answer_of(loom, "2 + 2")


# -------------------------------------------------------------------- what is kept
async def test_the_journal_never_holds_what_was_copied(tmp_path: Path) -> None:
    secret = "the harvest was poor this year "
    settings = Settings(attention=Attention(quiet_hours=""))
    async with loom_for_tests(tmp_path, settings=settings) as loom:
        offered = loom.tasks.run("wait", next_event(loom, "card.offered"))
        await asyncio.sleep(0)
        publish = loom.outside.publisher("clipboard", "clipboard")
        publish("clipboard.copied", text=secret * 30, size_bytes=900, hash="0" * 64, app="")
        await offered
        await loom.supervisor.settled(5)
        for event in await loom.store.journal.events(limit=1000):
            assert secret.strip() not in str(event.payload)
        (copied,) = await loom.store.journal.events("clipboard.")
        assert copied.payload == {"size_bytes": 900, "hash": "0" * 64, "app": ""}
        assert all(secret.strip() not in str(card) for card in await loom.call("inbox"))


async def test_realtime_events_are_not_kept(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        loom.publisher("test", origin="user-typed")("thing.moved", qos=QoS.REALTIME)
        loom.publisher("test", origin="user-typed")("thing.stopped")
        topics = [one.topic for one in await loom.store.journal.events("thing.")]
        assert topics == ["thing.stopped"]


async def test_a_missing_label_is_untrusted_and_stays_here(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        event = loom.publisher("somebody")("thing.happened")
        assert event.tainted
        assert event.privacy.word == "local-only"


# -------------------------------------------------------------------- time
async def test_a_pause_survives_a_restart_and_ends_by_itself(tmp_path: Path) -> None:
    clock = FakeClock()
    async with loom_at(tmp_path, clock=clock) as loom:
        await loom.call("pause_capture", seconds=600)
    async with loom_at(tmp_path, clock=clock) as loom:
        assert loom.status.paused
        clock.forward(601)
        assert loom.status.state == "idle"
    async with loom_at(tmp_path, clock=clock) as loom:
        assert loom.status.state == "idle"


SPY = """
class Spy:
    origin = "clipboard"
    paused = False
    ran = False
    def report(self): ...
    def pause(self): self.paused = True
    def resume(self): self.paused = False
    async def run(self, publish):
        import asyncio
        self.paused_at_start = self.paused
        self.ran = True
        await asyncio.Event().wait()
source = Spy
"""


async def test_a_source_that_starts_while_capture_is_paused_is_held_still(tmp_path: Path) -> None:
    own(tmp_path, "sources", "spy", SPY)
    clock = FakeClock(A_FRIDAY)
    async with loom_at(tmp_path, clock=clock) as loom:
        await loom.call("pause_capture", seconds=-1)
    async with loom_at(tmp_path, "[sources.spy]\n", clock=clock, listening=True) as loom:
        spy: Any = loom.outside.sources["spy"]
        async with asyncio.timeout(5):
            while not spy.ran:
                await asyncio.sleep(0)
        assert spy.paused_at_start
        await loom.call("resume_capture")
        assert not spy.paused


async def test_a_second_end_waits_for_nobody(tmp_path: Path) -> None:
    """A handler that hangs costs two seconds of the end and no more."""
    agent, begun = Agent("hung"), asyncio.Event()

    @agent.on("thing.happened")
    async def hang(ctx: Context, event: Event) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with asyncio.timeout(10):
        async with loom_for_tests(tmp_path, agent) as loom:
            loom.publisher("test", origin="user-typed")("thing.happened")
            await begun.wait()


# -------------------------------------------------------------------- our own folders
async def test_no_file_gets_to_where_it_would_be_run_or_read_as_ours(tmp_path: Path) -> None:
    home = tmp_path / "Downloads/loom"
    home.mkdir(parents=True)
    given = Settings(grants=Grants(folders=(str(tmp_path / "Downloads"),)))
    ours = ["llm.providers/x.py", "agents/x.py", "sources/x.py", "capabilities/x.py", "loom.toml",
            "prices.toml", "data/loom.db", "logs/x", "cache/x", "other/x.pdf"]  # fmt: skip
    async with loom_at(home, settings=given) as loom:
        assert [one for one in ours if loom.folders.covers(home / one)] == []
        assert loom.folders.covers(tmp_path / "Downloads/a.pdf")
        with loom.granting([home]):  # somebody keeps other things there, too
            assert [one for one in ours if loom.folders.covers(home / one)] == ["other/x.pdf"]


async def test_a_wrong_model_is_told_with_its_line_at_the_start(tmp_path: Path) -> None:
    for text, said in (
        ('[llm.a]\nkind = "ofline"\n', "line 2: [llm.a] kind: there is no 'ofline'"),
        ('[llm.a]\nmodel = "x"\napi_bse = "y"\n', "line 3: [llm.a] does not know 'api_bse'"),
    ):
        with pytest.raises(SettingsError) as error:
            async with loom_at(tmp_path, text):
                pass
        assert said in error.value.message


def held(loom: Loom) -> bool:
    return loom.outside._paused


async def test_capture_is_paused_even_where_nothing_can_be_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise Unavailable("The disk is full.")

    async with loom_for_tests(tmp_path) as loom:
        monkeypatch.setattr(loom.store.state, "set_fact", full)
        with pytest.raises(Unavailable):
            await loom.call("pause_capture")
        assert held(loom)
        assert loom.status.state == "paused"
        with pytest.raises(Unavailable):
            await loom.call("resume_capture")
        assert not held(loom)
        assert str(loom.status.state) != "paused"


async def test_before_a_sleep_everything_is_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed = asyncio.Event()
    async with loom_at(tmp_path) as loom:
        flush = loom.store.journal.flush

        async def note() -> None:
            await flush()
            flushed.set()

        monkeypatch.setattr(loom.store.journal, "flush", note)
        loom.outside.publisher("system", "")("system.sleeping")
        async with asyncio.timeout(5):
            await flushed.wait()


@pytest.mark.parametrize("how", ["returns", "overruns", "ignores"])
async def test_an_answer_that_breaks_off_ends_for_everybody_who_waits(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("loom_desktop.loom.LOOK_S", 0.01)
    monkeypatch.setattr("loom_desktop.tasks.PATIENCE_S", 0.02)
    free = asyncio.Event()
    agent = Agent("chat", deadline_s=0.02)

    @agent.on("chat.asked")
    async def break_off(ctx: Context, event: Event) -> None:
        if how == "overruns":
            await free.wait()
        while how == "ignores" and not free.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await free.wait()

    settings = Settings(assistant=Assistant(agents=()))
    with caplog.at_level(logging.CRITICAL):
        async with loom_for_tests(tmp_path, agent, settings=settings) as loom:
            told = await answer_of(loom, "hello")
            assert told.topic == "chat.failed"
            assert "broke off" in told.payload["message"]
            assert not loom.status.turns
            if how == "returns":
                return
            await loom.call("ask", text="hello", door="window")  # nobody listens with ``talk``
            async with asyncio.timeout(5):
                while loom.status.turns:
                    await asyncio.sleep(0.001)
            free.set()
            await asyncio.sleep(0)
