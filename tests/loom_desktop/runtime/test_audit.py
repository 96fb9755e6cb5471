from pathlib import Path

import pytest

from loom_desktop import Context, Event
from loom_desktop.errors import Unavailable
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
    assert (tmp_path / "in/a").exists()
