"""Builds the Debian package: PyInstaller's folder in /opt, the command, the icons, the menu entry.

    make deb                                             (brings PyInstaller)
    python installers/linux/build_deb.py OUT [xz|zstd]   needs PyInstaller 6 and dpkg-deb

Build on the oldest system that is supported: Debian 12 or Ubuntu 22.04 (glibc 2.34, as PySide6's
wheels ask). What the package depends on is read from scripts/system-deps.toml.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from installers.stage import stage, version  # noqa: E402  (run as a file, it finds its neighbour)

NAME = "org.loomdesktop.Loom"
NEWER_NAMES = {"libglib2.0-0": "libglib2.0-0 | libglib2.0-0t64"}
"""Debian 13 and Ubuntu 24.04 renamed it."""
START = """\
import sys

from loom_desktop.__main__ import main

sys.exit(main())
"""


def packages(*groups: str) -> list[str]:
    """The apt names of these groups of scripts/system-deps.toml, each once."""
    text = (ROOT / "scripts" / "system-deps.toml").read_text(encoding="utf-8")
    entries = tomllib.loads(text)["dependency"]
    return list(dict.fromkeys(one["apt"] for one in entries if one["group"] in groups))


def control(*, version: str, architecture: str, size_kb: int) -> str:
    """The package's description for dpkg."""
    needed = [NEWER_NAMES.get(one, one) for one in packages("base", "x11", "wayland")]
    return (
        "Package: loom-desktop\n"
        f"Version: {version}\n"
        f"Architecture: {architecture}\n"
        "Maintainer: The Loom Desktop authors <noreply@localhost>\n"
        f"Installed-Size: {size_kb}\n"
        f"Depends: {', '.join(['libc6 (>= 2.34)', *needed])}\n"
        f"Recommends: {', '.join(packages('clipboard'))}\n"
        f"Suggests: {', '.join(packages('audio'))}\n"
        "Section: utils\n"
        "Priority: optional\n"
        "Description: personal assistant in the tray\n"
        " Loom waits in the tray. One key opens a place to ask; it offers to summarise\n"
        " what you copied and to put downloads where they belong, and it reminds you.\n"
        " It works without an account, a network or a language model.\n"
    )


def copyright_text() -> str:
    """debian/copyright in the machine-readable form."""
    return (
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
        "Upstream-Name: Loom Desktop\n\n"
        "Files: *\n"
        "Copyright: The Loom Desktop authors\n"
        "License: Apache-2.0\n"
        " On Debian systems the full text is in /usr/share/common-licenses/Apache-2.0.\n"
        " The bundled libraries keep their own licences; their texts lie beside them in\n"
        " /opt/loom-desktop. PySide6 and Qt are LGPL-3 and may be replaced there.\n"
    )


def freeze(work: Path) -> Path:
    """PyInstaller's folder: /opt/loom-desktop of the package."""
    staged = work / "staged"
    stage(ROOT, staged)
    (staged / "start.py").write_text(START, encoding="utf-8")
    spec = Path(__file__).with_name("loom.spec")
    subprocess.run(
        [
            *(sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level=WARN"),
            *("--distpath", work / "dist", "--workpath", work / "build", spec),
        ],
        check=True,
        env={**os.environ, "LOOM_STAGED": str(staged)},
        cwd=staged,
    )
    frozen = work / "dist" / "loom-desktop"
    strip(frozen)
    return frozen


def strip(frozen: Path) -> None:
    """Take the symbols out of Python's own libraries, 23 MB become 5, and out of two of wheels.

    Only there: libraries of wheels that bring others along were patched, and stripping can break
    them. ``loom selfcheck`` and the test of the package in a fresh system open them.
    """
    own = [*frozen.rglob("libpython*.so*"), *frozen.rglob("lib-dynload/*.so")]
    own += [*frozen.rglob("cryptography/**/*.so"), *frozen.rglob("libpdfium.so")]
    if own and shutil.which("strip"):
        subprocess.run(["strip", "--strip-unneeded", *own], check=True)


def lay_out(frozen: Path, tree: Path, *, architecture: str) -> None:
    """Everything where it will lie on the person's machine, and DEBIAN/control."""
    share = tree / "usr" / "share"
    docs = share / "doc" / "loom-desktop"
    for folder in (
        tree / "DEBIAN",
        tree / "opt",
        tree / "usr" / "bin",
        share / "applications",
        share / "metainfo",
        docs,
    ):
        folder.mkdir(parents=True)
    shutil.copytree(frozen, tree / "opt" / "loom-desktop", symlinks=True)
    (tree / "usr" / "bin" / "loom").symlink_to("/opt/loom-desktop/loom")
    for size in (16, 32, 64, 128, 256, 512):
        icons = share / "icons" / "hicolor" / f"{size}x{size}" / "apps"
        icons.mkdir(parents=True)
        shutil.copy(ROOT / "resources" / "icons" / f"loom-{size}.png", icons / f"{NAME}.png")
    scalable = share / "icons" / "hicolor" / "scalable" / "apps"
    scalable.mkdir(parents=True)
    shutil.copy(ROOT / "resources" / "icons" / "loom.svg", scalable / f"{NAME}.svg")
    shutil.copy(ROOT / "resources" / f"{NAME}.desktop", share / "applications")
    shutil.copy(ROOT / "resources" / f"{NAME}.metainfo.xml", share / "metainfo")
    (docs / "copyright").write_text(copyright_text(), encoding="utf-8")
    changes = (ROOT / "CHANGELOG.md").read_bytes()
    (docs / "changelog.gz").write_bytes(gzip.compress(changes, mtime=0))
    size_kb = sum(one.lstat().st_size for one in tree.rglob("*") if one.is_file()) // 1024
    (tree / "DEBIAN" / "control").write_text(
        control(version=version(ROOT), architecture=architecture, size_kb=size_kb), encoding="utf-8"
    )
    for one in tree.rglob("*"):
        if one.is_dir() and not one.is_symlink():
            one.chmod(0o755)


def build(out: Path, compression: str = "xz") -> Path:
    """The .deb in ``out``."""
    architecture = subprocess.run(
        ["dpkg", "--print-architecture"], check=True, capture_output=True, text=True
    ).stdout.strip()
    out.mkdir(parents=True, exist_ok=True)
    file = out / f"loom-desktop_{version(ROOT)}_{architecture}.deb"
    with tempfile.TemporaryDirectory(prefix="loom-deb-") as name:
        work = Path(name)
        tree = work / "tree"
        lay_out(freeze(work), tree, architecture=architecture)
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", f"-Z{compression}", "-z3", "--build", tree, file],
            check=True,
        )
    return file


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        raise SystemExit(__doc__)
    print(build(Path(sys.argv[1]).resolve(), *sys.argv[2:]))
