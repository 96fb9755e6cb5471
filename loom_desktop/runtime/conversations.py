"""Conversations: writes down what was asked and answered, as it happens on the bus."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from loom_desktop.bus import Bus
from loom_desktop.errors import LoomError
from loom_desktop.event import Event
from loom_desktop.store import Store
from loom_desktop.store.conversations import Message
from loom_desktop.tasks import Tasks

log = logging.getLogger(__name__)
_UNKNOWN = -1.0
"""What an answer cost, when nobody knows its price: it is not free."""


_GATHER_S = 0.1
"""What a crash may cost of an answer that streams."""


class Recorder:
    """Keeps every conversation, piece by piece, so that a crash costs no more than a sentence."""

    def __init__(self, bus: Bus, store: Store, tasks: Tasks) -> None:
        self.kept = self.lost = 0
        """Messages that were written down, and those that the store did not take."""
        self.trouble = ""
        """Why the last one was not, in words; empty when it was."""
        self._store = store
        self._said: dict[int, str] = {}
        """What was said so far in the turns that are being answered."""
        self._unwritten: dict[int, list[str]] = {}
        """Pieces of answers that are gathered, so that not each is a statement of its own."""
        self._waiting: asyncio.Queue[Message] = asyncio.Queue()
        self._writing = tasks.start("conversations", self._write())
        bus.subscribe("chat.*", self._note)

    @property
    def waiting(self) -> int:
        """Messages that are not written down so far."""
        return self._waiting.qsize()

    @property
    def running(self) -> bool:
        """Whether anybody writes."""
        return not self._writing.done()

    async def settled(self, deadline_s: float = 10.0) -> bool:
        """Return when everything said so far is written down, or when the time is over."""
        try:
            async with asyncio.timeout(deadline_s):
                await self._waiting.join()
        except TimeoutError:
            return False
        return True

    def _extend(self) -> None:
        gathered, self._unwritten = self._unwritten, {}
        for turn, pieces in gathered.items():
            if turn in self._said:  # else the whole answer is on its way to the store
                self._store.conversations.extend(turn, "".join(pieces))

    def _note(self, event: Event) -> None:
        if event.topic == "chat.streamed":
            turn, piece = event.payload["turn"], event.payload["text"]
            self._said[turn] = self._said.get(turn, "") + piece
            if not self._unwritten:
                asyncio.get_running_loop().call_later(_GATHER_S, self._extend)
            self._unwritten.setdefault(turn, []).append(piece)
        elif event.topic == "chat.asked":
            self._later(event, role="user", turn=event.id, text=event.payload["text"])
            self._later(event, role="assistant", turn=event.id, text="", state="streaming")
        elif event.topic == "chat.stepped":
            if event.payload["kind"] == "steered":
                self._later(event, role="user", turn=event.id, text=event.payload["text"])
        elif event.topic == "chat.answered":
            said = event.payload
            self._said.pop(said["turn"], None)
            self._later(
                event,
                role="assistant",
                turn=said["turn"],
                text=said["text"],
                route=said["route"],
                model=said["model"],
                seconds=said["seconds"],
                cost=_UNKNOWN if said["cost"] is None else said["cost"],
            )
        elif event.topic in ("chat.failed", "chat.cancelled"):
            said = event.payload
            streamed = self._said.pop(said["turn"], "")
            whole = said.get("text") or streamed
            if said.get("message"):
                told = " ".join(one for one in (said["message"], said.get("hint", "")) if one)
                whole = f"{whole}\n\n{told}".strip()
            state = event.topic.partition(".")[2]
            self._later(event, role="assistant", turn=said["turn"], text=whole, state=state)

    def _later(self, event: Event, **fields: Any) -> None:
        message = Message(
            conversation=event.begins,
            time=event.time,
            origin=event.origin,
            privacy=event.privacy,
            **fields,
        )
        self._waiting.put_nowait(message)

    async def _write(self) -> None:
        while True:
            message = await self._waiting.get()
            try:
                await self._store.conversations.put(message)
                self.kept, self.trouble = self.kept + 1, ""
            except LoomError as error:  # the store told the person; the conversation goes on
                log.warning("a message was not kept: %s", error.message)
                self.lost, self.trouble = self.lost + 1, error.message
            except Exception as error:  # one of the fences: all else still wants to be written
                log.exception("a message was not kept")
                self.lost, self.trouble = self.lost + 1, str(error) or repr(error)
            finally:
                self._waiting.task_done()
