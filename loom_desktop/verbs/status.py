"""How Loom stands: in a word, in findings, and what left the computer."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgspec

from loom_desktop.errors import Unavailable
from loom_desktop.runtime.outside import Broken

if TYPE_CHECKING:
    from loom_desktop.loom import Loom

log = logging.getLogger(__name__)


async def status(loom: Loom) -> dict[str, Any]:
    """How Loom stands."""
    from loom_desktop.version import VERSION

    return {
        "state": loom.status.state,
        "words": loom.status.words,
        "paused_until": loom.status.paused_until if loom.status.paused else 0.0,
        "local_only": loom.settings.privacy.local_only,
        "sources": {name: _reported(loom, name) for name in loom.outside.sources},
        "problems": [{"message": message, "hint": hint} for message, hint in loom.status.problems],
        "open_cards": len(await loom.store.cards.open()),
        "first_run": not await loom.store.state.fact("first_run_done", False),
        "desktop": loom.desktop,
        "version": VERSION,
    }


async def dismiss_problem(loom: Loom, message: str) -> dict[str, Any]:
    """The person has read of this problem; when it comes again it is told again."""
    loom.status.solved(message)
    return {}


async def doctor(loom: Loom) -> list[dict[str, str]]:
    """What works here, what does not, and what to do about it."""
    from loom_desktop.runtime.doctor import examine

    return await examine(loom, {name: _reported(loom, name) for name in loom.outside.sources})


async def health(loom: Loom) -> dict[str, Any]:
    """How every part stands: ok, degraded or failed, since when, and what to do."""
    standing: dict[str, Any] = msgspec.to_builtins(await loom.health.look())
    return standing


async def left_today(loom: Loom) -> dict[str, int]:
    """What left this computer since midnight."""
    from datetime import datetime

    now = datetime.fromtimestamp(loom.clock(), loom.zone)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    totals: dict[str, int] = msgspec.to_builtins(
        await loom.store.ledger.since(midnight.timestamp())
    )
    return totals


def _reported(loom: Loom, name: str) -> dict[str, Any]:
    failed = loom.outside.failed.get(name)
    try:
        report = loom.outside.sources[name].report()
    except Exception as error:  # somebody's own source: it must not take the status with it
        log.exception("the source %s cannot say how it stands", name)
        report = Broken(Unavailable(f"{name} failed: {error}")).report()
    told = {
        "working": report.working,
        "driver": report.driver,
        "detail": report.detail,
        "fix": report.fix,
        "facts": report.facts or {},
        "on": loom.outside.running(name),
    }
    if failed is not None:
        told |= {"working": False, "detail": failed.message, "fix": failed.hint}
    return told
