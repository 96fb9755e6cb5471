"""Where the key comes from, and what happens when it does not come."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring  # noqa: TID253  # the fake stands in for it
import pytest
from keyring.backend import KeyringBackend  # noqa: TID253
from keyring.backends import fail  # noqa: TID253

from loom_desktop.errors import Denied, TimedOut, Unavailable
from loom_desktop.store.keys import (
    Key,
    NoKeyring,
    ask_keyring,
    check_value,
    obtain,
    remove_passphrase,
    set_passphrase,
    write_private,
)


class FakeKeyring(KeyringBackend):
    """Keeps everything in a dictionary; may be locked or lose what it is given."""

    priority = 5

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = threading.Event()
        self.locked.set()
        self.refuses = False

    def lock(self) -> None:
        self.locked.clear()

    def unlock(self) -> None:
        self.locked.set()

    def _wait(self) -> None:
        self.locked.wait(30)
        if self.refuses:
            raise RuntimeError("the collection is not there")

    def get_password(self, service: str, username: str) -> str | None:
        self._wait()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._wait()
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._wait()
        del self.kept[service, username]


@pytest.fixture
def ring() -> Iterator[FakeKeyring]:
    before = keyring.get_keyring()
    ring = FakeKeyring()
    keyring.set_keyring(ring)
    yield ring
    ring.unlock()
    for thread in threading.enumerate():
        if thread.name == "loom-keyring":
            thread.join(5)
    keyring.set_keyring(before)


@pytest.fixture
def no_ring() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())  # type: ignore[no-untyped-call]
    yield
    keyring.set_keyring(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def test_the_first_key_is_new_and_stays_in_the_keyring(
    tmp_path: Path, ring: FakeKeyring
) -> None:
    key = await obtain(tmp_path / "data")
    assert (key.kind, key.warning, len(key.bytes)) == ("keyring", "", 32)
    assert list(ring.kept.values()) == [key.bytes.hex()]
    assert await obtain(tmp_path / "data") == key
    assert mode(tmp_path / "data") == 0o700
    for file in (tmp_path / "data").iterdir():
        assert key.bytes not in file.read_bytes()
        assert key.bytes.hex().encode() not in file.read_bytes()
        assert mode(file) == 0o600


async def test_two_folders_have_two_keys(tmp_path: Path, ring: FakeKeyring) -> None:
    assert (await obtain(tmp_path / "a")).bytes != (await obtain(tmp_path / "b")).bytes


async def test_a_folder_that_was_moved_keeps_its_key(tmp_path: Path, ring: FakeKeyring) -> None:
    key = await obtain(tmp_path / "a")
    (tmp_path / "a").rename(tmp_path / "b")
    assert await obtain(tmp_path / "b") == key


async def test_without_a_keyring_the_key_lies_in_a_file_and_that_is_said(
    tmp_path: Path, no_ring: None
) -> None:
    key = await obtain(tmp_path)
    assert key.kind == "file"
    assert "store.key" in key.warning
    assert mode(tmp_path / "store.key") == 0o600
    (tmp_path / "store.key").chmod(0o644)
    assert await obtain(tmp_path, use_keyring=False) == key
    assert mode(tmp_path / "store.key") == 0o600


async def test_a_locked_keyring_at_the_first_start_costs_its_time_and_then_a_file(
    tmp_path: Path, ring: FakeKeyring
) -> None:
    ring.lock()
    key = await obtain(tmp_path, keyring_timeout_s=0.05)
    assert key.kind == "file"
    ring.unlock()
    assert await obtain(tmp_path) == key


async def test_a_locked_keyring_later_is_said_and_nothing_is_changed(
    tmp_path: Path, ring: FakeKeyring
) -> None:
    key = await obtain(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    ring.lock()
    with pytest.raises(TimedOut, match="did not answer"):
        await obtain(tmp_path, keyring_timeout_s=0.05)
    ring.unlock()
    ring.refuses = True
    with pytest.raises(Unavailable, match="refused"):
        await obtain(tmp_path)
    ring.refuses = False
    assert await obtain(tmp_path) == key
    assert sorted(path.name for path in tmp_path.iterdir()) == before


async def test_a_keyring_that_lost_the_key_is_said_and_no_other_key_is_made(
    tmp_path: Path, ring: FakeKeyring
) -> None:
    await obtain(tmp_path)
    ring.kept.clear()
    with pytest.raises(Unavailable, match="any more"):
        await obtain(tmp_path)
    assert ring.kept == {}


async def test_a_keyring_that_is_gone_is_said(tmp_path: Path, ring: FakeKeyring) -> None:
    await obtain(tmp_path)
    keyring.set_keyring(fail.Keyring())  # type: ignore[no-untyped-call]
    with pytest.raises(Unavailable, match="not there now"):
        await obtain(tmp_path)


async def test_a_keyring_that_keeps_nothing_is_not_trusted(
    tmp_path: Path, ring: FakeKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ring, "set_password", lambda *_: None)
    assert (await obtain(tmp_path)).kind == "file"


async def test_the_loop_goes_on_while_a_keyring_hangs(ring: FakeKeyring) -> None:
    ring.lock()
    asking = asyncio.ensure_future(ask_keyring(lambda one: one.get_password("a", "b"), 30.0))  # noqa: TID251
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_no_keyring_is_told_from_a_locked_one(no_ring: None) -> None:
    with pytest.raises(NoKeyring):
        await ask_keyring(lambda one: one.get_password("a", "b"), 5.0)


async def test_a_passphrase_wraps_the_key_and_changes_nothing_else(
    tmp_path: Path, ring: FakeKeyring
) -> None:
    key = await obtain(tmp_path)
    assert (await set_passphrase(tmp_path, key, "correct horse")).bytes == key.bytes
    assert ring.kept == {}
    with pytest.raises(Denied, match="passphrase"):
        await obtain(tmp_path)
    with pytest.raises(Denied, match="not the passphrase"):
        await obtain(tmp_path, passphrase="wrong horse")
    assert await obtain(tmp_path, passphrase="correct horse") == Key(key.bytes, "passphrase")
    await set_passphrase(tmp_path, key, "another")
    assert (await obtain(tmp_path, passphrase="another")).bytes == key.bytes
    assert (await remove_passphrase(tmp_path, key)).kind == "keyring"
    assert (await obtain(tmp_path)).bytes == key.bytes


async def test_a_passphrase_takes_the_key_file_away(tmp_path: Path, no_ring: None) -> None:
    key = await obtain(tmp_path)
    with pytest.raises(Denied):
        await set_passphrase(tmp_path, key, "")
    await set_passphrase(tmp_path, key, "correct horse")
    assert not (tmp_path / "store.key").exists()
    everything = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert key.bytes.hex().encode() not in everything
    back = await remove_passphrase(tmp_path, key)
    assert (back.kind, back.bytes) == ("file", key.bytes)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"kind": "other"}', b"\xff" * 10_000, b'{"kind": "passphrase"}',
     b'{"kind":"passphrase","salt":"00","n":1073741824,"r":8,"p":1,"wrapped":"00","check":""}'],
)  # fmt: skip
async def test_a_broken_key_json_is_said_and_left(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key.json").write_bytes(content)
    with pytest.raises(Unavailable, match="cannot be read"):
        await obtain(tmp_path, use_keyring=False, passphrase="x")
    assert (tmp_path / "key.json").read_bytes() == content


@pytest.mark.parametrize("content", [None, b"", b"zz", b"00" * 31, b"00" * 33])
async def test_a_key_file_that_is_gone_or_broken_is_never_replaced(
    tmp_path: Path, content: bytes | None
) -> None:
    await obtain(tmp_path, use_keyring=False)
    if content is None:
        (tmp_path / "store.key").unlink()
    else:
        (tmp_path / "store.key").write_bytes(content)
    with pytest.raises(Unavailable, match="not in"):
        await obtain(tmp_path, use_keyring=False)


async def test_a_key_file_alone_is_enough(tmp_path: Path) -> None:
    key = await obtain(tmp_path, use_keyring=False)
    (tmp_path / "key.json").unlink()
    assert (await obtain(tmp_path, use_keyring=True)).bytes == key.bytes


async def test_two_programs_that_start_together_have_one_key(tmp_path: Path) -> None:
    keys = await asyncio.gather(*(obtain(tmp_path, use_keyring=False) for _ in range(8)))
    assert len({key.bytes for key in keys}) == 1


def test_a_key_is_not_in_what_is_printed_of_it() -> None:
    key = Key(b"k" * 32, "file")
    assert "kkk" not in repr(key)
    assert "kkk" not in str(key)
    assert check_value(key.bytes) != check_value(b"j" * 32)


def test_a_private_file_is_whole_or_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    write_private(path, b"before")

    def fails(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fails)
    with pytest.raises(OSError, match="space"):
        write_private(path, b"after")
    assert path.read_bytes() == b"before"
    assert [one.name for one in tmp_path.iterdir()] == ["x"]
