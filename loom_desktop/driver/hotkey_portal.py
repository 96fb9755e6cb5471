"""Hears a key through the desktop portal (GlobalShortcuts): the way on Wayland.

The desktop asks the person, and the person may choose another key or none, so what ``bind``
returns is shown. Backends exist for KDE, GNOME and Hyprland; not for sway and its relatives.

The portal answers a call by a later signal whose path we know before: we subscribe first. Only
signals from the owner of the portal's name are believed; any program can send us one directly.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from loom_desktop.errors import Unavailable
from loom_desktop.tasks import Tasks

if TYPE_CHECKING:
    from dbus_fast import Message

    from loom_desktop.sources.hotkey import Combo, OnKey, Taken

APP = "org.loomdesktop.Loom"
NAME, PATH = "org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop"
SHORTCUTS = "org.freedesktop.portal.GlobalShortcuts"
DEADLINE_S = 5.0
ANSWER_S = 300.0
"""How long the person may think about the desktop's question."""
_MODIFIERS = {"ctrl": "CTRL", "alt": "ALT", "shift": "SHIFT", "super": "LOGO"}
_NOT_HERE = "This desktop offers no global shortcuts to programs (no GlobalShortcuts portal)."
_REFUSED = "The shortcut was refused, by you or by the desktop."


class PortalKeys:
    """The driver ``portal``. Use it from one loop."""

    name = "portal"
    release = True
    exclusive = True

    def __init__(self, environ: Mapping[str, str], on_key: OnKey) -> None:
        self._environ, self._on_key = environ, on_key
        self._bus: Any = None
        self._owner = self._session = ""
        self._answers: dict[str, asyncio.Future[tuple[int, dict[str, Any]]]] = {}
        self._lost = asyncio.Event()

    async def open(self) -> None:
        """Connect and begin a session. Raises Unavailable where there is no such portal."""
        await asyncio.to_thread(importlib.import_module, "dbus_fast.aio")  # slow the first time
        from dbus_fast import Variant
        from dbus_fast.aio import MessageBus
        from dbus_fast.errors import AuthError, InvalidAddressError

        address = self._environ.get("DBUS_SESSION_BUS_ADDRESS", "")
        if not address and (folder := self._environ.get("XDG_RUNTIME_DIR")):
            address = f"unix:path={folder}/bus"
        if not address:
            raise Unavailable("There is no message bus (D-Bus) in this session.")
        try:
            async with asyncio.timeout(DEADLINE_S):
                self._bus = await MessageBus(address, auth_timeout=DEADLINE_S).connect()
        except (OSError, AuthError, InvalidAddressError, EOFError) as error:
            raise Unavailable(f"The message bus (D-Bus) cannot be reached: {error}.") from error
        self._bus.add_message_handler(self._heard)
        await self._match(f"sender='{NAME}'")
        await self._match(f"sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='{NAME}'")
        await self._find_owner()
        # a program outside a sandbox says who it is; older portals do not have this
        registry = "org.freedesktop.host.portal.Registry"
        await self._call(registry, "Register", "sa{sv}", [APP, {}], optional=True)
        token = {"session_handle_token": Variant("s", _token())}
        results = await self._ask("CreateSession", "a{sv}", [token], DEADLINE_S)
        self._session = _plain(results.get("session_handle"))

    async def bind(self, name: str, combo: Combo) -> str:
        """Ask for it; the answer is what the desktop calls the key, or empty for none.

        Once for each session. Raises Unavailable when it is refused, or nobody answers.
        """
        from dbus_fast import Variant

        words = [_MODIFIERS[each] for each in _MODIFIERS if each in combo.modifiers]
        about = {
            "description": Variant("s", "Open Loom"),
            "preferred_trigger": Variant("s", "+".join([*words, combo.keysym])),
        }
        body = [self._session, [[name, about]], "", {}]
        results = await self._ask("BindShortcuts", "oa(sa{sv})sa{sv}", body, ANSWER_S)
        bound = getattr(results.get("shortcuts"), "value", [])
        for each in bound if isinstance(bound, list) else []:
            if each[0] == name:
                return _plain(each[1].get("trigger_description"))
        raise Unavailable(_REFUSED, hint="Allow it in the keyboard settings of your desktop.")

    async def listen(self) -> None:
        """Tell of keys until cancelled. Raises Unavailable when portal or bus is gone."""
        async with Tasks() as tasks:
            tasks.start("hotkey: bus", self._until_disconnected())
            await self._lost.wait()
        raise Unavailable("The desktop portal went away.", hint="Loom tries again.")

    async def close(self) -> None:
        """End the session; the desktop keeps what the person has chosen."""
        bus, self._bus = self._bus, None
        if bus is not None:
            bus.disconnect()
            with contextlib.suppress(TimeoutError, OSError, EOFError):
                async with asyncio.timeout(1):  # the library closes the socket in the loop
                    await asyncio.shield(bus.wait_for_disconnect())

    async def _until_disconnected(self) -> None:
        try:
            with contextlib.suppress(OSError, EOFError):
                # to be cancelled in there would keep the library from ever closing its socket
                await asyncio.shield(self._bus.wait_for_disconnect())
        finally:
            self._lost.set()

    async def _find_owner(self) -> None:
        to_bus = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")
        # started if it can be; an error says only that it has no service file
        await self._message(*to_bus, "StartServiceByName", "su", [NAME, 0])
        reply = await self._message(*to_bus, "GetNameOwner", "s", [NAME])
        if reply is None:
            raise Unavailable(_NOT_HERE)
        self._owner = str(reply.body[0])
        self._lost.clear()  # that it came is no loss

    async def _match(self, rule: str) -> None:
        await self._message(
            "org.freedesktop.DBus",
            "/org/freedesktop/DBus",
            "org.freedesktop.DBus",
            "AddMatch",
            "s",
            [f"type='signal',{rule}"],
        )

    async def _ask(
        self, member: str, signature: str, body: list[Any], timeout_s: float
    ) -> dict[str, Any]:
        from dbus_fast import Variant

        results: dict[str, Any]
        token = _token()
        body[-1]["handle_token"] = Variant("s", token)
        answer = self._answers[token] = asyncio.get_running_loop().create_future()
        try:
            await self._call(SHORTCUTS, member, signature, body)
            async with asyncio.timeout(timeout_s):
                code, results = await answer
                if code == 0:
                    return results
        except TimeoutError as error:
            raise Unavailable("The desktop portal did not answer in time.") from error
        finally:
            self._answers.pop(token, None)
        raise Unavailable(_REFUSED, hint="Allow it in the keyboard settings of your desktop.")

    async def _call(
        self,
        interface: str,
        member: str,
        signature: str,
        body: list[Any],
        *,
        optional: bool = False,
    ) -> None:
        reply = await self._message(NAME, PATH, interface, member, signature, body)
        if reply is None and not optional:
            raise Unavailable(_NOT_HERE)

    async def _message(
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str,
        body: list[Any],
    ) -> Message | None:
        """The reply; None when it was an error or nobody was there."""
        from dbus_fast import Message, MessageType

        message = Message(
            destination=destination,
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

    def _heard(self, message: Message) -> None:
        from dbus_fast import MessageType

        if message.message_type is not MessageType.SIGNAL:
            return
        if message.member == "NameOwnerChanged" and message.sender == "org.freedesktop.DBus":
            if message.body[:1] == [NAME]:
                self._lost.set()
            return
        if message.sender != self._owner:
            return
        if message.member == "Response" and message.signature == "ua{sv}":
            answer = self._answers.get((message.path or "").rsplit("/", 1)[-1])
            if answer is not None and not answer.done():
                answer.set_result((message.body[0], message.body[1]))
        elif message.interface == SHORTCUTS and message.signature == "osta{sv}":
            if message.body[0] == self._session and message.member in ("Activated", "Deactivated"):
                self._on_key(str(message.body[1])[:100], message.member == "Activated")
        elif message.member == "Closed" and message.path == self._session:
            self._lost.set()


def _token() -> str:
    return "loom" + secrets.token_hex(8)


def _plain(value: Any) -> str:
    """A string that came from outside, short and on one line; empty for anything else."""
    value = getattr(value, "value", value)
    if not isinstance(value, str):
        return ""
    return "".join(letter for letter in value[:200] if letter.isprintable()).strip()


def driver(environ: Mapping[str, str], on_key: OnKey, taken: type[Taken]) -> PortalKeys:
    """The driver for this environment. A taken key is for the desktop to tell of."""
    return PortalKeys(environ, on_key)
