"""One Loom per person: a lock decides which start is the first, a socket talks to it.

Standard library only, and done before Qt is imported: a second start costs a few milliseconds.
The kernel drops the lock when its holder dies, so a crash leaves nothing behind that blocks.
The socket itself is opened by the engine's door; whoever holds the lock may replace a stale one.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import sys
import time
from typing import Any, Self

from loom_desktop.clock import Clock, monotonic
from loom_desktop.errors import LoomError, Unavailable
from loom_desktop.paths import Paths, private_folder

LONGEST_REPLY = 1_000_000
"""Bytes. Nothing we ask for is longer."""


class Lock:
    """Held as long as this object is not released and the process lives."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Another start may be the first from now on."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def first(paths: Paths) -> Lock | None:
    """The lock when no other Loom of this person runs, else None. Raises Unavailable."""
    private_folder(paths.runtime)
    try:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(paths.lock, flags, 0o600)
    except OSError as error:
        raise Unavailable(
            f"{paths.lock} cannot be opened: {error.strerror}.",
            hint="Give write permission to its folder, or set LOOM_HOME to another one.",
        ) from error
    if _locked(descriptor):
        return Lock(descriptor)
    os.close(descriptor)
    return None


def _locked(descriptor: int) -> bool:
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def raise_running(
    paths: Paths, window: str = "popup", *, wait_s: float = 3.0, clock: Clock = monotonic
) -> Any:
    """Ask the running Loom to show a window; what it answers. Raises LoomError.

    The winner of the lock may not listen yet, so this tries again until ``wait_s`` has passed.
    """
    request = {"v": 1, "verb": "show", "arguments": {"window": window}}
    end = clock() + wait_s
    while True:
        try:
            return _reply(_exchange(paths, request, max(0.05, end - clock())))
        except (FileNotFoundError, ConnectionError):
            if clock() >= end:
                raise Unavailable(
                    "Loom is running but does not listen.",
                    hint="Quit it from its menu or end the process, then start it again.",
                ) from None
            time.sleep(0.02)
        except TimeoutError:
            raise Unavailable(
                "Loom is running but did not answer.",
                hint="It may be busy starting. Try again, or end the process.",
            ) from None
        except OSError as error:
            raise Unavailable(
                f"The running Loom cannot be reached: {error.strerror or error}.",
                hint="Quit it from its menu or end the process, then start it again.",
            ) from error


def _exchange(paths: Paths, request: dict[str, Any], wait_s: float) -> bytes:
    if not hasattr(socket, "AF_UNIX"):
        raise OSError(0, "this system has no local sockets in Python")
    _ours(os.lstat(paths.socket).st_uid)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(wait_s)
        connection.connect(str(paths.socket))
        if hasattr(socket, "SO_PEERCRED"):
            size = struct.calcsize("3i")
            peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
            _ours(struct.unpack("3i", peer)[1])
        connection.sendall(json.dumps(request).encode() + b"\n")
        reply = bytearray()
        while not reply.endswith(b"\n"):
            part = connection.recv(65536)
            reply += part
            if not part or len(reply) > LONGEST_REPLY:
                break
    if not reply:
        raise ConnectionResetError("closed without an answer")  # it was just going
    return bytes(reply)


def _ours(owner: int) -> None:
    if owner != os.getuid():
        raise Unavailable(
            "Somebody else's program listens where Loom should.",
            hint="Set LOOM_HOME to a folder that only you can write to.",
        )


def _reply(line: bytes) -> Any:
    with contextlib.suppress(ValueError):
        answer = json.loads(line)
        if isinstance(answer, dict):
            if answer.get("ok") is True:
                return answer.get("value")
            error = answer.get("error")
            if isinstance(error, dict):
                raise LoomError(str(error.get("message", "")), hint=str(error.get("hint", "")))
    raise Unavailable(
        "The running Loom gave an answer that makes no sense.",
        hint="It may be another version. Quit it from its menu, then start it again.",
    )
