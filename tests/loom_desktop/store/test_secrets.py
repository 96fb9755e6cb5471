"""What loom.toml names as ``keyring:NAME``."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from loom_desktop.errors import NotFound, TimedOut, Unavailable, UsageError
from loom_desktop.store import Store
from loom_desktop.store.keys import SERVICE
from loom_desktop.store.secrets import Secrets
from tests.loom_desktop.store.fake_keyring import Ring


@pytest.fixture
async def kept(store: Store, ring: Ring) -> Secrets:
    return Secrets(store._db, keyring_timeout_s=20.0)


async def test_a_secret_goes_into_the_keyring_and_its_name_into_the_store(
    kept: Secrets, ring: Ring
) -> None:
    assert await kept.set("openai", "sk-1") == "keyring"
    assert ring.kept == {f"{SERVICE}/openai": "sk-1"}
    assert await kept.list() == ["openai"]
    assert await kept.get("openai") == "sk-1"
    assert await kept.remove("openai")
    assert (ring.kept, await kept.list()) == ({}, [])
    assert not await kept.remove("openai")


async def test_one_that_was_put_there_by_hand_is_found(kept: Secrets, ring: Ring) -> None:
    ring.put(f"{SERVICE}/by-hand", "x")
    assert await kept.get("by-hand") == "x"


async def test_without_a_keyring_it_is_in_the_encrypted_store(store: Store, no_ring: None) -> None:
    kept = Secrets(store._db)
    assert await kept.set("a", "one") == "store"
    assert await kept.set("a", "two") == "store"
    assert await kept.get("a") == "two"
    assert await kept.remove("a")
    with pytest.raises(NotFound, match="There are: none"):
        await kept.get("a")


async def test_a_locked_keyring_is_waited_for_and_then_said(
    store: Store, kept: Secrets, ring: Ring
) -> None:
    await kept.set("a", "x")
    ring.set(locked=True)
    kept = Secrets(store._db, keyring_timeout_s=0.05)
    with pytest.raises(TimedOut):
        await kept.get("a")
    assert await kept.set("b", "y") == "store"
    assert await kept.get("b") == "y"


async def test_a_keyring_that_lost_it_is_said(kept: Secrets, ring: Ring) -> None:
    await kept.set("a", "x")
    ring.set(kept={})
    with pytest.raises(Unavailable, match="does not have it"):
        await kept.get("a")


async def test_what_is_not_there_names_what_is(kept: Secrets) -> None:
    await kept.set("openai", "x")
    with pytest.raises(NotFound, match="There are: openai"):
        await kept.get("opanai")


async def test_a_secret_that_cannot_be_taken_out_of_the_keyring_is_not_said_to_be_gone(
    kept: Secrets, ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kept.set("a", "x")
    with monkeypatch.context() as patch:
        patch.setattr("loom_desktop.store.keys._child", lambda: ["no-such-program-here"])
        with pytest.raises(Unavailable):
            await kept.remove("a")
    assert await kept.get("a") == "x"


@pytest.mark.parametrize("name", ["", "a b", "a\n", "x" * 101, "../é\u202e"])
async def test_odd_names_are_refused(kept: Secrets, name: str) -> None:
    with pytest.raises(UsageError):
        await kept.set(name, "x")


@pytest.mark.parametrize("value", ["", "x" * 70_000])
async def test_empty_and_huge_values_are_refused(kept: Secrets, value: str) -> None:
    with pytest.raises(UsageError):
        await kept.set("a", value)


async def test_no_value_is_in_the_log_or_in_a_file(
    path: Path, store: Store, no_ring: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await Secrets(store._db).set("a", "CANARYCANARY")
    assert "CANARY" not in caplog.text
    for file in path.parent.rglob("*"):
        assert file.is_dir() or b"CANARY" not in file.read_bytes()
