"""The tables of the languages are whole, folded, and of one shape."""

from __future__ import annotations

import pytest

from loom_desktop.text.when import meaning
from loom_desktop.text.when.language import Language
from loom_desktop.text.when.patterns import Pattern
from loom_desktop.text.when.reading import KINDS, TERMINALS, grammar
from loom_desktop.text.when.tables import CODES, language
from loom_desktop.text.when.tokens import fold
from loom_desktop.text.when.values import PARTS

TABLES = [language(code) for code in CODES]
each = pytest.mark.parametrize("table", TABLES, ids=CODES)


@each
def test_every_language_has_the_same_rules(table: Language) -> None:
    assert set(table.rules) == set(TABLES[0].rules)


@each
def test_every_language_names_every_day_month_unit_part_and_hour(table: Language) -> None:
    assert set(table.weekdays.values()) == set(range(7))
    assert set(table.weekdays_short.values()) <= set(range(7))
    assert set(table.months.values()) == set(range(1, 13))
    assert {"second", "minute", "hour", "day", "week", "month", "year", "quarter"} <= set(
        table.units.values()
    )
    assert set(table.parts.values()) == set(PARTS) - ({"evening"} if table.code == "es" else set())
    assert set(range(13)) <= set(table.numbers.values())
    assert {1, 2, 3, 4, 5, -1} <= set(table.ordinals.values())


@each
def test_words_are_folded(table: Language) -> None:
    words = {w for texts in table.rules.values() for t in texts for w in Pattern(t).literals()}
    words |= {*table.numbers, *table.months, *table.weekdays, *table.units, *table.parts}
    words |= {*table.connectors, *table.polite, *table.fuzzy, *table.articles}
    assert [w for w in words if w != fold(w)] == []


@each
def test_every_slot_of_every_rule_exists(table: Language) -> None:
    known = {name.partition(".")[0] for name in table.rules} | set(TERMINALS)
    for texts in table.rules.values():
        for text in texts:
            assert Pattern(text).slots() <= known
    grammar(table)


def test_every_meaning_belongs_to_a_rule() -> None:
    assert meaning.names() <= set(TABLES[0].rules) | {"clock.digital"}
    assert {name.partition(".")[0] for name in TABLES[0].rules} >= set(KINDS)


def test_an_unbalanced_pattern_is_refused() -> None:
    with pytest.raises(ValueError, match="unbalanced"):
        Pattern("in [the <part>")
