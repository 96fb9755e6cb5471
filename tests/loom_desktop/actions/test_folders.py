import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.actions.folders import Folders, check_name, rename, shown
from loom_desktop.errors import Denied, NotFound, UsageError


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "granted/inner").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "granted/a.txt").write_text("a")
    return tmp_path


def test_what_lies_inside_is_covered_and_nothing_else(place: Path) -> None:
    folders = Folders([place / "granted"], never=[place / "granted/own"])
    (place / "granted/link").symlink_to(place / "outside")
    (place / "granted/own").mkdir()
    (place / "granted/.ssh").mkdir()
    covered = {
        "granted": True,
        "granted/a.txt": True,
        "granted/inner/new/deep.txt": True,
        "granted/../outside/x": False,
        "outside/x": False,
        "granted/link/x": False,
        "granted/own/loom.db": False,
        "granted/.ssh/id": False,
        "grantedness/x": False,
        "granted/nul\0": False,
    }
    assert {path: folders.covers(str(place / path)) for path in covered} == covered


def test_a_granted_folder_that_is_a_link_works_by_both_names(place: Path) -> None:
    (place / "way").symlink_to(place / "granted")
    folders = Folders([place / "way"])
    assert folders.covers(place / "way/a.txt")
    assert folders.covers(place / "granted/a.txt")


def test_a_link_on_the_way_is_refused_when_it_is_opened(place: Path) -> None:
    folders = Folders([place / "granted"])
    (place / "granted/link").symlink_to(place / "granted/inner")
    with pytest.raises(Denied), folders.opened(place / "granted/link"):
        pass


def test_folders_are_made_only_when_told_and_are_named(place: Path) -> None:
    folders = Folders([place / "granted"])
    new = place / "granted/x/y"
    with pytest.raises(NotFound), folders.opened(new):
        pass
    with folders.opened(new, make=True) as (descriptor, made):
        assert os.fstat(descriptor).st_ino == new.stat().st_ino
    assert made == [place / "granted/x", new]


def test_only_ordinary_files_with_one_name_are_taken(place: Path) -> None:
    folders = Folders([place / "granted"])
    granted = place / "granted"
    (granted / "link").symlink_to(granted / "a.txt")
    (granted / "hard").write_text("h")
    os.link(granted / "hard", place / "outside/hard")
    os.mkfifo(granted / "pipe")
    with folders.opened(granted) as (descriptor, _):
        assert folders.regular(descriptor, "a.txt", granted / "a.txt").st_size == 1
        for name in ("link", "hard", "pipe", "inner"):
            with pytest.raises(Denied):
                folders.regular(descriptor, name, granted / name)
        with pytest.raises(NotFound):
            folders.regular(descriptor, "none", granted / "none")


def test_a_rename_never_replaces(place: Path) -> None:
    granted = place / "granted"
    (granted / "b.txt").write_text("b")
    descriptor = os.open(granted, os.O_RDONLY)
    try:
        with pytest.raises(FileExistsError):
            rename(descriptor, "a.txt", descriptor, "b.txt")
        rename(descriptor, "a.txt", descriptor, "c.txt")
    finally:
        os.close(descriptor)
    assert (granted / "b.txt").read_text() == "b"
    assert (granted / "c.txt").read_text() == "a"


def test_an_escape_by_exchanging_a_folder_for_a_link_never_works(place: Path) -> None:
    """The folder is exchanged after it was checked; what was opened stays what it was."""
    folders = Folders([place / "granted"])
    inner, outside = place / "granted/inner", place / "outside"
    (outside / "secret").write_text("s")
    with folders.opened(inner) as (descriptor, _):
        inner.rmdir()
        inner.symlink_to(outside)
        with pytest.raises(NotFound):
            folders.regular(descriptor, "secret", inner / "secret")


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "a\0", "a\nb", "a\u202eb", "\u200b", "x" * 256, "a\x1b[0m"]
)
def test_names_that_hide_something_are_refused(name: str) -> None:
    with pytest.raises(UsageError):
        check_name(name)


@given(st.text())
def test_a_path_is_shown_in_one_line_that_cannot_be_turned_round(path: str) -> None:
    told = shown(path)
    assert "\n" not in told
    assert "\u202e" not in told
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in told)


def test_home_is_shown_short() -> None:
    assert shown(Path.home() / "Downloads") == "~/Downloads"


def test_our_own_folder_is_closed_but_for_what_was_granted_inside_it(place: Path) -> None:
    home = place / "granted/loom"
    (home / "Downloads").mkdir(parents=True)
    inside = {"a.pdf", "Downloads/a.pdf"}
    ours = {"loom.toml", "prices.toml", "x.py", "loom.sock", ".loom.toml.new", "agents/x.py"}

    def covered(granted: Path) -> set[str]:
        folders = Folders([place / "granted", granted], never=[home / "agents"], home=home)
        return {path for path in inside | ours if folders.covers(home / path)}

    assert covered(place / "granted") == set()
    assert covered(home / "Downloads") == {"Downloads/a.pdf"}
    assert covered(home) == inside
    assert Folders([place / "granted"], home=home).covers(place / "granted/a.txt")


def test_what_is_closed_is_closed_by_its_name_and_by_where_it_leads(place: Path) -> None:
    (place / "outside/.ssh").mkdir()
    (place / "outside/.ssh/id").write_text("key")
    (place / "granted/key.txt").symlink_to(place / "outside/.ssh/id")
    (place / "granted/loop").symlink_to(place / "granted/loop")
    folders = Folders([place / "granted"], never=[place / "own"])
    closed = {
        "granted/a.txt": False,
        "outside/a.txt": False,
        "outside/.ssh/id": True,
        "granted/key.txt": True,
        "granted/loop": True,
        "own/loom.db": True,
        "nul\0": True,
    }
    assert {path: folders.closed(place / path) for path in closed} == closed


def test_a_link_that_leads_out_is_not_covered(place: Path) -> None:
    folders = Folders([place / "granted"])
    (place / "granted/out.txt").symlink_to(place / "outside/a.txt")
    (place / "granted/in.txt").symlink_to(place / "granted/a.txt")
    (place / "granted/loop").symlink_to(place / "granted/loop")
    covered = {"out.txt": False, "in.txt": True, "loop": False}
    assert {name: folders.covers(place / "granted" / name) for name in covered} == covered
