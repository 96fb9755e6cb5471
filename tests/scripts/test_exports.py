"""requirements/*.lock say what uv.lock says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from scripts.exports import EXPORTS, ROOT, main

LINE = re.compile(r"^([a-z0-9._-]+)==(\S+?)(?: ;.*)? \\$", re.MULTILINE)


def locked() -> dict[str, tuple[set[str], set[str]]]:
    """Name: versions and hashes."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for one in tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]:
        versions, hashes = found.setdefault(one["name"], (set(), set()))
        versions.add(one.get("version", ""))
        files = [*one.get("wheels", []), *([one["sdist"]] if "sdist" in one else [])]
        hashes.update(file["hash"] for file in files)
    return found


def exported(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", EXPORTS)
def test_every_version_and_hash_is_the_locked_one(name: str) -> None:
    known = locked()
    pins = LINE.findall(exported(name))
    assert len(pins) > 50
    for package, version in pins:
        assert version in known[package][0], package
    everything = set().union(*(hashes for _, hashes in known.values()))
    assert set(re.findall(r"sha256:[0-9a-f]{64}", exported(name))) <= everything


@pytest.mark.parametrize("name", EXPORTS)
def test_nothing_is_without_a_hash_and_nothing_says_where_it_comes_from(name: str) -> None:
    text = exported(name)
    lines = [line for line in text.splitlines() if not line.startswith((" ", "#"))]
    assert all(line.endswith(" \\") for line in lines)
    assert "://" not in text
    assert "--index" not in text
    built_from_source = [line for line in lines if line.startswith("evdev")]
    assert all("sys_platform == 'never'" in line for line in built_from_source)


@pytest.mark.parametrize(
    ("name", "group"), [("base", "dependencies"), ("base", "mcp"), ("dev", "dev")]
)
def test_what_we_ask_for_is_in_the_export(name: str, group: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = {
        "dependencies": project["project"]["dependencies"],
        "mcp": project["project"]["optional-dependencies"]["mcp"],
        "dev": project["dependency-groups"]["dev"],
    }[group]
    pins = {package for package, _ in LINE.findall(exported(name))}
    wanted = {re.split(r"[\s\[<>=!;]", line)[0].lower().replace("_", "-") for line in asked}
    assert wanted <= pins


def test_a_wrong_word_is_answered_with_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["whatever"]) == 2
    assert "write" in capsys.readouterr().err


def test_the_set_up_falls_back_to_files_that_exist() -> None:
    script = (Path(ROOT) / "scripts" / "bootstrap.sh").read_text(encoding="utf-8")
    assert set(re.findall(r"lock=(\w+)", script)) <= EXPORTS.keys()
