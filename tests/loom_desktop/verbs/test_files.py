import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from loom_desktop.actions.consent import digest
from loom_desktop.errors import Denied, NotFound
from loom_desktop.settings import Grants, Settings
from loom_desktop.testing import loom_for_tests


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
