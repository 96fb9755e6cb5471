from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from loom_desktop import settings as toml
from loom_desktop.breaker import MOST_FAILURES, OPEN_S
from loom_desktop.errors import (
    LoomError,
    NotFound,
    SettingsError,
    TimedOut,
    Unavailable,
    UsageError,
)
from loom_desktop.event import Privacy
from loom_desktop.llm import Asker, Message, Text, Usage
from loom_desktop.llm.attempts import Attempts
from loom_desktop.llm.connect import connected, from_found, providers
from loom_desktop.llm.costs import Price, Prices
from loom_desktop.llm.discovery import Discovery
from loom_desktop.llm.providers.offline import CAN_DO
from loom_desktop.llm.router import CONTEXT, Policy
from loom_desktop.net import Net
from tests.fake_model_server import FakeModelServer, chunk, cut_after, silent_after, status, stream
from tests.loom_desktop.llm.asking import DOWN, HELLO, TYPED, Hands, Model, ask, router, text

# ------------------------------------------------------------------------------ which one


async def test_the_first_in_loom_toml_answers_and_says_so(net: Net) -> None:
    one, two = Model("one"), Model("two")
    way = router(net, one, two)
    answer = ask(way)
    assert await text(answer) == "I am one"
    assert answer.route == await way.route(Privacy.PRIVATE, TYPED)
    assert answer.route.words == "local · one-7b"
    assert answer.route.reason == "It is the first in loom.toml."
    assert not two.asked
    assert one.asked[0][1] == Asker(agent="chat", thread=3, privacy=Privacy.PRIVATE)


async def test_with_no_model_the_offline_answer_comes(net: Net) -> None:
    answer = ask(router(net))
    assert await text(answer) == CAN_DO
    assert answer.route
    assert (answer.route.words, answer.cost) == ("offline · skill", 0.0)
    assert answer.route.reason == "No model is connected."


P, S, V, L = Privacy.PUBLIC, Privacy.SENSITIVE, Privacy.PRIVATE, Privacy.LOCAL_ONLY


@pytest.mark.parametrize(
    ("setting", "may"),
    [(P, {P}), (S, {P, S}), (V, {P, S, V}), (L, set())],
)
@pytest.mark.parametrize("label", list(Privacy))
@pytest.mark.parametrize("origin", [TYPED, frozenset()])
@pytest.mark.parametrize("local_only", [False, True])
async def test_the_label_decides_what_leaves(
    setting: Privacy,
    may: set[Privacy],
    label: Privacy,
    origin: frozenset[str],
    local_only: bool,
    net: Net,
) -> None:
    net.local_only = local_only
    cloud, local = Model("cloud", local=False), Model("local")
    way = router(net, cloud, local, policy=Policy(privacy=setting, redact=str))
    answer = way.answer(HELLO, privacy=label, origin=origin)
    leaves = label in may and bool(origin) and not local_only
    assert await text(answer) == ("I am cloud" if leaves else "I am local")
    assert bool(cloud.asked) is leaves
    assert answer.route == await way.route(label, origin)
    assert ("cloud" in answer.route.reason) is (not leaves)


async def test_why_a_model_was_left_out_is_said(net: Net) -> None:
    way = router(net, Model("cloud", local=False))
    answer = ask(way, Privacy.LOCAL_ONLY)
    assert await text(answer) == CAN_DO
    assert answer.route
    assert answer.route.reason == (
        "Cloud (cloud-7b) was left out: this does not leave the computer. No model is there."
    )


async def test_secrets_are_taken_out_of_what_leaves_and_only_of_that(net: Net) -> None:
    cloud, local = Model("cloud", local=False), Model("local")
    await text(ask(router(net, cloud)))
    await text(ask(router(net, local)))
    assert cloud.asked[0][0][0].text == "hello, my key is █"
    assert local.asked[0][0][0].text == "hello, my key is sk-1234"


async def test_sensitive_content_does_not_leave_unmasked(net: Net) -> None:
    way = router(net, Model("cloud", local=False), policy=Policy())
    assert (await way.route(Privacy.SENSITIVE, TYPED)).name == "offline"
    assert (await way.route(Privacy.PUBLIC, TYPED)).name == "cloud"


# ------------------------------------------------------------------------------ falling back


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DOWN, "did not answer"),
        (TimedOut("Slow.", hint="x"), "took too long"),
        (NotFound("No model."), "has no such model"),
        (SettingsError("No key."), "is not set up as it should be"),
    ],
)
async def test_the_next_is_asked_when_one_is_not_there_and_it_is_said(
    error: LoomError, words: str, net: Net
) -> None:
    answer = ask(router(net, Model("one", local=False, fails=error), Model("two")))
    assert await text(answer) == "I am two"
    assert answer.route
    assert answer.route.reason == f"One (one-7b) {words}. It is in loom.toml."


async def test_a_model_that_was_asked_and_failed_is_told_not_hidden(net: Net) -> None:
    with pytest.raises(Unavailable) as caught:
        await text(ask(router(net, Model("one", fails=DOWN))))
    assert (caught.value.message, caught.value.hint) == (DOWN.message, DOWN.hint)


async def test_several_that_failed_are_all_told(net: Net) -> None:
    gone = NotFound("There is no such model.", hint="Pull it.")
    with pytest.raises(Unavailable, match=r"refused.* There is no such model") as caught:
        await text(ask(router(net, Model("one", fails=DOWN), Model("two", fails=gone))))
    assert caught.value.hint == "Start it."


async def test_after_a_word_there_is_no_other_model_and_the_text_is_kept(net: Net) -> None:
    two = Model("two")
    answer = ask(router(net, Model("one", fails=DOWN, after="Half"), two))
    with pytest.raises(Unavailable):
        await text(answer)
    assert (answer.text, two.asked) == ("Half", [])
    assert answer.route
    assert answer.route.name == "one"
    assert answer.usage
    assert answer.usage.estimated


async def test_a_fault_of_the_question_is_not_asked_again(net: Net) -> None:
    two = Model("two")
    with pytest.raises(UsageError):
        await text(ask(router(net, Model("one", fails=UsageError("Too long.")), two)))
    assert not two.asked


async def test_a_model_that_keeps_failing_is_left_alone_for_a_while(net: Net) -> None:
    clock, one = Hands(), Model("one", local=False, fails=DOWN)
    way = router(net, one, Model("two"), clock=clock)
    for _ in range(MOST_FAILURES + 3):
        await text(ask(way))
    assert len(one.asked) == MOST_FAILURES
    assert "failed again and again" in (await way.route(Privacy.PRIVATE, TYPED)).reason
    clock.now += OPEN_S
    one.fails = None
    assert await text(ask(way)) == "I am one"
    assert await text(ask(way)) == "I am one"


async def test_a_dead_model_costs_a_call_in_thirty_seconds(net: Net) -> None:
    clock, dead = Hands(), Model("dead", local=False, fails=DOWN)
    way = router(net, dead, Model("two"), clock=clock)
    for _ in range(600):
        assert await text(ask(way)) == "I am two"
        clock.now += 1
    assert len(dead.asked) <= MOST_FAILURES + 600 / OPEN_S
    (one, *_) = way.breakers
    assert (one.name, one.counters.begun) == ("dead (dead-7b)", len(dead.asked))


async def test_an_answer_makes_up_for_the_failures_before_it(net: Net) -> None:
    one = Model("one", local=False)
    way = router(net, one, Model("two"), clock=Hands())
    for fails in [DOWN] * (MOST_FAILURES - 1) + [None] + [DOWN] * (MOST_FAILURES - 1):
        one.fails = fails
        await text(ask(way))
    assert len(one.asked) == 2 * MOST_FAILURES - 1
    one.fails = None
    assert await text(ask(way)) == "I am one"


async def test_a_trial_that_is_cancelled_leaves_room_for_another(net: Net) -> None:
    clock, one = Hands(), Model("one", local=False, fails=DOWN)
    way = router(net, one, Model("two"), clock=clock)
    for _ in range(MOST_FAILURES):
        await text(ask(way))
    clock.now += OPEN_S
    one.fails = None
    trial = ask(way)
    assert await anext(aiter(trial)) == Text("I am one")
    await trial.aclose()
    assert await text(ask(way)) == "I am one"


async def test_a_redactor_that_breaks_in_a_trial_leaves_room_for_another(net: Net) -> None:
    clock, one, broken = Hands(), Model("one", local=False, fails=DOWN), False

    def redact(said: str) -> str:
        if broken:
            raise ValueError("boom")
        return said

    way = router(net, one, Model("two"), clock=clock, policy=Policy(redact=redact))
    for _ in range(MOST_FAILURES):
        await text(ask(way))
    clock.now += OPEN_S
    one.fails, broken = None, True
    with pytest.raises(ValueError, match="boom"):
        await text(ask(way))
    broken = False
    assert await text(ask(way)) == "I am one"


async def test_the_only_model_left_alone_is_an_error_and_no_silence(net: Net) -> None:
    way = router(net, Model("one", fails=DOWN), clock=Hands())
    for _ in range(MOST_FAILURES):
        with pytest.raises(Unavailable):
            await text(ask(way))
    with pytest.raises(Unavailable, match="left alone for half a minute"):
        await text(ask(way))


async def test_a_cancelled_question_is_no_failure_of_the_model(net: Net) -> None:
    one = Model("one")
    way = router(net, one)
    for _ in range(MOST_FAILURES + 1):
        answer = ask(way)
        assert isinstance(await anext(aiter(answer)), Text)
        await answer.aclose()
    assert await text(ask(way)) == "I am one"


# ------------------------------------------------------------------------------ what it cost


async def test_what_was_used_and_what_it_cost_is_known_at_the_end(net: Net) -> None:
    prices = Prices({"cloud-7b": Price(read=2.0, write=0.0)})
    answer = ask(router(net, Model("cloud", local=False), prices=prices))
    await text(answer)
    assert (answer.usage, answer.cost) == (Usage(1_000_000, 2), 2.0)


async def test_an_unknown_price_stays_unknown(net: Net) -> None:
    answer = ask(router(net, Model("cloud", local=False)))
    await text(answer)
    assert answer.cost is None


async def test_what_is_not_counted_is_estimated(net: Net) -> None:
    answer = ask(router(net, Model("one", counted=False)))
    await text(answer)
    assert answer.usage
    assert answer.usage.estimated
    assert answer.usage.prompt > 5
    assert answer.cost == 0.0


async def test_time_is_told(net: Net) -> None:
    clock = Hands()
    answer = ask(router(net, Model("one"), clock=clock))
    async for _ in answer:
        clock.now += 1
    assert (answer.first_s, answer.seconds) == (0.0, 3.0)


# ------------------------------------------------------------------------------ real servers


def found(net: Net, attempts: Attempts, *servers: FakeModelServer) -> dict[str, Any]:
    async def secrets(name: str) -> str | None:
        return None

    ports = {one.port: "Ollama" for one in servers}
    return {"discovery": Discovery(net, ports=ports), "found": from_found(attempts, secrets)}


async def test_a_server_on_this_computer_is_found_and_answers(
    net: Net, attempts: Attempts, server: FakeModelServer
) -> None:
    server.play(stream("Here I am."))
    answer = ask(router(net, **found(net, attempts, server)), Privacy.LOCAL_ONLY)
    assert await text(answer) == "Here I am."
    assert answer.route
    assert answer.route.words == "local · fake-7b"
    assert answer.route.reason == "It was found on this computer."
    assert answer.cost == 0.0


async def test_a_found_server_is_not_asked_what_it_may_not_be_able_to_read(
    net: Net, attempts: Attempts, server: FakeModelServer
) -> None:
    way = router(net, **found(net, attempts, server))
    long = [Message("user", "word " * CONTEXT)]
    with pytest.raises(Unavailable, match="as far as is known"):
        await text(way.answer(long, privacy=Privacy.PRIVATE, origin=TYPED))
    assert not server.questions


async def test_nothing_is_looked_for_while_a_configured_model_answers(
    net: Net, attempts: Attempts, server: FakeModelServer
) -> None:
    await text(ask(router(net, Model("one"), **found(net, attempts, server))))
    assert not server.requests


async def test_a_found_server_steps_in_for_a_cloud_that_is_down(
    net: Net, attempts: Attempts, server: FakeModelServer
) -> None:
    way = router(net, Model("cloud", local=False, fails=DOWN), **found(net, attempts, server))
    server.play(stream("Here I am."))
    answer = ask(way)
    assert await text(answer) == "Here I am."
    assert answer.route
    assert answer.route.reason == (
        "Cloud (cloud-7b) did not answer. It was found on this computer."
    )


async def test_a_found_server_that_goes_away_is_forgotten(net: Net, attempts: Attempts) -> None:
    async with FakeModelServer() as server:
        way = router(net, **found(net, attempts, server))
        await text(ask(way))
    with pytest.raises(Unavailable, match="connection refused"):
        await text(ask(way))
    assert await text(ask(way)) == CAN_DO


async def test_a_server_without_models_is_not_asked(net: Net, attempts: Attempts) -> None:
    async with FakeModelServer(models=("nomic-embed-text",)) as server:
        assert await text(ask(router(net, **found(net, attempts, server)))) == CAN_DO


class Ledger:
    async def begin(self, host: str, port: int, **about: Any) -> int:
        return 1

    def finish(self, id: int, **outcome: Any) -> None:  # noqa: A002
        pass


async def secret(name: str) -> str | None:
    return "sk-stored" if name == "stored" else None


async def test_settings_make_a_router(server: FakeModelServer, tmp_path: Path) -> None:
    told = toml.parse(
        f"""
        [llm.cloud]
        api_base = "https://api.example.org/v1"
        model = "big"
        api_key = "keyring:stored"
        [llm.mine]
        api_base = "{server.url}"
        model = "fake-7b"
        api_key = "keyring:stored"
        timeout_sec = 5
        [router]
        privacy = "sensitive"
        """
    )
    way = await connected(told, Ledger(), secret, tmp_path)
    try:
        answer = ask(way)
        assert await text(answer)
        assert answer.route
        assert (answer.route.name, answer.route.local) == ("mine", True)
        assert "[router] privacy keeps private content here" in answer.route.reason
        assert server.questions[0].headers["authorization"] == "Bearer sk-stored"
        mine = (await way.models())[1]
        assert (mine["name"], mine["working"], mine["detail"]) == ("mine", True, "1 models")
    finally:
        await way.close()


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('kind = "ofline"', "[llm.x] kind: there is no 'ofline'."),
        ('modle = "m"', "[llm.x] does not know 'modle'."),
        ('api_key = "sk-abc"', "[llm.x] api_key holds the key itself"),
        ('api_base = "nowhere"', "[llm.x] api_base: 'nowhere' is not the address"),
        ('timeout_s = "long"', "[llm.x] timeout_s"),
    ],
)
async def test_a_wrong_setting_is_told_with_its_table(
    lines: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError) as caught:
        await connected(toml.parse(f"[llm.x]\n{lines}"), Ledger(), secret, tmp_path)
    assert says in caught.value.message
    assert "sk-abc" not in caught.value.message + caught.value.hint


async def test_a_provider_of_the_persons_own_is_loaded_from_its_file(
    attempts: Attempts, tmp_path: Path
) -> None:
    (tmp_path / "llm.providers").mkdir()
    (tmp_path / "llm.providers" / "parrot.py").write_text(
        "from loom_desktop.llm.providers.offline import Offline as provider, Settings\n"
    )
    (made,) = providers({"polly": {"kind": "parrot"}}, attempts, secret, own=tmp_path)
    assert made.facts.name == "polly"


async def test_models_says_what_does_not_work_and_why(
    net: Net, attempts: Attempts, server: FakeModelServer
) -> None:
    async with FakeModelServer() as gone:
        url = gone.url
    tables = {
        "gone": {"api_base": url, "model": "m"},
        "wrong": {"api_base": server.url, "model": "m"},
        "right": {"api_base": server.url, "model": "fake-7b"},
    }
    listed = await router(net, *providers(tables, attempts, secret)).models()
    assert [one["working"] for one in listed] == [False, False, True]
    assert "connection refused" in listed[0]["detail"]
    assert listed[1]["detail"] == "There is no model called 'm' there."


async def test_a_broken_line_in_the_middle_keeps_the_text_and_counts_as_a_failure(
    net: Net, attempts: Attempts, server: FakeModelServer
) -> None:
    server.play(cut_after(chunk(content="Half")))
    answer = ask(router(net, **found(net, attempts, server)))
    with pytest.raises(Unavailable, match="hung up in the middle"):
        await text(answer)
    assert answer.text == "Half"


async def test_closing_an_answer_hangs_up(
    net: Net, attempts: Attempts, server: FakeModelServer
) -> None:
    server.play(silent_after(chunk(content="Half")))
    answer = ask(router(net, **found(net, attempts, server)))
    assert await anext(aiter(answer)) == Text("Half")
    await answer.aclose()
    async with asyncio.timeout(5):
        await server.hung_up.wait()


async def test_a_refusal_of_the_key_leads_to_the_next(
    net: Net, attempts: Attempts, server: FakeModelServer
) -> None:
    server.play(status(401))
    tables = {"x": {"api_base": server.url, "model": "m"}}
    answer = ask(router(net, *providers(tables, attempts, secret), Model("two")))
    assert await text(answer) == "I am two"
    assert answer.route
    assert answer.route.reason == "X (m) wants another key (401). It is in loom.toml."
