"""Serves the local socket: the same person only, one line in, lines out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import struct
from collections.abc import Awaitable
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import msgspec

from loom_desktop.door.client import VERSION
from loom_desktop.errors import LoomError, Unavailable, UsageError
from loom_desktop.loom import Loom
from loom_desktop.paths import private_folder
from loom_desktop.tasks import Tasks

if TYPE_CHECKING:
    from loom_desktop.runtime.health import Finding

log = logging.getLogger(__name__)
T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)
_MOST_BYTES = 16_000_000
_SEND_S = 10.0
_AS_CLI = ("answer",)


class Request(msgspec.Struct, forbid_unknown_fields=True):
    """One line from a client."""

    verb: str
    arguments: dict[str, Any] = {}
    v: int = VERSION
    stream: bool = False


class _Gone(Exception):
    """The client went away."""


class _Versioned(msgspec.Struct):
    v: int = VERSION


class Door:
    """``async with Door(loom):`` the running application can be reached."""

    def __init__(self, loom: Loom, at: Path | None = None) -> None:
        self._loom, self._at = loom, at or loom.paths.socket
        self._tasks = Tasks()
        self._server: asyncio.Server | None = None
        self._inode = 0
        """Of the socket that we made: another one of that name is somebody else's."""
        self.clients = self.answered = self.failed = self.turned_away = 0
        """Who is here now; requests that were answered, those among them that failed through a
        mistake of ours, and clients that were another person."""

    async def __aenter__(self) -> Self:
        private_folder(self._at.parent)
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with contextlib.suppress(FileNotFoundError):
                self._at.unlink()  # left by a process that was killed; the lock says it is over
            link.bind(str(self._at))
            self._at.chmod(0o600)  # before anybody can connect: it does not listen yet
            self._inode = self._at.stat().st_ino
            self._server = await asyncio.start_unix_server(self._meet, sock=link, limit=_MOST_BYTES)
        except OSError as error:
            link.close()
            raise Unavailable(
                f"{self._at} cannot be opened: {error.strerror or error}.",
                hint="A shorter LOOM_HOME may help: the path of a socket has at most 107 bytes.",
            ) from error
        self._loom.around["door"] = self.finding
        return self

    async def __aexit__(self, *_: object) -> None:
        del self._loom.around["door"]
        if self._server is not None:
            self._server.close()
        await self._tasks.__aexit__()
        with contextlib.suppress(FileNotFoundError):
            self._at.unlink()

    def finding(self) -> Finding:
        """Whether others can come in, for ``health``. From any thread; it looks at the socket."""
        from loom_desktop.runtime.health import Finding  # who asks has it loaded

        facts = {
            "socket": str(self._at),
            "clients": self.clients,
            "answered": self.answered,
            "failed": self.failed,
            "turned_away": self.turned_away,
        }
        try:
            ours = self._at.stat().st_ino == self._inode
        except OSError:
            ours = False
        if ours and self._server is not None and self._server.is_serving():
            return Finding(facts=facts)
        words = f"Nobody can reach this Loom: its socket {self._at} is not there any more."
        hint = "Stop Loom and start it again; what removes files in that folder should spare it."
        return Finding("failed", words, hint, facts=facts)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        work = self._tasks.run("door", self._serve(reader, writer))
        try:
            await work
        except asyncio.CancelledError:
            log.debug("a client of the socket was cut off")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = _Client(reader, writer)
        self.clients += 1
        try:
            await self._hear(client, writer)
        finally:
            self.clients -= 1

    async def _hear(self, client: _Client, writer: asyncio.StreamWriter) -> None:
        async with Tasks() as tasks:
            try:
                if not _same_person(writer.get_extra_info("socket")):
                    self.turned_away += 1
                    return
                tasks.start("door: listen", client.listen())
                while (line := await client.line()) is not None:
                    await self._answer(line, client)
                if client.too_long:
                    await client.send(_failed(UsageError("That is too long.")))
            except _Gone as error:
                log.debug("a client of the socket went away: %s", error)
            finally:
                writer.close()

    async def _answer(self, line: bytes, client: _Client) -> None:
        try:
            version = _decoded(line, _Versioned).v
            if version != VERSION:
                raise UsageError(
                    f"This speaks version {VERSION}, not {version}.",
                    hint="Restart Loom: it was updated while it ran.",
                )
            request = _decoded(line, Request)
            if request.verb in _AS_CLI:
                request.arguments["door"] = "cli"  # who comes through here is never our own window
            value: Any = None
            if request.stream:
                await self._stream(request, client)
            else:
                value = await self._loom.call(request.verb, **request.arguments)
            said: dict[str, Any] = {"ok": True, "value": value}
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            said = _failed(UsageError(f"That is no request: {error}."))
        except LoomError as error:
            said = _failed(error)
        except _Gone:
            raise
        except Exception:
            log.exception("a request failed")
            self.failed += 1
            said = _failed(LoomError("Something went wrong inside Loom.", hint="See the log."))
        self.answered += 1
        await client.send(said)

    async def _stream(self, request: Request, client: _Client) -> None:
        """Do the verb, and send the events of its conversation until it has ended.

        When the client goes away meanwhile, what it asked is cancelled.
        """
        async with aclosing(self._loom.talk(request.verb, **request.arguments)) as events:
            while (event := await client.unless_gone(anext(events, None))) is not None:
                told = {"topic": event.topic, "payload": event.payload, "trace": event.trace}
                await client.send({"event": told})


class _Client:
    """Somebody at the socket: lines in, lines out, and whether they are still there."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.too_long = False
        self._reader, self._writer = reader, writer
        self._lines: asyncio.Queue[bytes] = asyncio.Queue(maxsize=8)
        self._gone = asyncio.Event()

    async def listen(self) -> None:
        """Take in lines until there are no more: a client that closed is noticed at once."""
        try:
            while line := await self._reader.readline():
                await self._lines.put(line)
        except ValueError:
            self.too_long = True
        except ConnectionError as error:
            log.debug("a client of the socket broke off: %s", error)
        finally:
            self._gone.set()

    async def line(self) -> bytes | None:
        """The next one, None when there are no more."""
        if self._lines.empty() and not self._gone.is_set():
            async with Tasks() as tasks:
                taken = tasks.run("door: line", self._lines.get())
                gone = tasks.run("door: gone", self._gone.wait())
                await asyncio.wait({taken, gone}, return_when=asyncio.FIRST_COMPLETED)
                if taken.done():
                    return bytes(taken.result())
        return None if self._lines.empty() else self._lines.get_nowait()

    async def unless_gone(self, work: Awaitable[T]) -> T:
        """Its outcome. Raises _Gone when the client goes away before."""

        async def do() -> T:
            return await work

        async with Tasks() as tasks:
            doing = tasks.run("door: answer", do())
            gone = tasks.run("door: gone", self._gone.wait())
            await asyncio.wait({doing, gone}, return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                result: T = doing.result()
                return result
        raise _Gone("while it was answered")

    async def send(self, said: dict[str, Any]) -> None:
        """One line. Raises _Gone when nobody takes it."""
        self._writer.write(_encoded(said) + b"\n")
        try:
            async with asyncio.timeout(_SEND_S):
                await self._writer.drain()
        except OSError as error:
            raise _Gone(str(error)) from error


def _same_person(link: socket.socket) -> bool:
    if not hasattr(socket, "SO_PEERCRED"):
        return True  # the mode of the socket and its folder say who may come
    credentials = link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", credentials)
    return bool(uid == os.getuid())


def _failed(error: LoomError) -> dict[str, Any]:
    told = {"message": error.message, "hint": error.hint, "code": error.code}
    return {"ok": False, "error": told}


def _decoded(line: bytes, kind: type[S]) -> S:
    try:
        return msgspec.json.decode(line, type=kind)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError as error:
        try:  # names of files that are not text: half characters, which only this one reads
            return msgspec.convert(json.loads(line), kind)
        except (ValueError, RecursionError):
            raise error from None


def _encoded(said: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(said)
    except UnicodeEncodeError:  # names of files that are not text
        return json.dumps(said).encode()
