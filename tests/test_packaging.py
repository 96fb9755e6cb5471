"""What is built is what runs: the wheel in a fresh environment, and what desktops are told."""

from __future__ import annotations

import configparser
import email
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import xml.etree.ElementTree as ET
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

import loom_desktop.version
from installers.stage import version
from scripts.exports import uv

ROOT = Path(__file__).resolve().parent.parent
RESOURCES = ROOT / "resources"
NAME = "org.loomdesktop.Loom"
VERSION = version(ROOT)


# ---------------------------------------------------------------- the wheel
@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left in the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    source, out = folder / "source", folder / "dist"
    source.mkdir()
    for name in ("loom_desktop", "app", "resources"):
        shutil.copytree(
            ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
        )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    if importlib.util.find_spec("hatchling"):  # locked, and without asking anybody
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    else:
        command = [uv(), "build", "--quiet", "--wheel", "--out-dir", str(out)]
    done = subprocess.run(
        command,
        cwd=source,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (built,) = out.glob("*.whl")
    return built


@dataclass
class Installation:
    """A fresh environment with our wheel in it, away from the checkout."""

    folder: Path
    home: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        environment = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("PYTHON", "LOOM_", "QT_")) and key not in ("DISPLAY",)
        }
        environment |= {"LOOM_HOME": str(self.home), "QT_QPA_PLATFORM": "offscreen"}
        return subprocess.run(
            [str(self.folder / "bin" / command[0]), *command[1:]],
            cwd=self.home,  # nothing of the checkout is found by accident
            env=environment,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The dependencies are borrowed from our own environment by a path file: a line in one does
    not run the path files beside it, so the checkout stays unseen."""
    folder = tmp_path_factory.mktemp("installed")
    environment, home = folder / "venv", folder / "home"
    home.mkdir()
    venv.create(environment, symlinks=True)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python")),
            *("install", "--quiet", "--no-deps", "--no-index", str(wheel)),
        ],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (packages,) = (environment / "lib").glob("python3*/site-packages")
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return Installation(environment, home)


def test_the_wheel_holds_the_engine_the_shell_and_the_pictures_and_nothing_else(
    wheel: Path,
) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    tops = {name.split("/")[0] for name in names}
    assert tops == {"loom_desktop", f"loom_desktop-{VERSION}.dist-info"}
    assert "loom_desktop/_app/__init__.py" in names
    assert "loom_desktop/_resources/icons/loom.svg" in names
    assert f"loom_desktop/_resources/{NAME}.desktop" in names
    ours = {
        f"{inside}/{path.relative_to(ROOT / beside).as_posix()}"
        for beside, inside in (("loom_desktop", "loom_desktop"), ("app", "loom_desktop/_app"))
        for path in (ROOT / beside).rglob("*.py")
    }
    assert ours <= names
    assert not [name for name in names if "__pycache__" in name or "/test_" in name]


def test_the_wheel_can_be_installed_without_what_only_our_lock_overrides(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (name,) = [one for one in archive.namelist() if one.endswith(".dist-info/METADATA")]
    metadata = email.message_from_bytes(archive.read(name))
    assert metadata["License-Expression"] == "Apache-2.0"
    asked = metadata.get_all("Requires-Dist") or []
    assert [one for one in asked if one.startswith("pynput")] == [
        one for one in asked if one.startswith("pynput") and "!= 'linux'" in one
    ], "pynput on Linux wants evdev, which has to be compiled"


def test_the_installed_program_says_its_version(installed: Installation) -> None:
    done = installed.run("loom", "--version")
    assert done.returncode == 0, done.stderr
    assert VERSION in done.stdout


def test_the_installed_program_runs_from_the_wheel_not_from_the_checkout(
    installed: Installation,
) -> None:
    done = installed.run("python", "-c", "import loom_desktop; print(loom_desktop.__file__)")
    assert Path(done.stdout.strip()).is_relative_to(installed.folder), done.stderr


def test_the_shell_starts_from_the_wheel(installed: Installation) -> None:
    """``loom selfcheck`` starts the shell offscreen, and quits."""
    done = installed.run("loom", "selfcheck")
    assert done.returncode == 0, done.stdout + done.stderr


# ---------------------------------------------------------------- what desktops are told
def desktop_file() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # the documented way
    parser.read(RESOURCES / f"{NAME}.desktop", encoding="utf-8")
    return parser


def test_the_menu_entry_has_what_menus_need() -> None:
    entry = desktop_file()["Desktop Entry"]
    assert entry["Type"] == "Application"
    assert entry["Exec"].split()[0] == "loom"
    assert entry["Icon"] == NAME
    assert entry["Terminal"] == "false"
    assert "Utility" in entry["Categories"].split(";")
    for key in ("Categories", "Keywords", "Actions"):
        assert entry[key].endswith(";"), key


def test_every_action_of_the_menu_entry_is_described() -> None:
    parser = desktop_file()
    named = parser["Desktop Entry"]["Actions"].rstrip(";").split(";")
    sections = [one for one in parser.sections() if one.startswith("Desktop Action ")]
    assert sections == [f"Desktop Action {name}" for name in named]
    for section in sections:
        assert parser[section]["Exec"].split()[0] == "loom"
        assert parser[section]["Name"]


def test_the_description_for_software_centres_is_well_formed_and_agrees() -> None:
    root = ET.parse(RESOURCES / f"{NAME}.metainfo.xml").getroot()
    assert root.tag == "component"
    assert root.findtext("id") == NAME
    assert root.findtext("project_license") == "Apache-2.0"
    assert root.findtext("launchable") == f"{NAME}.desktop"
    assert root.findtext("icon") == NAME
    assert next(one.get("version") for one in root.iter("release")) == VERSION


def test_the_version_is_the_same_wherever_it_is_said() -> None:
    """The file is read by a quick ``loom --version``, the project file by everybody else."""
    assert VERSION == loom_desktop.version.VERSION


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert len(text) > 11_000


def test_the_change_log_has_a_place_for_what_comes_next() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert text.startswith("# Changelog")
    assert "## [Unreleased]" in text
