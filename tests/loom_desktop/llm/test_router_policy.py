"""The router follows its policy: who is asked, what is told and kept, two answers, caps."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how_long
from hypothesis import strategies as st

from loom_desktop.cognition.loop import Turn
from loom_desktop.errors import Denied, LoomError, NotFound, TimedOut, Unavailable, UsageError
from loom_desktop.event import Privacy
from loom_desktop.llm import (
    Asker,
    Delta,
    Finish,
    Image,
    Message,
    Phase,
    Text,
    Thinking,
    Tool,
    ToolCall,
)
from loom_desktop.llm.bandit import Bandit, arm_of, reward
from loom_desktop.llm.costs import Price, Prices
from loom_desktop.llm.history import History
from loom_desktop.llm.money import Caps, Money
from loom_desktop.llm.providers.offline import CAN_DO
from loom_desktop.llm.refusals import NoTools
from loom_desktop.llm.router import CONTEXT, Answer, Policy, Router
from loom_desktop.net import Net
from loom_desktop.settings import Routing
from loom_desktop.store import Routed
from tests.loom_desktop.llm.asking import DOWN, HELLO, TYPED, Hands, Model, router, text

V, L = Privacy.PRIVATE, Privacy.LOCAL_ONLY
SEEDS = Policy(redact=str, latency_budget_ms=4000, cost_cap=0.05, quality_threshold=0.6)
CHEAP = Prices({"cloud-7b": Price(read=0.0, write=10.0)})  # 400 tokens: 0.004 dollars
DEAR = Prices({"cloud-7b": Price(read=0.0, write=1000.0)})


class Told:
    """What the router kept and told."""

    def __init__(self) -> None:
        self.rows: list[Routed] = []
        self.events: list[tuple[str, dict[str, Any]]] = []

    def tell(self, kind: str, asker: Asker, facts: dict[str, Any]) -> None:
        self.events.append((kind, facts))


def way(net: Net, told: Told, *models: Model, policy: Policy = SEEDS, **how: Any) -> Router:
    history = History(how.pop("past", ()), told.rows.append)
    how = {"prices": CHEAP, "wall": lambda: 99.0, **how}
    return router(net, *models, policy=policy, history=history, tell=told.tell, **how)


def ask(router: Router, **how: Any) -> Answer:
    how = {"privacy": V, "origin": TYPED, "agent": "chat", "thread": 3, **how}
    return router.answer(how.pop("messages", HELLO), **how)


def rated(name: str, *thumbs: int) -> list[Routed]:
    return [
        Routed(time=1.0, decision=at, name=name, model=f"{name}-7b", outcome="worked", thumb=thumb)
        for at, thumb in enumerate(thumbs)
    ]


@pytest.fixture
def told() -> Told:
    return Told()


# ------------------------------------------------------------------------------ what is told


async def test_a_decision_is_told_before_and_with_what_came_of_it(net: Net, told: Told) -> None:
    clock = Hands()
    cloud = Model("cloud", local=False, takes_s=0.5, clock=clock, counted=False)
    answer = ask(way(net, told, cloud, clock=clock), turn=7)
    await text(answer)
    (row,) = told.rows
    assert (row.decision, row.thread, row.turn, row.agent) == (answer.decision, 3, 7, "chat")
    assert (row.name, row.model, row.local, row.outcome) == ("cloud", "cloud-7b", False, "worked")
    assert (row.rule, row.confidence) == ("default", 1.0)
    assert row.reason == "It is the first in loom.toml."
    assert (row.privacy, row.label, row.latency_budget_ms) == ("private", "private", 4000)
    assert (row.cost_cap, row.quality_threshold) == (0.05, 0.6)
    assert row.estimated_cost == pytest.approx(0.004)
    assert (row.estimated_s, row.first_s, row.time) == (-1.0, 0.5, 99.0)
    assert row.cost == answer.cost
    assert row.completion > 0
    kinds = [kind for kind, _ in told.events]
    before, after = (facts for _, facts in told.events)
    assert kinds == ["decided", "ended"]
    assert (before["outcome"], after["outcome"]) == ("", "worked")
    assert before["estimated_cost"] == after["estimated_cost"]
    assert "sk-1234" not in str(told.events), "facts, and no content"


async def test_a_fallback_is_a_row_of_the_same_decision(net: Net, told: Told) -> None:
    models = Model("cloud", local=False, fails=DOWN), Model("here")
    await text(ask(way(net, told, *models)))
    assert [(one.name, one.outcome, one.rule) for one in told.rows] == [
        ("cloud", "failed", "default"), ("here", "worked", "fallback"),
    ]  # fmt: skip
    assert len({one.decision for one in told.rows}) == 1
    assert told.rows[0].cost == 0, "nothing came, nothing is paid"
    assert told.rows[1].reason == "Cloud (cloud-7b) did not answer. It is in loom.toml."


@pytest.mark.parametrize("hybrid", [False, True])
async def test_what_a_server_says_is_neither_kept_nor_published(
    hybrid: bool, net: Net, told: Told
) -> None:
    echo = Unavailable("cloud refused the request (400): bad input: 'MY PRIVATE WORDS'.")
    models = Model("cloud", local=False, fails=echo), Model("here")
    policy = HYBRID if hybrid else SEEDS
    answer = ask(way(net, told, *models, policy=policy), phases=True)
    assert await text(answer) == "I am here"
    assert "PRIVATE" not in f"{told.rows} {told.events} {answer.route}"
    assert answer.route
    assert "loud (cloud-7b) did not answer (400)." in answer.route.reason
    with pytest.raises(Unavailable, match="MY PRIVATE WORDS"):  # who asked may read it
        await text(ask(way(net, told, models[0])))


async def test_an_answer_that_is_broken_off_is_neither_success_nor_failure(
    net: Net, told: Told
) -> None:
    answer = ask(way(net, told, Model("cloud", local=False)))
    assert await anext(aiter(answer)) == Text("I am cloud")
    await answer.aclose()
    assert [one.outcome for one in told.rows] == ["cancelled"]
    assert told.rows[0].cost > 0, "what came is paid for"


@pytest.mark.parametrize("error", [UsageError("Too long."), NoTools("It knows no tools.")])
async def test_a_fault_of_the_question_is_no_failure_of_the_model(
    error: UsageError, net: Net, told: Told
) -> None:
    model = Model("here")
    way_ = way(net, told, model)
    await text(ask(way_))
    model.fails = error
    with pytest.raises(type(error)):
        await text(ask(way_))
    assert [one.outcome for one in told.rows] == ["worked", "refused"]
    past = way_.history.record("here", "here-7b")
    assert (past.asked, past.worked) == (1, 1)
    assert reward(told.rows[1], budget_s=4.0, cap=0.05) is None


async def test_no_model_is_a_decision_too(net: Net, told: Told) -> None:
    assert await text(ask(way(net, told, Model("cloud", local=False)), privacy=L)) == CAN_DO
    assert [(one.name, one.rule) for one in told.rows] == [("offline", "privacy")]
    assert "was left out: this does not leave the computer" in told.rows[0].reason


# ------------------------------------------------------------------------------ the rules, asked


async def test_a_local_model_that_pleased_is_asked_before_the_first(net: Net, told: Told) -> None:
    models = Model("cloud", local=False), Model("here")
    answer = ask(way(net, told, *models, past=rated("here", 1, 1)))
    assert await text(answer) == "I am here"
    assert answer.route
    assert answer.route.reason == "It is 75% sure by what came before."
    assert await text(ask(way(net, told, *models, past=rated("here", 0, 0)))) == "I am cloud"
    assert await text(ask(way(net, told, *models, past=rated("here", -1)))) == "I am cloud"


async def test_who_is_known_to_be_slow_is_asked_after_who_is_quick(net: Net, told: Told) -> None:
    clock = Hands()
    slow = Model("cloud", local=False, takes_s=6.0, clock=clock)
    way_ = way(net, told, slow, Model("here", takes_s=0.2, clock=clock), clock=clock)
    for _ in range(3):
        assert await text(ask(way_)) == "I am cloud"
        assert await text(ask(way_, only="here")) == "I am here"
    answer = ask(way_)
    assert await text(answer) == "I am here"
    assert told.rows[-1].rule == "latency"
    assert told.rows[-1].estimated_s == pytest.approx(0.2)
    assert await text(ask(way_, routing=Routing(latency_budget_ms=9000))) == "I am cloud"


async def test_the_model_that_is_preferred_goes_first(net: Net, told: Told) -> None:
    policy = Policy(redact=str, prefer="two")
    answer = ask(way(net, told, Model("one"), Model("two"), policy=policy))
    assert await text(answer) == "I am two"
    assert answer.route
    assert answer.route.reason == "It is the one you prefer."


async def test_an_agent_and_a_call_have_their_own_policy(net: Net, told: Told) -> None:
    agents = {"diary": Routing(privacy="local-only")}
    policy = Policy(redact=str, agents=agents)
    models = Model("cloud", local=False), Model("here")
    way_ = way(net, told, *models, policy=policy)
    assert await text(ask(way_, agent="diary")) == "I am here"
    assert await text(ask(way_, agent="chat")) == "I am cloud"
    assert await text(ask(way_, routing=Routing(privacy="sensitive"))) == "I am here"
    assert (await way_.route(V, TYPED, agent="diary")).name == "here"
    loose = Policy(redact=str, privacy=L, agents={"diary": Routing(privacy="public")})
    assert await text(ask(way(net, told, *models, policy=loose), agent="diary")) == "I am here"


PICTURE = [Message("user", "What is it?", (Image("image/png", b"x"),))]
TOOL = Tool(name="t", description="d", parameters={})


@pytest.mark.parametrize(
    ("cannot", "how", "why"),
    [
        ({"images": False}, {"messages": PICTURE}, "it reads no images"),
        ({"tools": False}, {"tools": (TOOL,)}, "it uses no tools"),
        ({"context": 3}, {}, "it reads 3 tokens, and this is about"),
    ],
)
async def test_a_model_that_cannot_do_it_is_not_asked(
    cannot: dict[str, Any], how: dict[str, Any], why: str, net: Net, told: Told
) -> None:
    here = Model("here", **cannot)
    answer = ask(way(net, told, here, Model("cloud", local=False)), **how)
    assert await text(answer) == "I am cloud"
    assert answer.route
    assert answer.route.reason.startswith(f"Here (here-7b) was left out: {why}")
    assert told.rows[0].rule == "capability"
    with pytest.raises(Unavailable, match=why):
        await text(ask(way(net, told, here), **how))
    assert not here.asked
    able = Model("here", images=True, tools=True, context=100_000)
    assert await text(ask(way(net, told, able), **how)) == "I am here"


async def test_a_local_model_that_nobody_knows_the_context_of_reads_the_usual(
    net: Net, told: Told
) -> None:
    here, long = Model("here"), [Message("user", "word " * CONTEXT)]
    cloud = Model("cloud", local=False, fails=DOWN)
    with pytest.raises(Unavailable, match="8,192 tokens, as far as is known") as caught:
        await text(ask(way(net, told, cloud, here), messages=long))
    assert "did not answer" in caught.value.message
    assert not here.asked
    with pytest.raises(Unavailable) as caught:
        await text(ask(way(net, told, here), messages=long))
    assert "context = TOKENS under [llm.here]" in caught.value.hint
    assert len(cloud.asked) == 1, "one elsewhere is tried"
    able = Model("here", context=100_000)
    assert await text(ask(way(net, told, able), messages=long)) == "I am here"


async def test_a_sensitive_picture_does_not_leave(net: Net, told: Told) -> None:
    cloud = Model("cloud", local=False)
    way_ = way(net, told, cloud, Model("here"))
    answer = ask(way_, messages=PICTURE, privacy=Privacy.SENSITIVE)
    assert await text(answer) == "I am here"
    assert answer.route
    assert "nothing takes secrets out of those" in answer.route.reason
    seen = [Message("tool", "It is here.", PICTURE[0].images, answers="1"), *HELLO]
    await text(ask(way_, messages=seen, privacy=Privacy.SENSITIVE))
    assert not cloud.asked
    assert await text(ask(way_, privacy=Privacy.SENSITIVE)) == "I am cloud"
    assert await text(ask(way_, messages=PICTURE, privacy=V)) == "I am cloud"


# ------------------------------------------------------------------------------ money


async def test_an_answer_that_would_cost_too_much_is_given_here_or_refused(
    net: Net, told: Told
) -> None:
    cloud = Model("cloud", local=False)
    answer = ask(way(net, told, cloud, Model("here"), prices=DEAR))
    assert await text(answer) == "I am here"
    assert answer.route
    assert "it would cost about $0.40, and an answer has $0.05" in answer.route.reason
    with pytest.raises(Denied, match=r"cost about \$0\.40") as error:
        await text(ask(way(net, told, cloud, prices=DEAR)))
    assert "loom settings router.cost_cap AMOUNT" in error.value.hint
    assert not cloud.asked
    assert await text(ask(way(net, told, cloud, prices=DEAR), max_tokens=20)) == "I am cloud"


async def test_a_day_that_is_spent_stops_the_next_paid_answer(net: Net, told: Told) -> None:
    money = Money(Caps(per_day=0.03), lambda: 5.0, lambda: 0.0)
    prices = Prices({"cloud-7b": Price(read=0.0, write=10_000.0)})  # "I am cloud": two tokens
    cloud, policy = Model("cloud", local=False), Policy(redact=str)
    way_ = way(net, told, cloud, policy=policy, prices=prices, money=money)
    await text(ask(way_, max_tokens=3))
    assert money.today().total == pytest.approx(0.02)
    assert money.today().on_its_way == 0
    with pytest.raises(Denied, match=r"a day may cost \$0\.03, today it is \$0\.02, and") as error:
        await text(ask(way_, max_tokens=3))
    assert "router.cost_per_day" in error.value.hint
    assert (await way_.route(V, TYPED)).name == "offline", "a skill answers, where one can"
    free = Money(Caps(), lambda: 5.0, lambda: 0.0)
    background = ask(way(net, told, cloud, policy=policy, money=free), agent="clipboard")
    await text(background)
    assert told.rows[-1].background


async def test_a_price_that_nobody_knows_is_asked_about_before_a_word_is_sent(
    net: Net, told: Told
) -> None:
    answers = [Denied("cloud (cloud-7b): you said no.")]

    async def person(facts: Any, asker: Asker) -> None:
        if answers:
            raise answers.pop()

    def money() -> Money:
        return Money(Caps(), lambda: 5.0, lambda: 0.0, ask=person, attended=lambda: True)

    cloud = Model("cloud", local=False)
    with pytest.raises(Denied, match="you said no"):
        await text(ask(way(net, told, cloud, prices=Prices({}), money=money())))
    assert not cloud.asked
    assert not told.rows
    answer = ask(way(net, told, cloud, prices=Prices({}), money=money()))
    assert await text(answer) == "I am cloud"
    assert answer.cost is None
    assert told.rows[0].cost == -1.0
    alone = Money(Caps(), lambda: 5.0, lambda: 0.0)
    with pytest.raises(Denied, match="its price is not known, and nobody is there to ask"):
        await text(ask(way(net, told, cloud, prices=Prices({}), money=alone)))


HIDDEN = (
    Thinking("word " * 500),
    ToolCall(index=0, name="t", arguments="word " * 300),
    ToolCall(index=0, arguments="word " * 200),
)


async def test_thoughts_and_calls_are_paid_for(net: Net, told: Told) -> None:
    cloud = Model("cloud", local=False, hidden=HIDDEN, counted=False)
    answer = ask(way(net, told, cloud))
    await text(answer)
    assert answer.usage
    assert answer.usage.completion >= 1000
    assert told.rows[0].cost == pytest.approx(answer.usage.completion * 10 / 1e6)


@pytest.mark.parametrize(
    ("hidden", "learns"), [(HIDDEN[:1], False), (HIDDEN[1:], False), ((), True)]
)
async def test_how_a_model_counts_is_learnt_from_pure_text(
    hidden: tuple[Delta, ...], learns: bool, net: Net, told: Told
) -> None:
    model = Model("here", hidden=hidden, says="one two three " * 20)  # its server says: two tokens
    way_ = way(net, told, model)
    await text(ask(way_))
    count = way_.counter(await way_.route(V, TYPED))
    assert (count("word") < 1) is learns


TO_READ = Prices({"cloud-7b": Price(read=100.0, write=0.0)})


async def test_what_was_sent_and_not_answered_is_paid_for(net: Net, told: Told) -> None:
    money = Money(Caps(), lambda: 5.0, lambda: 0.0)
    slow = Model("cloud", local=False, fails=TimedOut("Slow."))
    policy, long = Policy(redact=str), [Message("user", "word " * 1000)]
    way_ = way(net, told, slow, policy=policy, prices=TO_READ, money=money)
    with pytest.raises(TimedOut):
        await text(ask(way_, messages=long))
    assert money.today().total == told.rows[0].cost >= 0.1

    asked = asyncio.Event()

    async def silent(*_: Any, **__: Any) -> AsyncGenerator[Delta, None]:
        asked.set()
        await asyncio.Event().wait()
        yield Text("never")

    slow.stream = silent  # type: ignore[method-assign]
    async with asyncio.TaskGroup() as group:
        task = group.create_task(text(ask(way_, messages=long)))
        await asked.wait()
        task.cancel()
    assert told.rows[1].outcome == "cancelled"
    assert money.today().total == pytest.approx(2 * told.rows[0].cost)


# ------------------------------------------------------------------------------ two answers


HYBRID = Policy(redact=str, hybrid=True)


async def both(router: Router, **how: Any) -> tuple[Answer, list[Delta]]:
    answer = ask(router, phases=True, **how)
    return answer, [delta async for delta in answer]


async def test_a_quick_answer_comes_first_and_the_better_one_takes_its_place(
    net: Net, told: Told
) -> None:
    cloud, here = Model("cloud", local=False), Model("here")
    answer, deltas = await both(way(net, told, cloud, here, policy=HYBRID))
    assert [one for one in deltas if isinstance(one, Phase | Text)] == [
        Phase(phase="quick", target="local"), Text("I am here"),
        Phase(phase="refine", target="cloud"), Text("I am cloud"),
        Phase(phase="settled", outcome="replaced"),
    ]  # fmt: skip
    assert [one for one in deltas if isinstance(one, Finish)] == [deltas[-1]]
    assert answer.text == "I am cloud"
    assert answer.route
    assert answer.route.name == "cloud"
    assert [(one.phase, one.name, one.rule) for one in told.rows] == [
        ("quick", "here", "hybrid"), ("refine", "cloud", "hybrid"),
    ]  # fmt: skip
    assert answer.usage
    assert answer.usage.completion == 4, "both are counted"
    assert answer.cost == told.rows[1].cost
    assert here.how[0]["max_tokens"] == 300
    assert cloud.how[0]["max_tokens"] is None


async def test_the_better_answer_may_only_confirm_the_quick_one(net: Net, told: Told) -> None:
    models = Model("cloud", local=False, says="Paris. "), Model("here", says="Paris.")
    _, deltas = await both(way(net, told, *models, policy=HYBRID))
    assert Phase(phase="settled", outcome="confirmed") in deltas


@pytest.mark.parametrize("after", ["", "Half"])
async def test_without_the_better_answer_the_quick_one_stands(
    after: str, net: Net, told: Told
) -> None:
    models = Model("cloud", local=False, fails=DOWN, after=after), Model("here")
    answer, deltas = await both(way(net, told, *models, policy=HYBRID))
    assert deltas[-2:] == [Phase(phase="settled", outcome="kept"), Finish("stop")]
    assert answer.text == "I am here"
    assert answer.route
    assert answer.route.name == "here"
    assert answer.route.reason == "It is quick. cloud (cloud-7b) did not answer."


async def test_a_quick_answer_that_was_cut_and_stands_says_so(net: Net, told: Told) -> None:
    models = Model("cloud", local=False, fails=DOWN), Model("here", ends="length")
    _, deltas = await both(way(net, told, *models, policy=HYBRID))
    assert deltas[-2:] == [Phase(phase="settled", outcome="kept"), Finish("length")]


async def test_without_the_quick_answer_the_better_one_is_the_answer(net: Net, told: Told) -> None:
    models = Model("cloud", local=False), Model("here", fails=DOWN)
    answer, _ = await both(way(net, told, *models, policy=HYBRID))
    assert answer.text == "I am cloud"
    gone = Model("cloud", local=False, fails=DOWN), Model("here", fails=DOWN), Model("third")
    answer, _ = await both(way(net, told, *gone, policy=HYBRID))
    assert answer.text == "I am third"
    with pytest.raises(Unavailable):
        await both(way(net, told, *gone[:2], policy=HYBRID))


async def shown(answer: Answer, turn: Turn) -> None:
    async for delta in answer:
        turn.feed(delta)


@pytest.mark.parametrize(("half", "outcome"), [("", "kept"), ("Half of", "replaced")])
async def test_what_the_third_says_is_shown_where_neither_of_two_answered(
    half: str, outcome: str, net: Net, told: Told
) -> None:
    here = Model("here", fails=DOWN, after=half)
    models = Model("cloud", local=False, fails=DOWN), here, Model("third")
    _, deltas = await both(way(net, told, *models, policy=HYBRID))
    kinds = [one.phase for one in deltas if isinstance(one, Phase)]
    assert kinds == ["quick", "refine", "settled"]
    settled = deltas.index(Phase(phase="settled", outcome=outcome))  # type: ignore[arg-type]
    assert settled < deltas.index(Text("I am third"))
    turn = Turn(written=False)
    steps = [step for delta in deltas for step in turn.feed(delta)]
    assert turn.text == "I am third"
    assert (steps[-1].kind, steps[-1].text) == ("text", "I am third")


async def test_half_a_better_answer_is_shown_where_there_is_no_quick_one(
    net: Net, told: Told
) -> None:
    models = Model("cloud", local=False, fails=DOWN, after="Half"), Model("here", fails=DOWN)
    answer = ask(way(net, told, *models, policy=HYBRID), phases=True)
    turn = Turn(written=False)
    with pytest.raises(Unavailable):
        await shown(answer, turn)
    assert (turn.text, answer.text) == ("Half", "Half")


async def test_what_stays_here_gets_one_answer(net: Net, told: Told) -> None:
    cloud = Model("cloud", local=False)
    answer, deltas = await both(way(net, told, cloud, Model("here"), policy=HYBRID), privacy=L)
    assert answer.text == "I am here"
    assert not [one for one in deltas if isinstance(one, Phase)]
    assert not cloud.asked


async def test_who_cannot_show_two_answers_gets_one(net: Net, told: Told) -> None:
    models = Model("cloud", local=False), Model("here")
    assert await text(ask(way(net, told, *models, policy=HYBRID))) == "I am cloud"


# ------------------------------------------------------------------------------ one by name


async def test_a_model_that_is_named_is_asked_alone(net: Net, told: Told) -> None:
    models = Model("one"), Model("cloud", local=False), Model("gone", fails=DOWN)
    way_ = way(net, told, *models)
    assert await text(ask(way_, only="cloud")) == "I am cloud"
    with pytest.raises(Unavailable, match="connection refused"):
        await text(ask(way_, only="gone"))
    with pytest.raises(NotFound, match="no model called 'nobody'"):
        await text(ask(way_, only="nobody"))
    with pytest.raises(Denied, match="this does not leave the computer"):
        await text(ask(way_, only="cloud", privacy=L))
    assert len(models[1].asked) == 1


# ------------------------------------------------------------------------------ who learns


async def test_the_bandit_goes_to_who_did_well_and_ab_gives_it_half(net: Net, told: Told) -> None:
    past = [*rated("bad", *[-1] * 60), *rated("good", *[1] * 60)]
    how: dict[str, Any] = {"past": past, "bandit": Bandit(random.Random(1))}
    models = Model("bad"), Model("good")
    learnt = Policy(redact=str, learning="bandit")
    way_ = way(net, told, *models, policy=learnt, **how)
    for _ in range(5):
        assert await text(ask(way_)) == "I am good"
    assert {(one.rule, one.arm) for one in told.rows} == {("learned", "")}
    told.rows.clear()
    halves = way(net, told, *models, policy=Policy(redact=str, learning="ab"), **how)
    for thread in range(1, 21):
        said = await text(ask(halves, thread=thread))
        assert said == ("I am good" if arm_of(thread) == "bandit" else "I am bad")
    assert {(one.arm, one.rule) for one in told.rows} == {
        ("bandit", "learned"), ("rules", "default"),
    }  # fmt: skip


words = st.none() | st.sampled_from(["public", "sensitive", "private", "local-only"])


@how_long(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    label=st.sampled_from(Privacy),
    unlabelled=st.booleans(),
    local_only=st.booleans(),
    setting=st.sampled_from(Privacy),
    agent=words,
    call=words,
    learning=st.sampled_from(["off", "bandit", "ab"]),
    hybrid=st.booleans(),
    phases=st.booleans(),
    budget=st.sampled_from([None, 1, 4000]),
    threshold=st.sampled_from([None, 0.0, 0.6, 1.0]),
    prefer=st.sampled_from(["", "cloud", "here"]),
    only=st.sampled_from(["", "cloud"]),
    thumbs=st.lists(st.tuples(st.sampled_from(["cloud", "here"]), st.sampled_from([-1, 0, 1]))),
    fails=st.booleans(),
    cost=st.sampled_from([0.0, 10.0, 1e6]),
)
async def test_no_label_policy_past_or_learning_lets_out_what_stays(
    net: Net, label: Privacy, unlabelled: bool, local_only: bool, setting: Privacy,
    agent: str | None, call: str | None, learning: Any, hybrid: bool, phases: bool,
    budget: int | None, threshold: float | None, prefer: str, only: str,
    thumbs: list[tuple[str, int]], fails: bool, cost: float,
) -> None:  # fmt: skip
    """The real router: what is local-only, unlabelled or above what anybody allows reaches no
    model elsewhere, and no cap is overridden."""
    net.local_only = local_only
    told = Told()
    cloud, here = Model("cloud", local=False), Model("here", fails=DOWN if fails else None)
    policy = Policy(
        privacy=setting, redact=str, latency_budget_ms=budget, cost_cap=0.05,
        quality_threshold=threshold, hybrid=hybrid, prefer=prefer, learning=learning,
        agents={"chat": Routing(privacy=agent)},  # type: ignore[arg-type]  # one of the words
    )  # fmt: skip
    past = [one for name, thumb in thumbs for one in rated(name, thumb)]
    prices = Prices({"cloud-7b": Price(read=0.0, write=cost)})
    way_ = way(net, told, cloud, here, policy=policy, past=past, prices=prices)
    answer = ask(
        way_, privacy=label, origin=frozenset() if unlabelled else TYPED, phases=phases, only=only,
        routing=Routing(privacy=call),  # type: ignore[arg-type]  # one of the words
    )  # fmt: skip
    try:
        await text(answer)
    except LoomError:
        assert only or fails or cost > 125
    levels = [setting, *(Privacy[one.upper().replace("-", "_")] for one in (agent, call) if one)]
    stays = unlabelled or local_only or label is L or any(one is L or label > one for one in levels)
    assert not (stays and cloud.asked)
    assert not (400 * cost > 0.05 * 1e6 and cloud.asked)
    assert all(one.local for one in told.rows) or not stays
