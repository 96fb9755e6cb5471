"""A fake desktop for tests: tray host, notification daemon, shortcut portal and logind, on D-Bus.

In an asynchronous test: ``async with FakeDesktop(bus_address=...) as desk``. Beside a real
application: ``Screen(tray="sni", notifications="fake").fake``, which is a ``FakeDesktopProcess``
(tests/fake_desktop_process.py): the same methods, waiting, on ``python -m tests.fake_desktop tray
notifications portal logind``, that reads and writes one JSON object per line.

Start the fakes before the application, and never together with a real XEmbed tray: Qt takes the
first tray that it finds.
"""

# no `from __future__ import annotations`: dbus-fast reads the annotations as D-Bus signatures

import asyncio
import contextlib
import json
import os
import sys
import time
from typing import Annotated, Any, Self

from dbus_fast import (  # noqa: TID253 - this is a program of its own, for tests
    Message,
    MessageType,
    PropertyAccess,
    RequestNameReply,
    Variant,
)
from dbus_fast.aio import MessageBus  # noqa: TID253
from dbus_fast.annotations import (  # noqa: TID253
    DBusBool,
    DBusInt32,
    DBusObjectPath,
    DBusSignature,
    DBusStr,
    DBusUInt32,
    DBusUnixFd,
)
from dbus_fast.service import (  # noqa: TID253
    ServiceInterface,
    dbus_method,
    dbus_property,
    dbus_signal,
)

PARTS = ("tray", "notifications", "portal", "logind", "screensaver")
WATCHER = "org.kde.StatusNotifierWatcher"
PORTAL = "/org/freedesktop/portal/desktop"
LOGIND = "/org/freedesktop/login1"
SESSION = f"{LOGIND}/session/_31"

Strings = Annotated[list[str], DBusSignature("as")]
Options = Annotated[dict[str, Variant], DBusSignature("a{sv}")]
Shortcuts = Annotated[list[list[Any]], DBusSignature("a(sa{sv})")]


class FakeWatcher(ServiceInterface):
    """The tray host's registry: applications call RegisterStatusNotifierItem."""

    def __init__(self) -> None:
        super().__init__(WATCHER)
        self.items: list[str] = []

    @dbus_method()
    def RegisterStatusNotifierItem(self, service: DBusStr) -> None:
        if service not in self.items:
            self.items.append(service)
        self.StatusNotifierItemRegistered(service)

    @dbus_method()
    def RegisterStatusNotifierHost(self, service: DBusStr) -> None:
        self.StatusNotifierHostRegistered()

    @dbus_property(access=PropertyAccess.READ)
    def RegisteredStatusNotifierItems(self) -> Strings:
        return self.items

    @dbus_property(access=PropertyAccess.READ)
    def IsStatusNotifierHostRegistered(self) -> DBusBool:
        return True

    @dbus_property(access=PropertyAccess.READ)
    def ProtocolVersion(self) -> DBusInt32:
        return 0

    @dbus_signal()
    def StatusNotifierItemRegistered(self, service: str) -> DBusStr:
        return service

    @dbus_signal()
    def StatusNotifierItemUnregistered(self, service: str) -> DBusStr:
        return service

    @dbus_signal()
    def StatusNotifierHostRegistered(self) -> None:
        return None


class FakeNotifications(ServiceInterface):
    """Keeps every notification; with ``buttons`` off it plays a daemon that shows none."""

    def __init__(self) -> None:
        super().__init__("org.freedesktop.Notifications")
        self.buttons = True
        self.press_at_once = ""  # the label of a button that is pressed with the reply to Notify
        self.all: dict[int, dict[str, Any]] = {}
        self._last = 0

    @dbus_method()
    def GetCapabilities(self) -> Strings:
        return ["body", "body-markup", *(["actions"] if self.buttons else [])]

    @dbus_method()
    def GetServerInformation(self) -> Annotated[list[str], DBusSignature("ssss")]:
        return ["fake", "loom-tests", "1", "1.2"]

    @dbus_method()
    def Notify(
        self,
        app: DBusStr,
        replaces: DBusUInt32,
        icon: DBusStr,
        title: DBusStr,
        body: DBusStr,
        actions: Strings,
        hints: Options,
        expire_ms: DBusInt32,
    ) -> DBusUInt32:
        self._last += 0 if replaces else 1
        number = replaces or self._last
        self.all[number] = {
            "id": number,
            "app": app,
            "title": title,
            "body": body,
            "buttons": dict(zip(actions[::2], actions[1::2], strict=True)),
            "urgency": hints["urgency"].value if "urgency" in hints else 1,
            "expire_ms": expire_ms,
            "open": True,
        }
        for key, label in self.all[number]["buttons"].items():
            if label and label == self.press_at_once:
                asyncio.get_running_loop().call_soon(self._press_and_be_busy, number, key)
        return number

    def _press_and_be_busy(self, number: int, key: str) -> None:
        self.ActionInvoked(number, key)
        time.sleep(0.1)  # an application in this loop reads the reply and the press in one go

    @dbus_method()
    def CloseNotification(self, number: DBusUInt32) -> None:
        self.close(number, 3)

    @dbus_signal()
    def NotificationClosed(
        self, number: int, reason: int
    ) -> Annotated[list[int], DBusSignature("uu")]:
        return [number, reason]

    @dbus_signal()
    def ActionInvoked(self, number: int, key: str) -> Annotated[list[Any], DBusSignature("us")]:
        return [number, key]

    def close(self, number: int, reason: int) -> None:
        if self.all.get(number, {}).get("open"):
            self.all[number]["open"] = False
            self.NotificationClosed(number, reason)


class FakeRequest(ServiceInterface):
    """What a portal call is answered through."""

    def __init__(self) -> None:
        super().__init__("org.freedesktop.portal.Request")

    @dbus_signal()
    def Response(
        self, code: int, results: dict[str, Variant]
    ) -> Annotated[list[Any], DBusSignature("ua{sv}")]:
        return [code, results]


class FakeRegistry(ServiceInterface):
    """Where a program outside a sandbox tells the portal which application it is."""

    def __init__(self) -> None:
        super().__init__("org.freedesktop.host.portal.Registry")
        self.app = ""

    @dbus_method()
    def Register(self, app: DBusStr, options: Options) -> None:
        self.app = app


class FakeShortcuts(ServiceInterface):
    """The GlobalShortcuts portal. ``answer``: bind, refuse, silent, none (bound to no key)."""

    def __init__(self, bus: MessageBus) -> None:
        super().__init__("org.freedesktop.portal.GlobalShortcuts")
        self.answer = "bind"
        self.trigger = ""  # what the person chose instead of the wish
        self.session = ""
        self.bound: dict[str, dict[str, Any]] = {}
        self._bus = bus
        self.silent_bind = False  # the person does not answer
        self.caller = ""  # who called last, as the bus names it
        bus.add_message_handler(self._note_sender)

    def _note_sender(self, message: Message) -> None:
        if message.message_type is MessageType.METHOD_CALL and message.sender:
            self.caller = message.sender

    @property
    def _sender(self) -> str:
        return self.caller[1:].replace(".", "_")

    def _reply(self, options: dict[str, Variant], results: dict[str, Variant]) -> str:
        path = f"{PORTAL}/request/{self._sender}/{options['handle_token'].value}"
        request = FakeRequest()
        self._bus.export(path, request)
        code = 1 if self.answer == "refuse" else 0
        if self.answer != "silent" and not (self.silent_bind and "shortcuts" in results):
            later = asyncio.get_running_loop().call_later
            later(0.01, request.Response, code, {} if code else results)
        return path

    @dbus_method()
    def CreateSession(self, options: Options) -> DBusObjectPath:
        token = options["session_handle_token"].value
        self.session = f"{PORTAL}/session/{self._sender}/{token}"
        answer, self.answer = self.answer, "bind" if self.answer == "refuse" else self.answer
        try:
            return self._reply(options, {"session_handle": Variant("s", self.session)})
        finally:
            self.answer = answer

    @dbus_method()
    def BindShortcuts(
        self, session: DBusObjectPath, shortcuts: Shortcuts, parent: DBusStr, options: Options
    ) -> DBusObjectPath:
        self.bound = {name: {k: v.value for k, v in about.items()} for name, about in shortcuts}
        answer = []
        for name, about in shortcuts:
            wish = str(about["preferred_trigger"].value) if "preferred_trigger" in about else ""
            got = self.trigger or ("" if self.answer == "none" else wish)
            answer.append(
                [
                    name,
                    {
                        "description": about["description"],
                        "trigger_description": Variant("s", got),
                    },
                ]
            )
        return self._reply(options, {"shortcuts": Variant("a(sa{sv})", answer)})

    @dbus_property(access=PropertyAccess.READ)
    def version(self) -> DBusUInt32:
        return 1

    @dbus_signal()
    def Activated(
        self, session: str, name: str, when: int, options: dict[str, Variant]
    ) -> Annotated[list[Any], DBusSignature("osta{sv}")]:
        return [session, name, when, options]

    @dbus_signal()
    def Deactivated(
        self, session: str, name: str, when: int, options: dict[str, Variant]
    ) -> Annotated[list[Any], DBusSignature("osta{sv}")]:
        return [session, name, when, options]


class FakeLogin(ServiceInterface):
    """logind: counts the delay locks that are held, and tells of sleep."""

    def __init__(self) -> None:
        super().__init__("org.freedesktop.login1.Manager")
        self.held = 0

    @dbus_method()
    def Inhibit(self, what: DBusStr, who: DBusStr, why: DBusStr, mode: DBusStr) -> DBusUnixFd:
        read, write = os.pipe()
        loop = asyncio.get_running_loop()

        def gone() -> None:  # end of file: every copy of the write end is closed
            loop.remove_reader(read)
            os.close(read)
            self.held -= 1

        loop.add_reader(read, gone)
        loop.call_later(0.05, os.close, write)  # our own copy; the client holds its own
        self.held += 1
        return write

    @dbus_method()
    def GetSession(self, name: DBusStr) -> DBusObjectPath:
        return SESSION

    @dbus_signal()
    def PrepareForSleep(self, going: bool) -> DBusBool:
        return going


class FakeLoginSession(ServiceInterface):
    """The person's session in logind."""

    def __init__(self) -> None:
        super().__init__("org.freedesktop.login1.Session")
        self.locked = False

    @dbus_property(access=PropertyAccess.READ)
    def LockedHint(self) -> DBusBool:
        return self.locked

    @dbus_signal()
    def Lock(self) -> None:
        return None

    @dbus_signal()
    def Unlock(self) -> None:
        return None


class FakeScreenSaver(ServiceInterface):
    """The desktop's own screen lock."""

    def __init__(self) -> None:
        super().__init__("org.freedesktop.ScreenSaver")
        self.active = False

    @dbus_method()
    def GetActive(self) -> DBusBool:
        return self.active

    @dbus_signal()
    def ActiveChanged(self, active: bool) -> DBusBool:
        return active


class FakeDesktop:
    """``async with FakeDesktop(bus_address) as desk``, then start the application."""

    def __init__(self, bus_address: str | None = None, parts: tuple[str, ...] = PARTS) -> None:
        self._address, self._parts = bus_address, parts
        self._tray_bus: MessageBus | None = None
        self.watcher = FakeWatcher()

    async def __aenter__(self) -> Self:
        self._bus = await MessageBus(self._address, negotiate_unix_fd=True).connect()
        self.notifications_daemon = FakeNotifications()
        self.portal = FakeShortcuts(self._bus)
        self.registry = FakeRegistry()
        self.login, self.login_session = FakeLogin(), FakeLoginSession()
        self.screensaver = FakeScreenSaver()
        if "notifications" in self._parts:
            self._bus.export("/org/freedesktop/Notifications", self.notifications_daemon)
            await _own(self._bus, "org.freedesktop.Notifications")
        if "portal" in self._parts:
            self._bus.export(PORTAL, self.portal)
            self._bus.export(PORTAL, self.registry)
            await _own(self._bus, "org.freedesktop.portal.Desktop")
        if "logind" in self._parts:
            self._bus.export(LOGIND, self.login)
            self._bus.export(SESSION, self.login_session)
            await _own(self._bus, "org.freedesktop.login1")
        if "screensaver" in self._parts or "logind" in self._parts:
            self._bus.export("/org/freedesktop/ScreenSaver", self.screensaver)
            await _own(self._bus, "org.freedesktop.ScreenSaver")
        if "tray" in self._parts:
            await self.start_tray()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop_tray()
        await _closed(self._bus)

    # ---- the tray

    async def start_tray(self) -> None:
        """On a connection of its own, so that a host can come late or restart."""
        self._tray_bus = await MessageBus(self._address).connect()
        self._tray_bus.add_message_handler(self._owner_changed)
        await _match(self._tray_bus, "member='NameOwnerChanged'")
        self.watcher = FakeWatcher()
        self._tray_bus.export("/StatusNotifierWatcher", self.watcher)
        await _own(self._tray_bus, WATCHER)

    async def stop_tray(self) -> None:
        """The tray host goes away."""
        if self._tray_bus is not None:
            await _closed(self._tray_bus)
            self._tray_bus = None
            self.watcher.items.clear()

    async def items(self) -> list[dict[str, Any]]:
        """The icons: id, title, status, tooltip, icon (name), icon_sizes."""
        found = []
        for service in list(self.watcher.items):
            about = await self._about(service)
            tip = about.get("ToolTip", ["", [], "", ""])
            found.append(
                {
                    "service": service,
                    "id": about.get("Id", ""),
                    "title": about.get("Title", ""),
                    "status": about.get("Status", ""),
                    "tooltip": tip[2] or about.get("Title", ""),
                    "icon": about.get("IconName", ""),
                    "icon_sizes": [size[0] for size in about.get("IconPixmap", [])],
                    "icon_sum": [sum(size[2]) for size in about.get("IconPixmap", [])],
                }
            )
        return found

    async def activate(self, index: int = -1) -> None:
        """Click the icon."""
        service = self.watcher.items[index]
        await self._call(
            service, "/StatusNotifierItem", "org.kde.StatusNotifierItem", "Activate", "ii", 100, 100
        )

    async def menu(self, index: int = -1) -> list[dict[str, Any]]:
        """Entries of the icon's menu: id, label, enabled, visible, separator, checked, icon,
        shortcut, children. Labels come without the mark of the access key."""
        service, path = await self._menu(index)
        kind = "com.canonical.dbusmenu"
        with contextlib.suppress(RuntimeError):  # optional for the application
            await self._call(service, path, kind, "AboutToShow", "i", 0)
        body = await self._call(service, path, kind, "GetLayout", "iias", 0, -1, [])
        return [_entry(child.value) for child in body[1][2]]

    async def click(self, *labels: str, index: int = -1) -> None:
        """Choose an entry of the menu, by its label, or labels on the way down."""
        entries: list[dict[str, Any]] = await self.menu(index)
        chosen: dict[str, Any] = {}
        for label in labels:
            known = [entry["label"] for entry in entries if entry["label"]]
            hit = [entry for entry in entries if entry["label"] == label]
            if not hit:
                raise LookupError(f"no menu entry {label!r}; there are {known}")
            chosen, entries = hit[0], hit[0]["children"]
        if not chosen.get("enabled") or not chosen.get("visible"):
            raise LookupError(f"menu entry {labels[-1]!r} cannot be chosen")
        service, path = await self._menu(index)
        at = [chosen["id"], "clicked", Variant("s", ""), int(time.monotonic())]
        await self._call(service, path, "com.canonical.dbusmenu", "Event", "isvu", *at)

    # ---- notifications

    async def notifications(self, *, closed: bool = False) -> list[dict[str, Any]]:
        """What is shown: id, app, title, body, buttons {key: label}, urgency, expire_ms, open."""
        return [one for one in self.notifications_daemon.all.values() if one["open"] or closed]

    async def press(self, button: str, number: int = 0) -> None:
        """Press a button, by its label or key, of the notification (0: the newest)."""
        shown = await self.notifications()
        which = [one for one in shown if one["id"] == number] if number else shown[-1:]
        if not which:
            raise LookupError("no notification is shown")
        buttons = which[0]["buttons"]
        key = next((k for k, label in buttons.items() if button in (label, k)), None)
        if key is None:
            raise LookupError(f"no button {button!r}; there are {buttons}")
        self.notifications_daemon.ActionInvoked(which[0]["id"], key)
        self.notifications_daemon.close(which[0]["id"], 2)

    async def dismiss(self, number: int) -> None:
        """The person closes the notification."""
        self.notifications_daemon.close(number, 2)

    async def expire(self, number: int) -> None:
        """The notification goes away by itself."""
        self.notifications_daemon.close(number, 1)

    async def show_buttons(self, on: bool) -> None:
        """Whether the daemon says that it shows buttons."""
        self.notifications_daemon.buttons = on

    # ---- shortcuts

    async def shortcuts(self) -> dict[str, dict[str, Any]]:
        """What an application asked the portal to bind: {id: {description, preferred_trigger}}."""
        return self.portal.bound

    async def shortcut_answer(self, answer: str = "bind", trigger: str = "") -> None:
        """How the person answers the portal's question (see ``FakeShortcuts``)."""
        self.portal.answer, self.portal.trigger = answer, trigger

    async def shortcut_down(self, name: str) -> None:
        """The key that is bound to this goes down."""
        self.portal.Activated(self.portal.session, name, time.monotonic_ns() // 1_000_000, {})

    async def shortcut_up(self, name: str) -> None:
        """The key that is bound to this is let go."""
        self.portal.Deactivated(self.portal.session, name, time.monotonic_ns() // 1_000_000, {})

    # ---- sleep and lock

    async def sleep_locks(self) -> int:
        """How many delay locks are held."""
        return self.login.held

    async def sleep(self) -> None:
        """The computer is about to sleep."""
        self.login.PrepareForSleep(True)

    async def resume(self) -> None:
        """The computer is awake again."""
        self.login.PrepareForSleep(False)

    async def lock(self, by: str = "logind") -> None:
        """The screen is locked, as ``logind`` or the ``screensaver`` says."""
        self._locked(True, by)

    async def unlock(self, by: str = "logind") -> None:
        """The screen is unlocked."""
        self._locked(False, by)

    def _locked(self, locked: bool, by: str) -> None:
        if by == "screensaver":
            self.screensaver.active = locked
            self.screensaver.ActiveChanged(locked)
            return
        (self.login_session.Lock if locked else self.login_session.Unlock)()
        self.login_session.locked = locked
        self.login_session.emit_properties_changed({"LockedHint": locked})

    # ---- below

    async def _menu(self, index: int) -> tuple[str, str]:
        service = self.watcher.items[index]
        return service, (await self._about(service))["Menu"]

    async def _about(self, service: str) -> dict[str, Any]:
        of = "org.freedesktop.DBus.Properties"
        name = "org.kde.StatusNotifierItem"
        body = await self._call(service, "/StatusNotifierItem", of, "GetAll", "s", name)
        return {key: value.value for key, value in body[0].items()}

    async def _call(
        self, dest: str, path: str, interface: str, member: str, signature: str, *body: Any
    ) -> list[Any]:
        async with asyncio.timeout(5):
            reply = await self._bus.call(
                Message(
                    destination=dest,
                    path=path,
                    interface=interface,
                    member=member,
                    signature=signature,
                    body=list(body),
                )
            )
        assert reply is not None
        if reply.message_type is MessageType.ERROR:
            raise RuntimeError(f"{member}: {reply.error_name} {reply.body}")
        return list(reply.body)

    def _owner_changed(self, message: Message) -> None:
        if message.member == "NameOwnerChanged" and message.message_type is MessageType.SIGNAL:
            name, _, now = message.body
            if not now and name in self.watcher.items:
                self.watcher.items.remove(name)
                self.watcher.StatusNotifierItemUnregistered(name)


def _entry(node: list[Any]) -> dict[str, Any]:
    number, about, children = node
    value = {key: variant.value for key, variant in about.items()}
    return {
        "id": number,
        "label": value.get("label", "").replace("__", "\0").replace("_", "").replace("\0", "_"),
        "enabled": value.get("enabled", True),
        "visible": value.get("visible", True),
        "separator": value.get("type") == "separator",
        "checked": value.get("toggle-state", -1) == 1,
        "icon": value.get("icon-name", "") or ("data" if value.get("icon-data") else ""),
        "shortcut": ["+".join(keys) for keys in value.get("shortcut", [])],
        "children": [_entry(child.value) for child in children],
    }


async def _own(bus: MessageBus, name: str) -> None:
    if await bus.request_name(name) is not RequestNameReply.PRIMARY_OWNER:
        raise RuntimeError(f"{name} has an owner already: use a private bus without activation")


async def _closed(bus: MessageBus) -> None:
    bus.disconnect()
    await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]  # the library's


async def _match(bus: MessageBus, rule: str) -> None:
    await bus.call(
        Message(
            destination="org.freedesktop.DBus",
            path="/org/freedesktop/DBus",
            interface="org.freedesktop.DBus",
            member="AddMatch",
            signature="s",
            body=[f"type='signal',{rule}"],
        )
    )


async def _serve(parts: tuple[str, ...]) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    pipe, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with FakeDesktop(parts=parts) as desk:
        print('{"value": "ready"}', flush=True)  # noqa: T201
        while line := await reader.readline():
            ask = json.loads(line)
            answer: dict[str, Any]
            try:
                done = await getattr(desk, ask["do"])(*ask["arguments"], **ask["named"])
                answer = {"value": done}
            except (LookupError, RuntimeError, TimeoutError) as error:
                answer = {"error": f"{error}", "kind": type(error).__name__}
            print(json.dumps(answer, default=str), flush=True)  # noqa: T201
    pipe.close()


if __name__ == "__main__":
    asyncio.run(_serve(tuple(sys.argv[1:]) or PARTS))
