"""What the person does with a verb: capabilities in their name, and the files they name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from loom_desktop.actions import Call
from loom_desktop.actions.broker import PERSON
from loom_desktop.actions.folders import shown
from loom_desktop.errors import NotFound
from loom_desktop.event import Event, privacy_at_birth

if TYPE_CHECKING:
    from loom_desktop.loom import Loom

_TYPED = frozenset({"user-typed"})


async def tool(loom: Loom, name: str, *, given: tuple[str, ...] = (), **arguments: Any) -> Any:
    """A capability on behalf of the person, through the broker."""
    from loom_desktop.runtime.context import Context

    cause = Event(
        topic="verb.called",
        payload={"capability": name},
        sender=PERSON,
        time=loom.clock(),
        origin=_TYPED,
        privacy=privacy_at_birth(_TYPED),
    )
    loom.bus.publish(cause)
    ctx = Context(PERSON, cause, loom.supervisor.parts, loom.tasks, {})
    call_ = Call(agent=PERSON, cause=cause, ctx=ctx, given=given)
    result = await loom.broker.invoke(name, arguments, call_)
    if not result.ok:
        from loom_desktop.cognition.thinking import error_of

        raise error_of(result)
    return result.value


def existing(path: str) -> str:
    """The path in full. Raises NotFound."""
    try:
        found = Path(path).expanduser().absolute()
        there = found.exists()
    except (OSError, RuntimeError) as error:  # a name that no file has, a home that nobody has
        raise NotFound(f"{shown(path)} is not there.", hint="Check the path.") from error
    if not there:
        raise NotFound(f"{shown(path)} is not there.", hint="Check the path.")
    return str(found)
