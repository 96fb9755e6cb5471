"""Where the key comes from, and what happens when it does not come."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Any

import pytest

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
from loom_desktop.tasks import Tasks
from tests.loom_desktop.store.fake_keyring import Ring


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def test_the_first_key_is_new_and_stays_in_the_keyring(tmp_path: Path, ring: Ring) -> None:
    key = await obtain(tmp_path / "data")
    assert (key.kind, key.warning, len(key.bytes)) == ("keyring", "", 32)
    assert list(ring.kept.values()) == [key.bytes.hex()]
    assert await obtain(tmp_path / "data") == key
    assert mode(tmp_path / "data") == 0o700
    for file in (tmp_path / "data").iterdir():
        assert key.bytes not in file.read_bytes()
        assert key.bytes.hex().encode() not in file.read_bytes()
        assert mode(file) == 0o600


async def test_two_folders_have_two_keys(tmp_path: Path, ring: Ring) -> None:
    assert (await obtain(tmp_path / "a")).bytes != (await obtain(tmp_path / "b")).bytes


async def test_a_folder_that_was_moved_keeps_its_key(tmp_path: Path, ring: Ring) -> None:
    key = await obtain(tmp_path / "a")
    (tmp_path / "a").rename(tmp_path / "b")
    assert await obtain(tmp_path / "b") == key


async def test_without_a_keyring_the_key_lies_in_a_file_and_that_is_said(
    tmp_path: Path, no_ring: None
) -> None:
    key = await obtain(tmp_path)
    assert key.kind == "file"
    assert "store.key, as there is no keyring" in key.warning
    assert key.fell_back == "there is no keyring"
    assert mode(tmp_path / "store.key") == 0o600
    (tmp_path / "store.key").chmod(0o644)
    assert await obtain(tmp_path, use_keyring=False) == key
    assert mode(tmp_path / "store.key") == 0o600


async def test_a_locked_keyring_at_the_first_start_costs_its_time_and_then_a_file(
    tmp_path: Path, ring: Ring
) -> None:
    ring.set(locked=True)
    key = await obtain(tmp_path, keyring_timeout_s=0.05)
    assert key.kind == "file"
    assert "as the keyring did not answer" in key.warning, "there is one: that would be untrue"
    ring.set(locked=False)
    assert await obtain(tmp_path) == key


async def test_a_locked_keyring_later_is_said_and_nothing_is_changed(
    tmp_path: Path, ring: Ring
) -> None:
    key = await obtain(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    ring.set(locked=True)
    with pytest.raises(TimedOut, match="did not answer"):
        await obtain(tmp_path, keyring_timeout_s=0.05)
    ring.set(locked=False)
    ring.set(refuses=True)
    with pytest.raises(Unavailable, match="refused"):
        await obtain(tmp_path)
    ring.set(refuses=False)
    assert await obtain(tmp_path) == key
    assert sorted(path.name for path in tmp_path.iterdir()) == before


async def test_a_keyring_that_lost_the_key_is_said_and_no_other_key_is_made(
    tmp_path: Path, ring: Ring
) -> None:
    await obtain(tmp_path)
    ring.set(kept={})
    with pytest.raises(Unavailable, match="any more"):
        await obtain(tmp_path)
    assert ring.kept == {}


async def test_a_keyring_that_is_gone_is_said(
    tmp_path: Path, ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    await obtain(tmp_path)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    with pytest.raises(Unavailable, match="not there now"):
        await obtain(tmp_path)


async def test_a_keyring_that_keeps_nothing_is_not_trusted(tmp_path: Path, ring: Ring) -> None:
    ring.set(forgets=True)
    assert (await obtain(tmp_path)).kind == "file"


@pytest.mark.parametrize("loaded", [False, True])
async def test_nobody_is_left_behind_when_a_keyring_hangs_and_nobody_waits(
    ring: Ring, monkeypatch: pytest.MonkeyPatch, loaded: bool
) -> None:
    ring.set(locked=True)
    children = list[asyncio.subprocess.Process]()
    really = asyncio.create_subprocess_exec

    async def start(*command: Any, **more: Any) -> asyncio.subprocess.Process:
        children.append(await really(*command, **more))
        return children[-1]

    monkeypatch.setattr("asyncio.create_subprocess_exec", start)
    async with asyncio.timeout(30), Tasks() as tasks:
        asking = tasks.run("ask", ask_keyring("get", "b", timeout_s=30.0))
        while not children or (loaded and not ring.asked):
            await asyncio.sleep(0.001)  # the loop goes on
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
    assert children[0].returncode is not None


async def test_no_keyring_is_told_from_a_locked_one(no_ring: None) -> None:
    with pytest.raises(NoKeyring, match="fail"):
        await ask_keyring("get", "b", timeout_s=5.0)


@pytest.mark.parametrize(
    "child",
    [["no-such-program-here"], [sys.executable, "-c", "1 / 0"], ["echo", "nonsense"], ["true"]],
)
async def test_a_program_that_does_not_answer_does_not_say_that_there_is_no_keyring(
    child: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loom_desktop.store.keys._child", lambda: child)
    with pytest.raises(Unavailable):
        await ask_keyring("get", "b", timeout_s=5.0)


async def test_a_keyring_that_hangs_while_it_is_looked_for_has_the_time_that_is_said(
    ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = "tests.loom_desktop.store.fake_keyring.SlowKeyring"
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", slow)
    async with asyncio.timeout(10):
        with pytest.raises(TimedOut, match=r"within 0\.1 s"):
            await ask_keyring("get", "b", timeout_s=0.1)


@pytest.mark.parametrize("value", ["\ud800", "x" * 3_000_000])
async def test_what_is_no_text_or_too_much_is_said(ring: Ring, value: str) -> None:
    with pytest.raises(Unavailable, match="no text"):
        await ask_keyring("keep", "b", value, timeout_s=20.0)


async def test_a_secret_is_neither_an_argument_nor_in_the_environment(
    ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring.set(locked=True)
    seen = b""
    async with asyncio.timeout(30), Tasks() as tasks:
        asking = tasks.run("ask", ask_keyring("keep", "b", "CANARY", timeout_s=30.0))
        while b"keyring_child" not in seen:
            await asyncio.sleep(0.005)
            for one in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    if b"keyring_child" in (command := (one / "cmdline").read_bytes()):
                        seen += command + (one / "environ").read_bytes()
        ring.set(locked=False)
        assert await asking == "CANARY"
    assert b"CANARY" not in seen


async def test_a_passphrase_wraps_the_key_and_changes_nothing_else(
    tmp_path: Path, ring: Ring
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
