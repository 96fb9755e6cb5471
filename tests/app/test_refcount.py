"""PySide6 must not eat references of None and True: 6.12.0 does on Python before 3.12, and aborts.

Only 50 calls: with a broken version thousands of calls end the interpreter.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable

import PySide6
import pytest
from PySide6.QtCore import QObject, Signal

CALLS = 50


class Sender(QObject):
    fired = Signal()


def lost_references(call: Callable[[], object]) -> list[float]:
    values = (None, True, False)
    gc.collect()
    before = [sys.getrefcount(value) for value in values]
    for _ in range(CALLS):
        call()
    gc.collect()
    return [
        (sys.getrefcount(value) - count) / CALLS
        for value, count in zip(values, before, strict=True)
    ]


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None and True are immortal there")
@pytest.mark.parametrize("name", ["void call", "emit", "emit to slot"])
def test_no_reference_is_lost(name: str) -> None:
    keep = [None, True, False] * 1000  # a broken version must not abort within the test
    sender = Sender()
    if name == "emit to slot":
        sender.fired.connect(lambda: None)
    call: Callable[[], object] = sender.fired.emit
    if name == "void call":
        call = lambda: sender.setObjectName("x")  # noqa: E731  # a call of C++ that returns nothing
    lost = lost_references(call)
    assert max(abs(each) for each in lost) < 0.2, f"PySide6 {PySide6.__version__}: {lost}"
    del keep
