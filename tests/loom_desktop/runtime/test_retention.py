from pathlib import Path

import pytest

from loom_desktop.errors import Unavailable
from loom_desktop.event import Event
from loom_desktop.runtime.attention import Offer
from loom_desktop.runtime.retention import DAY_S, forget_old
from loom_desktop.store.acts import Step
from loom_desktop.testing import A_FRIDAY, FakeClock, answer_of, loom_for_tests

CAUSE = Event(topic="thing.happened", origin=frozenset({"user-typed"}))


async def test_what_is_old_goes_and_what_is_the_persons_own_stays(tmp_path: Path) -> None:
    clock, kept = FakeClock(), tmp_path / "data/kept"
    async with loom_for_tests(tmp_path, clock=clock) as loom:
        await answer_of(loom, "2 + 2")
        await answer_of(loom, "note: the key is under the mat")
        await answer_of(loom, "remind me in a year to renew the passport")
        await loom.supervisor.settled(5)
        await loom.desk.offer(Offer(kind="notice", title="Old"), agent="a", cause=CAUSE)
        for card in await loom.store.cards.open():
            await loom.desk.answer(card.id, "dismiss")
        kept.mkdir()
        (kept / "1").write_text("old self")
        (tmp_path / "elsewhere").write_text("not ours")
        steps = [Step(source="a", kept=str(kept / "1")),
                 Step(source="b", kept=str(tmp_path / "elsewhere")),
                 Step(source="c", kept=str(kept / "../../elsewhere"))]  # fmt: skip
        act = await loom.store.acts.intend("files.move", "a", "1 file", steps=steps)
        await loom.store.acts.finish(act, "done")

        async def forget() -> None:
            await forget_old(loom.store, kept, now=clock(), keep_days=90)

        clock.forward(29 * DAY_S)
        await forget()
        assert (kept / "1").exists(), "undo is promised for thirty days"
        assert await loom.store.journal.events(since=A_FRIDAY)
        clock.forward(2 * DAY_S)
        await forget()
        assert not (kept / "1").exists()
        assert not await loom.store.acts.recent()
        clock.forward(60 * DAY_S)
        await forget()
        assert not await loom.store.journal.events()
        assert not await loom.store.cards.recent()
        assert (tmp_path / "elsewhere").exists()
        assert len(await loom.call("conversations")) == 3
        assert len(await loom.store.notes.recent()) == 1
        assert len(await loom.call("reminders")) == 1


async def test_what_cannot_be_forgotten_today_stops_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    async with loom_for_tests(tmp_path, clock=clock) as loom:
        act = await loom.store.acts.intend("files.move", "a", "1 file")
        await loom.store.acts.finish(act, "done")

        async def full(before: float) -> int:
            raise Unavailable("The disk is full.")

        monkeypatch.setattr(loom.store.journal, "forget_before", full)
        clock.forward(31 * DAY_S)
        why = await forget_old(loom.store, tmp_path, now=clock(), keep_days=90)
        assert why == "The disk is full."
        assert not await loom.store.acts.recent()
        monkeypatch.undo()
        assert await forget_old(loom.store, tmp_path, now=clock(), keep_days=90) == ""
