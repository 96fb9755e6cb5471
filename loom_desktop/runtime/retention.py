"""Retention: what is older than the person wants it kept is forgotten, once a day."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from loom_desktop.errors import LoomError
from loom_desktop.store import Store

log = logging.getLogger(__name__)
DAY_S = 86_400.0
UNDO_DAYS = 30
"""Undo is promised for so long. Only then a kept file goes."""


async def forget_old(store: Store, kept: Path, *, now: float, keep_days: int) -> str:
    """Forget what is old now. Conversations, reminders and notes are the person's own: they stay;
    of what fired only when it did is forgotten. Answers with why something was not, in words.

    ``kept`` is where undo keeps files; nothing outside it is ever removed.
    """
    trouble = ""
    before = now - keep_days * DAY_S
    for forget in (
        store.journal.forget_before, store.cards.forget_before, store.ledger.forget_before,
        store.schedules.forget_before, store.routes.forget_before,
    ):  # fmt: skip
        try:
            await forget(before)
        except LoomError as error:  # a full disk: tomorrow again, and the others now
            log.warning("something old was not forgotten: %s", error.message)
            trouble = error.message
    try:
        files = await store.acts.forget_before(now - UNDO_DAYS * DAY_S)
    except LoomError as error:
        log.warning("old acts were not forgotten: %s", error.message)
        return error.message
    await asyncio.to_thread(_remove, files, kept)
    return trouble


def _remove(files: list[str], kept: Path) -> None:
    root = kept.absolute()
    for file in map(Path, files):
        if file.parent != root or ".." in file.parts:
            log.warning("%s is not ours to remove", file)
            continue
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s was not removed: %s", file, error.strerror)
