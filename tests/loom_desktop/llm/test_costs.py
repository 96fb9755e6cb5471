from __future__ import annotations

from pathlib import Path

import pytest

from loom_desktop.errors import SettingsError
from loom_desktop.llm import Facts, Usage
from loom_desktop.llm.costs import Price, Prices, prices

USED = Usage(1_000_000, 500_000)


def facts(model: str, *, local: bool = False, kind: str = "openai") -> Facts:
    return Facts(name="x", kind=kind, model=model, local=local)


def test_the_table_that_comes_with_loom_knows_the_usual_models() -> None:
    table = prices()
    for model in ("deepseek-chat", "gpt-4o-mini", "claude-sonnet-4-5-20250929"):
        assert table.price(model), model


def test_what_was_used_is_what_it_costs() -> None:
    table = Prices({"m": Price(read=2.0, write=10.0)})
    assert table.cost(facts("M"), USED) == pytest.approx(7.0)


def test_an_unknown_price_is_not_zero() -> None:
    assert Prices({}).cost(facts("new-model"), USED) is None


def test_a_model_of_this_computer_costs_nothing_whatever_its_name() -> None:
    table = Prices({"m": Price(read=2.0, write=10.0)})
    assert table.cost(facts("m", local=True), USED) == 0
    assert table.cost(facts("skill", kind="offline"), USED) == 0


def test_an_exact_name_counts_before_a_pattern_and_a_long_pattern_before_a_short_one() -> None:
    names = ("gpt-*", "gpt-5*", "gpt-5-mini")
    table = Prices({name: Price(read=float(i), write=0.0) for i, name in enumerate(names)})
    found = [table.price(one) for one in ("gpt-5-mini", "gpt-5-nano", "gpt-4", "my/gpt-5")]
    assert [one and one.read for one in found] == [2.0, 1.0, 0.0, None]


def test_the_persons_own_table_counts_over_ours(tmp_path: Path) -> None:
    own = tmp_path / "prices.toml"
    lines = '"deepseek-chat" = { read = 9, write = 9 }', '"mine" = { read = 1, write = 1 }'
    own.write_text("\n".join(["[models]", *lines]))
    table = prices(own)
    assert table.price("deepseek-chat") == Price(read=9, write=9)
    assert table.price("mine")
    assert table.price("gpt-4o")


@pytest.mark.parametrize(
    "text",
    [
        "[models",
        '[models]\n"m" = 3',
        '[models]\n"m" = { read = 1 }',
        '[models]\n"m" = { read = -1, write = 1 }',
        '[models]\n"m" = { read = nan, write = 1 }',
        '[models]\n"m" = { read = 1, write = 1, wriet = 2 }',
    ],
)
def test_a_broken_table_is_told_with_its_name(text: str, tmp_path: Path) -> None:
    own = tmp_path / "prices.toml"
    own.write_text(text)
    with pytest.raises(SettingsError, match=r"prices\.toml"):
        prices(own)
