"""A store in a fresh folder, with a clock that stands still until the test moves it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from loom_desktop.store import Store
from loom_desktop.store.ballast import Ballast

KEY = bytes(range(32))


class HandClock:
    """Seconds since 1970, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_750_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def key() -> bytes:
    return KEY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "loom.db"


@pytest.fixture
def ballast(path: Path) -> Ballast:
    return Ballast(path.parent / "ballast", size_bytes=1 << 16, ample_bytes=0)


@pytest.fixture
async def store(path: Path, key: bytes, clock: HandClock, ballast: Ballast) -> AsyncIterator[Store]:
    async with Store(
        path, key, clock=clock, upkeep=False, use_keyring=False, ballast=ballast
    ) as opened:
        yield opened
        assert opened.problems == []
        assert opened.lost == 0
