"""Tells a finished file from one that a browser, a downloader or an editor is still busy with.

The rules are about names and about what the file system says of a file; nothing is opened but to
ask whether somebody is writing. Where the rules come from: watching Firefox (``x.pdf`` empty beside
``x.pdf.part`` or ``x.RANDOM.pdf.part``, then a rename), Chromium and its children (``.crdownload``,
``.opdownload``, then a rename), Safari (a folder ``x.pdf.download``), aria2 (``x.iso`` grows in
place while ``x.iso.aria2`` stands beside it), wget and curl (written in place).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from typing import Literal

PARTIAL = (
    ".part",
    ".crdownload",
    ".opdownload",
    ".download",
    ".partial",
    ".aria2",
    ".tmp",
    ".temp",
    ".filepart",
    ".wkdownload",
    ".ytdl",
    ".!qb",
    ".!ut",
    ".bc!",
)
"""Endings of downloads under way, in lower case."""
_NEVER = frozenset({"desktop.ini", "thumbs.db", "icon\r"})

Sort = Literal["file", "partial", "ignored"]


def sort_of(name: str) -> Sort:
    """What a name says: a file worth looking at, a download under way, or none of our business.

    Hidden files, locks of office programs (``~$x``, ``.~lock.x#``), temporary files of the desktop
    (``.goutputstream-...``) and backups of editors (``x~``) are ignored.
    """
    small = name.lower()
    if small.startswith((".", "~$", "~syncthing~")) or small.endswith("~") or small in _NEVER:
        return "ignored"
    return "partial" if small.endswith(PARTIAL) else "file"


def target_of(partial: str) -> str:
    """The name that a download under way will have, as far as its own (partial) name tells."""
    end = next(end for end in PARTIAL if partial.lower().endswith(end))
    return partial[: -len(end)]


def held_back(name: str, size: int, partials: Collection[str]) -> bool:
    """Whether a download under way in the same folder means that this file is not finished.

    An empty file is the placeholder of any partial with its stem; a file with content only waits
    for aria2, which writes in place.
    """
    if size:
        return name + ".aria2" in partials
    stem = os.path.splitext(name)[0] + "."
    return any(one.startswith((name, stem)) for one in partials)


def being_written(path: str) -> bool | None:
    """Whether some process has the file open for writing; None where nobody can tell.

    Linux: the kernel refuses a read lease on such a file. It is given back at once; whoever opens
    the file in between waits for that moment, and the signal that we would get for it is one that
    is ignored by default. It takes the owner of the file, and a file system that knows leases.
    """
    if sys.platform != "linux":
        return None
    import fcntl
    import signal

    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)  # the usual SIGIO would end the process
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(fd)
    return False
