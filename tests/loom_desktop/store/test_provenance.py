from __future__ import annotations

from functools import partial
from typing import Any

import apsw
import pytest

from loom_desktop.store import Store, provenance
from loom_desktop.store.provenance import Provenance

BRANCH = Provenance(parent=3, turn=5, copies={7: 3, 8: 5})
CHATGPT = Provenance(service="chatgpt", id="aaaa", title="Of tea")


@pytest.mark.parametrize("about", [BRANCH, CHATGPT, Provenance(parent=1, title="ü")])
async def test_what_is_noted_comes_back(store: Store, about: Provenance) -> None:
    database = store.conversations._db
    await database.do(lambda connection: provenance.write(connection, 9, about))
    assert await store.conversations.provenance(9) == about
    assert await database.read(provenance.every) == {9: about}


async def test_what_is_forgotten_leaves_nothing_behind(store: Store) -> None:
    database = store.conversations._db
    before = await database.read(_states)
    for number, about in ((8, CHATGPT), (9, BRANCH)):
        await database.do(partial(provenance.write, conversation=number, about=about))
    assert await database.read(lambda c: provenance.imported(c, "chatgpt", "aaaa"))
    assert not await database.read(lambda c: provenance.imported(c, "claude", "aaaa"))
    for number in (8, 9, 10):
        await database.do(partial(provenance.forget, conversation=number))
    assert await database.read(_states) == before
    assert not await database.read(lambda c: provenance.imported(c, "chatgpt", "aaaa"))
    assert await store.conversations.provenance(8) == Provenance()


def _states(connection: apsw.Connection) -> Any:
    return connection.execute("select agent, key from state order by 1, 2").fetchall()
