"""A catalogue: one file is one source, something outside that turns into events."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec


class Publish(Protocol):
    """``publish("file.created", path=...)``, from any thread. Payload is plain data."""

    def __call__(self, topic: str, /, **payload: Any) -> None:
        """Returns at once."""


class Source(Protocol):
    """Something outside that turns into events."""

    origin: str
    """What it brings, as the label says it: ``clipboard``, ``file``, ``schedule`` ..."""

    async def run(self, publish: Publish) -> None:
        """Publish until cancelled. Raises Unavailable when the device is not there."""

    def report(self) -> Report:
        """What works now, and why something does not. Callable at any time, also before ``run``."""


class Report(msgspec.Struct, frozen=True):
    """How a source stands: what ``loom doctor``, the settings window and the tray say of it."""

    working: bool
    driver: str = ""
    """Which of its ways it uses: ``x11``, ``portal`` ..."""
    detail: str = ""
    """One sentence for a person."""
    fix: str = ""
    """What to do when it does not work."""
    facts: dict[str, Any] | None = None
    """Plain data for ``--json``: ``{"release": True}``."""
