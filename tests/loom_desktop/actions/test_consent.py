import asyncio

import pytest

from loom_desktop.actions.consent import Consent, Question, digest
from loom_desktop.errors import Denied
from loom_desktop.tasks import Tasks
from loom_desktop.testing import FakeClock


def question(clock: FakeClock, **arguments: object) -> Question:
    return Question(
        digest=digest("files.move", arguments),
        capability="files.move",
        arguments=arguments,
        words="Move files",
        reason="It can be undone.",
        effect="write-reversible",
        agent="downloads",
        thread=1,
        cause=1,
        origin=frozenset({"file"}),
        expires=clock() + 120,
    )


async def test_an_answer_lets_exactly_this_call_through() -> None:
    clock = FakeClock()
    consent = Consent(clock)
    asked = question(clock, to="a")

    def yes(one: Question) -> None:
        assert consent.answer(one.digest, allowed=True)

    consent.ask = yes
    await consent.wait(asked)
    assert not consent.answer(asked.digest, allowed=True), "the question is over"


async def test_no_is_told() -> None:
    clock = FakeClock()
    consent = Consent(clock)

    def no(one: Question) -> None:
        consent.answer(one.digest, allowed=False)

    consent.ask = no
    with pytest.raises(Denied, match="you said no"):
        await consent.wait(question(clock))


async def test_with_nobody_there_it_is_no() -> None:
    clock = FakeClock()
    with pytest.raises(Denied, match="nobody was there"):
        await Consent(clock).wait(question(clock))


async def test_silence_is_no_and_the_card_goes_away() -> None:
    clock = FakeClock()
    consent = Consent(clock, ask_for_s=0.01)
    withdrawn: list[Question] = []
    consent.ask = lambda one: None
    consent.withdraw = withdrawn.append
    asked = question(clock)
    with pytest.raises(Denied, match="nobody answered"):
        await consent.wait(asked)
    assert withdrawn == [asked]


async def test_a_cancelled_call_takes_its_question_away() -> None:
    clock = FakeClock()
    consent = Consent(clock)
    withdrawn: list[Question] = []
    shown = asyncio.Event()
    consent.ask = lambda one: shown.set()
    consent.withdraw = withdrawn.append
    async with Tasks() as tasks:
        tasks.run("wait", consent.wait(question(clock)))
        await shown.wait()
    assert len(withdrawn) == 1


def test_an_approval_given_beforehand_is_used_up() -> None:
    clock = FakeClock()
    consent = Consent(clock)
    bound = digest("files.move", {"to": "a"})
    consent.give(bound)
    assert consent.take(bound)
    assert not consent.take(bound)


def test_an_approval_given_beforehand_grows_old() -> None:
    clock = FakeClock()
    consent = Consent(clock)
    consent.give("d")
    clock.forward(121)
    assert not consent.take("d")


@pytest.mark.parametrize(
    "other",
    [("files.copy", {"to": "a", "n": 1}), ("files.move", {"to": "b", "n": 1}),
     ("files.move", {"to": "a", "n": 2}), ("files.move", {"to": "a"})],
)  # fmt: skip
def test_a_digest_is_of_exactly_this_call(other: tuple[str, dict[str, object]]) -> None:
    assert digest("files.move", {"to": "a", "n": 1}) == digest("files.move", {"n": 1, "to": "a"})
    assert digest(*other) != digest("files.move", {"to": "a", "n": 1})
