"""A store in a fresh folder, with a clock that stands still until the test moves it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from loom_desktop.store import Store
from loom_desktop.store.ballast import Ballast
from tests.loom_desktop.store.fake_keyring import FILE, FakeKeyring, Ring

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


@pytest.fixture
def ring(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Ring:
    """A keyring that the test decides about."""
    ring = Ring(tmp_path_factory.mktemp("keyring") / "kept.json")
    monkeypatch.setenv(FILE, str(ring.path))
    backend = f"{FakeKeyring.__module__}.{FakeKeyring.__name__}"
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", backend)
    return ring


@pytest.fixture
def no_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without one."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")


async def subscribers(store: Store) -> list[str]:
    """Every one that was ever begun and not forgotten, in order."""
    return await store._db.read(
        lambda connection: [
            name for (name,) in connection.execute("select name from subscriber order by name")
        ]
    )
