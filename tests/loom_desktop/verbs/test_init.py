import asyncio
import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from loom_desktop import verbs
from loom_desktop.errors import LoomError, UsageError
from loom_desktop.testing import loom_for_tests


async def test_what_is_not_asked_right_is_told_and_never_a_bug(tmp_path: Path) -> None:
    """Every verb, with arguments of every wrong kind."""
    wrong: list[Any] = [None, -1, 2**70, 1.5, "x", "\x00", "\udcff", [], [1], {}, {"a": 1}, True]
    leave = {"quit", "models", "doctor", "summarize_clipboard"}  # ask elsewhere
    async with loom_for_tests(tmp_path) as loom:
        for name, function in verbs.VERBS.items():
            if name in leave:
                continue
            keys = list(function.__annotations__)[1:-1] or ["more"]
            for value in wrong:
                told = ""
                try:
                    async with asyncio.timeout(10):
                        await loom.call(name, **dict.fromkeys(keys, value))
                except LoomError as error:
                    told = error.message
                assert "Error" not in told, (name, value)


async def test_there_is_one_list_of_verbs(tmp_path: Path) -> None:
    async with loom_for_tests(tmp_path) as loom:
        with pytest.raises(UsageError, match="no 'fly'") as error:
            await loom.call("fly")
        assert "organize" in error.value.hint
        assert "quit" in verbs.VERBS, "and not quit_"
        with pytest.raises(UsageError, match="text"):
            await loom.call("ask")
    assert all(function.__doc__ for function in verbs.VERBS.values())


def test_every_verb_is_in_the_list_and_lies_where_the_list_says() -> None:
    """A function that nobody listed could not be asked for; one that is gone would fail late."""
    lying = set()
    for module in verbs._PLACES:
        inside = vars(importlib.import_module(f"loom_desktop.verbs.{module}"))
        lying |= {
            name.rstrip("_")
            for name, one in inside.items()
            if inspect.iscoroutinefunction(one)
            and not name.startswith("_")
            and one.__module__.endswith(f".verbs.{module}")
        }
    assert lying == set(verbs.VERBS)
    assert all(inspect.iscoroutinefunction(one) for one in verbs.VERBS.values())


def test_a_verb_brings_in_no_other_module_than_its_own() -> None:
    script = (
        "import sys; from loom_desktop import verbs; verbs.VERBS['show'];"
        "print(*sorted(m for m in sys.modules if m.startswith('loom_desktop.verbs')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["loom_desktop.verbs", "loom_desktop.verbs.application"]
