from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.actions.capability import Effect
from loom_desktop.actions.policy import Asked, Verdict, decide

EFFECTS = get_args(Effect)


@pytest.mark.parametrize(
    ("effect", "tainted", "granted", "verdict"),
    [
        ("none", True, False, "allow"),
        ("notify", True, False, "allow"),
        ("read-local", False, True, "allow"),
        ("read-local", True, True, "allow"),
        ("read-local", False, False, "ask"),
        ("read-net", False, True, "ask"),
        ("read-net", True, True, "ask"),
        ("write-own", False, True, "allow"),
        ("write-own", True, False, "allow"),
        ("write-reversible", False, True, "allow"),
        ("write-reversible", True, True, "ask"),
        ("write-reversible", False, False, "ask"),
        ("write-irreversible", False, True, "ask"),
        ("send", False, True, "ask"),
        ("execute", False, True, "deny"),
        ("spend", False, True, "deny"),
        ("settings", False, True, "allow"),
        ("settings", True, True, "deny"),
    ],
)
def test_the_table(effect: Effect, tainted: bool, granted: bool, verdict: Verdict) -> None:
    assert decide(Asked(effect, tainted, granted=granted)).verdict == verdict


def test_a_model_never_changes_settings() -> None:
    assert decide(Asked("settings", False, by_model=True)).verdict == "deny"


def test_many_files_at_once_are_asked() -> None:
    assert decide(Asked("write-reversible", False, many=True)).verdict == "ask"


def test_an_effect_that_nobody_decided_on_is_denied() -> None:
    assert decide(Asked("teleport", False)).verdict == "deny"  # type: ignore[arg-type]


@given(st.sampled_from(EFFECTS), st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_nobody_there_is_never_a_yes_to_what_would_be_asked(
    effect: Effect, tainted: bool, granted: bool, by_model: bool, many: bool
) -> None:
    def asked(attended: bool) -> Verdict:
        return decide(
            Asked(effect, tainted, granted=granted, attended=attended, by_model=by_model, many=many)
        ).verdict

    assert asked(False) == ("deny" if asked(True) == "ask" else asked(True))


@given(st.sampled_from(EFFECTS), st.booleans(), st.booleans())
def test_taint_never_makes_anything_easier(effect: Effect, granted: bool, many: bool) -> None:
    order = ["allow", "ask", "deny"]
    clean = decide(Asked(effect, False, granted=granted, many=many)).verdict
    tainted = decide(Asked(effect, True, granted=granted, many=many)).verdict
    assert order.index(tainted) >= order.index(clean)
