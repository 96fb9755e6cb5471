"""loom models, routes, money and rate: what a person reads, and what a program does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.loom_desktop.cli.conftest import Done
from tests.paid import paid_model

Run = Callable[..., Done]
PLAIN = "[store]\nencrypted = false\n"
FREE = "Tell me something about mountains"


def test_no_model_is_said_with_what_to_do(loom: Run, home: Path) -> None:
    (home / "loom.toml").write_text(
        '[store]\nencrypted = false\n[llm.mine]\napi_base = "http://127.0.0.1:9/v1"\nmodel = "m"\n'
    )
    done = loom("models")
    assert done.code == 0
    assert "mine: m, on this computer, does not answer" in done.out
    assert loom("models", "--json").json[0]["working"] is False
    assert loom("models", "list").out == done.out
    assert loom("models", "list", "--json").json == loom("models", "--json").json


def test_a_model_is_tested_and_chosen(loom: Run, home: Path) -> None:
    paid_model(home, toml=f"# mine\n{PLAIN}")
    done = loom("models", "test", "far")
    assert done.code == 0
    assert done.out.startswith("far (big) answers: first word after 0.")
    assert done.out.endswith(", $0.01.\n")
    assert loom("models", "test", "far", "--json").json["text"] == "From far away."
    gone = loom("models", "test", "near")
    assert (gone.code, gone.err) == (1, "")
    assert "near does not answer. There is no model called 'near'" in gone.out
    assert loom("models", "use", "far").out == (
        "far (big) is asked first, where nothing speaks against it.\n"
    )
    assert 'prefer = "far"' in (home / "loom.toml").read_text()
    assert (home / "loom.toml").read_text().startswith("# mine\n")
    wrong = loom("models", "use", "fra")
    assert wrong.code == 1
    assert "Did you mean far?" in wrong.err


def test_routes_and_money_say_what_was_asked_why_and_for_how_much(loom: Run, home: Path) -> None:
    paid_model(home, toml=PLAIN)
    assert loom("routes").out == "No model was asked so far.\n"
    assert "Today: $0 of $1.00." in loom("money").out
    assert loom("ask", FREE).code == 0
    assert loom("rate", "up").out == "Noted for far (big).\n"
    listed = loom("routes").out
    assert "  far (big) for chat: worked, 0." in listed
    assert ", $0.01, liked\n    default: It is the first in loom.toml.\n" in listed
    assert "  far (big): 1 of 1 worked, 1 liked, 0 disliked, $0.01\n" in listed
    assert loom("routes", "--json").json["decisions"][0]["thumb"] == 1
    assert loom("routes", "--agent", "nobody").out.startswith("No model was asked so far.")
    spent = loom("money").out
    assert spent.startswith("Today: $0.01 of $1.00.\n  for what you asked: $0.01\n")
    assert "  in the background:  $0\n" in spent
    assert "  chat: $0.01 of $1.00\n" in spent
    assert "$0.01  big, chat\n" in spent
    assert loom("money", "--json").json["today"]["answers"] == 1
    assert loom("rate", "up", "--turn", "77").code == 1


@pytest.mark.parametrize("arguments", [("rate", "sideways"), ("rate",), ("routes", "--limit", "0")])
def test_a_wrong_use_is_told(loom: Run, arguments: tuple[str, ...]) -> None:
    done = loom(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err


def test_a_question_that_may_not_be_paid_for_is_an_error_with_what_to_do(
    loom: Run, home: Path
) -> None:
    paid_model(home, known=False, toml=PLAIN)
    done = loom("ask", FREE)
    assert done.code == 1
    assert "its price is not known, and nobody is there to ask" in done.err
    assert "loom settings router.unknown_price allow" in done.err
    assert loom("settings", "router.unknown_price", "allow").code == 0
    assert loom("ask", FREE).code == 0
    assert "answers of unknown price, which are not in it: 1" in loom("money").out


def test_what_an_agent_may_do_is_set_like_everything_else(loom: Run, home: Path) -> None:
    assert loom("settings", "agents.chat.routing.privacy").out == "null\n"
    assert loom("settings", "agents.chat.routing.privacy", "local-only").out == "Changed.\n"
    assert loom("settings", "agents.chat.routing.cost_cap", "0.5").out == "Changed.\n"
    assert loom("settings", "agents.chat.routing.hybrid", "yes").out == "Changed.\n"
    assert loom("settings", "agents.chat.routing.privacy").out == '"local-only"\n'
    assert loom("settings", "agents.chat.routing.privacy", "secret").code == 1
    assert "routing" in (home / "loom.toml").read_text()
