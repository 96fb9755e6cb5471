import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loom_desktop import cli
from loom_desktop.errors import LoomError
from tests.loom_desktop.cli.conftest import ROOT, Done, started

Run = Callable[..., Done]


def test_help_names_every_command(loom: Run) -> None:
    for arguments in ([], ["--help"]):
        done = loom(*arguments)
        assert done.code == 0
        assert all(f"\n  {name} " in done.out for name in cli.COMMANDS)


@pytest.mark.parametrize("name", sorted(cli.COMMANDS))
def test_every_command_has_help_and_ends_in_a_full_stop(loom: Run, name: str) -> None:
    done = loom(name, "--help")
    assert done.code == 0
    assert done.out.startswith(f"Usage: loom {name}")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["aks"], "Did you mean ask?"),
        (["fly"], "There are: "),
        (["ask", "--loud"], "--loud"),
        (["answer", "one", "go"], "one"),
        (["when"], "TEXT"),
        (["settings", "attention.nothing"], "attention.nothing"),
        (["when", "tomorrow", "--now", "soon"], "soon"),
    ],
)
def test_a_wrong_use_is_two_and_told(loom: Run, arguments: list[str], said: str) -> None:
    done = loom(*arguments)
    assert done.code == 2
    assert done.out == ""
    assert said in done.err


def test_a_bug_is_one_line_and_the_rest_is_in_the_log(
    loom: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("loom_desktop.cli.inbox.call", broken)
    done = loom("inbox")
    assert done.code == 1
    assert done.err.startswith("Something went wrong inside Loom. It is written down in ")
    assert "ZeroDivisionError" in (home / "logs/loom.log").read_text()


def test_a_bug_where_nothing_can_be_written_is_still_told(
    loom: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("oops")

    (home / "logs").write_text("a file where the folder should be")
    monkeypatch.setattr("loom_desktop.cli.inbox.call", broken)
    done = loom("inbox")
    assert done.code == 1
    assert "ZeroDivisionError: oops" in done.err


def test_what_is_told_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    cli.tell(LoomError("a\x1b[2Jb\u202ec", hint="d"))
    assert capsys.readouterr().err == "a[2Jbc\nd\n"


def test_a_broken_loom_toml_is_told_with_its_line(loom: Run, home: Path) -> None:
    (home / "loom.toml").write_text("[attention]\ncards_per_hour = 'six'\n")
    for arguments in (["ask", "2 + 2"], ["inbox"], ["organize"]):
        done = loom(*arguments)
        assert done.code == 1
        assert "line 2" in done.err
        assert "cards_per_hour" in done.err


# -------------------------------------------------------------------- the process
def test_who_stops_reading_is_no_error(home: Path) -> None:
    for command in (["--help"], ["settings"], ["inbox", "--json"]):
        with started(*command) as process:
            assert process.stdout
            assert process.stderr
            process.stdout.close()
            assert process.stderr.read() == b""
            assert process.wait(20) == 0


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("command", ["--version", "inbox", "ask 2+2", "secrets list"])
def test_closed_streams_are_no_error(home: Path, closed: str, command: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -m loom_desktop {command} {closed}', sys.executable],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL, capture_output=True, timeout=50, check=False,
    )  # fmt: skip
    assert b"Traceback" not in done.stderr
    assert b"went wrong" not in done.stderr
    assert done.returncode == 0


@pytest.mark.parametrize(
    "locale",
    [{"LANG": "C", "LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"},
     {"PYTHONIOENCODING": "utf-8"},
     {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
)  # fmt: skip
def test_any_locale_will_do(home: Path, tmp_path: Path, locale: dict[str, str]) -> None:
    (tmp_path / "pile").mkdir()
    name = os.fsdecode("Lied – 歌".encode() + b"\xff.mp3")
    (tmp_path / "pile" / name).write_bytes(b"ID3\x04" + bytes(200))
    for more in ([], ["--json"]):
        with started("organize", str(tmp_path / "pile"), *more, env=locale) as process:
            out, err = process.communicate(timeout=40)
        assert process.returncode == 0, err
        assert err == b""
    plan = json.loads(out.decode(locale.get("PYTHONIOENCODING", "utf-8")))["plan"]
    assert Path(plan[0]["source"]).exists(), "a program gets exactly the name"


def test_no_home_is_no_error(home: Path) -> None:
    env = {"LOOM_HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "loom_desktop", "ask", "2 + 2", "--json"]
    done = subprocess.run(command, env=env, capture_output=True, timeout=40, check=False,
                          stdin=subprocess.DEVNULL)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b'"answer"' in done.stdout
