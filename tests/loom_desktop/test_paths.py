import stat
from pathlib import Path

import pytest

from loom_desktop.errors import Unavailable
from loom_desktop.paths import paths, private_folder, resource, session_bus


def test_loom_home_moves_everything_into_one_folder(tmp_path: Path) -> None:
    found = paths({"LOOM_HOME": str(tmp_path)})
    every = [found.settings, found.database, found.socket, found.lock, found.logs, found.cache,
             found.kept]  # fmt: skip
    assert all(tmp_path.resolve() in one.parents for one in every)
    assert found.settings == tmp_path.resolve() / "loom.toml"


def test_without_it_each_kind_has_the_place_of_the_system(tmp_path: Path) -> None:
    found = paths({"XDG_RUNTIME_DIR": str(tmp_path)})
    assert found.socket == tmp_path / "loom/loom.sock"
    assert found.config != found.data


def test_a_folder_is_for_this_person_alone(tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir(mode=0o755)
    for folder in (tmp_path / "new/deep", open_to_all):
        assert stat.S_IMODE(private_folder(folder).stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot be made") as error:
        private_folder(tmp_path / "file/folder")
    assert "LOOM_HOME" in error.value.hint


def test_the_message_bus_of_the_session(tmp_path: Path) -> None:
    (tmp_path / "bus").touch()
    here, nowhere = {"XDG_RUNTIME_DIR": str(tmp_path)}, {"XDG_RUNTIME_DIR": str(tmp_path / "no")}
    assert session_bus({}) == session_bus(nowhere) == ""
    assert session_bus(here) == f"unix:path={tmp_path}/bus"
    assert session_bus({"DBUS_SESSION_BUS_ADDRESS": "unix:path=/x", **here}) == "unix:path=/x"
    assert session_bus({"DBUS_SESSION_BUS_ADDRESS": "disabled:", **here}) == ""


def test_what_comes_with_loom_is_found() -> None:
    for name in ("prices.toml", "icons/loom-128.png"):
        assert resource(name).is_file()
