"""Ballast: blocks of the disk that the store holds, to let go of when the disk is full.

On a full disk even DELETE and the checkpoint fail, so nothing can be tidied up. The file is at
least twice what the write-ahead log may grow to: a checkpoint may have to move all of it.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)

SIZE_BYTES = 8 << 20
AMPLE_BYTES = 200 << 20
"""It is made again only when this much is free."""


class Ballast:
    """``fill`` while there is room, ``drop`` when there is none. Any thread, one at a time."""

    def __init__(
        self, path: Path, *, size_bytes: int = SIZE_BYTES, ample_bytes: int = AMPLE_BYTES
    ) -> None:
        self.path = path
        self.size_bytes = size_bytes
        self.ample_bytes = ample_bytes

    def free_bytes(self) -> int:
        """What this person may still write on that disk; a large number when nobody can tell."""
        try:
            stat = os.statvfs(self.path.parent)
        except (AttributeError, OSError):  # no statvfs on Windows
            return 1 << 62
        return stat.f_bavail * stat.f_frsize

    def fill(self) -> bool:
        """Whether the ballast is there now. Never raises: without it the store works as well."""
        try:
            if self.path.stat().st_size >= self.size_bytes:
                return True
        except OSError:
            pass
        if self.free_bytes() < self.ample_bytes + self.size_bytes:
            return False
        try:
            file = os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o600)
            try:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file, 0, self.size_bytes)
                else:
                    for _ in range(self.size_bytes >> 16):
                        os.write(file, bytes(1 << 16))
            finally:
                os.close(file)
        except OSError as error:
            log.info("No ballast: %s", error)
            self.drop()
            return False
        return True

    def drop(self) -> bool:
        """Whether that made room."""
        try:
            freed = self.path.stat().st_size > 0
            self.path.unlink()
        except OSError:
            return False
        return freed
