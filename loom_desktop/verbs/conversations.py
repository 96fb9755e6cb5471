"""Conversations that there were: list, search, read, export, import, forget."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from loom_desktop.errors import LoomError, NotFound, Unavailable, UsageError
from loom_desktop.verbs.asking import cancel
from loom_desktop.verbs.person import existing

if TYPE_CHECKING:
    from loom_desktop.loom import Loom
    from loom_desktop.text.transcripts import Transcript

_FORMS = {".md": "markdown", ".markdown": "markdown", ".json": "json"}
_MOST_SHOWN = 4_000_000
"""Bytes of an export that are handed over instead of being written to a file."""
_MOST_WRITTEN = 100_000
"""Conversations in one file."""


async def conversations(loom: Loom, query: str = "", limit: int = 50) -> list[dict[str, Any]]:
    """Past conversations, the newest first."""
    await loom.recorder.settled()
    found = await loom.store.conversations.recent(query, limit=limit)
    return [msgspec.to_builtins(one) for one in found]


async def conversation(loom: Loom, conversation: int) -> list[dict[str, Any]]:
    """What was said in one."""
    fields = ("id", "turn", "role", "text", "time", "route", "model", "seconds", "cost", "state")
    await loom.recorder.settled()
    found = await loom.store.conversations.messages(conversation)
    return [{name: getattr(one, name) for name in fields} for one in found]


async def find_messages(loom: Loom, query: str, limit: int = 50) -> list[dict[str, Any]]:
    """Where these words were said, in all conversations; the best first."""
    await loom.recorder.settled()
    found = await loom.store.conversations.find(query, limit=limit)
    return [msgspec.to_builtins(one) for one in found]


async def export_conversations(
    loom: Loom,
    conversations: list[int] | None = None,
    form: str = "",
    to: str = "",
    replace: bool = False,
) -> dict[str, Any]:
    """These conversations, or all of them, as ``markdown`` or ``json``.

    Written to the file ``to``, whose ending says the form when nothing else does; ``replace`` lets
    it take the place of one that is there. Without a file the answer has it as ``text``.
    """
    form = form or _FORMS.get(Path(to).suffix.lower(), "" if to else "markdown")
    if form not in ("markdown", "json"):
        raise UsageError(
            f"There is no form {form!r}." if form else "The name of the file says no form.",
            hint="There are markdown and json: files that end in .md or .json.",
        )
    if to and ("\0" in to or not Path(to).is_absolute()):
        raise UsageError(f"{to!r} is no path in full.", hint="Begin it at the root: /…")
    found = await _transcripts(loom, conversations)
    data = await asyncio.to_thread(_formed, found, form)
    if to:
        await asyncio.to_thread(_write, Path(to), data, replace)
    elif len(data) > _MOST_SHOWN:
        raise UsageError("That is too long to be shown.", hint="Name a file that it goes to.")
    return {
        "conversations": len(found),
        "form": form,
        "path": to,
        "size_bytes": len(data),
        "text": "" if to else data.decode(),
    }


async def import_conversations(loom: Loom, path: str) -> dict[str, Any]:
    """Take in what a file holds: Loom's own JSON or Markdown, or what ChatGPT or Claude export, as
    JSON or as the ZIP that they send. All of it or nothing; what was imported before is skipped.
    """
    from loom_desktop.text.exports import read

    given = await asyncio.to_thread(read, Path(existing(path)))
    await loom.recorder.settled()
    done = await loom.store.conversations.take_in(given)
    if done.added:
        loom.publisher("door", origin="user-typed")(
            "conversation.imported", imported=len(done.added), known=done.known
        )
    return {"imported": len(done.added), "known": done.known, "conversations": done.added[:1_000]}


async def forget_conversation(loom: Loom, conversation: int) -> dict[str, Any]:
    """Remove a conversation from every file. ``branches`` of it are conversations of their own and
    stay, with what they have of it."""
    await cancel(loom, conversation)
    await loom.recorder.settled()  # what is on its way would come back after it
    forgotten = await loom.store.conversations.forget(conversation)
    return {
        "forgotten": forgotten,
        "branches": await loom.store.conversations.branches(conversation),
    }


async def _transcripts(loom: Loom, numbers: list[int] | None) -> list[Transcript]:
    await loom.recorder.settled()
    kept = loom.store.conversations
    if numbers is None:
        numbers = [one.conversation for one in await kept.recent(limit=_MOST_WRITTEN)][::-1]
        if not numbers:
            raise NotFound("There are no conversations.", hint='Begin one: loom ask "2 + 2"')
    found = []
    for number in numbers:
        if (one := await kept.transcript(number)) is None:
            raise unknown(number)
        found.append(one)
    if not found:
        raise UsageError("Say which conversations.", hint="See: loom conversations list")
    return found


def unknown(conversation: int) -> NotFound:
    """There is no such conversation."""
    return NotFound(
        f"There is no conversation {conversation}.", hint="See: loom conversations list"
    )


def _formed(found: Sequence[Transcript], form: str) -> bytes:
    from loom_desktop.text.transcripts import to_json, to_markdown

    return to_json(found) if form == "json" else to_markdown(found).encode()


def _write(to: Path, data: bytes, replace: bool) -> None:
    """Whole or not at all, and for the person's eyes alone. Raises LoomError."""
    draft = to.with_name(f".{to.name}.{os.getpid()}.part")
    try:
        if not replace and to.exists():
            raise FileExistsError
        with open(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, to)
    except FileExistsError:
        raise LoomError(
            f"{to} is there already.", hint="Nothing was written. Choose another name."
        ) from None
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise Unavailable(
            f"{to} cannot be written: {error.strerror or error}.", hint="Choose another place."
        ) from error
