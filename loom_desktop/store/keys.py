"""Where the key of the store comes from: the keyring, a file beside the store, or a passphrase.

    key.json   {"kind": "keyring", "name": "store-..."}          the keyring holds the key
               {"kind": "file", "why"}                           store.key beside it holds the key
               {"kind": "passphrase", "salt", "n", "r", "p", "wrapped", "check"}

A passphrase does not make the key, it wraps it: one that is set, changed or taken away rewrites
key.json and neither the store nor its snapshots. The wrapping is the key XOR a scrypt output that
is used for nothing else, with a check value beside it that tells a wrong passphrase.

A keyring may be locked and wait for somebody for ever, so a program of its own asks it, which can
be ended (``keyring_child``). Nothing is imported before it is needed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import threading
from pathlib import Path
from typing import Literal, Self

import msgspec
from msgspec import Struct

from loom_desktop.errors import Denied, TimedOut, Unavailable
from loom_desktop.paths import private_folder

log = logging.getLogger(__name__)

SERVICE = "loom-desktop"
"""The name under which a keyring shows what is ours."""
KEY_BYTES = 32
_MOST_BYTES = 4_096  # of a file that is read here
_N, _R, _P = 1 << 15, 8, 1  # of scrypt: 32 MiB, about 0.1 s
_MOST_SCRYPT_BYTES = 256 << 20

_MOST_ANSWER_BYTES = 1 << 20  # a secret has up to 64 kB, each byte of which may be six in JSON
_LOADED_S = 15.0
"""How long the program that asks the keyring may take to load what it needs: a slow disk, no more.
Whatever may hang comes after it, and has the time that the caller gives."""

Kind = Literal["keyring", "file", "passphrase"]
Do = Literal["get", "keep", "first", "delete"]


class Key(Struct, frozen=True):
    """The key, how it is kept, and what the person must be told about that."""

    bytes: bytes
    kind: Kind
    warning: str = ""
    """Empty, or a sentence to show: the key lies beside the data."""
    fell_back: str = ""
    """Why it lies there and not in a keyring, in words, where that was written down."""

    def __repr__(self) -> str:
        return f"Key(kind={self.kind!r})"  # never the key itself


class NoKeyring(Exception):
    """There is no keyring, or none that keeps secrets."""


class _Kept(Struct, kw_only=True):
    kind: Kind
    name: str = ""
    why: str = ""
    salt: str = ""
    n: int = 0
    r: int = 0
    p: int = 0
    wrapped: str = ""
    check: str = ""


def check_value(key: bytes) -> str:
    """What tells one key from another and says nothing about either."""
    import hashlib  # only when a key is new or wrong

    return hashlib.blake2b(b"the key of this store", key=key, digest_size=16).hexdigest()


async def obtain(
    folder: Path,
    *,
    keyring_timeout_s: float = 5.0,
    use_keyring: bool = True,
    passphrase: str | None = None,
) -> Key:
    """The key of the store in this folder; the first time, a new one.

    Raises Unavailable when it is in a keyring that does not answer or has lost it, Denied without
    the right passphrase. Then the store is not readable now; nothing is changed.
    """
    kept = await asyncio.to_thread(_kept, folder)
    if kept is None:
        return await _first(folder, keyring_timeout_s if use_keyring else 0.0)
    if kept.kind == "passphrase":
        if passphrase is None:
            raise Denied(
                "Loom's data is locked with a passphrase.", hint="Type the passphrase to open it."
            )
        return Key(await asyncio.to_thread(_unwrap, kept, passphrase), "passphrase")
    if kept.kind == "file":
        return await asyncio.to_thread(_from_file, folder, kept.why)
    return await _from_keyring(folder, kept, keyring_timeout_s)


async def set_passphrase(folder: Path, key: Key, passphrase: str) -> Key:
    """From now on the key is wrapped in the passphrase; the key itself stays as it is.

    The keyring entry or the key file is removed. Raises Unavailable when that cannot be written.
    """
    if not passphrase:
        raise Denied("An empty passphrase protects nothing.", hint="Type at least one word.")
    before = await asyncio.to_thread(_kept, folder)
    await asyncio.to_thread(_wrap, folder, key.bytes, passphrase)
    if before is not None and before.kind == "keyring":
        try:
            await ask_keyring("delete", before.name, timeout_s=5.0)
        except (NoKeyring, TimedOut, Unavailable) as error:
            log.warning("The old entry stays in the keyring: %s", error)
    return Key(key.bytes, "passphrase")


async def remove_passphrase(
    folder: Path, key: Key, *, keyring_timeout_s: float = 5.0, use_keyring: bool = True
) -> Key:
    """Back to the keyring, or to the key file where there is none."""
    return await _first(folder, keyring_timeout_s if use_keyring else 0.0, key.bytes)


async def ask_keyring(do: Do, name: str, value: str = "", *, timeout_s: float) -> str | None:
    """What the keyring has under the name: as it is, after keeping ``value`` (``first``: unless it
    has one), or before deleting it.

    A program of its own asks, and is ended when nobody waits for it any more. Raises NoKeyring when
    there is none, TimedOut when it does not answer (locked, most often), Unavailable when it
    refuses.
    """
    try:
        child = await asyncio.create_subprocess_exec(
            *_child(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=_MOST_ANSWER_BYTES,
        )
    except OSError as error:
        raise Unavailable(
            f"The keyring cannot be asked: {error.strerror}.", hint="Try again in a moment."
        ) from error
    assert child.stdin
    assert child.stdout
    asked = {"do": do, "service": SERVICE, "name": name, "value": value}
    waited_s = _LOADED_S
    try:
        async with asyncio.timeout(_LOADED_S):
            answer = _Answer.read(await child.stdout.readline())
        if answer.loaded:
            waited_s = timeout_s
            async with asyncio.timeout(timeout_s):
                with contextlib.suppress(ConnectionError):  # it ended: its answer says why
                    child.stdin.write(msgspec.json.encode(asked) + b"\n")
                    await child.stdin.drain()
                answer = _Answer.read(await child.stdout.readline())
    except TimeoutError:
        raise TimedOut(
            f"The keyring did not answer within {waited_s:g} s.",
            hint="Unlock the keyring of your desktop and try again.",
        ) from None
    except ValueError as error:  # not text, or an answer without end
        raise Unavailable(
            "What the keyring holds, or is to hold, is no text.", hint="Keep something else there."
        ) from error
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()
    if answer.error == "none":
        raise NoKeyring(f"{answer.what} keeps nothing safe")
    if answer.error:
        log.info("The keyring refused: %s", answer.what)
        raise Unavailable(
            f"The keyring refused: {answer.what}.",
            hint="Unlock the keyring of your desktop and try again.",
        )
    return answer.value


class _Answer(Struct):
    loaded: bool = False
    value: str | None = None
    error: str = ""
    what: str = ""

    @classmethod
    def read(cls, line: bytes) -> Self:
        try:
            return msgspec.json.decode(line, type=cls)
        except msgspec.DecodeError:
            return cls(error="refused", what="its program ended")


def _child() -> list[str]:
    if getattr(sys, "frozen", False):
        return [sys.executable, "keyring-child"]
    start = "import sys; sys.path[:0] = sys.argv[1:]; from loom_desktop.keyring_child import main"
    return [sys.executable, "-I", "-c", f"{start}; main()", *[one for one in sys.path if one]]


def _name(folder: Path) -> str:
    import hashlib

    return "store-" + hashlib.blake2b(os.fsencode(folder.resolve()), digest_size=6).hexdigest()


async def _first(folder: Path, keyring_timeout_s: float, key: bytes | None = None) -> Key:
    """A place for the key: the keyring when there is one, else the file."""
    private_folder(folder)
    reason = "the keyring is switched off"
    if keyring_timeout_s > 0:
        name = _name(folder)
        new = (key or os.urandom(KEY_BYTES)).hex()
        do: Do = "keep" if key else "first"
        try:
            found = _from_hex(await ask_keyring(do, name, new, timeout_s=keyring_timeout_s))
            if found is not None:
                await asyncio.to_thread(_write_kept, folder, _Kept(kind="keyring", name=name))
                (folder / "store.key").unlink(missing_ok=True)
                return Key(found, "keyring")
            reason = "the keyring did not keep it"
        except NoKeyring:
            reason = "there is no keyring"
        except TimedOut:
            reason = "the keyring did not answer"
        except Unavailable:
            reason = "the keyring refused"
    log.info("The key goes into a file: %s", reason)
    try:
        await asyncio.to_thread(_new_file, folder, key, reason)
    except OSError as error:
        raise _not_written(error) from error
    return await asyncio.to_thread(_from_file, folder, reason)


async def _from_keyring(folder: Path, kept: _Kept, timeout_s: float) -> Key:
    where = f"The entry is {SERVICE} / {kept.name}."
    try:
        there = await ask_keyring("get", kept.name, timeout_s=timeout_s)
    except NoKeyring:
        raise Unavailable(
            "The key of Loom's data is in a keyring that is not there now.",
            hint=f"Start the desktop session or the keyring you used before. {where}",
        ) from None
    if (key := _from_hex(there)) is None:
        raise Unavailable(
            "The keyring does not hold the key of Loom's data any more.",
            hint=f"Restore the keyring, or move {folder} away to begin anew. {where}",
        )
    return Key(key, "keyring")


def _from_hex(text: str | None) -> bytes | None:
    try:
        key = bytes.fromhex(text or "")
    except ValueError:
        return None
    return key if len(key) == KEY_BYTES else None


def _from_file(folder: Path, why: str) -> Key:
    path = folder / "store.key"
    try:
        key = _from_hex(_small(path).decode("ascii", "replace").strip())
    except FileNotFoundError:
        key = None
    except OSError as error:
        raise Unavailable(
            f"{path} cannot be read: {error.strerror}.", hint="Give yourself permission to read it."
        ) from error
    if key is None:
        raise Unavailable(
            f"The key of Loom's data is not in {path} any more.",
            hint=f"Put the file back from a backup, or move {folder} away to begin anew.",
        )
    if os.name == "posix" and path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return Key(
        key,
        "file",
        f"The key of your data lies beside it in {path}, as {why or 'there is no keyring'}: "
        "whoever can copy the folder can read it.",
        why,
    )


def _new_file(folder: Path, key: bytes | None, why: str) -> None:
    """Made once: of two programs that start at the same time the second uses the first one's."""
    path = folder / "store.key"
    if key is not None:
        write_private(path, key.hex().encode())
    elif not path.exists():
        draft = folder / f"store.key.{_mine()}"
        write_private(draft, os.urandom(KEY_BYTES).hex().encode())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        except OSError:  # a file system without hard links
            os.replace(draft, path)
        draft.unlink(missing_ok=True)
        sync_folder(folder)
    _write_kept(folder, _Kept(kind="file", why=why))


def _wrap(folder: Path, key: bytes, passphrase: str) -> None:
    salt = os.urandom(16)
    pad = _scrypt(passphrase, salt, _N, _R, _P)
    kept = _Kept(
        kind="passphrase",
        salt=salt.hex(),
        wrapped=_xor(key, pad).hex(),
        check=check_value(key),
        n=_N,
        r=_R,
        p=_P,
    )
    _write_kept(folder, kept)
    (folder / "store.key").unlink(missing_ok=True)


def _unwrap(kept: _Kept, passphrase: str) -> bytes:
    import hmac

    try:
        pad = _scrypt(passphrase, bytes.fromhex(kept.salt), kept.n, kept.r, kept.p)
        key = _xor(bytes.fromhex(kept.wrapped), pad)
    except (ValueError, MemoryError) as error:
        raise _unreadable(str(error)) from error
    if not hmac.compare_digest(check_value(key), kept.check):
        raise Denied("That is not the passphrase.", hint="Look at the keyboard layout, and Caps.")
    return key


def _scrypt(passphrase: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    import hashlib

    text = passphrase.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(
        text, salt=salt, n=n, r=r, p=p, maxmem=_MOST_SCRYPT_BYTES, dklen=KEY_BYTES
    )


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _kept(folder: Path) -> _Kept | None:
    path = folder / "key.json"
    try:
        return msgspec.json.decode(_small(path), type=_Kept)
    except FileNotFoundError:  # nothing yet, or only the key file was put back
        return _Kept(kind="file") if (folder / "store.key").exists() else None
    except (msgspec.DecodeError, OSError) as error:
        raise _unreadable(f"{path}: {error}") from error


def _unreadable(why: str) -> Unavailable:
    return Unavailable(
        f"What says where the key of Loom's data is cannot be read ({why}).",
        hint="Put key.json back from a backup, or move Loom's data folder away to begin anew.",
    )


def _write_kept(folder: Path, kept: _Kept) -> None:
    fields = {name: value for name, value in msgspec.to_builtins(kept).items() if value}
    try:
        write_private(folder / "key.json", msgspec.json.encode(fields))
    except OSError as error:
        raise _not_written(error) from error


def _not_written(error: OSError) -> Unavailable:
    return Unavailable(
        f"The key of Loom's data cannot be written: {error.strerror}.",
        hint="Free the disk or give write permission, or set LOOM_HOME to another folder.",
    )


def _small(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(_MOST_BYTES)


def _mine() -> str:
    """Part of a file name that no other program and thread has now."""
    return f"{os.getpid()}-{threading.get_native_id()}"


def write_private(path: Path, content: bytes) -> None:
    """The whole content or what was there before, readable for this person alone, on the disk."""
    draft = path.with_name(f"{path.name}.{_mine()}.new")
    file = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    try:
        os.write(file, content)
        os.fsync(file)
    except BaseException:
        os.close(file)
        draft.unlink(missing_ok=True)
        raise
    os.close(file)
    os.replace(draft, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Names that were made or changed in it survive a power cut."""
    if os.name != "posix":
        return
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
