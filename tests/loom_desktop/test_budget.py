"""What a start may load: exact facts and no times, so that they hold on every machine."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NEVER = [
    "PySide6", "Xlib", "cronsim", "dataclasses", "dateutil", "dbus_fast", "desktop_notifier",
    "hypothesis",
    "importlib.metadata", "keyring", "mcp", "numpy", "platformdirs", "pypdfium2", "pyperclip",
    "rich", "simpleeval", "tomlkit", "watchdog", "zoneinfo",
]  # fmt: skip
START = """
import asyncio, json, pathlib, sys
folder = pathlib.Path(sys.argv[1])

async def main():
    from loom_desktop import Loom
    from loom_desktop.paths import paths
    place = paths({"LOOM_HOME": str(folder)})
    async with Loom(paths=place, key=bytes(32), listening=%(listening)s):
        print(json.dumps(sorted(sys.modules)))

asyncio.run(main())
"""


def loaded(code: str, folder: Path) -> set[str]:
    """The modules at the moment it was ready, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        capture_output=True, text=True, timeout=50, cwd=ROOT, check=False,
        env={"PATH": "/usr/bin:/bin", "LOOM_HOME": str(folder)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("listening", [True, False])
def test_a_start_loads_only_what_it_needs(tmp_path: Path, listening: bool) -> None:
    modules = loaded(START % {"listening": listening}, tmp_path)
    assert "loom_desktop.loom" in modules
    unwanted = {one for one in modules if any(one == n or one.startswith(f"{n}.") for n in NEVER)}
    assert not unwanted
    for ours in ("loom_desktop.cli", "loom_desktop.net", "loom_desktop.text.when.english",
                 "loom_desktop.text.extract", "loom_desktop.llm.router",
                 "loom_desktop.runtime.health", "loom_desktop.runtime.degradation",
                 "loom_desktop.sources.clipboard", "loom_desktop.sources.files"):  # fmt: skip
        assert ours not in modules, f"{ours} is loaded when it is first used"
    assert not {"httpx2", "click"} & modules


def test_the_public_names_load_what_they_are_and_no_more(tmp_path: Path) -> None:
    code = (
        "import json, sys; from loom_desktop import Event; print(json.dumps(sorted(sys.modules)))"
    )
    modules = loaded(code, tmp_path)
    assert {one for one in modules if one.startswith("loom_desktop")} == {
        "loom_desktop", "loom_desktop.event",
    }  # fmt: skip


def test_a_client_of_the_door_loads_the_door_alone(tmp_path: Path) -> None:
    code = (
        "import json, sys\nfrom loom_desktop.door import client\n"
        "assert client.show('popup') is None\nprint(json.dumps(sorted(sys.modules)))"
    )
    modules = loaded(code, tmp_path)
    assert {one for one in modules if one.startswith("loom_desktop")} == {
        "loom_desktop", "loom_desktop.door", "loom_desktop.door.client",
    }  # fmt: skip
    assert not {"asyncio", "msgspec", "apsw"} & modules
