"""Makes a project that Briefcase can build out of ours, in a folder of its own.

``[project]`` of pyproject.toml and ``[tool.briefcase]`` of briefcase.toml become one file, because
Briefcase 0.4 reads only ``./pyproject.toml`` and has no option to name another. So there is one
version number, and unmodified Briefcase runs in the staged folder.

    python installers/stage.py . build/briefcase
    cd build/briefcase && briefcase create linux system

The package is staged in the layout of the wheel: ``app/`` as ``loom_desktop/_app`` and
``resources/`` as ``loom_desktop/_resources``.
"""

from __future__ import annotations

import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

FIELDS = (
    "name",
    "version",
    "description",
    "requires-python",
    "license",
    "license-files",
    "authors",
    "dependencies",
)
"""What Briefcase reads of [project]."""
INSIDE = {"app": "loom_desktop/_app", "resources": "loom_desktop/_resources"}
"""Where the wheel has what lies beside the package in a checkout."""
BESIDE = ("LICENSE", "CHANGELOG.md", "README.md")
"""Linux packages are refused without the first two."""


def version(root: Path) -> str:
    """The one version number."""
    return str(_read(root / "pyproject.toml")["project"]["version"])


def merged(root: Path) -> dict[str, Any]:
    """The staged pyproject.toml as data."""
    project = _read(root / "pyproject.toml")["project"]
    briefcase = _read(root / "briefcase.toml")["tool"]["briefcase"]
    for app in briefcase["app"].values():
        app["sources"] = [one for one in app["sources"] if one not in INSIDE]
    return {
        "project": {field: project[field] for field in FIELDS if field in project},
        "tool": {"briefcase": briefcase},
    }


def stage(root: Path, out: Path) -> Path:
    """Fill ``out`` anew; what was there is gone. Returns the staged pyproject.toml."""
    if out.exists() and not (out / "pyproject.toml").exists() and any(out.iterdir()):
        raise SystemExit(f"{out} holds something else. Name another folder, or empty it.")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(root / "loom_desktop", out / "loom_desktop", ignore=ignore)
    for name, inside in INSIDE.items():
        shutil.copytree(root / name, out / inside, ignore=ignore)
    shutil.copytree(root / "resources" / "icons", out / "resources" / "icons")  # for the bundler
    for name in BESIDE:
        shutil.copy(root / name, out / name)
    import tomlkit

    file = out / "pyproject.toml"
    file.write_text(tomlkit.dumps(merged(root)), encoding="utf-8")
    return file


def _read(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8"))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    print(stage(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()))
