"""What SQLite says is said in words, and a mistake of ours stays one."""

from __future__ import annotations

import apsw
import pytest

from loom_desktop.errors import Unavailable
from loom_desktop.store.failure import closed, reason, understandable


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (apsw.FullError("x"), "disk is full"),
        (apsw.IOError("x"), "did not take it"),
        (apsw.ReadOnlyError("x"), "did not take it"),
        (apsw.CorruptError("x"), "damaged"),
        (apsw.NotADBError("x"), "damaged"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), "damaged"),
        (apsw.BusyError("x"), "Another program"),
    ],
)
def test_a_failure_of_the_disk_is_said_with_what_to_do(error: Exception, words: str) -> None:
    said = understandable(error)
    assert isinstance(said, Unavailable)
    assert words in said.message
    assert said.hint
    assert said.__cause__ is error


@pytest.mark.parametrize("error", [None, KeyError("x"), apsw.SQLError("x"), closed()])
def test_what_is_understood_or_is_a_mistake_of_ours_stays_as_it_is(
    error: BaseException | None,
) -> None:
    assert understandable(error) is error


def test_of_errors_that_followed_from_each_other_the_worst_is_the_reason() -> None:
    full, after = apsw.FullError("full"), apsw.SQLError("no such savepoint")
    after.__context__ = full
    assert reason(after) is full
    assert isinstance(reason(apsw.SQLError("alone")), apsw.AbortError)
