"""Serves the local socket: the same person only, one line in, lines out."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import struct
from contextlib import aclosing
from pathlib import Path
from typing import Any, Self

import msgspec

from loom_desktop.door.client import VERSION
from loom_desktop.errors import LoomError, Unavailable, UsageError
from loom_desktop.loom import Loom
from loom_desktop.paths import private_folder
from loom_desktop.tasks import Tasks

log = logging.getLogger(__name__)
_MOST_BYTES = 4_000_000
_AS_CLI = ("answer",)


class Request(msgspec.Struct, forbid_unknown_fields=True):
    """One line from a client."""

    verb: str
    arguments: dict[str, Any] = {}
    v: int = VERSION
    stream: bool = False


class Door:
    """``async with Door(loom):`` the running application can be reached."""

    def __init__(self, loom: Loom, at: Path | None = None) -> None:
        self._loom, self._at = loom, at or loom.paths.socket
        self._tasks = Tasks()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        private_folder(self._at.parent)
        with contextlib.suppress(FileNotFoundError):
            self._at.unlink()  # left by a process that was killed; the lock says it is over
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(
                self._meet, str(self._at), limit=_MOST_BYTES
            )
        except OSError as error:
            raise Unavailable(
                f"{self._at} cannot be opened: {error.strerror or error}.",
                hint="A shorter LOOM_HOME may help: the path of a socket has at most 107 bytes.",
            ) from error
        finally:
            os.umask(before)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        await self._tasks.__aexit__()
        with contextlib.suppress(FileNotFoundError):
            self._at.unlink()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        work = self._tasks.run("door", self._serve(reader, writer))
        try:
            await work
        except asyncio.CancelledError:
            log.debug("a client of the socket was cut off")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if not _same_person(writer.get_extra_info("socket")):
                return
            while line := await reader.readline():
                await self._answer(line, writer)
        except (ValueError, ConnectionError):
            return  # a line too long, or the client went away
        finally:
            writer.close()

    async def _answer(self, line: bytes, writer: asyncio.StreamWriter) -> None:
        try:
            request = msgspec.json.decode(line, type=Request)
            if request.v != VERSION:
                raise UsageError(
                    f"This speaks version {VERSION}, not {request.v}.",
                    hint="Restart Loom: it was updated while it ran.",
                )
            if request.verb in _AS_CLI:
                request.arguments["door"] = "cli"  # who comes through here is never our own window
            if request.stream:
                await self._stream(request, writer)
                value: Any = None
            else:
                value = await self._loom.call(request.verb, **request.arguments)
            said: dict[str, Any] = {"ok": True, "value": value}
        except msgspec.DecodeError as error:
            said = _failed(UsageError(f"That is no request: {error}."))
        except LoomError as error:
            said = _failed(error)
        except Exception:
            log.exception("a request failed")
            said = _failed(LoomError("Something went wrong inside Loom.", hint="See the log."))
        await _send(writer, said)

    async def _stream(self, request: Request, writer: asyncio.StreamWriter) -> None:
        """Do the verb, and send the events of its conversation until it has ended."""
        async with aclosing(self._loom.talk(request.verb, **request.arguments)) as events:
            async for event in events:
                told = {"topic": event.topic, "payload": event.payload, "trace": event.trace}
                await _send(writer, {"event": told})
        return


def _same_person(link: socket.socket) -> bool:
    if not hasattr(socket, "SO_PEERCRED"):
        return True  # the mode of the socket and its folder say who may come
    credentials = link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", credentials)
    return bool(uid == os.getuid())


def _failed(error: LoomError) -> dict[str, Any]:
    told = {"message": error.message, "hint": error.hint, "code": error.code}
    return {"ok": False, "error": told}


async def _send(writer: asyncio.StreamWriter, said: dict[str, Any]) -> None:
    writer.write(msgspec.json.encode(said) + b"\n")
    async with asyncio.timeout(10):
        await writer.drain()
