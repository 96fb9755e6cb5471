"""The set-up on machines that lack something: what it installs, what it says, what it leaves alone.

Each test has a copy of the set-up's files and a PATH of its own, with what a bare system has and
with programs that only write down that they were called. Nothing outside is touched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BARE = ("sh", "dirname", "id", "cat", "cut", "sha256sum", "rm", "env", "chmod", "true")
PROGRAM = "loom-test-program"
LACKING = f"""\
[[dependency]]
group = "base"
soname = "libc.so.6"
apt = "libc6"

[[dependency]]
group = "base"
soname = "libloom-is-not-there.so.9"
apt = "libloom9"

[[dependency]]
group = "test"
program = "{PROGRAM}"
apt = "loom-tools"
"""
COMPLETE = '[[dependency]]\ngroup = "base"\nsoname = "libc.so.6"\napt = "libc6"\n'


@dataclass
class Machine:
    """A machine that has what a test gives it."""

    checkout: Path
    path: Path
    log: Path
    variables: dict[str, str] = field(default_factory=dict)

    def has(self, name: str, script: str = "exit 0") -> None:
        """A program that writes down how it was called, and then does this."""
        program = self.path / name
        program.unlink(missing_ok=True)
        program.write_text(f'#!/bin/sh\necho "{name} $*" >>"{self.log}"\n{script}\n')
        program.chmod(0o755)

    def list_of_packages(self, text: str) -> None:
        (self.checkout / "scripts" / "system-deps.toml").write_text(text)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        variables = {"PATH": str(self.path), "HOME": str(self.checkout), **self.variables}
        return subprocess.run(
            ["/bin/sh", "scripts/bootstrap.sh", *arguments],
            cwd=self.checkout,
            env=variables,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )

    def called(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A bare one with Python, where nobody is root, and sudo wants a password."""
    checkout, path = tmp_path / "checkout", tmp_path / "bin"
    path.mkdir()
    shutil.copytree(
        ROOT / "scripts", checkout / "scripts", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, checkout)
    for name in BARE:
        found = shutil.which(name)
        assert found, name
        (path / name).symlink_to(found)
    (path / "python3").symlink_to(os.path.realpath(sys.executable))
    made = Machine(checkout, path, tmp_path / "called.txt")
    made.has("id", "echo 1000")
    made.has("sudo", "exit 1")
    made.has("apt-get")
    made.has("uv")
    made.list_of_packages(LACKING)
    return made


def apt(machine: Machine) -> list[str]:
    return [one for one in machine.called() if one.startswith("apt-get")]


def uv(machine: Machine) -> list[str]:
    return [one for one in machine.called() if one.startswith("uv")]


# ---------------------------------------------------------------- Python
def test_without_python_one_line_says_what_to_install(machine: Machine) -> None:
    (machine.path / "python3").unlink()
    done = machine.run("run")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "setup: Python 3.11 or newer with venv is missing. "
        "Run: sudo apt-get install -y --no-install-recommends python3 python3-venv"
    ]


def test_beside_an_old_python_the_newer_one_is_asked_for_by_its_number(machine: Machine) -> None:
    (machine.path / "python3").unlink()
    machine.has("python3", 'case "$2" in *">="*) exit 0 ;; *) exit 1 ;; esac')
    done = machine.run("run")
    assert done.returncode == 1
    assert done.stderr.strip().endswith("python3.11 python3.11-venv")


# ---------------------------------------------------------------- system packages
def test_a_person_who_may_not_install_gets_one_line_with_only_what_is_missing(
    machine: Machine,
) -> None:
    done = machine.run("run")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "setup: system packages are missing. "
        "Run: sudo apt-get install -y --no-install-recommends libloom9"
    ]
    assert apt(machine) == []
    assert uv(machine) == []
    assert not (machine.checkout / ".venv").exists()


def test_the_tests_ask_for_their_tools_in_the_same_line(machine: Machine) -> None:
    done = machine.run("test")
    assert done.returncode == 1
    assert done.stderr.strip().endswith(" libloom9 loom-tools")


@pytest.mark.parametrize("who", ["root", "sudo"])
def test_whoever_may_install_has_exactly_the_missing_installed(machine: Machine, who: str) -> None:
    if who == "root":
        machine.has("id", "echo 0")
    else:
        machine.has("sudo", 'shift; exec "$@"')  # sudo -n COMMAND
    machine.list_of_packages(LACKING.replace("libloom-is-not-there.so.9", "libc.so.6"))
    arrives = machine.path / PROGRAM
    machine.has(
        "apt-get",
        f'[ "$DEBIAN_FRONTEND" = noninteractive ] || exit 9\n'
        f'case "$*" in *loom-tools*) ln -s /bin/sh "{arrives}" ;; esac',
    )
    (machine.path / "ln").symlink_to(shutil.which("ln") or "")
    done = machine.run("system", "test")
    assert done.returncode == 0, done.stderr
    update, install = apt(machine)
    assert update.endswith("update")
    assert "--no-install-recommends" in install
    assert install.endswith(" loom-tools")
    assert bool([one for one in machine.called() if one.startswith("sudo")]) is (who == "sudo")


def test_what_could_not_be_installed_is_said_and_stops(machine: Machine) -> None:
    machine.has("id", "echo 0")
    machine.has("apt-get", "exit 100")  # no network
    done = machine.run("run")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("install -y --no-install-recommends libloom9")


def test_when_nothing_is_missing_apt_and_sudo_are_not_asked(machine: Machine) -> None:
    machine.has("id", "echo 0")
    machine.list_of_packages(COMPLETE)
    assert machine.run("system", "run").returncode == 0
    assert [one for one in machine.called() if one.startswith(("apt-get", "sudo"))] == []


def test_a_word_it_does_not_know_is_refused(machine: Machine) -> None:
    done = machine.run("everything")
    assert done.returncode == 2
    assert "There are: run, test." in done.stderr


# ---------------------------------------------------------------- .venv
def test_packages_are_installed_once_and_again_when_something_changed(machine: Machine) -> None:
    machine.variables["SETUP_NO_SYSTEM"] = "1"  # although something is missing
    done = machine.run("run")
    assert done.returncode == 0, done.stderr
    assert apt(machine) == []
    assert len(uv(machine)) == 1
    assert "sync -q --frozen" in uv(machine)[0]
    assert "--extra mcp --no-dev" in uv(machine)[0]
    assert (machine.checkout / ".venv" / "bin" / "loom").exists()

    assert machine.run("run").stderr == ""
    assert len(uv(machine)) == 1, "nothing changed"

    machine.run("test")
    assert len(uv(machine)) == 2, "the tests need more"
    assert "--no-dev" not in uv(machine)[1]
    machine.run("run")
    assert len(uv(machine)) == 2, "what the tests have is enough to run"

    with (machine.checkout / "uv.lock").open("a") as lock:
        lock.write("# changed\n")
    machine.run("run")
    assert len(uv(machine)) == 3, "the lock changed"
    assert "--no-dev" not in uv(machine)[2], "and the tests' tools stay"

    moved = machine.checkout.with_name("moved")
    machine.checkout.rename(moved)
    machine.checkout = moved
    assert "making .venv" in machine.run("run").stderr
    assert str(moved) in (moved / ".venv" / "bin" / "loom").read_text()


def test_a_failed_installation_is_tried_with_pip_and_then_said(machine: Machine) -> None:
    machine.variables |= {"SETUP_NO_SYSTEM": "1", "PIP_NO_INDEX": "1"}
    machine.has("uv", "exit 1")
    exports = machine.checkout / "requirements"
    exports.mkdir()
    (exports / "base.lock").write_text(
        "loom-is-not-there==1.0 --hash=sha256:" + "0" * 64 + "\n", encoding="utf-8"
    )
    done = machine.run("run")
    assert done.returncode == 1
    assert "could not be installed" in done.stderr.splitlines()[-1]
    assert not (machine.checkout / ".venv" / ".loom-setup").exists()

    (exports / "base.lock").write_text("# nothing\n")
    done = machine.run("run")
    assert done.returncode == 0, done.stderr
    assert "trying pip" in done.stderr
    assert machine.run("run").stderr == "", "and then it is done"
