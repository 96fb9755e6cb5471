"""Every connection is written down before it is opened."""

from __future__ import annotations

from loom_desktop.event import Privacy
from loom_desktop.store import Store
from loom_desktop.store.ledger import Totals
from tests.loom_desktop.store.conftest import HandClock


async def test_a_connection_is_there_before_it_ends(store: Store, clock: HandClock) -> None:
    id_ = await store.ledger.begin(
        "api.example", 443, purpose="answer", agent="chat", thread=3, privacy=Privacy.PRIVATE
    )
    (open_one,) = await store.ledger.recent()
    assert (open_one.id, open_one.host, open_one.outcome) == (id_, "api.example", "")
    clock.now += 2
    store.ledger.finish(id_, bytes_out=10, bytes_in=200, outcome="200")
    await store.state.set_fact("x", 1)  # comes after it
    (ended,) = await store.ledger.recent()
    assert (ended.bytes_out, ended.bytes_in, ended.outcome) == (10, 200, "200")
    assert (ended.ended, ended.time) == (clock.now, clock.now - 2)
    assert ended.privacy is Privacy.PRIVATE


async def test_totals_are_of_what_began_since(store: Store, clock: HandClock) -> None:
    assert await store.ledger.since(0.0) == Totals(0, 0, 0)
    for n in range(3):
        id_ = await store.ledger.begin("a", 1, purpose="p")
        store.ledger.finish(id_, bytes_out=n, bytes_in=10 * n, outcome="ok")
        clock.now += 1
    await store.state.set_fact("x", 1)
    assert await store.ledger.since(clock.now - 2) == Totals(2, 3, 30)
    assert await store.ledger.forget_before(clock.now - 2) == 1
    assert await store.ledger.since(0.0) == Totals(2, 3, 30)
