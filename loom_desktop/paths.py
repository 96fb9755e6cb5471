"""Where settings, data, cache and logs live. ``LOOM_HOME`` moves all of them into one folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from loom_desktop.errors import Unavailable


class Paths(NamedTuple):
    """The folders of one installation. Nothing is created before it is written to."""

    config: Path
    """Holds loom.toml and the person's own agents, sources and capabilities."""
    data: Path
    """Holds loom.db, its snapshots and what undo needs."""
    cache: Path
    logs: Path
    runtime: Path
    """Holds the lock and the socket of the running application."""

    @property
    def settings(self) -> Path:
        """loom.toml."""
        return self.config / "loom.toml"

    @property
    def database(self) -> Path:
        """loom.db, encrypted."""
        return self.data / "loom.db"

    @property
    def socket(self) -> Path:
        """Where the running application listens."""
        return self.runtime / "loom.sock"

    @property
    def lock(self) -> Path:
        """Held by the running application: decides which start is the first."""
        return self.runtime / "loom.lock"

    @property
    def kept(self) -> Path:
        """What was overwritten or removed, until undo is no longer promised."""
        return self.data / "kept"


def paths(environ: Mapping[str, str] | None = None) -> Paths:
    """The folders for this person: ``LOOM_HOME`` when set, else the usual ones of the system."""
    env = os.environ if environ is None else environ
    if home := env.get("LOOM_HOME"):
        root = Path(home).expanduser().resolve()
        return Paths(root, root / "data", root / "cache", root / "logs", root)
    import platformdirs  # only when it is needed: a portable start does not pay for it

    dirs = platformdirs.PlatformDirs("loom-desktop", appauthor=False)
    runtime = Path(env["XDG_RUNTIME_DIR"]) / "loom" if env.get("XDG_RUNTIME_DIR") else None
    return Paths(
        Path(dirs.user_config_dir),
        Path(dirs.user_data_dir),
        Path(dirs.user_cache_dir),
        Path(dirs.user_log_dir),
        runtime or Path(dirs.user_data_dir) / "run",
    )


def session_bus(environ: Mapping[str, str] | None = None) -> str:
    """The address of the desktop session's message bus (D-Bus); empty where there is none."""
    env = os.environ if environ is None else environ
    address = env.get("DBUS_SESSION_BUS_ADDRESS", "")
    path = f"{env['XDG_RUNTIME_DIR']}/bus" if env.get("XDG_RUNTIME_DIR") else ""
    if not address and path and os.path.exists(path):
        address = f"unix:path={path}"
    return "" if address.startswith("disabled:") else address


def resource(name: str) -> Path:
    """A file that comes with Loom: in the wheel beside this module, in a checkout in resources/."""
    here = Path(__file__).parent
    installed = here / "_resources"
    return (installed if installed.is_dir() else here.parent / "resources") / name


def private_folder(folder: Path) -> Path:
    """Make the folder, for this person alone (0700). Raises Unavailable with what to do."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.name == "posix" and folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise Unavailable(
            f"{folder} cannot be made: {error.strerror}.",
            hint="Free the disk or give write permission, or set LOOM_HOME to another folder.",
        ) from error
    return folder
