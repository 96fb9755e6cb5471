import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from loom_desktop import Event, Loom
from loom_desktop.actions import moves
from loom_desktop.errors import Denied, NotFound, Unavailable, UsageError
from loom_desktop.runtime import mover
from loom_desktop.runtime.mover import BoundMover
from loom_desktop.settings import Grants, Settings
from loom_desktop.testing import loom_for_tests

CAUSE = Event(topic="chat.asked", origin=frozenset({"user-typed"}))
INVOICE = "INVOICE No. 4711\nACME Ltd\nInvoice date: 3 March 2026\nTotal due: 120.00 EUR\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder of downloads, one for documents, and a home for Loom beside them."""
    for name in ("in", "docs", "home"):
        (tmp_path / name).mkdir()
    for name in ("a.txt", "b.txt", "c.txt"):
        (tmp_path / "in" / name).write_text(name)
    return tmp_path


@asynccontextmanager
async def moving(place: Path, **more: Any) -> AsyncIterator[tuple[Loom, BoundMover]]:
    settings = Settings(
        grants=Grants(folders=(str(place / "in"), str(place / "docs"))),
        sources={"files": {"folders": [str(place / "in")]}},
        agents={"downloads": {"destination": str(place / "docs")}},
    )
    async with loom_for_tests(place / "home", settings=settings, **more) as loom:
        yield loom, loom.mover.bound("downloads", CAUSE)


def tree(root: Path) -> dict[str, tuple[int, int, int]]:
    """Everything below, with what a look must not change."""
    found = {}
    for path in sorted(root.rglob("*")):
        stat = path.lstat()
        found[str(path.relative_to(root))] = (stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns)
    return found


def pairs(place: Path, *names: str) -> list[tuple[str, str]]:
    return [(str(place / "in" / name), str(place / "docs/x" / name)) for name in names]


# -------------------------------------------------------------------- plans
async def test_a_plan_has_names_folders_and_reasons_and_touches_nothing(place: Path) -> None:
    (place / "in/scan0001.txt").write_text(INVOICE)
    (place / "in/song.mp3").write_bytes(b"ID3\x04" + bytes(200))
    before = tree(place / "in"), tree(place / "docs")
    async with moving(place) as (_, files):
        rows, left = await files.plan([str(place / "in")])
    assert (tree(place / "in"), tree(place / "docs")) == before
    assert left == 0
    by_name = {row["source_name"]: row for row in rows}
    invoice = by_name["scan0001.txt"]
    assert invoice["status"] == "planned"
    assert invoice["folder"] == "Invoices/2026"
    assert invoice["name"].startswith("2026-03-03")
    assert "invoice" in invoice["reason"]
    assert invoice["target"] == str(place / "docs" / invoice["folder"] / invoice["name"])
    assert by_name["song.mp3"]["folder"] == "Music"
    for row in rows:
        assert bool(row["reason"]) == (row["status"] == "planned"), row
        assert bool(row["message"]) == (row["status"] != "planned"), row


async def test_no_path_means_the_watched_folder_and_its_files_go_to_the_destination(
    place: Path,
) -> None:
    async with moving(place) as (_, files):
        rows, _ = await files.plan([])
        assert {row["source_name"] for row in rows} == {"a.txt", "b.txt", "c.txt"}
        assert all(row["target"].startswith(str(place / "docs")) for row in rows)


async def test_a_folder_that_is_named_is_sorted_in_place_or_where_it_is_told(place: Path) -> None:
    (place / "pile").mkdir()
    (place / "pile/song.mp3").write_bytes(b"ID3\x04" + bytes(200))
    async with moving(place) as (_, files):
        ((here,), _) = await files.plan([str(place / "pile")])
        assert here["target"] == str(place / "pile/Music/song.mp3")
        ((there,), _) = await files.plan([str(place / "pile")], to=str(place / "docs"))
        assert there["target"] == str(place / "docs/Music/song.mp3")
        ((single,), _) = await files.plan([str(place / "pile/song.mp3")])
        assert single["target"] == here["target"]


async def test_two_files_never_get_the_same_name(place: Path) -> None:
    (place / "docs/Invoices/2026").mkdir(parents=True)
    for name in ("scan0001.txt", "scan0002.txt", "scan0003.txt"):
        (place / "in" / name).write_text(INVOICE)
    async with moving(place) as (_, files):
        rows, _ = await files.plan([str(place / "in")])
        targets = [row["target"] for row in rows if row["source_name"].startswith("scan")]
        assert len(set(targets)) == 3
        (place / "docs/Invoices/2026" / Path(targets[0]).name).write_text("there already")
        rows, _ = await files.plan([str(place / "in")])
        again = [row["target"] for row in rows if row["source_name"].startswith("scan")]
        assert targets[0] not in again


async def test_what_stays_says_why(place: Path) -> None:
    (place / "in/movie.mp4.part").write_bytes(b"half")
    (place / "in/invoice.pdf.exe").write_bytes(b"MZ" + bytes(200))
    (place / "in/photo\u202egpj.exe").write_bytes(b"MZ" + bytes(200))
    (place / "in/empty.txt").touch()
    async with moving(place) as (_, files):
        rows, _ = await files.plan([str(place / "in")])
    by_name = {row["source_name"]: row for row in rows}
    assert "still being downloaded" in by_name["movie.mp4.part"]["message"]
    assert "is a program" in by_name["invoice.pdf.exe"]["message"]
    assert by_name["invoice.pdf.exe"]["warning"]
    assert by_name["photo<U+202E>gpj.exe"]["warning"]
    assert "empty" in by_name["empty.txt"]["message"]
    assert all(row["status"] == "skipped" for row in by_name.values() if row["warning"])


async def test_links_hidden_files_and_folders_are_left_alone(place: Path) -> None:
    shutil.rmtree(place / "in")
    (place / "in/folder").mkdir(parents=True)
    (place / "in/.hidden").write_text("x")
    os.symlink("/etc/passwd", place / "in/link.txt")
    os.symlink("/etc", place / "link")
    async with moving(place) as (_, files):
        assert await files.plan([str(place / "in")]) == ([], 0)
        assert await files.plan([str(place / "link")]) == ([], 0)


@pytest.mark.parametrize("name", ["a\nb.txt", "-rf", " space ", "ü" * 100, "%00.txt", "`x`.md"])
async def test_odd_names_are_planned_and_moved(place: Path, name: str) -> None:
    shutil.rmtree(place / "in")
    (place / "in").mkdir()
    (place / "in" / name).write_text("some text that says nothing much")
    async with moving(place) as (_, files):
        ((row,), _) = await files.plan([str(place / "in")])
        assert "\n" not in row["source_name"] + row["name"]
        if row["status"] == "planned":
            act, moved, failed = await files.move([(row["source"], row["target"])], words="1 file")
            assert not failed
            assert Path(moved[0].target).exists()
            await files.undo(act)
        assert os.listdir(place / "in") == [name]


async def test_more_than_one_plan_takes_is_said(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mover, "_MOST_FILES", 2)
    async with moving(place) as (_, files):
        rows, left = await files.plan([str(place / "in")])
        assert (len(rows), left) == (2, 1)


async def test_a_path_that_is_not_there_is_said(place: Path) -> None:
    async with moving(place) as (_, files):
        with pytest.raises(NotFound, match="nowhere"):
            await files.plan([str(place / "nowhere")])
        with pytest.raises(Unavailable, match="cannot be read"):
            await files.plan([str(place / ("x" * 300))])


async def test_a_file_that_vanishes_meanwhile_fails_alone(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with moving(place) as (loom, files):
        read = loom.mover._reader.read

        async def vanishing(path: str, **more: Any) -> Any:
            if path.endswith("a.txt"):
                os.unlink(path)
            return await read(path, **more)

        monkeypatch.setattr(loom.mover._reader, "read", vanishing)
        rows, _ = await files.plan([str(place / "in")])
    assert rows[0]["status"] == "failed"
    assert "no longer there" in rows[0]["message"]
    assert len(rows) == 3


async def test_a_plan_reads_no_file_that_a_link_has_come_to_stand_for(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "secret.txt").write_text(INVOICE)
    async with moving(place) as (loom, files):
        read = loom.mover._reader.read
        told = list[str]()

        async def swapped(path: str, **more: Any) -> Any:
            os.unlink(path)
            os.symlink(place / "secret.txt", path)
            document = await read(path, **more)
            told.append(document.text)
            return document

        monkeypatch.setattr(loom.mover._reader, "read", swapped)
        await files.plan([str(place / "in")])
    assert told == []


# -------------------------------------------------------------------- moves
async def test_an_act_is_written_down_and_undone_from_what_was_written(place: Path) -> None:
    before = tree(place / "in")
    async with moving(place) as (loom, files):
        act, moved, failed = await files.move(pairs(place, "a.txt", "b.txt"), words="2 files")
        assert (len(moved), failed) == (2, [])
        kept = await loom.store.acts.get(act)
        assert (kept.state, kept.agent, kept.thread) == ("done", "downloads", CAUSE.begins)
        assert [step.state for step in kept.steps] == ["done", "done", "done"]
    async with moving(place) as (_, files):
        undone, refused = await files.undo(0)
        assert (len(undone), refused) == (2, [])
    assert not (place / "docs/x").exists(), "folders that were made for it go again"
    assert {k: v[:2] for k, v in tree(place / "in").items()} == {
        k: v[:2] for k, v in before.items()
    }


async def test_one_that_fails_stops_no_other(place: Path) -> None:
    async with moving(place) as (loom, files):
        wanted = pairs(place, "a.txt", "gone.txt", "b.txt")
        act, moved, failed = await files.move(wanted, words="3 files")
        assert len(moved) == 2
        assert failed == [{"path": wanted[1][0], "name": "gone.txt", "reason": failed[0]["reason"]}]
        assert "not there" in failed[0]["reason"]
        kept = await loom.store.acts.get(act)
        assert kept.outcome == "2 of 3 files moved"
        assert [step.state for step in kept.steps][:3] == ["done", "failed", "done"]
        undone, _ = await files.undo(act)
        assert len(undone) == 2


async def test_nothing_outside_the_granted_folders_is_moved(place: Path) -> None:
    (place / "private.txt").write_text("x")
    async with moving(place) as (loom, files):
        for wanted in (
            (str(place / "private.txt"), str(place / "docs/a")),
            (str(place / "in/a.txt"), str(place / "a")),
            (str(place / "in/a.txt"), str(loom.paths.data / "a")),
        ):
            _, moved, failed = await files.move([wanted], words="1 file")
            assert not moved
            assert failed
    assert (place / "private.txt").exists()
    assert (place / "in/a.txt").exists()


async def test_nothing_to_move_is_no_act(place: Path) -> None:
    async with moving(place) as (loom, files):
        with pytest.raises(UsageError):
            await files.move([], words="0 files")
        assert not await loom.store.acts.recent()


async def test_a_cancel_finishes_the_file_in_hand_and_writes_it_down(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with moving(place) as (loom, files):
        begun, go, loop = asyncio.Event(), asyncio.Event(), asyncio.get_running_loop()
        real = moves.move

        def slow(*arguments: Any) -> moves.Moved:
            loop.call_soon_threadsafe(begun.set)
            asyncio.run_coroutine_threadsafe(go.wait(), loop).result(10)
            return real(*arguments)

        monkeypatch.setattr(moves, "move", slow)
        work = loom.tasks.run("move", files.move(pairs(place, "a.txt", "b.txt"), words="2 files"))
        async with asyncio.timeout(10):
            await begun.wait()
            work.cancel()
            await asyncio.sleep(0)
            go.set()
            with pytest.raises(asyncio.CancelledError):
                await work
        (act,) = await loom.store.acts.recent()
        assert (act.state, act.outcome) == ("done", "1 of 2 files moved")
        assert [step.state for step in act.steps][:2] == ["done", "planned"]
        assert (place / "docs/x/a.txt").exists()
        assert (place / "in/b.txt").exists()
        undone, _ = await files.undo(0)
        assert len(undone) == 1


async def test_what_cannot_be_written_down_is_moved_back(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree(place / "in")
    async with moving(place) as (loom, files):
        step = loom.store.acts.step

        async def full(act: int, number: int, state: str, **more: Any) -> None:
            if state == "done":
                raise Unavailable("The disk is full.")
            await step(act, number, state, **more)

        monkeypatch.setattr(loom.store.acts, "step", full)
        _, moved, failed = await files.move(pairs(place, "a.txt"), words="1 file")
        assert not moved
        assert failed[0]["reason"] == "The disk is full."
    assert list(tree(place / "in")) == list(before)


# -------------------------------------------------------------------- undo
async def test_undo_says_what_it_refuses_and_why(place: Path) -> None:
    async with moving(place) as (_, files):
        act, _, _ = await files.move(pairs(place, "a.txt", "b.txt", "c.txt"), words="3 files")
        (place / "docs/x/a.txt").write_text("changed since")
        (place / "in/b.txt").write_text("somebody else's")
        undone, refused = await files.undo(act)
        assert [one.source for one in undone] == [str(place / "in/c.txt")]
        reasons = {one["path"]: one["reason"] for one in refused}
        assert "changed since" in reasons[str(place / "docs/x/a.txt")]
        assert "another file" in reasons[str(place / "docs/x/b.txt")]
        (place / "in/b.txt").unlink()
        undone, refused = await files.undo(act)
        assert len(undone) == 1
        assert len(refused) == 1
    assert (place / "in/b.txt").read_text() == "b.txt"


async def test_undo_twice_is_told_and_moves_nothing(place: Path) -> None:
    async with moving(place) as (_, files):
        with pytest.raises(NotFound, match="nothing to undo"):
            await files.undo(0)
        act, _, _ = await files.move(pairs(place, "a.txt"), words="a.txt to x")
        await files.undo(act)
        with pytest.raises(Denied, match="undone already"):
            await files.undo(act)
        act, _, _ = await files.move(pairs(place, "gone.txt"), words="gone.txt to x")
        with pytest.raises(Denied, match="moved nothing"):
            await files.undo(act)
        with pytest.raises(NotFound):
            await files.undo(act + 1)


async def test_two_undos_at_once_move_each_file_once(place: Path) -> None:
    async with moving(place) as (loom, files):
        act, _, _ = await files.move(pairs(place, "a.txt", "b.txt", "c.txt"), words="3 files")
        outcomes = await asyncio.gather(
            files.undo(act), files.undo(0), files.undo(act), return_exceptions=True
        )
        assert [isinstance(one, tuple) for one in outcomes].count(True) == 1
        assert all("undone already" in str(one) for one in outcomes if not isinstance(one, tuple))
        kept = await loom.store.acts.get(act)
        assert kept.state == "undone"
        assert {step.state for step in kept.steps} == {"undone"}
        assert not await loom.store.acts.undoable(limit=1)
        undone = [one for done in outcomes if isinstance(done, tuple) for one in done[0]]
        assert sorted(Path(one.source).name for one in undone) == ["a.txt", "b.txt", "c.txt"]
    assert sorted(os.listdir(place / "in")) == ["a.txt", "b.txt", "c.txt"]


async def test_only_the_file_itself_was_taken_back_and_not_another_of_its_name(
    place: Path,
) -> None:
    async with moving(place) as (_, files):
        act, _, _ = await files.move(pairs(place, "a.txt", "b.txt", "c.txt"), words="3 files")
        assert await files.taken_back() == set()
        await files.undo(act)
        assert await files.taken_back() == {str(place / "in" / f"{one}.txt") for one in "abc"}
        (place / "in/a.txt").unlink()
        (place / "in/a.txt").write_text("another download")
        os.utime(place / "in/b.txt", ns=(1, 1))
        assert await files.taken_back() == {str(place / "in/c.txt")}
