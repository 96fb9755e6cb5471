"""One connection to a message bus (D-Bus): what is asked, and what is heard, over it.

dbus-fast is imported with the first connection: it is slow, and many sessions have no bus.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from loom_desktop.errors import Unavailable
from loom_desktop.tasks import Tasks

if TYPE_CHECKING:
    from dbus_fast import Message

BUS = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")
DEADLINE_S = 5.0


def _there(address: str) -> bool:
    path = address.removeprefix("unix:path=").split(";")[0].split(",")[0]
    return bool(address) and (path == address or os.path.exists(path))


class Connection:
    """One connection to a message bus, and what is asked and heard over it."""

    def __init__(self, heard: Callable[[Connection, Message], None]) -> None:
        """``heard`` is called with each signal."""
        self.heard = heard
        self.owner = ""
        """Who may be believed, as the bus names it."""
        self.gone = asyncio.Event()
        self._bus: Any = None

    async def open(self, address: str) -> None:
        """Connect. Raises Unavailable; without a bus that costs next to nothing."""
        if not _there(address):
            raise Unavailable("There is no message bus (D-Bus) here.")
        await asyncio.to_thread(importlib.import_module, "dbus_fast.aio")  # slow the first time
        from dbus_fast.aio import MessageBus
        from dbus_fast.errors import AuthError, InvalidAddressError

        try:
            async with asyncio.timeout(DEADLINE_S):
                bus = MessageBus(address, negotiate_unix_fd=True, auth_timeout=DEADLINE_S)
                self._bus = await bus.connect()
        except (OSError, AuthError, InvalidAddressError, EOFError) as error:
            raise Unavailable(f"The message bus (D-Bus) cannot be reached: {error}.") from error
        self._bus.add_message_handler(self._hear)

    async def match(self, rule: str) -> None:
        """Hear the signals that the rule names, from now on."""
        await self.call(*BUS, "AddMatch", "s", [f"type='signal',{rule}"])

    async def owner_of(self, name: str) -> str:
        """Who has this name now; empty when nobody does."""
        reply = await self.call(*BUS, "GetNameOwner", "s", [name])
        return "" if reply is None else str(reply.body[0])

    async def call(
        self, to: str, path: str, interface: str, member: str, signature: str, body: list[Any]
    ) -> Message | None:
        """The reply; None when it was an error. Raises Unavailable when none comes."""
        from dbus_fast import Message, MessageType

        message = Message(
            destination=to,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=body,
        )
        try:
            async with asyncio.timeout(DEADLINE_S):
                reply: Message = await self._bus.call(message)
        except (TimeoutError, EOFError, OSError) as error:
            raise Unavailable("The message bus (D-Bus) does not answer.") from error
        return None if reply.message_type is MessageType.ERROR else reply

    async def until_gone(self) -> None:
        """Return when the connection, or the one that may be believed, is lost."""
        async with Tasks() as tasks:
            tasks.start("D-Bus connection", self._until_disconnected())
            await self.gone.wait()

    async def close(self) -> None:
        """Disconnect."""
        if self._bus is not None:
            self._bus.disconnect()
            with contextlib.suppress(TimeoutError, OSError, EOFError):
                async with asyncio.timeout(1):  # the library closes the socket in the loop
                    await asyncio.shield(self._bus.wait_for_disconnect())

    async def _until_disconnected(self) -> None:
        try:
            with contextlib.suppress(OSError, EOFError):
                # to be cancelled in there would keep the library from ever closing its socket
                await asyncio.shield(self._bus.wait_for_disconnect())
        finally:
            self.gone.set()

    def _hear(self, message: Message) -> None:
        from dbus_fast import MessageType

        if message.message_type is MessageType.SIGNAL:
            self.heard(self, message)
