from __future__ import annotations

import asyncio
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from loom_desktop.errors import Unavailable
from loom_desktop.sources import Report
from loom_desktop.sources.files import Files, Settings, Signature

ROOT = Path(__file__).resolve().parents[3]


class Table:
    """The store's table of known files, in memory."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Signature]] = {}
        self.full = False

    async def load(self, folder: str) -> dict[str, Signature]:
        return dict(self.rows.get(folder, {}))

    async def remember(self, folder: str, rows: Mapping[str, Signature]) -> None:
        if self.full:
            raise Unavailable("The disk is full.", hint="Free some space.")
        self.rows.setdefault(folder, {}).update(rows)

    async def forget(self, folder: str, paths: Collection[str]) -> None:
        for path in paths:
            self.rows.get(folder, {}).pop(path, None)


class Watching:
    """What one run of the source published."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.events: list[tuple[str, dict[str, Any]]] = []

    def publish(self, topic: str, /, **payload: Any) -> None:
        msgspec.msgpack.encode(payload)
        self.events.append((topic, payload))

    def names(self, topic: str = "file.created") -> list[str]:
        return [os.path.basename(p["path"]) for t, p in self.events if t == topic]

    async def until(self, what: Callable[[], object], timeout_s: float = 10) -> None:
        async with asyncio.timeout(timeout_s):
            while not what():
                await asyncio.sleep(0.005)

    async def until_created(self, *names: str) -> None:
        try:
            await self.until(lambda: set(names) <= set(self.names()))
        except TimeoutError:
            raise AssertionError(f"waited for {names}, there was {self.events}") from None

    async def until_watched(self, folder: Path) -> None:
        """Also looked through: what was there before is known, or published."""
        await self.until(lambda: _settled(self.files, folder))


def _settled(files: Files, folder: Path) -> bool:
    one = files._folders.get(str(folder))
    return one is not None and one.known is not None and not one.lost and one.identity is not None


@asynccontextmanager
async def watching(
    folder: Path, known: Table | None = None, settle_s: float = 0.05
) -> AsyncIterator[Watching]:
    files = Files(Settings(enabled=True, folders=(str(folder),), settle_s=settle_s), known=known)
    watch = Watching(files)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(files.run(watch.publish))
        if folder.is_dir():
            await watch.until_watched(folder)
        try:
            yield watch
        finally:
            task.cancel()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "Downloads"
    path.mkdir()
    return path


async def test_a_file_that_is_written_and_closed_is_published_once(folder: Path) -> None:
    async with watching(folder) as watch:
        (folder / "a.pdf").write_bytes(b"x" * 10)
        await watch.until_created("a.pdf")
        (folder / "z").write_text("z")
        await watch.until_created("z")
    assert watch.names() == ["a.pdf", "z"]
    topic, payload = watch.events[0]
    assert topic == "file.created"
    assert payload == {
        "path": str(folder / "a.pdf"),
        "size_bytes": 10,
        "mtime": (folder / "a.pdf").stat().st_mtime,
        "folder": str(folder),
        "missed": False,
    }


async def test_a_firefox_download_is_published_when_it_is_renamed(folder: Path) -> None:
    async with watching(folder) as watch:
        for part in ("a.pdf.part", "b.Kx81_zQ2.pdf.part"):
            name = part[0] + ".pdf"
            (folder / name).touch()
            with (folder / part).open("wb") as file:
                file.write(b"x" * 1000)
                (folder / f"beside {name}").write_text("z")
                await watch.until_created(f"beside {name}")
                # as long as the placeholder of nobody takes to be believed in
                (folder / f"empty beside {name}").touch()
                await watch.until_created(f"empty beside {name}")
                assert name not in watch.names()
            (folder / part).rename(folder / name)
            await watch.until_created(name)
    assert watch.names().count("a.pdf") == watch.names().count("b.pdf") == 1
    assert [p["size_bytes"] for _, p in watch.events if p["path"].endswith("/a.pdf")] == [1000]


@pytest.mark.parametrize(
    "partial",
    ["Unconfirmed 123.crdownload", "b.zip.crdownload", "b.zip.opdownload", "b.zip.partial"],
)
async def test_a_chromium_download_is_published_when_it_is_renamed(
    folder: Path, partial: str
) -> None:
    async with watching(folder) as watch:
        (folder / partial).write_bytes(b"x")
        (folder / "z").write_text("z")
        await watch.until_created("z")
        (folder / partial).rename(folder / "b.zip")
        await watch.until_created("b.zip")
    assert watch.names() == ["z", "b.zip"]


async def test_a_download_of_aria2_is_published_when_its_control_file_goes(folder: Path) -> None:
    async with watching(folder) as watch:
        (folder / "a.iso.aria2").write_bytes(b"x")
        (folder / "a.iso").write_bytes(b"x" * 100)
        (folder / "z").write_text("z")
        await watch.until_created("z")
        assert watch.names() == ["z"]
        (folder / "a.iso.aria2").unlink()
        await watch.until_created("a.iso")


async def test_a_safari_bundle_is_not_published_but_the_file_that_leaves_it(folder: Path) -> None:
    async with watching(folder) as watch:
        bundle = folder / "a.pdf.download"
        bundle.mkdir()
        (bundle / "a.pdf").write_bytes(b"x")
        (bundle / "a.pdf").rename(folder / "a.pdf")
        shutil.rmtree(bundle)
        await watch.until_created("a.pdf")
    assert watch.names() == ["a.pdf"]


async def test_a_download_over_an_old_file_is_published(folder: Path) -> None:
    (folder / "a.pdf").write_text("old")
    async with watching(folder) as watch:
        (folder / "a.pdf.part").write_text("newer")
        (folder / "a.pdf.part").rename(folder / "a.pdf")
        await watch.until_created("a.pdf")


async def test_a_file_moved_in_is_published(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("x")
    async with watching(folder) as watch:
        (tmp_path / "c.txt").rename(folder / "c.txt")
        await watch.until_created("c.txt")


async def test_a_folder_moved_in_is_left_alone(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_text("x")
    async with watching(folder) as watch:
        (tmp_path / "photos").rename(folder / "photos")
        (folder / "photos" / "b.jpg").write_text("x")
        (folder / "z").write_text("z")
        await watch.until_created("z")
    assert watch.names() == ["z"]


async def test_a_file_still_open_for_writing_is_waited_for(folder: Path) -> None:
    async with watching(folder) as watch:
        with (folder / "slow.bin").open("wb") as file:
            for number in range(5):
                file.write(b"x" * 100)
                file.flush()
                (folder / f"z{number}").write_text("z")
                await watch.until_created(f"z{number}")
            assert "slow.bin" not in watch.names()
        await watch.until_created("slow.bin")
    assert [p["size_bytes"] for _, p in watch.events if "slow" in p["path"]] == [500]


async def test_where_nobody_tells_who_writes_a_file_must_stand_still(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on other systems and on disks over the network."""
    looks: list[int] = []

    def nobody_can_tell(path: str) -> None:
        looks.append(os.stat(path).st_size)
        if len(looks) < 4:  # it grows between any two looks
            with open(path, "ab") as file:
                file.write(b"x")

    monkeypatch.setattr("loom_desktop.sources.files.being_written", nobody_can_tell)
    async with watching(folder) as watch:
        (folder / "grows").write_bytes(b"x")
        await watch.until_created("grows")
    assert [p["size_bytes"] for _, p in watch.events] == [4]


async def test_an_empty_file_is_published_after_a_while_and_again_when_it_has_content(
    folder: Path,
) -> None:
    async with watching(folder) as watch:
        (folder / "empty.txt").touch()
        await watch.until_created("empty.txt")
        (folder / "empty.txt").write_text("now")
        await watch.until(lambda: len(watch.events) == 2)
    assert [p["size_bytes"] for _, p in watch.events] == [0, 3]


@pytest.mark.parametrize(
    "name", [".hidden", "~$letter.docx", ".~lock.a.odt#", ".goutputstream-X1", "a.txt~", "x.tmp"]
)
async def test_locks_and_temporary_files_are_left_alone(folder: Path, name: str) -> None:
    async with watching(folder) as watch:
        (folder / name).write_text("x")
        (folder / "z").write_text("z")
        await watch.until_created("z")
        (folder / name).unlink()
        (folder / "z2").write_text("z")
        await watch.until_created("z2")
    assert [t for t, _ in watch.events] == ["file.created"] * 2


async def test_symbolic_links_and_special_files_are_left_alone(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("secret")
    async with watching(folder) as watch:
        (folder / "out").symlink_to(tmp_path / "secret")
        (folder / "loop").symlink_to(folder / "loop")
        os.mkfifo(folder / "pipe")
        (folder / "z").write_text("z")
        await watch.until_created("z")
        watch.files.rescan()
        (folder / "z2").write_text("z")
        await watch.until_created("z2")
    assert watch.names() == ["z", "z2"]


@pytest.mark.parametrize(
    "name", ["two\nlines.txt", "\u202egnp.exe", "emoji \U0001f600", " ", "-rf", "a" * 255]
)
async def test_any_name_that_is_text_is_data(folder: Path, name: str) -> None:
    async with watching(folder) as watch:
        (folder / name).write_text("x")
        await watch.until_created(name)


async def test_a_name_that_is_not_utf8_is_counted_and_left_alone(folder: Path) -> None:
    async with watching(folder) as watch:
        with open(os.fsencode(folder) + b"/bad\xff.txt", "wb") as file:
            file.write(b"x")
        (folder / "z").write_text("z")
        await watch.until_created("z")
        watch.files.rescan()
        await watch.until_watched(folder)
        report = watch.files.report()
    assert watch.names() == ["z"]
    assert report.facts
    assert report.facts["names_not_utf8"] == 1
    assert "not UTF-8" in report.detail


async def test_a_file_that_vanishes_before_it_settled_is_nothing(folder: Path) -> None:
    async with watching(folder) as watch:
        (folder / "brief").write_text("x")
        (folder / "brief").unlink()
        (folder / "z").write_text("z")
        await watch.until_created("z")
    assert watch.events[0][1]["path"] == str(folder / "z")
    assert len(watch.events) == 1


async def test_a_file_removed_is_told(folder: Path, tmp_path: Path) -> None:
    (folder / "old.txt").write_text("x")
    async with watching(folder) as watch:
        (folder / "a.txt").write_text("x")
        await watch.until_created("a.txt")
        (folder / "a.txt").unlink()
        (folder / "old.txt").rename(tmp_path / "old.txt")
        await watch.until(lambda: len(watch.names("file.removed")) == 2)
    assert watch.events[1:] == [
        ("file.removed", {"path": str(folder / "a.txt")}),
        ("file.removed", {"path": str(folder / "old.txt")}),
    ]


async def test_a_file_that_is_edited_or_renamed_is_not_a_new_file(folder: Path) -> None:
    async with watching(folder) as watch:
        (folder / "a.txt").write_text("x")
        await watch.until_created("a.txt")
        (folder / "a.txt").write_text("longer")
        (folder / "z").write_text("z")
        await watch.until_created("z")
        (folder / ".goutputstream-1").write_text("saved as editors do")
        (folder / ".goutputstream-1").rename(folder / "a.txt")
        (folder / "z2").write_text("z")
        await watch.until_created("z2")
        (folder / "a.txt").rename(folder / "b.txt")
        await watch.until(lambda: watch.names("file.removed") == ["a.txt"])
        (folder / "z3").write_text("z")
        await watch.until_created("z3")
    assert watch.names() == ["a.txt", "z", "z2", "z3"]


async def test_what_was_there_at_the_very_first_start_is_remembered_not_published(
    folder: Path,
) -> None:
    table = Table()
    (folder / "old.txt").write_text("x")
    async with watching(folder, table) as watch:
        (folder / "z").write_text("z")
        await watch.until_created("z")
    assert watch.names() == ["z"]
    assert set(table.rows[str(folder)]) == {str(folder), str(folder / "old.txt"), str(folder / "z")}


@pytest.mark.parametrize("before", [["old.txt"], []], ids=["some files", "an empty folder"])
async def test_what_appeared_while_not_running_is_published_as_missed(
    folder: Path, before: list[str]
) -> None:
    table = Table()
    for name in before:
        (folder / name).write_text("x")
    async with watching(folder, table):
        pass
    (folder / "meanwhile.pdf").write_text("x")
    (folder / "under way.pdf.part").write_text("x")
    for name in before:
        (folder / name).unlink()
    async with watching(folder, table) as watch:
        await watch.until_created("meanwhile.pdf")
        await watch.until(lambda: watch.names("file.removed") == before)
        (folder / "live").write_text("x")
        await watch.until_created("live")
    assert {os.path.basename(p["path"]): p["missed"] for t, p in watch.events if "missed" in p} == {
        "meanwhile.pdf": True,
        "live": False,
    }
    async with watching(folder, table) as watch:
        (folder / "z").write_text("z")
        await watch.until_created("z")
    assert watch.names() == ["z"], "nothing is told of twice"


async def test_a_store_that_fails_is_told_and_costs_no_event(folder: Path) -> None:
    table = Table()
    async with watching(folder, table) as watch:
        table.full = True
        (folder / "a").write_text("x")
        await watch.until_created("a")
        await watch.until(lambda: "The disk is full." in watch.files.report().detail)
        table.full = False
        (folder / "b").write_text("x")
        await watch.until_created("b")
        await watch.until(lambda: "The disk is full." not in watch.files.report().detail)


async def test_of_a_storm_none_is_lost_and_the_loop_goes_on(folder: Path) -> None:
    async with watching(folder) as watch:
        worst, last = 0.0, time.monotonic()

        def tick() -> None:
            nonlocal worst, last
            now = time.monotonic()
            worst, last = max(worst, now - last), now

        make = threading.Thread(
            target=lambda: [(folder / f"s{n}").write_bytes(b"x") for n in range(5000)]
        )
        make.start()
        async with asyncio.timeout(40):
            while len(watch.events) < 5000:
                await asyncio.sleep(0.002)
                tick()
        make.join()
        (folder / "z").write_text("z")
        await watch.until_created("z")
    assert sorted(watch.names()) == sorted([f"s{n}" for n in range(5000)] + ["z"])
    assert worst < 1, "one batch at a time"


async def test_more_changes_than_are_kept_are_found_by_looking(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loom_desktop.sources.files._MOST_DUE", 50)
    async with watching(folder) as watch:
        for number in range(500):
            (folder / f"s{number}").write_bytes(b"x")
        await watch.until(lambda: len(watch.events) >= 500, 20)
        assert len(watch.files._due) <= 50
    assert sorted(watch.names()) == sorted(f"s{n}" for n in range(500))


async def test_after_an_overflow_everything_is_looked_at(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(folder) as watch:
        heard: list[str] = []
        with monkeypatch.context() as deaf:
            deaf.setattr(watch.files, "_touch", lambda _, path, **__: heard.append(path))
            (folder / "lost.txt").write_text("x")
            await watch.until(lambda: len(heard) == 2)  # created and closed
        logging.getLogger("watchdog.observers.inotify_c").warning(
            "Inotify queue overflowed; filesystem events were lost"
        )
        await watch.until_created("lost.txt")
        report = watch.files.report()
    assert report.facts
    assert report.facts["overflows"] == 1
    assert not watch.events[0][1]["missed"]


_STORM = """
import asyncio, os, signal, subprocess, sys
from loom_desktop.sources.files import Files, Settings

folder, count = sys.argv[1], int(sys.argv[2])
names = []
make = '''
import os, sys, time, signal
parent, folder, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
os.kill(parent, signal.SIGSTOP)
try:
    for number in range(count):
        os.close(os.open(f"{folder}/{number}", os.O_CREAT | os.O_WRONLY))
finally:
    os.kill(parent, signal.SIGCONT)
'''

async def main():
    files = Files(Settings(enabled=True, folders=(folder,), settle_s=0.05))
    task = asyncio.get_running_loop().create_task(
        files.run(lambda topic, **payload: names.append(payload["path"]))
    )
    while not files.report().working or not list(files._folders.values())[0].known is not None:
        await asyncio.sleep(0.01)
    child = subprocess.Popen([sys.executable, "-c", make, str(os.getpid()), folder, str(count)])
    while len(names) < count:
        await asyncio.sleep(0.05)
    child.wait()
    print(len(names), len(set(names)), files.report().facts["overflows"])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

asyncio.run(main())
"""


@pytest.mark.skipif(
    sys.platform != "linux", reason="the queue that overflows is the one of inotify"
)
async def test_a_real_overflow_of_the_kernels_queue_loses_nothing(folder: Path) -> None:
    """The watching process stands still while more happens than the kernel keeps for it."""
    queue = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if queue > 40_000:
        pytest.skip(f"this machine keeps {queue} events; more files than that take too long")
    count = queue // 2 + 2000
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", _STORM, str(folder), str(count)],
        cwd=ROOT,
        timeout=50,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    published, different, overflows = map(int, done.stdout.split())
    assert published == different == count
    assert overflows >= 1


async def test_a_folder_that_is_missing_is_reported_and_watched_when_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loom_desktop.sources.files._FOLDERS_S", 0.05)
    folder = tmp_path / "Downloads"
    async with watching(folder) as watch:
        await watch.until(lambda: "is not there" in watch.files.report().detail)
        assert not watch.files.report().working
        assert watch.files.report().fix
        folder.mkdir()
        await watch.until_watched(folder)
        (folder / "a").write_text("x")
        await watch.until_created("a")
        assert watch.files.report().working


async def test_a_folder_that_goes_and_comes_back_is_caught_up_with(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a disk that is unmounted: its files were not removed, and those it brings are missed."""
    monkeypatch.setattr("loom_desktop.sources.files._FOLDERS_S", 0.05)
    (folder / "old").write_text("x")
    async with watching(folder) as watch:
        folder.rename(tmp_path / "away")
        await watch.until(lambda: not watch.files.report().working)
        (tmp_path / "away" / "new").write_text("x")
        (tmp_path / "away").rename(folder)
        await watch.until_created("new")
        (folder / "live").write_text("x")
        await watch.until_created("live")
    assert [p.get("missed") for _, p in watch.events] == [True, False]


async def test_a_file_that_cannot_be_seen_because_its_disk_went_was_not_removed(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "old").write_text("x")
    async with watching(folder) as watch:
        folder.rename(tmp_path / "away")
        watch.files._touch(watch.files._folders[str(folder)], str(folder / "old"))
        await watch.until(lambda: not watch.files.report().working)
        assert not watch.files._due
    assert watch.events == []


async def test_a_folder_that_is_removed_is_noticed_at_once(folder: Path) -> None:
    async with watching(folder) as watch:
        shutil.rmtree(folder)
        await watch.until(lambda: not watch.files.report().working, 4)


async def test_the_limit_of_watches_is_told_and_the_folder_looked_through_instead(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loom_desktop.sources.files._SCAN_S", 0.05)
    monkeypatch.setattr("loom_desktop.sources.files._FOLDERS_S", 0.05)

    def none_left(_: object, path: str) -> None:
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr("loom_desktop.driver.watched.Watched.watch", none_left)
    async with watching(folder) as watch:
        report = watch.files.report()
        assert "max_user_watches" in report.detail
        assert "sysctl" in report.fix
        assert not report.working
        (folder / "a").write_text("x")
        await watch.until_created("a")


async def test_a_folder_behind_a_link_is_watched_under_its_real_name(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(folder)
    files = Files(Settings(enabled=True, folders=(str(tmp_path / "link"),), settle_s=0.05))
    watch = Watching(files)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(files.run(watch.publish))
        await watch.until_watched(folder)
        (folder / "a").write_text("x")
        await watch.until_created("a")
        task.cancel()
    assert watch.events[0][1]["path"] == str(folder / "a")


async def test_settings_may_change_while_it_runs(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    async with watching(folder) as watch:
        watch.files.change(Settings(enabled=True, folders=(str(other),), settle_s=0.05))
        await watch.until_watched(other)
        (folder / "a").write_text("x")
        (other / "b").write_text("x")
        await watch.until_created("b")
        watch.files.change(Settings(enabled=False))
        await watch.until(lambda: not watch.files._folders)
    assert watch.names() == ["b"]


async def test_rescan_finds_what_no_event_told(folder: Path) -> None:
    async with watching(folder) as watch:
        known = watch.files._folders[str(folder)].known
        assert known is not None
        (folder / "a").write_text("x")
        await watch.until_created("a")
        del known[str(folder / "a")]  # as if nobody had told
        threading.Thread(target=watch.files.rescan).start()
        await watch.until(lambda: watch.names() == ["a", "a"])
    assert watch.events[1][1]["missed"]


async def test_cancelled_it_ends_within_a_second_and_leaves_no_thread(folder: Path) -> None:
    before = set(threading.enumerate())
    async with watching(folder, settle_s=5) as watch:
        (folder / "a").write_text("x")
        await watch.until(lambda: watch.files._due)
        (folder / "a").rename(folder.parent / "a")  # watchdog waits for the other half of a move
        began = time.monotonic()
    assert time.monotonic() - began < 1
    left = {one.name for one in set(threading.enumerate()) - before}
    assert not {name for name in left if not name.startswith("asyncio")}
    assert not logging.getLogger("watchdog.observers.inotify_c").handlers


def test_before_it_runs_it_says_what_is_switched_off() -> None:
    report = Files(Settings()).report()
    assert report == Report(
        False, detail="No folder is watched.", fix="Switch watched folders on in the settings."
    )


def test_nothing_heavy_is_imported_before_it_runs() -> None:
    code = "import sys, loom_desktop.sources.files; print('watchdog' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
