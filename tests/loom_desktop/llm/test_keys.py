from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
import time
from pathlib import Path

import pytest

from loom_desktop.errors import SettingsError
from loom_desktop.llm.keys import check, resolve

STORED = {"deepseek": "sk-stored", "empty": " ", "broken": "sk-a\nb"}
PYTHON = shlex.quote(sys.executable)


async def secrets(name: str) -> str | None:
    return STORED.get(name)


async def key(reference: str, timeout_s: float = 10.0) -> str:
    environ = {"KEY": " sk-env ", "NONE": ""}
    return await resolve(reference, "llm.x", secrets, environ=environ, timeout_s=timeout_s)


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("", ""),
        ("keyring:deepseek", "sk-stored"),
        ("keyring: deepseek", "sk-stored"),
        ("env:KEY", "sk-env"),
        ("cmd:echo sk-printed", "sk-printed"),
        (f'cmd:{PYTHON} -c \'print("sk-1"); print("second line")\'', "sk-1"),
        ("cmd:printf sk-no-newline", "sk-no-newline"),
    ],
)
async def test_a_reference_leads_to_its_key(reference: str, found: str) -> None:
    assert await key(reference) == found


@pytest.mark.parametrize("plain", ["sk-proj-abc123", "abc", "https://x:y", "file:/etc/key", " "])
async def test_a_plain_key_is_refused_with_the_command_that_stores_it(plain: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check(plain, "llm.deepseek")
    assert "loom secrets set deepseek" in caught.value.hint
    assert 'api_key = "keyring:deepseek"' in caught.value.hint
    assert plain.strip() not in caught.value.message or plain == " "
    with pytest.raises(SettingsError):
        await key(plain)


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("keyring:other", "no secret called 'other'"),
        ("keyring:empty", "no secret called 'empty'"),
        ("keyring:broken", "no key"),
        ("keyring:", "names nothing"),
        ("env:MISSING", "MISSING is not set"),
        ("env:NONE", "NONE is not set"),
        ("cmd:", "names nothing"),
        ("cmd:no-such-program-here", "cannot be run"),
        ("cmd:unclosed 'quote", "cannot be run"),
        ("cmd:true", "printed nothing"),
        ("cmd:false", "status 1"),
        ("cmd:echo two words", "no key"),
        ("cmd:echo $HOME", "sk-never"),
    ],
)
async def test_a_reference_that_leads_nowhere_says_so(reference: str, says: str) -> None:
    if says == "sk-never":  # no shell: the dollar is a dollar
        assert await key(reference) == "$HOME"
        return
    with pytest.raises(SettingsError) as caught:
        await key(reference)
    assert says in caught.value.message
    assert caught.value.hint
    assert "sk-a" not in caught.value.message + caught.value.hint


async def test_a_command_that_waits_is_ended(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    program = f"import os, signal; open({str(mark)!r}, 'w').write(str(os.getpid())); signal.pause()"
    begun = time.perf_counter()
    with pytest.raises(SettingsError, match="took longer"):
        await key(f"cmd:{PYTHON} -c {shlex.quote(program)}", timeout_s=0.5)
    assert time.perf_counter() - begun < 5
    if mark.exists() and mark.read_text():
        assert not Path(f"/proc/{mark.read_text()}/cmdline").exists()


async def test_a_command_that_never_stops_printing_is_ended() -> None:
    async with asyncio.timeout(30):
        with pytest.raises(SettingsError, match="far more than a key"):
            await key("cmd:yes sk", timeout_s=60.0)


@pytest.mark.parametrize("line", ["sk", "s" * 9_998, "s" * 4_095])
async def test_it_is_ended_wherever_the_first_reading_happens_to_stop(line: str) -> None:
    """A full pipe gives what fits, which may end exactly with a line, though more is to come."""
    async with asyncio.timeout(30):
        with pytest.raises(SettingsError, match="far more than a key"):
            await key(f"cmd:yes {line}", timeout_s=60.0)


async def test_a_child_that_the_command_leaves_behind_is_not_waited_for(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    program = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])\n"
        f"open({str(mark)!r}, 'w').write(str(child.pid))\n"
        "print('sk-1')"
    )
    try:
        async with asyncio.timeout(30):
            assert await key(f"cmd:{PYTHON} -c {shlex.quote(program)}", timeout_s=60.0) == "sk-1"
    finally:
        os.kill(int(mark.read_text()), signal.SIGKILL)


async def test_a_key_that_comes_in_pieces_is_whole() -> None:
    program = (
        "import fcntl, termios\n"
        "for c in 'sk-1':\n"
        "    print(c, end='', flush=True)\n"
        "    while any(fcntl.ioctl(1, termios.FIONREAD, bytes(4))): pass  # until it is read"
    )
    assert await key(f"cmd:{PYTHON} -c {shlex.quote(program)}") == "sk-1"
