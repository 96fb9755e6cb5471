from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest

from loom_desktop.driver.watched import Watched
from tests.screen import wait_for


def test_it_tells_of_each_change_and_of_the_folders_end(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    seen: list[tuple[str, str, str]] = []
    gone: list[str] = []
    watched = Watched(lambda *told: seen.append(told), lambda: None, gone.append)
    try:
        watched.watch(str(folder))
        (folder / "a").write_text("x")
        (folder / "a").rename(folder / "b")
        (folder / "below").mkdir()
        (folder / "b").unlink()
        (folder / "below").rmdir()
        folder.rmdir()
        wait_for(lambda: gone, "end of the folder")
        watched.watch(str(tmp_path))
    finally:
        watched.close()
    a, b = str(folder / "a"), str(folder / "b")
    assert seen == [(str(folder), *one) for one in [(a, ""), (a, ""), (a, ""), (b, a), (b, "")]]
    assert gone == [str(folder)]


def test_only_changes_we_asked_for_cost_room_in_the_kernels_queue(tmp_path: Path) -> None:
    watched = Watched(lambda *_: None, lambda: None, lambda _: None)
    try:
        watched.watch(str(tmp_path))
        info = "".join(p.read_text() for p in _inotify_descriptors())
    finally:
        watched.close()
    masks = {
        int(line.split("mask:")[1].split()[0], 16) for line in info.splitlines() if "wd:" in line
    }
    opened_modified_or_read = 0x20 | 0x02 | 0x01 | 0x10
    assert masks
    assert all(mask & opened_modified_or_read == 0 for mask in masks)


def _inotify_descriptors() -> list[Path]:
    found = []
    for one in Path("/proc/self/fdinfo").iterdir():
        try:
            if "inotify" in one.read_text():
                found.append(one)
        except OSError:
            continue
    if not found:
        pytest.skip("this system shows no inotify descriptors")
    return found


def test_an_overflow_in_watchdogs_log_is_told_until_it_is_closed(tmp_path: Path) -> None:
    lost: list[int] = []
    watched = Watched(lambda *_: None, lambda: lost.append(1), lambda _: None)
    logger = logging.getLogger("watchdog.observers.inotify_c")
    watched.watch(str(tmp_path))
    logger.warning("something else")
    assert lost == []
    logger.warning("Inotify queue overflowed; filesystem events were lost")
    assert lost == [1]
    watched.close()
    logger.warning("Inotify queue overflowed; filesystem events were lost")
    assert lost == [1]


def test_a_folder_that_is_not_there_raises(tmp_path: Path) -> None:
    watched = Watched(lambda *_: None, lambda: None, lambda _: None)
    with pytest.raises(OSError, match="No such file"):
        watched.watch(str(tmp_path / "none"))
    watched.close()


def test_closed_it_starts_nothing_any_more(tmp_path: Path) -> None:
    before = threading.active_count()
    watched = Watched(lambda *_: None, lambda: None, lambda _: None)
    watched.close()
    watched.watch(str(tmp_path))
    assert threading.active_count() == before
