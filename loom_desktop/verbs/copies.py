"""Copies of everything Loom remembers: made for the person, listed, and put back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from loom_desktop.errors import UsageError

if TYPE_CHECKING:
    from loom_desktop.loom import Loom


async def backup(loom: Loom, to: str) -> dict[str, Any]:
    """A checked copy of everything at that path, which is in full and not there yet.

    It is under the same key, which stays where it is: on another computer the copy needs that too.
    """
    made = await loom.store.backup(_path(to))
    return {"path": str(made), "size_bytes": made.stat().st_size}


async def copies(loom: Loom) -> list[dict[str, Any]]:
    """Those that Loom made by itself, the newest first."""
    return [
        {**one._asdict(), "path": str(one.path), "name": one.path.name}
        for one in await loom.store.copies()
    ]


async def look_at_copy(loom: Loom, path: str) -> dict[str, Any]:
    """See that ``restore`` would take this one; it raises what that would raise."""
    await loom.store.look_at(_path(path))
    return {}


async def restore(loom: Loom, path: str) -> dict[str, Any]:
    """Put a copy in the place of everything there is.

    What there was is kept beside the copies, as the last five of those are: ``kept`` is its path.
    """
    kept = await loom.store.restore(_path(path))
    # What the copy says of this run is of another one.
    await loom.store.state.set_fact("running", loom._following)
    await loom.store.state.set_fact("paused_until", loom.status.paused_until)
    await loom.desk.start_over()
    loom.timers.changed()
    loom.publisher("door", origin="user-typed")("application.restored", path=path)
    return {"kept": str(kept)}


def _path(said: str) -> Path:
    """Raises UsageError: whoever calls may be in another folder than the application."""
    if "\0" in said or not Path(said).is_absolute():
        raise UsageError(f"{said!r} is no path in full.", hint="Begin it at the root: /…")
    return Path(said)
