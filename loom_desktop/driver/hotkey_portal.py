"""Hears a key through the desktop portal (GlobalShortcuts): the way on Wayland.

The desktop asks the person, and the person may choose another key or none, so what ``bind``
returns is shown. Backends exist for KDE, GNOME and Hyprland; not for sway and its relatives.

The portal answers a call by a later signal whose path we know before: we subscribe first. Only
signals from the owner of the portal's name are believed; any program can send us one directly.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from loom_desktop.driver.dbus import BUS, DEADLINE_S, Connection
from loom_desktop.errors import Unavailable
from loom_desktop.paths import session_bus

if TYPE_CHECKING:
    from dbus_fast import Message

    from loom_desktop.sources.hotkey import Combo, OnKey, Taken

APP = "org.loomdesktop.Loom"
NAME, PATH = "org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop"
SHORTCUTS = "org.freedesktop.portal.GlobalShortcuts"
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
        self._bus = Connection(self._heard)
        self._session = ""
        self._answers: dict[str, asyncio.Future[tuple[int, dict[str, Any]]]] = {}

    async def open(self) -> None:
        """Connect and begin a session. Raises Unavailable where there is no such portal."""
        await self._bus.open(session_bus(self._environ))
        from dbus_fast import Variant

        await self._bus.match(f"sender='{NAME}'")
        await self._bus.match(f"sender='{BUS[0]}',member='NameOwnerChanged',arg0='{NAME}'")
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
        await self._bus.until_gone()
        raise Unavailable("The desktop portal went away.", hint="Loom tries again.")

    async def close(self) -> None:
        """End the session; the desktop keeps what the person has chosen."""
        await self._bus.close()

    async def _find_owner(self) -> None:
        # started if it can be; an error says only that it has no service file
        await self._bus.call(*BUS, "StartServiceByName", "su", [NAME, 0])
        self._bus.owner = await self._bus.owner_of(NAME)
        if not self._bus.owner:
            raise Unavailable(_NOT_HERE)
        self._bus.gone.clear()  # that it came is no loss

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
        reply = await self._bus.call(NAME, PATH, interface, member, signature, body)
        if reply is None and not optional:
            raise Unavailable(_NOT_HERE)

    def _heard(self, bus: Connection, message: Message) -> None:
        if message.member == "NameOwnerChanged" and message.sender == BUS[0]:
            if message.body[:1] == [NAME]:
                bus.gone.set()
            return
        if message.sender != bus.owner:
            return
        if message.member == "Response" and message.signature == "ua{sv}":
            answer = self._answers.get((message.path or "").rsplit("/", 1)[-1])
            if answer is not None and not answer.done():
                answer.set_result((message.body[0], message.body[1]))
        elif message.interface == SHORTCUTS and message.signature == "osta{sv}":
            if message.body[0] == self._session and message.member in ("Activated", "Deactivated"):
                self._on_key(str(message.body[1])[:100], message.member == "Activated")
        elif message.member == "Closed" and message.path == self._session:
            bus.gone.set()


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
