"""Where a conversation came from: a branch of another one, or a file of a service.

It is kept beside what agents remember, under names that no agent can have. All of these run inside
a transaction of whoever calls.
"""

from __future__ import annotations

from typing import Any

import apsw
import msgspec
from msgspec import Struct

from loom_desktop.store import state
from loom_desktop.store.columns import packed, unpacked

_ABOUT, _IMPORTED = ":conversation", ":imported"


class Provenance(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of one conversation."""

    parent: int = 0
    """The conversation that it is a branch of."""
    turn: int = 0
    """The last turn of that one that it has, too; 0 when it has none of them."""
    copies: dict[int, int] = {}
    """Its turns that are copies, and the turns that were really asked."""
    service: str = ""
    """The service that it was imported from."""
    id: str = ""
    """What that service calls it."""
    title: str = ""
    """And what it is called there."""


def read(connection: apsw.Connection, conversation: int) -> Provenance:
    """Empty when it was begun here."""
    said: Any = connection.execute(
        "select value from state where agent = ? and key = ?", (_ABOUT, str(conversation))
    ).get
    return decoded(said)


def decoded(value: bytes | None) -> Provenance:
    """What ``column`` gives."""
    return msgspec.convert(unpacked(value), Provenance) if value else Provenance()


def column(conversation: str) -> str:
    """SQL for the provenance of the conversation in that column."""
    return (
        f"(select value from state where agent = '{_ABOUT}' and key = cast({conversation} as text))"
    )


def write(connection: apsw.Connection, conversation: int, about: Provenance) -> None:
    """Note it."""
    state.put(connection, _ABOUT, str(conversation), packed(msgspec.to_builtins(about)), None)
    if about.id:
        key = f"{about.service}:{about.id}"
        state.put(connection, _IMPORTED, key, packed(conversation), None)


def imported(connection: apsw.Connection, service: str, id_: str) -> bool:
    """Whether it was, and is still there."""
    return bool(
        connection.execute(
            "select 1 from state where agent = ? and key = ?", (_IMPORTED, f"{service}:{id_}")
        ).get
    )


def forget(connection: apsw.Connection, conversation: int) -> None:
    """Nothing says any more where it came from, and it can be imported anew."""
    about = read(connection, conversation)
    for agent, key in ((_ABOUT, str(conversation)), (_IMPORTED, f"{about.service}:{about.id}")):
        connection.execute("delete from state where agent = ? and key = ?", (agent, key))


def every(connection: apsw.Connection) -> dict[int, Provenance]:
    """Of all conversations that were not begun here."""
    rows: Any = connection.execute("select key, value from state where agent = ?", (_ABOUT,))
    return {int(key): decoded(value) for key, value in rows}
