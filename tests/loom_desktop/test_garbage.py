from __future__ import annotations

import gc

import pytest

from loom_desktop import garbage


def test_what_there_is_is_collected_once_and_set_apart() -> None:
    before = gc.get_freeze_count()
    made = [[number] for number in range(1_000)]
    try:
        garbage.settle()
        assert gc.get_freeze_count() >= before + len(made)
        assert not any(one is made for one in gc.get_objects()), "nobody walks through it again"
    finally:
        gc.unfreeze()


def test_what_is_garbage_already_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(gc, "collect", lambda: calls.append("collect"))
    monkeypatch.setattr(gc, "freeze", lambda: calls.append("freeze"))
    garbage.settle()
    assert calls == ["collect", "freeze"]
