"""The clipboard of a Wayland session, through wl-clipboard: a bell, and one reading per copy.

``wl-paste --watch`` starts a command for each copy and hands it the content before anybody could
look at the hint: our command rings, and throws the content away. Then we ask for the formats, the
hint, the text and, because the owner may have changed in between, the formats again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
from collections.abc import Callable, Mapping

from loom_desktop.driver.clip import HINT, Clip, judged
from loom_desktop.errors import Unavailable

log = logging.getLogger(__name__)

_TEXTS = ("text/plain;charset=utf-8", "UTF8_STRING", "text/plain")
_RING = "loom-ring"
# First the ring, so that a hung owner is heard of. Then drained: an owner that writes into a closed
# pipe may end. With an end, because a hung owner never closes its own.
_COMMAND = f"echo {_RING}; exec timeout 5 cat >/dev/null"
_START_S = 0.3
"""Within this time wl-paste tells of what is there at the start, or that it cannot watch."""


class Wayland:
    """See ``Driver``."""

    name = "wayland"

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)
        self._bell: asyncio.subprocess.Process | None = None
        self._pipe: asyncio.ReadTransport | None = None
        self._lines = _Lines(lambda _: None, lambda: None)

    async def open(self, changed: Callable[[], None], ended: Callable[[str], None]) -> None:
        """See ``Driver``."""
        if (trouble := missing(self._environ)) is not None:
            raise trouble
        heard: asyncio.Event = asyncio.Event()
        said: list[str] = []
        skip = [False]

        def line(text: str) -> None:
            if text != _RING:
                said[:] = [text]
            elif not heard.is_set():
                heard.set()  # what is there at the start was copied before we were asked to look
            elif skip[0]:
                skip[0] = False
            else:
                changed()

        def end() -> None:
            if heard.is_set():
                ended("Wayland's clipboard is not told of any more.")
            heard.set()

        self._lines = _Lines(line, end)
        read, write = os.pipe()
        try:
            loop = asyncio.get_running_loop()
            self._pipe, _ = await loop.connect_read_pipe(
                lambda: self._lines, os.fdopen(read, "rb", 0)
            )
            self._bell = await asyncio.create_subprocess_exec(
                *("wl-paste", "--watch", "sh", "-c", _COMMAND),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write,
                stderr=write,
                env=self._environ,
                start_new_session=True,
            )
        finally:
            os.close(write)
        try:
            async with asyncio.timeout(_START_S):
                await heard.wait()
        except TimeoutError:
            heard.set()
            skip[0] = bool(await self._formats())  # a slow machine: that ring is still to come
        if self._lines.over:
            log.debug("wl-paste said %s", said)
            raise Unavailable(
                "This desktop does not let programs watch its clipboard.",
                hint="Choose Summarise clipboard in the menu when you want it. Desktops of the "
                "wlroots family and KDE Plasma can be watched, GNOME on Wayland cannot.",
            )

    async def read(self, most_bytes: int) -> Clip:
        """See ``Driver``."""
        formats = await self._formats()
        if not formats:
            return Clip(refused="empty")
        if HINT in formats and await self._secret():
            return Clip(refused="secret")
        kind = next((kind for kind in _TEXTS if kind in formats), None)
        if kind is None:
            return Clip(refused="not text")
        data = await self._paste(most_bytes, "--no-newline", "--type", kind)
        if len(data) > most_bytes:
            return Clip(refused="too large")
        again = await self._formats()
        if HINT in again and (HINT not in formats or await self._secret()):
            return Clip(refused="secret")  # somebody else copied while we read
        return judged(data, most_bytes)

    async def close(self) -> None:
        """See ``Driver``."""
        self._lines.deaf = True
        if self._pipe is not None:
            self._pipe.close()
        if (bell := self._bell) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(bell.pid, signal.SIGKILL)  # with those that still throw content away
            await bell.wait()

    async def _formats(self) -> list[str]:
        found = await self._paste(1 << 16, "--list-types")
        return found.decode(errors="replace").split("\n")[:-1]

    async def _secret(self) -> bool:
        hint = await self._paste(1 << 10, "--no-newline", "--type", HINT)
        return not hint or hint.strip(b"\0\n ") == b"secret"

    async def _paste(self, most_bytes: int, *arguments: str) -> bytes:
        """What wl-paste gives, at most one byte more than asked for; nothing when it cannot.

        The pipe is our own: with ``stdout=PIPE`` waiting for the process is also waiting for the
        end of the pipe, and a hung owner holds its other end.
        """
        loop = asyncio.get_running_loop()
        read, write = os.pipe()
        reader = asyncio.StreamReader()
        pipe: asyncio.ReadTransport | None = None
        process: asyncio.subprocess.Process | None = None
        data = bytearray()
        ended = False
        try:
            try:
                pipe, _ = await loop.connect_read_pipe(
                    lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read, "rb", 0)
                )
                process = await asyncio.create_subprocess_exec(
                    *("wl-paste", *arguments),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=write,
                    stderr=asyncio.subprocess.DEVNULL,
                    env=self._environ,
                )
            finally:
                os.close(write)
            while len(data) <= most_bytes and (piece := await reader.read(1 << 16)):
                data += piece
            ended = len(data) <= most_bytes
            return bytes(data[: most_bytes + 1])
        finally:
            if pipe is not None:
                pipe.close()
            if process is not None:
                if not ended and process.returncode is None:
                    process.kill()
                await process.wait()


def missing(environ: Mapping[str, str]) -> Unavailable | None:
    """What to say where wl-clipboard is not installed."""
    if shutil.which("wl-paste", path=environ.get("PATH")) is not None:
        return None
    return Unavailable(
        "The program wl-paste is missing, which tells of copies on Wayland.",
        hint="Install the package wl-clipboard.",
    )


class _Lines(asyncio.Protocol):
    """Whole lines as they come; a line that has no end is not kept."""

    def __init__(self, line: Callable[[str], None], end: Callable[[], None]) -> None:
        self._line, self._end = line, end
        self._rest = b""
        self.over = self.deaf = False

    def data_received(self, data: bytes) -> None:
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-1000:]
        for line in lines:
            if not self.deaf:
                self._line(line.decode(errors="replace").strip())

    def connection_lost(self, _: Exception | None) -> None:
        self.over = True
        if not self.deaf:
            self._end()
