"""The project that Briefcase gets is ours, with one version number."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from installers.linux.build_deb import packages
from installers.stage import INSIDE, merged, stage, version

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stage(ROOT, tmp_path_factory.mktemp("stage") / "briefcase")


def test_the_staged_file_is_project_and_briefcase_joined(staged: Path) -> None:
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    written = tomllib.loads(staged.read_text(encoding="utf-8"))
    assert written == merged(ROOT)
    assert written["project"]["version"] == version(ROOT)
    assert written["project"]["dependencies"] == ours["dependencies"]
    assert written["tool"]["briefcase"]["project_name"] == ours["name"]
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", version(ROOT))
    assert set(written) == {"project", "tool"}
    assert set(written["tool"]) == {"briefcase"}


def test_everything_the_staged_file_names_is_there(staged: Path) -> None:
    folder = staged.parent
    briefcase = tomllib.loads(staged.read_text(encoding="utf-8"))["tool"]["briefcase"]
    for app in briefcase["app"].values():
        assert app["sources"] == ["loom_desktop"]
        for source in app["sources"]:
            assert (folder / source / "__init__.py").is_file()
        for size in (16, 32, 64, 128, 256, 512):
            assert (folder / f"{app['icon']}-{size}.png").is_file()
    for name in ("LICENSE", "CHANGELOG.md", "README.md"):
        assert (folder / name).is_file()


def test_the_sources_are_staged_as_the_wheel_has_them(staged: Path) -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    forced = wheel["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert forced == INSIDE
    for beside, inside in INSIDE.items():
        here = {p.name for p in (ROOT / beside).iterdir()} - {"__pycache__"}
        assert here <= {p.name for p in (staged.parent / inside).iterdir()}
    assert not list(staged.parent.rglob("__pycache__"))


def test_briefcase_is_told_every_library_that_qt_needs(staged: Path) -> None:
    briefcase = tomllib.loads(staged.read_text(encoding="utf-8"))["tool"]["briefcase"]
    asked = briefcase["app"]["loom-desktop"]["linux"]["system_runtime_requires"]
    assert asked == packages("base", "x11", "wayland")


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("keep me")
    with pytest.raises(SystemExit, match="holds something else"):
        stage(ROOT, tmp_path)
    assert (tmp_path / "letter.txt").read_text() == "keep me"


def test_a_folder_that_was_staged_before_is_made_anew(tmp_path: Path) -> None:
    stage(ROOT, tmp_path / "out")
    (tmp_path / "out" / "loom_desktop" / "old.py").write_text("")
    stage(ROOT, tmp_path / "out")
    assert not (tmp_path / "out" / "loom_desktop" / "old.py").exists()
