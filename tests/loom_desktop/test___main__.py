import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loom_desktop import __main__ as main_module
from loom_desktop.__main__ import main
from loom_desktop.version import VERSION

ROOT = Path(__file__).resolve().parents[2]
Seen = list[tuple[str, list[str]]]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Seen:
    """Which way a start took; nothing is really started."""
    ways: Seen = []

    def way(name: str) -> Callable[[list[str]], int]:
        def take(arguments: list[str]) -> int:
            ways.append((name, arguments))
            return 0

        return take

    monkeypatch.setattr(main_module, "_shell", way("shell"))
    monkeypatch.setattr("loom_desktop.cli.run", way("cli"))
    monkeypatch.setenv("LOOM_HOME", str(tmp_path))
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    return ways


@pytest.mark.parametrize(
    ("arguments", "display", "headless"),
    [
        ([], ("shell", []), ("cli", ["run"])),
        (["--hidden"], ("shell", ["--hidden"]), ("cli", ["run"])),
        (["run"], ("shell", []), ("cli", ["run"])),
        (["run", "--headless"], ("cli", ["run", "--headless"]), ("cli", ["run", "--headless"])),
        (["ask", "x"], ("cli", ["ask", "x"]), ("cli", ["ask", "x"])),
        (["popup"], ("cli", ["popup"]), ("cli", ["popup"])),
        (["--help"], ("cli", ["--help"]), ("cli", ["--help"])),
    ],
)
@pytest.mark.parametrize("environ", [None, "DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"])
def test_which_way_a_start_takes(
    seen: Seen, monkeypatch: pytest.MonkeyPatch, environ: str | None,
    arguments: list[str], display: Any, headless: Any,
) -> None:  # fmt: skip
    if environ:
        monkeypatch.setenv(environ, ":7")
    assert main(arguments) == 0
    assert seen == [display if environ else headless]


def test_the_popup_of_a_running_application_needs_nothing_else(
    seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[str, bool]] = []

    def show(window: str, *, toggle: bool = False) -> int:
        shown.append((window, toggle))
        return 0

    monkeypatch.setattr("loom_desktop.door.client.show", show)
    assert main(["popup"]) == 0
    assert shown == [("popup", True)], "bound to a key, it shows and hides"
    assert not seen


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_the_version(capsys: pytest.CaptureFixture[str], flag: str) -> None:
    assert main([flag]) == 0
    assert capsys.readouterr().out == f"loom {VERSION}\n"


def test_the_version_imports_nothing_of_ours() -> None:
    code = (
        "import sys; from loom_desktop.__main__ import main; main(['--version']);"
        "print(*[one for one in sys.modules if one.startswith('loom_desktop')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    ours = set(done.stdout.splitlines()[1].split())
    assert ours == {"loom_desktop", "loom_desktop.__main__", "loom_desktop.version"}


def test_without_the_windows_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "loom_desktop").mkdir()
    monkeypatch.setattr(main_module, "__file__", str(tmp_path / "loom_desktop/__main__.py"))
    monkeypatch.delitem(sys.modules, "loom_desktop._app", raising=False)
    assert main_module._shell([]) == 1
    assert "loom run --headless" in capsys.readouterr().err


def test_somebodys_own_app_py_is_never_run_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("raise SystemExit('the wrong one')")
    (tmp_path / "app").mkdir()
    env = {**os.environ, "PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "none-such",
           "LOOM_HOME": str(tmp_path / "home")}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", "from loom_desktop.__main__ import main; main(['--version'])"],
        cwd=tmp_path, env=env, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert "wrong one" not in done.stderr
