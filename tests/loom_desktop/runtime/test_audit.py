from pathlib import Path

import pytest

from loom_desktop import Context, Event
from loom_desktop.errors import LoomError, Unavailable
from loom_desktop.settings import Grants, Settings
from loom_desktop.testing import loom_for_tests

TYPED = Event(topic="chat.asked", origin=frozenset({"user-typed"}))
FOREIGN = Event(topic="file.created", origin=frozenset({"file"}))


async def test_every_decision_is_on_the_disk_with_its_reason(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        for cause in (TYPED, FOREIGN):
            ctx = Context("downloads", cause, loom.supervisor.parts, loom.tasks, {})
            await ctx.tool("files.move", moves=[{"source": "/etc/x", "target": "/etc/y"}])
            await ctx.tool("notes.add", text="x")
            await ctx.tool("calculate.evaluate", text="2 + 2")
        kept = await loom.store.journal.events("action.decided")
        assert [(one.payload["capability"], one.payload["verdict"]) for one in kept] == [
            ("files.move", "deny"), ("notes.add", "allow"),
            ("files.move", "deny"), ("notes.add", "allow"),
        ]  # fmt: skip
        first = kept[0]
        assert first.payload["agent"] == "downloads"
        assert first.payload["effect"] == "write-reversible"
        assert first.payload["reason"]
        assert (first.cause, first.sender) == (TYPED.id, "broker")
        assert kept[2].origin == {"file"}


async def test_what_cannot_be_written_down_is_not_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a").write_text("x")
    settings = Settings(grants=Grants(folders=(str(tmp_path / "in"),)))
    async with loom_for_tests(tmp_path / "home", settings=settings) as loom:

        async def full(event: Event) -> None:
            raise Unavailable("The disk is full.")

        monkeypatch.setattr(loom.store.journal, "append", full)
        ctx = Context("downloads", TYPED, loom.supervisor.parts, loom.tasks, {})
        source, target = str(tmp_path / "in/a"), str(tmp_path / "in/b")
        done = await ctx.tool("files.move", moves=[{"source": source, "target": target}])
        assert not done.ok
        assert done.message == "The disk is full."
        assert loom.audit.trouble is not None
        assert (loom.audit.trouble.message, loom.audit.written) == ("The disk is full.", 0)
        monkeypatch.undo()
        assert (await ctx.tool("notes.add", text="x")).ok
        assert loom.audit.written == 1
        trouble: LoomError | None = loom.audit.trouble
        assert trouble is None, "it is over"
    assert (tmp_path / "in/a").exists()


@pytest.mark.parametrize("allowed", [True, False])
async def test_what_the_person_answered_and_how_it_ended_are_written_down_too(
    tmp_path: Path, allowed: bool
) -> None:
    (tmp_path / "a.txt").write_text("Words.")
    async with loom_for_tests(tmp_path / "home") as loom:
        consent, ended = loom.broker.consent, list[Event]()
        consent.ask = lambda question: loom.bus.publish(
            Event(topic="test.asked", payload={"digest": question.digest})
        )

        def answer(event: Event) -> None:
            consent.answer(event.payload["digest"], allowed=allowed)

        loom.bus.subscribe("action.done", ended.append)
        loom.bus.subscribe("test.asked", answer)
        ctx = Context("downloads", TYPED, loom.supervisor.parts, loom.tasks, {})
        read = await ctx.tool("text.read", path=str(tmp_path / "a.txt"))
        assert read.ok is allowed
        kept = [one.payload for one in await loom.store.journal.events("action.decided")]
        verdict = "allow" if allowed else "deny"
        said = [(one["verdict"], one["by"]) for one in kept]
        assert said == [("ask", "policy"), (verdict, "person")]
        assert "You" in kept[1]["reason"] or "you" in kept[1]["reason"]
        done = [(one.payload["capability"], one.payload["code"], one.cause) for one in ended]
        assert done == ([("text.read", "ACTION_OK", TYPED.id)] if allowed else [])


async def test_an_act_that_failed_is_written_down_as_failed(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        ended = list[Event]()
        loom.bus.subscribe("action.done", ended.append)
        ctx = Context("downloads", TYPED, loom.supervisor.parts, loom.tasks, {})
        failed = await ctx.tool("reminders.done", reminder=77)
        assert [one.payload["code"] for one in ended] == [failed.code] != ["ACTION_OK"]
