"""A path to a file that is open already: read by its descriptor, called by its name.

A path that was checked can lead elsewhere a moment later; a descriptor cannot. Linux only: there
``/proc/self/fd`` opens the very same file, with a position of its own.
"""

from __future__ import annotations

from pathlib import PosixPath


class Held(PosixPath):
    """Behaves as the path it was opened by in all but where it reads from."""

    descriptor = -1
    _called = ""

    @classmethod
    def of(cls, descriptor: int, name: str) -> Held:
        """``descriptor`` stays the caller's: it is open as long as this is used."""
        held = cls(f"/proc/self/fd/{descriptor}")
        held.descriptor, held._called = descriptor, name
        return held

    @property
    def name(self) -> str:
        """As the file was called when it was opened."""
        return self._called
