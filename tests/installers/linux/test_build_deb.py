"""What the Debian package says of itself, and where it puts things."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from installers.linux import build_deb
from installers.stage import version


def fields(text: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in text.splitlines() if not line.startswith(" "))


def test_the_package_depends_on_what_the_one_list_says() -> None:
    said = fields(build_deb.control(version="1.2.3", architecture="amd64", size_kb=1))
    needed = said["Depends"].split(", ")
    assert needed[0] == "libc6 (>= 2.34)"
    assert "libglib2.0-0 | libglib2.0-0t64" in needed
    assert {"libegl1", "libgl1", "libxcb-cursor0", "libwayland-cursor0"} <= set(needed)
    assert "xvfb" not in said["Depends"], "what only the tests need is not a dependency"
    assert said["Recommends"] == "wl-clipboard"
    assert said["Version"] == "1.2.3"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deb")
    frozen = folder / "frozen"
    (frozen / "_internal").mkdir(parents=True)
    (frozen / "loom").write_text("#!/bin/sh\nexit 0\n")
    (frozen / "loom").chmod(0o755)
    build_deb.lay_out(frozen, folder / "tree", architecture="amd64")
    return folder / "tree"


def test_everything_lies_where_a_desktop_looks(tree: Path) -> None:
    share = tree / "usr" / "share"
    assert (tree / "usr" / "bin" / "loom").readlink() == Path("/opt/loom-desktop/loom")
    assert (tree / "opt" / "loom-desktop" / "loom").is_file()
    assert (share / "applications" / "org.loomdesktop.Loom.desktop").is_file()
    assert (share / "metainfo" / "org.loomdesktop.Loom.metainfo.xml").is_file()
    assert (share / "icons/hicolor/16x16/apps/org.loomdesktop.Loom.png").is_file()
    assert (share / "icons/hicolor/scalable/apps/org.loomdesktop.Loom.svg").is_file()
    assert {one.name for one in (share / "doc" / "loom-desktop").iterdir()} == {
        "copyright",
        "changelog.gz",
    }


def test_dpkg_reads_the_package(tree: Path, tmp_path: Path) -> None:
    deb = tmp_path / "loom.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", str(tree), str(deb)],
        check=True,
        capture_output=True,
        timeout=50,
    )
    shown = subprocess.run(
        ["dpkg-deb", "--info", str(deb)], check=True, capture_output=True, text=True, timeout=20
    ).stdout
    assert "Package: loom-desktop" in shown
    assert f"Version: {version(build_deb.ROOT)}" in shown
