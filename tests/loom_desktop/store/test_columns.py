"""Values into columns and back."""

from __future__ import annotations

from typing import Any

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom_desktop.store.columns import (
    labels,
    matching,
    origins,
    packed,
    path_bytes,
    path_text,
    plain,
    storable,
    unpacked,
)

any_text = st.text(st.characters(codec=None))  # with lone surrogates
numbers = st.integers(-(2**63), 2**64 - 1)
data = st.recursive(
    st.none() | st.booleans() | numbers | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(any_text)
def test_any_text_can_be_stored(text: str) -> None:
    kept = storable(text)
    kept.encode()
    assert storable(kept) == kept
    if not any("\ud800" <= one <= "\udfff" for one in text):
        assert kept == text


@given(data)
def test_plain_data_comes_back(value: Any) -> None:
    assert unpacked(packed(value)) == value


@pytest.mark.parametrize("value", [object(), {"a": 2**70}, [print]])
def test_what_is_not_plain_data_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        packed(value)


def test_plain_data_with_odd_text_is_kept_without_it() -> None:
    assert unpacked(packed({"a\udcff": ["b\ud800", ("c",)]})) == {"a\ufffd": ["b\ufffd", ["c"]]}
    assert plain({1: "x", "y": {"z"}}) == {1: "x", "y": ["z"]}


@given(st.frozensets(st.text()))
def test_labels_come_back(origin: frozenset[str]) -> None:
    assert origins(labels(origin)) == origin


@pytest.mark.parametrize("column", ["", "nonsense", "{}", "[1]", '"web"'])
def test_a_label_that_is_not_readable_is_a_missing_one(column: str) -> None:
    assert origins(column) == frozenset()


@given(st.binary().filter(lambda name: b"\0" not in name))
def test_every_file_name_survives(name: bytes) -> None:
    assert path_bytes(path_text(name)) == name


@given(any_text)
def test_no_path_is_an_error(path: str) -> None:
    path_bytes(path)


@given(any_text)
def test_nothing_a_person_types_is_an_error_in_a_search(query: str) -> None:
    connection = apsw.Connection(":memory:")
    connection.execute("create virtual table f using fts5(x)")
    if words := matching(query):
        connection.execute("select * from f where f match ?", (words,)).fetchall()
    connection.close()


def test_a_search_is_for_all_words_and_the_last_may_be_unfinished() -> None:
    assert matching('run "OR" sho') == '"run" "OR" "sho"*'
    assert matching(" -*() ") == ""
    assert matching("a " * 100).count('"a"') == 16
