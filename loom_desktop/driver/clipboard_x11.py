"""The clipboard of an X screen: XFIXES tells of a copy, the selection is converted asynchronously.

An own connection, read by the engine's loop. TARGETS is asked first, then the hint that marks a
secret, then the size of the text, then the text, in one piece or in many (INCR; ICCCM 2.7.2).

An owner that began to send pieces is let finish, whatever became of our reading: xclip, for one,
serves nobody else before, so that the person could not paste. The pieces are not fetched.

The server sends us the notice of a new owner before that owner's first answer, so a text that
arrives without such a notice is from the owner whose formats were looked at.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from loom_desktop.driver.clip import HINT, Clip, judged
from loom_desktop.errors import Unavailable

log = logging.getLogger(__name__)

_SLICE = 1 << 16
"""In units of 4 bytes: as much as is fetched before the loop gets a turn."""
_MOST_LEFT = 16
_MOST_DRAINED = 1 << 30
_DRAIN_S = 0.5
"""How long the end of Loom waits for owners that still send."""


@dataclass(slots=True)
class _Left:
    """A window that nobody reads any more, and whose owner is not done with it."""

    window: Any
    sending: bool
    drained: int = 0


class X11:
    """See ``Driver``."""

    name = "x11"

    def __init__(self, screen: str) -> None:
        self._screen = screen
        self._x: Any = None
        self._closed = False
        self._waiting: dict[tuple[int, str], asyncio.Future[Any]] = {}
        self._left: dict[int, _Left] = {}
        self._drained = asyncio.Event()
        self._changed: Callable[[], None] = lambda: None
        self._ended: Callable[[str], None] = lambda _: None
        self._fd = -1

    async def open(self, changed: Callable[[], None], ended: Callable[[str], None]) -> None:
        """See ``Driver``."""
        self._changed, self._ended = changed, ended
        await asyncio.to_thread(self._connect)
        self._fd = self._x.fileno()
        asyncio.get_running_loop().add_reader(self._fd, self._ready)
        self._ready()

    async def read(self, most_bytes: int) -> Clip:
        """See ``Driver``."""
        from Xlib import X, error

        try:
            if self._x.get_selection_owner(self._clipboard) == X.NONE:
                return Clip(refused="empty")
            offered = await self._convert(self._targets, 1 << 14)
            atoms = set(offered) if isinstance(offered, list) else set()
            if self._hint in atoms:
                hint = await self._convert(self._hint, 1 << 10)
                if not isinstance(hint, bytes) or hint.strip(b"\0\n ") == b"secret":
                    return Clip(refused="secret")  # no answer about a secret is one, too
            kind = next((atom for atom in self._texts if atom in atoms), None)
            if kind is None:
                return Clip(refused="not text")
            found = await self._convert(kind, most_bytes)
        except (error.ConnectionClosedError, OSError) as gone:
            raise Unavailable(
                "The connection to the X screen is lost.", hint="Start Loom again."
            ) from gone
        if found == "too large":
            return Clip(refused="too large")
        return judged(found, most_bytes) if isinstance(found, bytes) else Clip(refused="not text")

    async def close(self) -> None:
        """See ``Driver``."""
        self._closed = True
        try:
            async with asyncio.timeout(_DRAIN_S):
                while self._fd >= 0 and any(left.sending for left in self._left.values()):
                    self._drained.clear()
                    await self._drained.wait()
        except TimeoutError:
            log.debug("an owner of the clipboard still sends")
        x, self._x = self._x, None
        if x is not None:
            self._stop_reading()
            _close(x)

    def _connect(self) -> None:
        """In a thread: connecting and importing take their time."""
        from Xlib import X, display, error
        from Xlib.ext import xfixes

        try:
            _knock(self._screen)
            x = display.Display(self._screen)
        except (error.DisplayError, error.ConnectionClosedError, error.XauthError, OSError) as why:
            raise Unavailable(
                f"The X screen {self._screen} cannot be reached.",
                hint="Check the variables DISPLAY and XAUTHORITY.",
            ) from why
        if not x.has_extension("XFIXES"):
            _close(x)
            raise Unavailable(
                "This X screen does not tell of copies (no XFIXES).",
                hint="Use the clipboard by hand: Summarise clipboard in the menu.",
            )
        x.set_error_handler(lambda bad, _request: log.debug("X said %s", bad))
        self._clipboard, self._prop = x.intern_atom("CLIPBOARD"), x.intern_atom("LOOM_CLIPBOARD")
        self._incr, self._targets = x.intern_atom("INCR"), x.intern_atom("TARGETS")
        self._hint = x.intern_atom(HINT)
        self._texts = [x.intern_atom(name) for name in ("UTF8_STRING", "text/plain;charset=utf-8")]
        x.xfixes_query_version()
        x.xfixes_select_selection_input(
            x.screen().root,
            self._clipboard,
            xfixes.XFixesSetSelectionOwnerNotifyMask
            | xfixes.XFixesSelectionWindowDestroyNotifyMask
            | xfixes.XFixesSelectionClientCloseNotifyMask,
        )
        self._any_type, self._copy = X.AnyPropertyType, X.CopyFromParent
        x.sync()
        if self._closed:
            _close(x)
        else:
            self._x = x

    def _ready(self) -> None:
        """The connection has something for us."""
        from Xlib import X, error

        x = self._x
        try:
            while x is self._x is not None and x.pending_events():
                event = x.next_event()
                if event.type == X.SelectionNotify:
                    if left := self._left.get(event.requestor.id):
                        self._answered_late(left, event.property)
                    self._resolve(event.requestor.id, "answer", event)
                elif event.type == X.PropertyNotify and event.state == X.PropertyNewValue:
                    if (left := self._left.get(event.window.id)) and left.sending:
                        self._drain(left)
                    self._resolve(event.window.id, "piece", event)
                elif event.type == x.extension_event.SetSelectionOwnerNotify[0]:
                    self._changed()
        except (error.ConnectionClosedError, OSError):
            self._stop_reading()
            self._ended("The connection to the X screen is lost.")

    def _stop_reading(self) -> None:
        if self._fd >= 0:
            asyncio.get_running_loop().remove_reader(self._fd)
            self._fd = -1

    def _resolve(self, window: int, what: str, event: Any) -> None:
        future = self._waiting.pop((window, what), None)
        if future is not None and not future.done():
            future.set_result(event)

    def _expect(self, window: Any, what: str) -> asyncio.Future[Any]:
        future = asyncio.get_running_loop().create_future()
        self._waiting[window.id, what] = future
        return future

    def _flush(self) -> None:
        self._x.flush()
        # A reply that python-xlib waited for may have brought events that the loop cannot see.
        asyncio.get_running_loop().call_soon(self._ready)

    async def _convert(
        self, target: int, most_bytes: int
    ) -> bytes | list[int] | Literal["too large"] | None:
        """The clipboard as this target; None when the owner does not give it.

        Each conversion has a window of its own, so that an owner that answers too late, or goes on
        sending pieces, writes where nobody looks.
        """
        root = self._x.screen().root
        window = root.create_window(0, 0, 1, 1, 0, self._copy, event_mask=_PROPERTY_CHANGES)
        over = sending = False  # whether the owner will not write to it any more, or goes on to
        try:
            answer = self._expect(window, "answer")
            window.convert_selection(self._clipboard, target, self._prop, 0)
            self._flush()
            answered = await answer
            over = True
            if answered.property == 0:
                return None
            head = window.get_property(self._prop, self._any_type, 0, 1)
            if head is None:
                return None
            if head.property_type == self._incr:
                over, sending = False, True
                if head.format == 32 and head.value and head.value[0] > most_bytes:
                    return "too large"  # the least that it will be
                found = await self._pieces(window, most_bytes)
                over = found is not None
                return "too large" if found is None else found
            if _size(head) > most_bytes:
                return "too large"
            return await self._property(window)
        finally:
            self._waiting.pop((window.id, "answer"), None)
            self._waiting.pop((window.id, "piece"), None)
            self._leave(window, over=over, sending=sending)

    async def _pieces(self, window: Any, most_bytes: int) -> bytes | None:
        """Deleting the property asks for the next piece, an empty piece is the end."""
        found = bytearray()
        while True:
            piece = self._expect(window, "piece")
            window.delete_property(self._prop)
            self._flush()
            await piece
            head = window.get_property(self._prop, self._any_type, 0, 1)
            if head is None:
                return b""
            size = _size(head)
            if not size:
                return bytes(found)
            if len(found) + size > most_bytes:
                return None
            part = await self._property(window)
            found += part if isinstance(part, bytes) else b""

    async def _property(self, window: Any) -> bytes | list[int]:
        data = bytearray()
        numbers: list[int] = []
        offset = 0
        while True:
            part = window.get_property(self._prop, self._any_type, offset, _SLICE)
            if part is None:
                break
            if part.format == 8:
                value = part.value
                data += value.encode("latin-1") if isinstance(value, str) else bytes(value)
            else:
                numbers += list(part.value)
            offset += _SLICE
            if not part.bytes_after:
                break
            await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(self._ready)
        return numbers or bytes(data)

    def _leave(self, window: Any, *, over: bool, sending: bool) -> None:
        """Programs have ended over writing to a window that was gone: these stay for a while."""
        if self._x is None or self._fd < 0:
            return
        if over:
            window.destroy()
        else:
            self._left[window.id] = _Left(window, sending)
            if sending:
                window.delete_property(self._prop)  # asks for the next piece
            if len(self._left) > _MOST_LEFT:
                self._done_with(self._left[next(iter(self._left))])
        self._flush()

    def _answered_late(self, left: _Left, prop: int) -> None:
        head = left.window.get_property(self._prop, self._any_type, 0, 0) if prop else None
        if head is not None and head.property_type == self._incr:
            left.sending = True
            left.window.delete_property(self._prop)
        else:
            self._done_with(left)
        self._flush()

    def _drain(self, left: _Left) -> None:
        """Ask for the next piece without looking at this one."""
        head = left.window.get_property(self._prop, self._any_type, 0, 0)
        if head is None:
            return  # it was asked for already
        left.drained += head.bytes_after
        if not head.bytes_after or left.drained > _MOST_DRAINED:
            self._done_with(left)
        else:
            left.window.delete_property(self._prop)
        self._flush()

    def _done_with(self, left: _Left) -> None:
        del self._left[left.window.id]
        left.window.destroy()
        self._drained.set()


_PROPERTY_CHANGES = 1 << 22
"""PropertyChangeMask of X.h."""


def _knock(screen: str) -> None:
    """Raises OSError when a screen of this machine is not there.

    The library would go on to try a port of the network, where anybody may listen.
    """
    local = re.fullmatch(r"(?:unix)?/?:(\d{1,5})(?:\.\d+)?", screen)
    if local is None:
        return
    path = f"/tmp/.X11-unix/X{local[1]}"
    with socket.socket(socket.AF_UNIX) as door:
        door.settimeout(1)
        door.connect(path if os.path.exists(path) else f"\0{path}")


def _size(part: Any) -> int:
    """Bytes in a property, of which the first 4 were fetched."""
    return int(len(part.value) * (part.format // 8) + part.bytes_after)


def _close(x: Any) -> None:
    from Xlib import error

    try:
        x.close()
    except (error.ConnectionClosedError, OSError):
        log.debug("the X screen was gone already")
