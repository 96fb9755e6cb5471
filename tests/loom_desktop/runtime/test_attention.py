import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from loom_desktop import Agent, Context, Loom, Offer
from loom_desktop.actions.consent import Question, digest
from loom_desktop.errors import Denied, NotFound, Unavailable, UsageError
from loom_desktop.event import Event
from loom_desktop.runtime.attention import plain
from loom_desktop.settings import Attention, Settings
from loom_desktop.store.cards import Card
from loom_desktop.testing import FakeClock, loom_for_tests, next_event

CAUSE = Event(topic="clipboard.copied", origin=frozenset({"clipboard"}))
SUGGESTION = Offer(title="Summarise?", text="400 words", actions=(("go", "Go"),), key="copy",
                   why="You copied.", data={"n": 1})  # fmt: skip


@asynccontextmanager
async def desk(
    folder: Path, clock: FakeClock | None = None, *, desktop: bool = True, **attention: Any
) -> AsyncIterator[Loom]:
    settings = Settings(attention=Attention(**{"quiet_hours": "", **attention}))
    async with loom_for_tests(
        folder, clock=clock or FakeClock(), settings=settings, desktop=desktop
    ) as loom:
        yield loom


def collected(loom: Loom, pattern: str) -> list[Event]:
    events: list[Event] = []
    loom.bus.subscribe(pattern, events.append)
    return events


async def state(loom: Loom, card: int) -> str:
    return (await loom.store.cards.get(card)).state


def attended(loom: Loom) -> bool:
    return loom.broker.consent.attended


async def test_an_offered_card_is_written_down_shown_and_answered(tmp_path: Path) -> None:
    async with desk(tmp_path) as loom:
        events = collected(loom, "card.>")
        number = await loom.desk.offer(SUGGESTION, agent="clipboard", cause=CAUSE)
        assert await loom.desk.answer(number, "go") == "answered"
        assert [event.topic for event in events] == [
            "card.offered", "card.closed", "card.answered.clipboard.go",
        ]  # fmt: skip
        shown = events[0].payload["card"]
        assert shown["title"] == "Summarise?"
        assert shown["data"] == {"n": 1}, "what only the desk needs is not shown"
        assert shown["expires"] == loom.clock() + 90
        assert events[2].payload["data"] == {"n": 1}
        assert events[2].origin == {"clipboard", "user-typed"}
        assert events[2].thread == CAUSE.begins


async def test_the_first_answer_wins(tmp_path: Path) -> None:
    async with desk(tmp_path) as loom:
        number = await loom.desk.offer(SUGGESTION, agent="clipboard", cause=CAUSE)
        answers = await asyncio.gather(
            *(loom.desk.answer(number, "go") for _ in range(5)), return_exceptions=True
        )
        assert answers.count("answered") == 1
        assert all(isinstance(one, Denied) for one in answers if one != "answered")


async def test_one_suggestion_at_a_time_and_the_next_waits(tmp_path: Path) -> None:
    async with desk(tmp_path) as loom:
        one = await loom.desk.offer(SUGGESTION, agent="clipboard", cause=CAUSE)
        two = await loom.desk.offer(replace(SUGGESTION, key="b"), agent="downloads", cause=CAUSE)
        assert (await state(loom, one), await state(loom, two)) == ("open", "waiting")
        await loom.desk.answer(one, "dismiss")
        assert (await state(loom, one), await state(loom, two)) == ("declined", "open")


async def test_a_card_dies_with_its_cause(tmp_path: Path) -> None:
    async with desk(tmp_path) as loom:
        one = await loom.desk.offer(SUGGESTION, agent="clipboard", cause=CAUSE)
        two = await loom.desk.offer(SUGGESTION, agent="clipboard", cause=CAUSE)
        assert (await state(loom, one), await state(loom, two)) == ("superseded", "open")
        await loom.desk.supersede("clipboard", "copy")
        assert await state(loom, two) == "superseded"
        with pytest.raises(Denied, match="superseded"):
            await loom.desk.answer(two, "go")


async def test_a_card_of_another_agent_with_the_same_key_stays(tmp_path: Path) -> None:
    async with desk(tmp_path) as loom:
        one = await loom.desk.offer(SUGGESTION, agent="clipboard", cause=CAUSE)
        await loom.desk.supersede("downloads", "copy")
        assert await state(loom, one) == "open"


async def test_two_hundred_copies_a_minute_make_at_most_the_budget(tmp_path: Path) -> None:
    clock = FakeClock()
    async with desk(tmp_path, clock, cards_per_hour=6) as loom:
        shown = collected(loom, "card.offered")
        for _ in range(200):
            await loom.desk.offer(SUGGESTION, agent="clipboard", cause=CAUSE)
            clock.forward(0.3)
        assert len(shown) == 6
        clock.forward(3600)
        await loom.desk.offer(SUGGESTION, agent="clipboard", cause=CAUSE)
        assert len(shown) == 7


async def test_the_budget_and_quiet_hours_hold_suggestions_only(tmp_path: Path) -> None:
    async with desk(tmp_path, cards_per_hour=0, quiet_hours="00:00-23:59") as loom:
        quiet = await loom.desk.offer(SUGGESTION, agent="clipboard", cause=CAUSE)
        reminder = await loom.desk.offer(
            Offer(kind="reminder", title="Stretch", expires_s=0), agent="reminders", cause=CAUSE
        )
        assert (await state(loom, quiet), await state(loom, reminder)) == ("quiet", "open")
        assert await loom.desk.answer(quiet, "go") == "answered", "from the inbox it still can be"


@pytest.mark.parametrize(
    ("hours", "forward_h", "quiet"),
    [("22:00-07:00", 0, False), ("22:00-07:00", 14, True), ("22:00-07:00", 21.9, True),
     ("22:00-07:00", 22.1, False), ("08:30-12:00", 0, True), ("", 14, False)],
)  # fmt: skip
async def test_quiet_hours_go_over_midnight(
    tmp_path: Path, hours: str, forward_h: float, quiet: bool
) -> None:
    """The clock of the tests stands at nine in the morning in Berlin."""
    clock = FakeClock()
    async with desk(tmp_path, clock, quiet_hours=hours) as loom:
        clock.forward(forward_h * 3600)
        assert loom.desk.quiet() is quiet


async def test_time_runs_out_and_no_answer_is_never_a_yes(tmp_path: Path) -> None:
    clock = FakeClock()
    settings = Settings(attention=Attention(quiet_hours="", card_expires_s=5))
    async with loom_for_tests(tmp_path, clock=clock, settings=settings) as loom:
        number = await loom.desk.offer(SUGGESTION, agent="clipboard", cause=CAUSE)
        loom.tasks.start("cards", loom.desk.run())
        clock.forward(6)
        with pytest.raises(Denied):
            await loom.desk.answer(number, "go")
        if await state(loom, number) == "open":
            await next_event(loom, "card.closed")
        assert await state(loom, number) == "expired"


async def test_never_for_this_holds(tmp_path: Path) -> None:
    async with desk(tmp_path) as loom:
        number = await loom.desk.offer(SUGGESTION, agent="clipboard", cause=CAUSE)
        await loom.desk.never(number)
        assert await loom.desk.offer(SUGGESTION, agent="clipboard", cause=CAUSE) == 0
        assert await loom.desk.offer(replace(SUGGESTION, key="b"), agent="clipboard", cause=CAUSE)
        assert await loom.store.cards.remove_never("clipboard", "copy")
        assert await loom.desk.offer(SUGGESTION, agent="clipboard", cause=CAUSE)


async def test_what_is_no_answer_is_told(tmp_path: Path) -> None:
    async with desk(tmp_path) as loom:
        number = await loom.desk.offer(SUGGESTION, agent="clipboard", cause=CAUSE)
        with pytest.raises(UsageError, match="has no 'burn'") as error:
            await loom.desk.answer(number, "burn")
        assert "dismiss" in error.value.hint
        with pytest.raises(NotFound):
            await loom.desk.answer(number + 1, "go")
        with pytest.raises(UsageError, match="three"):
            await loom.desk.offer(
                replace(SUGGESTION, actions=tuple((str(n), "x") for n in range(4))),
                agent="a", cause=CAUSE,
            )  # fmt: skip


async def test_only_our_own_window_allows_the_call_of_a_card(tmp_path: Path) -> None:
    call: tuple[str, dict[str, Any]] = ("files.move", {"moves": []})
    offer = replace(SUGGESTION, calls={"go": call})
    async with desk(tmp_path) as loom:
        for door, allowed in (("cli", False), ("notification", False), ("window", True)):
            number = await loom.desk.offer(offer, agent="downloads", cause=CAUSE)
            await loom.desk.answer(number, "go", door=door)  # type: ignore[arg-type]
            assert loom.broker.consent.take(digest(*call)) is allowed


async def approval(loom: Loom) -> tuple[asyncio.Task[Any], dict[str, Any]]:
    """A call that must be asked, and the card that asks."""
    from loom_desktop.actions import Call

    target = loom.paths.data.parent / "x"
    asked = next_event(loom, "card.offered")
    ctx = Context("downloads", CAUSE, loom.supervisor.parts, loom.tasks, {})
    call = Call(agent="downloads", cause=CAUSE, ctx=ctx)
    work = loom.tasks.run(
        "move",
        loom.broker.invoke(
            "files.move", {"moves": [{"source": str(target), "target": str(target)}]}, call
        ),
    )
    return work, (await asked).payload["card"]


async def test_an_approval_shows_the_call_and_is_bound_to_it(tmp_path: Path) -> None:
    async with desk(tmp_path) as loom:
        work, card = await approval(loom)
        assert card["kind"] == "approval"
        assert str(tmp_path / "x") in card["detail"]
        assert "clipboard" in card["why"]
        assert card["actions"][0]["id"] == "deny"
        assert str(loom.status.state) == "asks"
        with pytest.raises(Denied, match="does not show"):
            await loom.desk.answer(card["id"], "allow", bound="0" * 64)
        with pytest.raises(Denied, match="own window"):
            await loom.desk.answer(card["id"], "allow", door="cli", bound=card["digest"])
        assert not work.done()
        await loom.desk.answer(card["id"], "deny", door="notification")
        assert (await work).code == "DENIED"
        assert str(loom.status.state) == "idle"


@pytest.mark.parametrize(
    ("words", "label"),
    [
        ("Move files to the names and folders of a plan.", "Move"),
        ("The text of a document.", "Allow"),
        ("Which reminders are set.", "Allow"),
        ("Take a note away.", "Allow"),
        ("", "Allow"),
    ],
)
async def test_the_button_names_the_act_or_says_allow(
    tmp_path: Path, words: str, label: str
) -> None:
    async with desk(tmp_path) as loom:
        question = Question(
            agent="a", capability="x.y", words=words, reason="", arguments={}, digest="d",
            effect="write-own", origin=frozenset({"clipboard"}), thread=1, cause=1,
            expires=loom.clock() + 60,
        )  # fmt: skip
        await loom.desk._ask_card(question)
        (card,) = await loom.call("cards")
    assert [one["label"] for one in card["actions"]] == ["Do not", label]


async def test_an_approval_lets_the_call_through(tmp_path: Path) -> None:
    async with desk(tmp_path) as loom:
        work, card = await approval(loom)
        await loom.desk.answer(card["id"], "allow", bound=card["digest"])
        assert (await work).ok, "it ran; that the file is not there is what it then says"


async def test_without_a_window_nothing_is_asked(tmp_path: Path) -> None:
    async with desk(tmp_path, desktop=False) as loom:
        from loom_desktop.actions import Call

        result = await loom.broker.invoke("files.move", {"moves": []}, Call(agent="a", cause=CAUSE))
        assert result.code == "DENIED"
        assert not await loom.store.cards.open()


async def test_a_door_that_does_not_say_which_it_is_gives_no_approval(tmp_path: Path) -> None:
    async with desk(tmp_path) as loom:
        work, card = await approval(loom)
        with pytest.raises(Denied, match="window"):
            await loom.call("answer", card=card["id"], action="allow", digest=card["digest"])
        await loom.call("answer", card=card["id"], action="deny")
        assert not (await work).ok


async def test_after_a_restart_the_inbox_is_there_and_old_approvals_are_void(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as loom:
        suggestion = await loom.desk.offer(SUGGESTION, agent="clipboard", cause=CAUSE)
        work, card = await approval(loom)
    assert work.cancelled() or not work.result().ok
    settings = Settings(attention=Attention(quiet_hours=""))
    async with loom_for_tests(tmp_path, settings=settings, desktop=False, listening=True) as loom:
        assert await state(loom, suggestion) in ("open", "expired")
        assert await state(loom, card["id"]) == "expired"


async def test_an_agent_hears_the_answer_to_its_card(tmp_path: Path) -> None:
    agent = Agent("helper")
    heard: asyncio.Future[Event] = asyncio.get_running_loop().create_future()

    @agent.on("thing.happened")
    async def offer(ctx: Context, event: Event) -> None:
        await ctx.offer(Offer(title="Go?", actions=(("go", "Go"),), data={"x": 1}))

    @agent.on("card.answered.helper.go")
    async def go(ctx: Context, event: Event) -> None:
        heard.set_result(event)

    async with loom_for_tests(
        tmp_path, agent, settings=Settings(attention=Attention(quiet_hours=""))
    ) as loom:
        shown = asyncio.ensure_future(next_event(loom, "card.offered"))  # noqa: TID251
        await asyncio.sleep(0)
        loom.publisher("test", origin="user-typed")("thing.happened")
        card = (await shown).payload["card"]
        await loom.call("answer", card=card["id"], action="go", door="window")
        async with asyncio.timeout(5):
            assert (await heard).payload["data"] == {"x": 1}


def test_a_card_for_a_door_is_plain_data() -> None:
    from loom_desktop.store.cards import Action, Card

    card = Card(kind="notice", agent="a", title="t", actions=(Action("go", "Go"),),
                origin=frozenset({"web", "file"}), data={"_": {"key": "k"}, "n": 1})  # fmt: skip
    shown = plain(card)
    assert shown["origin"] == ["file", "web"]
    assert shown["data"] == {"n": 1}
    assert shown["actions"] == [{"id": "go", "label": "Go", "primary": False}]


@pytest.mark.parametrize("error", [Unavailable("The disk is full."), RuntimeError("a bug")])
async def test_cards_end_also_after_the_store_failed_once(
    error: Exception,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("loom_desktop.runtime.attention._RETRY_S", 0.001)
    clock, mended = FakeClock(), False
    async with desk(tmp_path, clock) as loom:
        expire_due = loom.store.cards.expire_due

        async def fail_at_first(*states: Any) -> Any:
            if not mended:
                raise error
            return await expire_due(*states)

        number = await loom.desk.offer(SUGGESTION, agent="clipboard", cause=CAUSE)
        assert loom.desk.showing == {number}
        clock.forward(100)
        monkeypatch.setattr(loom.store.cards, "expire_due", fail_at_first)
        with caplog.at_level(logging.CRITICAL):
            loom.tasks.start("cards", loom.desk.run())
            async with asyncio.timeout(5):
                while not loom.desk.trouble:
                    await asyncio.sleep(0)
                assert loom.desk.trouble == str(error)
                mended = True
                while loom.desk.trouble:
                    await asyncio.sleep(0.001)
        assert (await state(loom, number), loom.desk.showing) == ("expired", set())


async def test_a_quiet_card_ends_with_its_cause_or_after_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    async with desk(tmp_path, clock, cards_per_hour=0) as loom:
        events = collected(loom, "card.closed")
        numbers = [
            await loom.desk.offer(SUGGESTION, agent="clipboard", cause=CAUSE) for _ in range(2)
        ]
        other = await loom.desk.offer(
            replace(SUGGESTION, key="other"), agent="clipboard", cause=CAUSE
        )
        assert [await state(loom, one) for one in numbers] == ["superseded", "quiet"]
        await loom.desk.supersede("clipboard", "copy")
        assert await state(loom, numbers[1]) == "superseded"
        assert [event.payload["card"] for event in events] == numbers
        looked, look = asyncio.Queue[float](), loom.desk._look

        async def watched() -> float | None:
            wait_s = await look()
            looked.put_nowait(clock())
            return wait_s

        monkeypatch.setattr(loom.desk, "_look", watched)
        loom.tasks.start("cards", loom.desk.run())
        async with asyncio.timeout(5):
            begun = await looked.get()
            clock.forward(86_000)
            await loom.desk.offer(replace(SUGGESTION, kind="notice"), agent="a", cause=CAUSE)
            assert await looked.get() > begun
        assert await state(loom, other) == "quiet"
        clock.forward(500)
        await loom.desk.offer(replace(SUGGESTION, kind="notice"), agent="a", cause=CAUSE)
        async with asyncio.timeout(5):
            while await state(loom, other) != "expired":
                await asyncio.sleep(0.001)


async def test_quiet_cards_of_older_versions_end_at_the_next_start(tmp_path: Path) -> None:
    clock = FakeClock()
    async with desk(tmp_path, clock) as loom:
        numbers = []
        for created in (clock() - 100_000, clock() - 100):
            card = Card(kind="suggestion", agent="a", title="x", state="quiet", created=created)
            numbers.append((await loom.store.cards.put(card)).id)
        await loom.desk.start_over()
        assert [await state(loom, one) for one in numbers] == ["expired", "quiet"]


async def test_behind_a_locked_screen_nobody_is_asked_and_cards_wait(tmp_path: Path) -> None:
    async with desk(tmp_path) as loom:
        say = loom.outside.publisher("system", "")
        loom.tasks.start("cards", loom.desk.run())
        assert attended(loom)
        say("system.locked")
        assert not attended(loom)
        loom.desk.attend()  # a window that opens meanwhile is behind the lock as well
        assert not attended(loom)
        number = await loom.desk.offer(SUGGESTION, agent="clipboard", cause=CAUSE)
        assert await state(loom, number) == "waiting"
        say("system.unlocked")
        assert attended(loom)
        async with asyncio.timeout(5):
            while await state(loom, number) != "open":
                await asyncio.sleep(0.001)


async def test_without_a_window_an_unlocked_screen_is_nobody(tmp_path: Path) -> None:
    async with desk(tmp_path, desktop=False) as loom:
        loom.outside.publisher("system", "")("system.unlocked")
        assert not attended(loom)
