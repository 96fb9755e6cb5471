"""Agents that run, are stopped or held up, and the mailboxes in which their events wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from loom_desktop.errors import LoomError, NotFound, UsageError

if TYPE_CHECKING:
    from loom_desktop.loom import Loom


async def agents(loom: Loom) -> list[dict[str, Any]]:
    """Every agent of this run: state, topics, what waits, what was done and lost, last failure."""
    return [msgspec.to_builtins(one) for one in loom.supervisor.reports()]


async def start_agent(loom: Loom, name: str) -> dict[str, Any]:
    """One that was stopped or failed, or one of the catalogue that loom.toml does not name.

    It counts for this run: the next one starts those that loom.toml names.
    """
    known, files = loom.supervisor.states, loom.entries.names("agents")
    if name in known:
        loom.supervisor.start_again(name)
    elif name in files:
        name = loom.start_agent(name)
    else:
        raise _not_there(loom, name)
    return _report(loom, name)


async def stop_agent(loom: Loom, name: str) -> dict[str, Any]:
    """It gets no more events in this run; what it has in hand is finished first, for 5 s."""
    _known(loom, name)
    await loom.supervisor.stop(name)
    return _report(loom, name)


async def restart_agent(loom: Loom, name: str) -> dict[str, Any]:
    """Stop it and start it anew, without what it kept in memory."""
    _known(loom, name)
    await loom.supervisor.restart(name)
    return _report(loom, name)


async def pause_agent(loom: Loom, name: str) -> dict[str, Any]:
    """Its events wait until it goes on."""
    _known(loom, name)
    loom.supervisor.pause(name)
    return _report(loom, name)


async def resume_agent(loom: Loom, name: str) -> dict[str, Any]:
    """It goes on with what waits. Raises UsageError when it runs."""
    _known(loom, name)
    if loom.supervisor.states[name] == "running":
        raise UsageError(f"{name} runs already: it is not paused.")
    loom.supervisor.resume(name)
    return _report(loom, name)


async def delete_agent(loom: Loom, name: str) -> dict[str, Any]:
    """Stop it and forget it, with all that it remembered, planned and could not work on.

    ``named``: whether loom.toml names it, so that the next start begins with it anew.
    """
    _known(loom, name)
    await loom.supervisor.delete(name, forget=True)
    return {"name": name, "named": name in loom.settings.assistant.agents}


async def mailboxes(loom: Loom) -> list[dict[str, Any]]:
    """Every subscription of the bus: what waits, what was handled, dropped, merged, too late; and
    what those had lost that ended."""
    found = [*loom.bus.mailboxes(), *loom.bus.lost_by_ended()]
    return [msgspec.to_builtins(one) for one in found]


def _known(loom: Loom, name: str) -> None:
    """Raises what ``_not_there`` says of one that neither runs nor ran."""
    if name not in loom.supervisor.states:
        raise _not_there(loom, name)


def _not_there(loom: Loom, name: str) -> LoomError:
    """Why not: it could not be started, it has no file, or nobody ever spoke of it."""
    if (why := loom.left_out.get(name)) is not None:
        return type(why)(why.message, hint=why.hint)
    there = ", ".join(sorted({*loom.supervisor.states, *loom.entries.names("agents")}))
    words = f"There is no agent {name!r}."
    if name in loom.entries.missing:
        words = f"loom.toml names the agent {name!r}, and the folder agents has no {name}.py."
    return NotFound(words, hint=f"There are: {there}.")


def _report(loom: Loom, name: str) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(loom.supervisor.report(name))
    return told
