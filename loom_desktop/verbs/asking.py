"""Asking, stopping, and what was copied."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from loom_desktop.errors import SettingsError, UsageError
from loom_desktop.event import Privacy
from loom_desktop.runtime.context import clip_text
from loom_desktop.verbs.person import existing

if TYPE_CHECKING:
    from loom_desktop.loom import Loom

_MOST_TEXT = 1_000_000
_MOST_STEER = 4_000
_WAYS = ("", "auto", "direct", "thought", "react", "plan")


async def ask(
    loom: Loom,
    text: str,
    files: list[str] | None = None,
    conversation: int = 0,
    door: str = "window",
    way: str = "",
) -> dict[str, int]:
    """Ask something; the answer comes as ``chat`` events of that conversation.

    ``way``: how a model works on it: direct, thought, react, plan; empty: as the settings say.
    """
    if way not in _WAYS:
        raise UsageError(f"There is no way {way!r}.", hint=f"There are: {', '.join(_WAYS[1:])}.")
    named = checked(loom, text, files or [])
    return put(loom, text, files=named, conversation=conversation, door=door, way=way)


def checked(loom: Loom, text: str, files: list[str]) -> list[str]:
    """The paths in full, of a question that can be asked. Raises LoomError."""
    if not text.strip() and not files:
        raise UsageError("There is nothing to answer.", hint="Write a question.")
    if len(text) > _MOST_TEXT:
        raise UsageError("That is too long.", hint="Save it as a file and drop the file.")
    _answering(loom)
    return [existing(one) for one in files]


def put(
    loom: Loom,
    text: str,
    *,
    files: list[str],
    conversation: int,
    door: str,
    way: str = "",
    clip: str = "",
    model: str = "",
    also: frozenset[str] = frozenset(),
    privacy: Privacy = Privacy.PUBLIC,
) -> dict[str, int]:
    """Ask what was ``checked``. ``also``: labels that the question has beside the person's."""
    brought = [("file", files), ("clipboard", clip)]
    event = loom.publisher(door, origin="user-typed")(
        "chat.asked",
        thread=conversation,
        also=also.union(name for name, some in brought if some),
        least=privacy,
        text=text or "Summarise this",
        files=files,
        clip=clip,
        conversation=conversation,
        way=way,
        model=model,
    )
    return {"turn": event.id, "conversation": event.begins}


async def steer(loom: Loom, conversation: int, text: str) -> dict[str, bool]:
    """Say something to an answer on its way: the model hears it before its next step. False when
    nothing is being answered there: then it is to be asked as usual."""
    if not text.strip():
        raise UsageError("There is nothing to say.", hint="Write what should be different.")
    if len(text) > _MOST_STEER:
        raise UsageError("That is too long to say in between.", hint="Stop it, and ask anew.")
    if conversation not in loom.status.turns.values():
        return {"steered": False}
    loom.brain.steer(conversation, text.strip())
    return {"steered": True}


async def summarize_clipboard(loom: Loom) -> dict[str, int]:
    """Sum up what was copied, in a conversation of its own."""
    _answering(loom)
    await clip_text(loom.outside.sources.get("clipboard"), "")  # say now when there is nothing
    return put(
        loom, "Summarise what I copied", files=[], conversation=0, door="window",
        also=frozenset({"clipboard"}),
    )  # fmt: skip


async def copied(loom: Loom, formats: list[str], text: str = "") -> dict[str, Any]:
    """The window saw a copy: on Windows and macOS it is the one that may read the clipboard."""
    source: Any = loom.outside.sources["clipboard"]
    source.offer(formats, text)
    return {}


async def copying(loom: Loom, text_hash: str) -> dict[str, Any]:
    """The window is about to copy words of Loom: no help is offered with them. SHA-256, in hex."""
    if not re.fullmatch(r"[0-9a-f]{64}", text_hash):
        raise UsageError("copying: that is no SHA-256.")
    source: Any = loom.outside.sources.get("clipboard")
    if source is not None:
        source.ignore_next(text_hash)
    return {}


async def cancel(loom: Loom, conversation: int) -> dict[str, int]:
    """Stop everything that is being done for a conversation, and for those that it began."""
    threads = loom.bus.under(conversation)
    cancelled = loom.supervisor.cancel(conversation)
    for turn, thread in list(loom.status.turns.items()):
        if thread in threads:
            loom.publisher("runtime", origin="user-typed")(
                "chat.cancelled", thread=thread, turn=turn
            )
    return {"cancelled": cancelled}


def _answering(loom: Loom) -> None:
    """Somebody must be there who answers, or the question would wait for ever."""
    if "chat" not in loom.supervisor.agents:
        there = "chat" in loom.supervisor.states
        named = 'Add "chat" to agents under [assistant] in loom.toml.'
        raise SettingsError(
            "Nobody answers questions: the agent chat does not run.",
            hint="Start it: loom start chat" if there else named,
        )
