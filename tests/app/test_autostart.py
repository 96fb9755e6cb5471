from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from app import autostart
from loom_desktop.errors import Unavailable

pytestmark = pytest.mark.skipif(not autostart.supported(), reason="Linux desktops only")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(tmp_path / "config")}


def values(path: Path) -> dict[str, str]:
    lines = path.read_text("utf-8").splitlines()
    assert lines[0] == "[Desktop Entry]"
    return dict(line.split("=", 1) for line in lines[1:])


def test_it_is_off_until_it_is_switched_on_and_off_again(env: dict[str, str]) -> None:
    assert not autostart.enabled(env)
    autostart.enable(["/usr/bin/loom", "--hidden"], env)
    assert autostart.enabled(env)
    autostart.disable(env)
    autostart.disable(env)
    assert not autostart.enabled(env)
    assert list(autostart.entry(env).parent.iterdir()) == []


def test_the_entry_says_what_desktops_want_to_know(env: dict[str, str]) -> None:
    autostart.enable(["/usr/bin/loom", "--hidden"], env)
    said = values(autostart.entry(env))
    assert said["Type"] == "Application"
    assert said["Exec"] == "/usr/bin/loom --hidden"
    assert said["X-GNOME-Autostart-Delay"] == "2"
    assert said["X-KDE-autostart-after"] == "panel"
    assert said["X-LXQt-Need-Tray"] == "true"


def test_a_path_with_odd_letters_survives_the_quoting(env: dict[str, str]) -> None:
    word = '/home/anna b/100%/it\'s "$x" `y`\\z'
    autostart.enable([word, "--hidden"], env)
    value = values(autostart.entry(env))["Exec"]
    unescaped = value.replace("\\\\", "\\").replace("%%", "%")  # first the value, then the words
    assert shlex.split(unescaped.replace("\\`", "`").replace("\\$", "$")) == [word, "--hidden"]


def test_an_entry_that_the_desktop_switched_off_counts_as_off(env: dict[str, str]) -> None:
    autostart.enable(["/usr/bin/loom"], env)
    path = autostart.entry(env)
    path.write_text(path.read_text() + "Hidden=true\n")
    assert not autostart.enabled(env)


def test_the_own_command_starts_hidden_and_keeps_its_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "argv", ["-c"])
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert autostart.own_command({}) == [str(tmp_path / "python"), "-m", "loom_desktop", "--hidden"]
    with_home = autostart.own_command({"LOOM_HOME": "/tmp/x y"})
    assert with_home[:2] == ["env", "LOOM_HOME=/tmp/x y"]
    script = tmp_path / "loom"
    script.write_text("")
    script.chmod(0o755)
    assert autostart.own_command({}) == [str(script), "--hidden"]
    monkeypatch.setattr(sys, "argv", [str(script)])
    assert autostart.own_command({}) == [str(script), "--hidden"]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file")
    with pytest.raises(Unavailable, match="cannot be written"):
        autostart.enable(["loom"], {"XDG_CONFIG_HOME": str(tmp_path / "config")})
