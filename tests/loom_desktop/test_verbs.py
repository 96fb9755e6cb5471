import asyncio
import os
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from loom_desktop import Agent, Context, Event, Loom, Offer, verbs
from loom_desktop.actions.consent import digest
from loom_desktop.errors import Denied, LoomError, NotFound, SettingsError, UsageError
from loom_desktop.event import QoS
from loom_desktop.paths import Paths
from loom_desktop.settings import Assistant, Attention, Grants, Settings
from loom_desktop.testing import FakeClock, answer_of, loom_for_tests, next_event

CAUSE = Event(topic="file.created", origin=frozenset({"file"}))
QUIET = Settings(attention=Attention(quiet_hours=""))


def loom_at(folder: Path, toml: str = "", **more: Any) -> Loom:
    """A Loom that reads and writes its loom.toml."""
    if toml:
        (folder / "loom.toml").write_text(toml, encoding="utf-8")
    place = Paths(folder, folder / "data", folder / "cache", folder / "logs", folder)
    zone = ZoneInfo("Europe/Berlin")
    return Loom(paths=place, key=bytes(32), clock=FakeClock(), zone=zone, listening=False, **more)


# -------------------------------------------------------------------- all of them
async def test_what_is_not_asked_right_is_told_and_never_a_bug(tmp_path: Path) -> None:
    """Every verb, with arguments of every wrong kind."""
    wrong: list[Any] = [None, -1, 2**70, 1.5, "x", "\x00", "\udcff", [], [1], {}, {"a": 1}, True]
    leave = {"quit", "models", "doctor", "summarize_clipboard"}  # ask elsewhere
    async with loom_for_tests(tmp_path) as loom:
        for name, function in verbs.VERBS.items():
            if name in leave:
                continue
            keys = list(function.__annotations__)[1:-1] or ["more"]
            for value in wrong:
                told = ""
                try:
                    async with asyncio.timeout(10):
                        await loom.call(name, **dict.fromkeys(keys, value))
                except LoomError as error:
                    told = error.message
                assert "Error" not in told, (name, value)


async def test_there_is_one_list_of_verbs(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        with pytest.raises(UsageError, match="no 'fly'") as error:
            await loom.call("fly")
        assert "organize" in error.value.hint
        assert "quit" in verbs.VERBS, "and not quit_"
        with pytest.raises(UsageError, match="text"):
            await loom.call("ask")
    assert all(function.__doc__ for function in verbs.VERBS.values())


# -------------------------------------------------------------------- asking
async def test_an_answer_says_who_gave_it(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        said = (await answer_of(loom, "What is 15% of 240?")).payload
        assert "36" in said["text"]
        assert said["route"] == "offline · calculator"
        assert {"turn", "text", "route", "model", "seconds", "cost", "chips"} <= said.keys()


@pytest.mark.parametrize("text", ["", "   \n"])
async def test_nothing_is_no_question(tmp_path: Path, text: str) -> None:
    async with loom_for_tests(tmp_path) as loom:
        with pytest.raises(UsageError, match="nothing to answer"):
            await loom.call("ask", text=text)
        assert not loom.status.turns


@pytest.mark.parametrize("path", ["nowhere.pdf", "~nobody-of-this-name/x", "x" * 5000, "a\0b"])
async def test_a_file_that_is_not_there_is_told_before_anything_is_asked(
    tmp_path: Path, path: str
) -> None:
    async with loom_for_tests(tmp_path) as loom:
        with pytest.raises(NotFound):
            await loom.call("ask", text="Summarise this", files=[path])
        assert not await loom.call("conversations")


async def test_half_characters_in_a_question_hold_up_nothing(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        await answer_of(loom, "note: caf\udce9 at noon")
        await answer_of(loom, "2 + 2")
        async with asyncio.timeout(5):
            assert len(await loom.call("conversations")) == 2


def hanging() -> tuple[Agent, asyncio.Event]:
    agent, ended = Agent("chat"), asyncio.Event()

    @agent.on("chat.asked")
    async def answer(ctx: Context, event: Event) -> None:
        await ctx.emit("chat.streamed", qos=QoS.REALTIME, turn=event.id, text="Half ")
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    return agent, ended


NOBODY = Settings(assistant=Assistant(agents=()))


async def test_cancel_ends_it_keeps_what_was_said_and_tells(tmp_path: Path) -> None:
    agent, ended = hanging()
    async with loom_for_tests(tmp_path, agent, settings=NOBODY) as loom:
        streamed = loom.tasks.run("wait", next_event(loom, "chat.streamed"))
        await asyncio.sleep(0)
        asked = await loom.call("ask", text="Tell me a story")
        await streamed
        begun = asyncio.get_running_loop().time()
        assert await loom.call("cancel", conversation=asked["conversation"]) == {"cancelled": 1}
        await ended.wait()
        assert asyncio.get_running_loop().time() - begun < 0.2
        (_, kept) = await loom.call("conversation", conversation=asked["conversation"])
        assert (kept["text"], kept["state"]) == ("Half ", "cancelled")
        assert await loom.call("cancel", conversation=asked["conversation"]) == {"cancelled": 0}


async def test_forgetting_a_conversation_ends_it_and_nothing_of_it_comes_back(
    tmp_path: Path,
) -> None:
    agent, ended = hanging()
    async with loom_for_tests(tmp_path, agent, settings=NOBODY) as loom:
        streamed = loom.tasks.run("wait", next_event(loom, "chat.streamed"))
        over = loom.tasks.run("wait", next_event(loom, "chat.cancelled"))
        await asyncio.sleep(0)
        asked = await loom.call("ask", text="Tell me a secret story")
        await streamed
        await loom.call("forget_conversation", conversation=asked["conversation"])
        await ended.wait()
        await over  # whoever listens knows that it is over
        assert loom.status.state == "idle"
        assert not await loom.call("conversations")
        assert not await loom.store.journal.thread(asked["conversation"])


async def test_the_clipboard_is_read_once_when_the_source_is_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clipboard:
        reads = 0

        def latest(self) -> None:
            return None

        async def read_once(self) -> str:
            self.reads += 1
            return "Rain fell all week. The river rose. The bridge was closed on Friday. " * 4

    board = Clipboard()
    async with loom_for_tests(tmp_path) as loom:
        monkeypatch.setitem(loom.outside.sources._made, "clipboard", board)
        answered = loom.tasks.run("wait", next_event(loom, "chat.answered"))
        await asyncio.sleep(0)
        await loom.call("summarize_clipboard")
        said = await answered
        assert "river" in said.payload["text"] or "bridge" in said.payload["text"]
        assert said.tainted, "what was copied may be a stranger's words"
        assert board.reads


async def test_an_empty_clipboard_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clipboard:
        def latest(self) -> tuple[str, float]:
            return ("", 0.0)

    async with loom_for_tests(tmp_path) as loom:
        monkeypatch.setitem(loom.outside.sources._made, "clipboard", Clipboard())
        with pytest.raises(LoomError, match="no text on the clipboard"):
            await loom.call("summarize_clipboard")


# -------------------------------------------------------------------- cards and the inbox
async def test_what_a_window_copies_itself_is_told_to_the_clipboard(tmp_path: Path) -> None:
    async with loom_at(tmp_path) as loom:
        told: list[str] = []
        source: Any = loom.outside.sources["clipboard"]
        source.ignore_next = told.append
        await loom.call("copying", text_hash="ab" * 32)
        assert told == ["ab" * 32]
        with pytest.raises(UsageError):
            await loom.call("copying", text_hash="an answer")
        assert len(told) == 1


async def test_the_inbox_holds_cards_and_acts_and_finds_them(tmp_path: Path) -> None:
    for name in ("in", "home"):
        (tmp_path / name).mkdir()
    (tmp_path / "in/song.mp3").write_bytes(b"ID3\x04" + bytes(200))
    async with loom_for_tests(tmp_path / "home", settings=QUIET) as loom:
        await loom.desk.offer(Offer(title="Summarise?", text="400 words"), agent="a", cause=CAUSE)
        done = await loom.call("organize", paths=[str(tmp_path / "in")], apply=True)
        items = await loom.call("inbox")
        assert {item["kind"] for item in items} == {"card", "action"}
        (act,) = await loom.call("inbox", kind="action")
        assert act["undo"] == done["undo"] == act["id"]
        assert [one["title"] for one in await loom.call("inbox", query="summ")] == ["Summarise?"]
        await loom.call("undo")
        assert (await loom.call("inbox", kind="action"))[0]["undo"] == 0


async def test_never_for_this_can_be_taken_back(tmp_path: Path) -> None:
    offer = Offer(title="Summarise?", key="copy")
    async with loom_for_tests(tmp_path, settings=QUIET) as loom:
        card = await loom.desk.offer(offer, agent="clipboard", cause=CAUSE)
        await loom.call("never_for_this", card=card)
        (never,) = await loom.call("nevers")
        assert (never["agent"], never["what"]) == ("clipboard", "copy")
        assert await loom.desk.offer(offer, agent="clipboard", cause=CAUSE) == 0
        assert (await loom.call("offer_again", agent="clipboard", what="copy"))["removed"]
        assert await loom.desk.offer(offer, agent="clipboard", cause=CAUSE)


async def test_why_goes_from_the_cause_to_the_effect(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path, settings=QUIET) as loom:
        offered = loom.tasks.run("wait", next_event(loom, "card.offered"))
        await asyncio.sleep(0)
        publish = loom.outside.publisher("clipboard", "clipboard")
        publish("clipboard.copied", text="word " * 100, size_bytes=500, hash="0" * 64, app="")
        card = (await offered).payload["card"]
        chain = await loom.call("why", card=card["id"])
        assert [one["topic"] for one in chain] == ["clipboard.copied", "card.offered"]
        with pytest.raises(NotFound):
            await loom.call("why", event=5)


# -------------------------------------------------------------------- reminders
async def test_a_reminder_is_set_shown_put_off_and_removed(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        made = await loom.call("remind", text="tomorrow at 9 to call Anna")
        (one,) = await loom.call("reminders")
        assert (one["id"], one["text"], one["state"]) == (made["reminder"], "call Anna", "active")
        assert one["at"] == "2026-11-21T09:00:00+01:00"
        await loom.call("reminder_snooze", reminder=one["id"], seconds=3600)
        assert (await loom.call("reminders"))[0]["at"] == "2026-11-20T10:00:00+01:00"
        await loom.call("reminder_remove", reminder=one["id"])
        assert not await loom.call("reminders")
        await loom.call("reminder_restore", reminder=one["id"])
        assert len(await loom.call("reminders")) == 1
        await loom.call("reminder_done", reminder=one["id"])
        assert not await loom.call("reminders")


async def test_what_is_no_reminder_is_told_and_nothing_is_set(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        with pytest.raises(LoomError):
            await loom.call("remind", text="to be happy")
        assert not await loom.call("reminders")
        for verb in ("reminder_done", "reminder_snooze", "reminder_remove", "reminder_restore"):
            with pytest.raises(LoomError, match="no reminder 77"):
                await loom.call(verb, reminder=77)


async def test_a_person_may_set_as_many_reminders_a_minute_as_they_like(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        for hour in range(15):
            await loom.call("remind", text=f"tomorrow at {hour:02}:30 to stretch")
        assert len(await loom.call("reminders")) == 15


async def test_when_answers_with_a_moment_a_rule_and_a_text(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        said = await loom.call("when", text="every weekday at half past eight to stretch")
        assert said == {
            "at": "2026-11-23T08:30:00+01:00", "text": "stretch",
            "rrule": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=8;BYMINUTE=30",
        }  # fmt: skip
        said = await loom.call("when", text="in 10 minutes", now="2020-01-01T12:00")
        assert said["at"] == "2020-01-01T12:10:00+01:00"
        with pytest.raises(UsageError, match="is not a time"):
            await loom.call("when", text="tomorrow", now="yesterday")


# -------------------------------------------------------------------- files
@pytest.fixture
def pile(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    (tmp_path / "pile").mkdir()
    for number in range(8):
        (tmp_path / f"pile/song{number}.mp3").write_bytes(b"ID3\x04" + bytes(200 + number))
    return tmp_path / "pile"


async def test_what_the_person_says_to_apply_is_moved_and_taken_back(pile: Path) -> None:
    """More than five files in a folder that was not granted: naming it on the command is enough."""
    settings = Settings(grants=Grants(folders=()))
    async with loom_for_tests(pile.parent / "home", settings=settings) as loom:
        plan = await loom.call("organize", paths=[str(pile)])
        assert plan["undo"] == 0
        assert {row["status"] for row in plan["plan"]} == {"planned"}
        assert len(os.listdir(pile)) == 8
        done = await loom.call("organize", paths=[str(pile)], apply=True)
        assert {row["status"] for row in done["plan"]} == {"moved"}
        assert os.listdir(pile) == ["Music"]
        assert not loom.folders.covers(pile / "x"), "granted for that command alone"
        back = await loom.call("undo")
        assert (len(back["undone"]), back["refused"]) == (8, [])
        assert len(os.listdir(pile)) == 8
        with pytest.raises(NotFound):
            await loom.call("undo")


async def test_two_commands_at_once_leave_no_grant_behind(pile: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/film.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(200))
    settings = Settings(grants=Grants(folders=()))
    async with loom_for_tests(tmp_path / "home", settings=settings) as loom:
        both = await asyncio.gather(
            *(loom.call("organize", paths=[str(tmp_path / name)], apply=True)
              for name in ("pile", "other"))
        )  # fmt: skip
        assert all(row["status"] == "moved" for done in both for row in done["plan"])
        assert not loom.folders.granted
        assert not loom.folders.covers(pile / "x")


async def test_nobody_else_may_use_what_a_command_granted(pile: Path) -> None:
    settings, inside, done = Settings(grants=Grants(folders=())), asyncio.Event(), asyncio.Event()
    async with loom_for_tests(pile.parent / "home", settings=settings) as loom:
        seen: list[bool] = []

        async def command() -> None:
            with loom.granting([pile]):
                seen.append(loom.folders.covers(pile / "x"))
                inside.set()
                await done.wait()

        work = loom.tasks.run("command", command())
        await inside.wait()
        seen.append(loom.folders.covers(pile / "x"))
        done.set()
        await work
        assert seen == [True, False]


async def test_an_approval_of_a_command_is_used_up_by_it(pile: Path) -> None:
    settings = Settings(grants=Grants(folders=(str(pile),)))
    async with loom_for_tests(pile.parent / "home", settings=settings) as loom:
        done = await loom.call("organize", paths=[str(pile / "song1.mp3")], apply=True)
        (row,) = done["plan"]
        moves = [{"source": row["source"], "target": row["target"]}]
        bound = digest("files.move", {"moves": moves, "words": "1 files"})
        assert not loom.broker.consent.take(bound)


async def test_each_file_that_fails_has_its_own_reason(
    pile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with loom_for_tests(pile.parent / "home") as loom:
        plan = loom.mover.plan

        async def then_gone(*arguments: Any, **more: Any) -> Any:
            found = await plan(*arguments, **more)
            (pile / "song1.mp3").unlink()
            return found

        monkeypatch.setattr(loom.mover, "plan", then_gone)
        done = await loom.call("organize", paths=[str(pile)], apply=True)
        rows = {row["source_name"]: row for row in done["plan"]}
        assert rows["song1.mp3"]["status"] == "failed"
        assert "song1.mp3 is not there" in rows["song1.mp3"]["message"]
        assert rows["song2.mp3"]["status"] == "moved"
        assert rows["song2.mp3"]["message"] == ""


async def test_our_own_folders_are_closed_to_every_move(pile: Path) -> None:
    home = pile.parent / "home"
    settings = Settings(grants=Grants(folders=(str(pile.parent),)))
    async with loom_for_tests(home, settings=settings) as loom:
        for closed in ("agents", "sources", "capabilities", "data"):
            (home / closed).mkdir(exist_ok=True)
            with pytest.raises(Denied, match="closed to Loom"):  # what lies there is run
                await loom.call(
                    "organize", paths=[str(pile / "song1.mp3")], apply=True, to=str(home / closed)
                )
    assert (pile / "song1.mp3").exists()


# -------------------------------------------------------------------- capture and windows
@pytest.mark.parametrize(("seconds", "ok"), [(600, True), (-1, True), (1e300, False), (0, True)])
async def test_a_pause_has_an_end_that_can_be_shown(
    tmp_path: Path, seconds: float, ok: bool
) -> None:
    async with loom_for_tests(tmp_path) as loom:
        if ok:
            await loom.call("pause_capture", seconds=seconds)
        else:
            with pytest.raises(UsageError, match="a year"):
                await loom.call("pause_capture", seconds=seconds)
        assert (await loom.call("status"))["words"]
        await loom.call("resume_capture")
        assert (await loom.call("status"))["state"] == "idle"


async def test_a_problem_is_there_until_the_person_has_read_it(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        loom.status.trouble("The disk is full.", "Free some space.")
        loom.status.trouble("An agent is paused.")
        await loom.call("dismiss_problem", message="The disk is full.")
        told = await loom.call("status")
        assert [one["message"] for one in told["problems"]] == ["An agent is paused."]
        assert told["state"] == "trouble"
        await loom.call("dismiss_problem", message="An agent is paused.")
        assert (await loom.call("status"))["state"] == "idle"


async def test_windows_are_shown_where_there_are_some(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        with pytest.raises(NotFound, match="without a window"):
            await loom.call("show", window="popup")
    async with loom_for_tests(tmp_path, desktop=True) as loom:
        asked = loom.tasks.run("wait", next_event(loom, "window.requested"))
        await asyncio.sleep(0)
        await loom.call("show", window="inbox")
        assert (await asked).payload["window"] == "inbox"
        for toggle in (False, True):
            asked = loom.tasks.run("wait", next_event(loom, "popup.requested"))
            await asyncio.sleep(0)
            await loom.call("show", **({"toggle": True} if toggle else {}))
            assert (await asked).payload["toggle"] is toggle
        with pytest.raises(UsageError):
            await loom.call("show", window="bathroom")


# -------------------------------------------------------------------- settings
TOML = """# mine
[attention]
cards_per_hour = 4  # enough

[sources.files]
folders = ["~/Downloads"]
"""


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("attention", "cards_per_hour", "many"),
        ("attention", "cards_per_hour", [1]),
        ("attention", "cards_per_day", 5),
        ("attention", "quiet_hours", "25:00-26:00"),
        ("attention", "card_expires_s", float("nan")),
        ("attention.cards_per_hour", "x", 1),
        ("attention", "cards_per_hour", {"a": object()}),
        ("attention", "cards_per_hour", object()),
        ("assistant", "agents", ["chat", "nobody"]),
        ("assistant", "agents", "chat"),
        ("sources.files", "folders", 5),
        ("sources.files", "folder", "~"),
        ("sources.nothing", "enabled", True),
        ("agents.clipboard", "offer_from_words", "eighty"),
        ("nothing", "x", 1),
        ("", "x", 1),
        ("attention", "", 1),
        ("sources", "files", 1),
        ("llm.mine", "model", "\ud800"),
    ],
)
async def test_a_value_that_cannot_be_leaves_the_file_byte_for_byte(
    tmp_path: Path, table: str, key: str, value: Any
) -> None:
    async with loom_at(tmp_path, TOML) as loom:
        before = (tmp_path / "loom.toml").read_bytes()
        with pytest.raises(LoomError):
            await loom.call("change_setting", table=table, key=key, value=value)
        assert (tmp_path / "loom.toml").read_bytes() == before
        assert loom.settings.attention.cards_per_hour == 4
        await loom.call("change_setting", table="attention", key="cards_per_hour", value=3)
        assert loom.settings.attention.cards_per_hour == 3
    assert sorted(os.listdir(tmp_path)) == ["data", "loom.toml"]


async def test_a_change_keeps_comments_and_holds_at_once(tmp_path: Path) -> None:
    async with loom_at(tmp_path, TOML) as loom:
        told = loom.tasks.run("wait", next_event(loom, "settings.changed"))
        await asyncio.sleep(0)
        done = await loom.call("change_setting", table="attention", key="cards_per_hour", value=2)
        assert done == {"applied": True, "restart": False}
        await told
        assert loom.desk.settings.cards_per_hour == 2
        assert (tmp_path / "loom.toml").read_text() == TOML.replace("= 4", "= 2")
        await loom.call("change_setting", table="attention", key="cards_per_hour", value=None)
        assert loom.settings.attention.cards_per_hour == 6


async def test_a_language_holds_at_the_next_start_and_has_to_be_one(tmp_path: Path) -> None:
    async with loom_at(tmp_path) as loom:
        done = await loom.call("change_setting", table="assistant", key="language", value="de")
        assert done == {"applied": True, "restart": True}
        with pytest.raises(LoomError):
            await loom.call("change_setting", table="assistant", key="language", value="klingon")
        assert loom.settings.assistant.language == "de"


async def test_the_first_change_makes_the_file_and_a_refused_one_does_not(tmp_path: Path) -> None:
    async with loom_at(tmp_path) as loom:
        with pytest.raises(LoomError):
            await loom.call("change_setting", table="attention", key="x", value=1)
        assert not (tmp_path / "loom.toml").exists()
        await loom.call("change_setting", table="privacy", key="local_only", value=True)
        assert loom.settings.privacy.local_only
        assert (await loom.call("status"))["local_only"]


async def test_changes_at_once_are_all_there(tmp_path: Path) -> None:
    async with loom_at(tmp_path, TOML) as loom:
        changes: list[tuple[str, str, Any]] = [
            ("attention", "cards_per_hour", 1), ("attention", "cards_per_hour", "bad"),
            ("privacy", "redact", False), ("sources.files", "enabled", "bad"),
            ("agents.clipboard", "offer_from_words", 5), ("attention", "nothing", 1),
            ("router", "cost_per_day", 2.5),
        ]  # fmt: skip
        done = await asyncio.gather(
            *(loom.call("change_setting", table=t, key=k, value=v) for t, k, v in changes),
            return_exceptions=True,
        )
        assert [isinstance(one, LoomError) for one in done] == [
            False, True, False, True, False, True, False,
        ]  # fmt: skip
        assert loom.settings.attention.cards_per_hour == 1
        assert not loom.settings.privacy.redact
        assert loom.agents_settings["clipboard"].offer_from_words == 5
        assert loom.settings.router.cost_per_day == 2.5


async def test_a_link_to_somebodys_dotfiles_stays_one(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "dotfiles/loom.toml").write_text(TOML)
    (tmp_path / "loom.toml").symlink_to(tmp_path / "dotfiles/loom.toml")
    async with loom_at(tmp_path) as loom:
        await loom.call("change_setting", table="attention", key="cards_per_hour", value=2)
    assert (tmp_path / "loom.toml").is_symlink()
    assert "= 2" in (tmp_path / "dotfiles/loom.toml").read_text()


async def test_a_file_that_cannot_be_followed_is_not_written_into(tmp_path: Path) -> None:
    async with loom_at(tmp_path, "[attention\n", desktop=True) as loom:
        with pytest.raises(SettingsError, match="line 1"):
            await loom.call("change_setting", table="attention", key="cards_per_hour", value=2)
    assert (tmp_path / "loom.toml").read_text() == "[attention\n"


async def test_every_setting_has_a_sentence(tmp_path: Path) -> None:
    async with loom_at(tmp_path) as loom:
        tables = await loom.call("settings")
    assert {"attention", "privacy", "sources.clipboard", "agents.downloads"} <= tables.keys()
    for table, keys in tables.items():
        for key, one in keys.items():
            assert one["words"].endswith("."), f"{table}.{key}"
            assert one["kind"] in ("bool", "int", "float", "str", "choice", "list"), key
            assert bool(one["choices"]) == (one["kind"] == "choice")


async def test_settings_that_a_program_gave_are_not_written(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        with pytest.raises(Denied):
            await loom.call("change_setting", table="attention", key="cards_per_hour", value=2)


async def test_the_first_run_is_asked_once(tmp_path: Path) -> None:
    async with loom_at(tmp_path) as loom:
        assert (await loom.call("status"))["first_run"]
        await loom.call("first_run", clipboard=True)
        assert not (await loom.call("status"))["first_run"]
        assert loom.settings.sources["clipboard"] == {"enabled": True}
        assert "files" not in loom.settings.sources
    async with loom_at(tmp_path) as loom:
        assert not (await loom.call("status"))["first_run"]


async def test_a_secret_is_kept_and_its_value_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with loom_for_tests(tmp_path) as loom:
        monkeypatch.setattr(loom.store.secrets, "_use_keyring", False)
        with pytest.raises(UsageError, match="nothing to keep"):
            await loom.call("set_secret", name="openai", value="  \n")
        await loom.call("set_secret", name="openai", value="sk-very-secret")
        assert await loom.call("secrets") == ["openai"]
        assert (await loom.call("remove_secret", name="openai")) == {"removed": True}
        assert await loom.call("secrets") == []


async def test_what_left_today_is_counted(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        assert not any((await loom.call("left_today")).values())


async def test_what_cannot_be_looked_at_does_not_take_the_status_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing:
        origin = ""

        def report(self) -> None:
            raise RuntimeError("broken")

    async with loom_for_tests(tmp_path) as loom:
        monkeypatch.setitem(loom.outside.sources._made, "files", Failing())
        sources = (await loom.call("status"))["sources"]
        assert not sources["files"]["working"]
        assert sources["clipboard"]
