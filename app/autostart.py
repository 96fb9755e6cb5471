"""Start at login: off until the person switches it on, and then hidden in the tray."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from loom_desktop.errors import Unavailable

APP_ID = "org.loomdesktop.Loom"


def supported() -> bool:
    """Whether this system's way of starting at login is known to us."""
    return sys.platform not in ("win32", "darwin")


def entry(environ: Mapping[str, str] | None = None) -> Path:
    """The file that the desktop reads at login."""
    env = os.environ if environ is None else environ
    config = env.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(config) / "autostart" / f"{APP_ID}.desktop"


def enabled(environ: Mapping[str, str] | None = None) -> bool:
    """Whether Loom starts at login."""
    try:
        lines = entry(environ).read_text("utf-8", "replace").splitlines()
    except OSError:
        return False
    return "Hidden=true" not in lines and "X-GNOME-Autostart-enabled=false" not in lines


def enable(command: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> None:
    """From the next login on Loom starts hidden. Raises Unavailable when it cannot be written."""
    if not supported():
        raise Unavailable(
            "Starting at login cannot be switched on from here yet.",
            hint="Add Loom to the programs that your system starts at login.",
        )
    path = entry(environ)
    text = _desktop_entry(own_command(environ) if command is None else command)
    beside = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, "utf-8")
        beside.replace(path)
    except OSError as error:
        raise Unavailable(
            f"{path} cannot be written: {error.strerror}.",
            hint="Free the disk or give write permission to that folder.",
        ) from error


def disable(environ: Mapping[str, str] | None = None) -> None:
    """Loom does not start at login any more. Raises Unavailable."""
    path = entry(environ)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise Unavailable(
            f"{path} cannot be removed: {error.strerror}.",
            hint="Give write permission to that folder, or remove the file yourself.",
        ) from error


def own_command(environ: Mapping[str, str] | None = None) -> list[str]:
    """What starts this Loom, with the folder it was told to live in."""
    env = os.environ if environ is None else environ
    script = Path(sys.argv[0])
    if script.name == "loom" and os.access(script, os.X_OK):
        command = [str(script.resolve())]
    elif found := shutil.which("loom", path=str(Path(sys.executable).parent)):
        command = [found]
    else:
        command = [sys.executable, "-m", "loom_desktop"]
    home = env.get("LOOM_HOME")
    return [*(["env", f"LOOM_HOME={home}"] if home else []), *command, "--hidden"]


def _desktop_entry(command: Sequence[str]) -> str:
    return (
        "[Desktop Entry]\n"
        "Type=Application\n"
        "Name=Loom\n"
        "Comment=A personal assistant in the tray\n"
        f"Exec={' '.join(_quoted(word) for word in command)}\n"
        f"Icon={APP_ID}\n"
        "Terminal=false\n"
        "NoDisplay=true\n"
        "X-GNOME-Autostart-enabled=true\n"
        "X-GNOME-Autostart-Delay=2\n"
        "X-KDE-autostart-after=panel\n"
        "X-LXQt-Need-Tray=true\n"
    )


def _quoted(word: str) -> str:
    """As the Desktop Entry Specification wants an argument of Exec."""
    if word and all(letter.isalnum() or letter in "/._-=+:,@" for letter in word):
        return word
    for letter in '\\"`$':
        word = word.replace(letter, "\\" + letter)
    # and once more for the value itself, where a backslash and a percent sign mean something
    return '"' + word.replace("\\", "\\\\").replace("%", "%%").replace("\n", "\\n") + '"'
