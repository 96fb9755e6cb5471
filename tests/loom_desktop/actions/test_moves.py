import errno
import hashlib
import os
import random
from pathlib import Path

import pytest

from loom_desktop.actions import folders as folders_module
from loom_desktop.actions import moves
from loom_desktop.actions.folders import Folders
from loom_desktop.errors import Denied, LoomError, NotFound, Unavailable, UsageError


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.txt").write_text("a")
    os.utime(tmp_path / "in/a.txt", ns=(1_000_000_000, 2_000_000_000))
    return tmp_path


def tree(root: Path) -> dict[str, tuple[str, int]]:
    return {
        str(path.relative_to(root)): (
            (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
            if path.is_file()
            else ("folder", 0)
        )
        for path in sorted(root.rglob("*"))
    }


def test_there_and_back_leaves_everything_as_it_was(place: Path) -> None:
    granted = Folders([place])
    before = tree(place)
    moved = moves.move(granted, place / "in/a.txt", place / "out/2026/b.txt")
    assert (place / "out/2026/b.txt").read_text() == "a"
    assert not (place / "in/a.txt").exists()
    moves.undo(granted, moved)
    assert tree(place) == before


def test_five_hundred_random_moves_are_undone_byte_for_byte(tmp_path: Path) -> None:
    dice = random.Random(7)
    granted = Folders([tmp_path])
    names = ["a.txt", "a (2).txt", "b", "ü.pdf", "x.tar.gz", "-dash", " space "]
    for number in range(60):
        folder = tmp_path / f"d{dice.randrange(6)}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}-{dice.choice(names)}").write_bytes(dice.randbytes(dice.randrange(400)))
    before = tree(tmp_path)
    done: list[moves.Moved] = []
    for _ in range(500):
        source = dice.choice([path for path in tmp_path.rglob("*") if path.is_file()])
        target = tmp_path / f"e{dice.randrange(5)}" / f"f{dice.randrange(4)}" / dice.choice(names)
        done.append(moves.move(granted, source, target))
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 60
    for moved in reversed(done):
        moves.undo(granted, moved)
    assert tree(tmp_path) == before


def test_a_name_that_is_taken_gets_a_number(place: Path) -> None:
    granted = Folders([place])
    (place / "out").mkdir()
    (place / "out/a.txt").write_text("old")
    (place / "out/a (2).txt").write_text("older")
    moved = moves.move(granted, place / "in/a.txt", place / "out/a.txt")
    assert moved.target == str(place / "out/a (3).txt")
    assert (place / "out/a.txt").read_text() == "old"


def test_undo_refuses_what_was_changed_since(place: Path) -> None:
    granted = Folders([place])
    moved = moves.move(granted, place / "in/a.txt", place / "out/a.txt")
    stat = (place / "out/a.txt").stat()
    (place / "out/a.txt").write_text("b")
    os.utime(place / "out/a.txt", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(Denied, match="changed since"):
        moves.undo(granted, moved)
    assert (place / "out/a.txt").read_text() == "b"


def test_undo_never_replaces_what_came_meanwhile(place: Path) -> None:
    granted = Folders([place])
    moved = moves.move(granted, place / "in/a.txt", place / "out/a.txt")
    (place / "in/a.txt").write_text("new")
    with pytest.raises(Denied, match="another file"):
        moves.undo(granted, moved)
    assert (place / "in/a.txt").read_text() == "new"
    assert (place / "out/a.txt").read_text() == "a"


def test_undo_says_when_the_file_is_gone(place: Path) -> None:
    granted = Folders([place])
    moved = moves.move(granted, place / "in/a.txt", place / "out/a.txt")
    (place / "out/a.txt").unlink()
    with pytest.raises(NotFound, match="not there any more"):
        moves.undo(granted, moved)


@pytest.mark.parametrize("name", ["a\nb.txt", "a\u202eb.txt", "x" * 300])
def test_a_bad_name_changes_nothing(place: Path, name: str) -> None:
    before = tree(place)
    with pytest.raises(UsageError):
        moves.move(Folders([place]), place / "in/a.txt", place / "out" / name)
    assert tree(place) == before


def test_outside_of_the_granted_folders_nothing_moves(place: Path, tmp_path: Path) -> None:
    granted = Folders([place / "in"])
    before = tree(place)
    with pytest.raises(Denied):
        moves.move(granted, place / "in/a.txt", place / "out/a.txt")
    assert tree(place) == before


def test_a_failed_move_leaves_no_empty_folders(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(moves, "rename", full)
    before = tree(place)
    with pytest.raises(LoomError, match="no space"):
        moves.move(Folders([place]), place / "in/a.txt", place / "out/deep/a.txt")
    assert tree(place) == before


@pytest.fixture
def another_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is moved lies on another disk than where it shall go."""
    real = folders_module.rename

    def other_disk(source_folder: int, source: str, target_folder: int, target: str) -> None:
        if not source.endswith(".loom-part"):
            raise OSError(errno.EXDEV, "other disk")
        real(source_folder, source, target_folder, target)

    monkeypatch.setattr(moves, "rename", other_disk)


@pytest.mark.usefixtures("another_disk")
def test_to_another_disk_it_is_copied_compared_and_then_moved(place: Path) -> None:
    before = tree(place)
    moved = moves.move(Folders([place]), place / "in/a.txt", place / "out/a.txt")
    assert tree(place / "out") == {"a.txt": before["in/a.txt"]}
    moves.undo(Folders([place]), moved)
    assert tree(place) == before


@pytest.mark.parametrize("how", ["written", "replaced", "gone"])
def test_a_source_that_changes_during_the_copy_stays_and_the_copy_goes(
    how: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, source = folders_module.rename, place / "in/a.txt"

    def other_disk(source_folder: int, name: str, target_folder: int, target: str) -> None:
        if not name.endswith(".loom-part"):
            raise OSError(errno.EXDEV, "other disk")
        real(source_folder, name, target_folder, target)
        if how == "written":
            source.write_text("b")
        else:
            source.unlink()
        if how == "replaced":
            source.write_text("new")

    monkeypatch.setattr(moves, "rename", other_disk)
    if how == "gone":  # then the copy is all there is
        moves.move(Folders([place]), source, place / "out/a.txt")
        assert (place / "out/a.txt").read_text() == "a"
        return
    with pytest.raises(Unavailable, match="changed while it was copied"):
        moves.move(Folders([place]), source, place / "out/a.txt")
    assert source.read_text() == {"written": "b", "replaced": "new"}[how]
    assert not (place / "out").exists()


@pytest.mark.usefixtures("another_disk")
def test_the_half_of_a_copy_that_a_crash_left_is_replaced(place: Path) -> None:
    (place / "out").mkdir()
    (place / "out/.a.txt.loom-part").write_text("half")
    moves.move(Folders([place]), place / "in/a.txt", place / "out/a.txt")
    assert os.listdir(place / "out") == ["a.txt"]
    assert (place / "out/a.txt").read_text() == "a"
