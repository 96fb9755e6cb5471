"""The room that is put by."""

from __future__ import annotations

from pathlib import Path

from loom_desktop.store.ballast import Ballast


def test_it_holds_real_blocks_and_lets_go_of_them(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "ballast", size_bytes=1 << 20, ample_bytes=0)
    assert ballast.fill()
    stat = ballast.path.stat()
    assert stat.st_size == 1 << 20
    assert stat.st_blocks * 512 >= 1 << 20
    assert stat.st_mode & 0o077 == 0
    assert ballast.fill()
    assert ballast.drop()
    assert not ballast.path.exists()
    assert not ballast.drop()


def test_it_is_not_made_where_there_is_little_room(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "ballast", size_bytes=1 << 20, ample_bytes=1 << 60)
    assert not ballast.fill()
    assert not ballast.path.exists()


def test_without_a_folder_it_is_not_there_and_nothing_is_raised(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "no" / "ballast", size_bytes=1 << 20, ample_bytes=0)
    assert not ballast.fill()
    assert ballast.free_bytes() > 0
