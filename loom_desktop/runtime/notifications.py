"""Notifications: the desktop's own messages as a messenger for cards. The inbox is the truth.

A notification may open the card, tick a reminder off or put it off, and decline. It never approves
anything. Without a message bus, a daemon or buttons nothing is lost: the card is in the inbox.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from loom_desktop.bus import Bus
from loom_desktop.errors import LoomError
from loom_desktop.event import Event
from loom_desktop.paths import resource, session_bus
from loom_desktop.runtime.attention import Desk
from loom_desktop.tasks import Tasks

log = logging.getLogger(__name__)
_SEND_S, _REST_S = 5.0, 60.0


class Notifications:
    """Sends cards that the person may not see otherwise: all of them where there is no window,
    reminders and approvals where there is one."""

    def __init__(
        self,
        bus: Bus,
        desk: Desk,
        tasks: Tasks,
        *,
        desktop: bool,
        on: Callable[[], bool],
        show: Callable[[], None],
    ) -> None:
        self._desk, self._tasks, self._desktop, self._on, self._show = (
            desk,
            tasks,
            desktop,
            on,
            show,
        )
        self.sent = 0
        self.trouble = ""
        """Why the last one was not shown, in words; empty when it was."""
        self._loop = asyncio.get_running_loop()
        self._notifier: Any = None
        self._again_at = 0.0
        """Until then nobody shows notifications: a daemon that failed is left alone for a while."""
        self._open: set[int] = set()
        """Cards that a notification was wanted for, and that nobody answered yet."""
        self._shown: dict[int, Any] = {}
        bus.subscribe("card.offered", self._offered)
        bus.subscribe("card.closed", self._closed)

    def _offered(self, event: Event) -> None:
        card = event.payload["card"]
        wanted = ("reminder", "approval") if self._desktop else ("reminder", "suggestion")
        resting = self._loop.time() < self._again_at
        if card["kind"] in wanted and self._on() and not resting:
            self._open.add(card["id"])
            self._tasks.start(f"notify:{card['id']}", self._send(card))

    def _closed(self, event: Event) -> None:
        number = event.payload["card"]
        self._open.discard(number)
        if number in self._shown:
            self._tasks.start(f"clear:{number}", self._clear(number))

    async def _send(self, card: dict[str, Any]) -> None:
        from html import escape

        from desktop_notifier import Button, Capability, DesktopNotifier, Icon, Urgency

        try:
            async with asyncio.timeout(_SEND_S):
                if self._notifier is None:
                    self._notifier = DesktopNotifier(
                        app_name="Loom", app_icon=Icon(path=resource("icons/loom-128.png"))
                    )
                    _hear_in_turn(self._notifier, self._loop)
                known = await self._notifier.get_capabilities()
                buttons = []
                if Capability.BUTTONS in known:
                    buttons = [
                        Button(title=label, on_pressed=partial(self._pressed, card, action))
                        for action, label in _buttons(card, self._desktop)
                    ]
                sent = await self._notifier.send(
                    title=card["title"],
                    message=escape(card["text"], quote=False),  # daemons take it as markup
                    urgency=Urgency.Critical if card["kind"] == "reminder" else Urgency.Normal,
                    buttons=buttons,
                    on_clicked=partial(self._pressed, card, "open"),
                )
        except Exception as error:  # no bus, no daemon, a daemon that fails: the inbox has the card
            self._again_at = self._loop.time() + _REST_S
            await self.close()  # a bus that went away comes back as another one
            log.info("notifications are not shown here: %s", error)
            self.trouble = str(error) or type(error).__name__
            return
        self.sent, self.trouble = self.sent + 1, ""
        self._shown[card["id"]] = sent
        if card["id"] not in self._open:  # it was answered while this was on its way
            await self._clear(card["id"])

    @property
    def on(self) -> bool:
        """Whether the person wants them."""
        return self._on()

    @property
    def wanted_here(self) -> bool:
        """Whether this is a desktop, or at least has the message bus of one."""
        return self._desktop or bool(session_bus())

    async def close(self) -> None:
        """Let go of the message bus."""
        notifier, self._notifier = self._notifier, None
        # The library keeps its connection to itself and never closes it.
        bus = getattr(getattr(notifier, "_backend", None), "bus", None)
        if bus is None:
            return
        bus.disconnect()
        with contextlib.suppress(TimeoutError, OSError, EOFError):
            async with asyncio.timeout(1):  # the socket is closed in the loop
                await asyncio.shield(bus.wait_for_disconnect())

    async def _clear(self, number: int) -> None:
        sent = self._shown.pop(number, None)
        if sent is None:
            return
        try:
            async with asyncio.timeout(_SEND_S):
                await self._notifier.clear(sent)
        except Exception as error:  # the daemon went away: so did its message
            log.debug("a notification could not be taken back: %s", error)

    def _pressed(self, card: dict[str, Any], action: str) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: we are stopping
            self._loop.call_soon_threadsafe(self._press, card, action)

    def _press(self, card: dict[str, Any], action: str) -> None:
        if action == "open":
            self._show()
        else:
            self._tasks.start(f"answer:{card['id']}", self._answer(card["id"], action))

    async def _answer(self, number: int, action: str) -> None:
        try:
            await self._desk.answer(number, action, door="notification")
        except LoomError as error:
            log.info("card %d: %s", number, error.message)


def _hear_in_turn(notifier: Any, loop: asyncio.AbstractEventLoop) -> None:
    """Let a press wait for the turn in which ``send`` learns the number of its notification.

    The library calls its handlers while it reads the message bus and forgets a number that it does
    not know. A press that is read in one go with the reply to Notify came too early, and was lost.
    """

    def in_turn(heard: Callable[[int, Any], None], number: int, what: Any) -> None:
        loop.call_soon(heard, number, what)

    backend = getattr(notifier, "_backend", None)
    for name in ("_on_action", "_on_closed"):  # of the message bus; other systems have none
        if (heard := getattr(backend, name, None)) is not None:
            setattr(backend, name, partial(in_turn, heard))


def _buttons(card: dict[str, Any], desktop: bool) -> list[tuple[str, str]]:
    """What a notification may do: reminders are answered, all else is opened or declined."""
    if card["kind"] == "reminder":
        return [(one["id"], one["label"]) for one in card["actions"]]
    open_it = [("open", "Open")] if desktop else []
    decline = "deny" if card["kind"] == "approval" else "dismiss"
    return [*open_it, (decline, "Not now")]
