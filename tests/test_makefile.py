"""The two commands and their neighbours: what they are called, and that a failure is a failure."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TARGETS = (
    *("help", "setup", "run", "doctor", "demo", "test", "test-servers", "bench", "faults", "shots"),
    *("lint", "fmt", "types", "imports", "cov", "lock", "lock-check"),
    *("sbom", "wheel", "stage", "deb", "docs", "clean"),
)


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    # not the flags of the `make test` that these tests may run under
    clean = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT,
        env=clean,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_help_has_one_line_for_every_target() -> None:
    said = make("help").stdout
    lines = re.findall(r"^  make (\S+) +(\S.*)$", said, re.MULTILINE)
    assert set(TARGETS) <= {name for name, _ in lines}
    assert len(lines) == len({name for name, _ in lines})
    assert all(len(line) <= 100 for line in said.splitlines())


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_can_be_made(target: str) -> None:
    """A dry run: the recipe exists and is well formed."""
    done = make("-n", target)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize(("python", "code"), [("true", 0), ("false", 2)])
def test_make_test_ends_as_the_tests_end(python: str, code: int) -> None:
    assert make("-o", "setup-test", "test", f"PYTHON_IN={python}").returncode == code


@pytest.mark.parametrize("code", [0, 2])
def test_continuous_integration_calls_make_test_and_nothing_else(tmp_path: Path, code: int) -> None:
    (tmp_path / "make").write_text(f'#!/bin/sh\necho "make $* in $(pwd)"\nexit {code}\n')
    (tmp_path / "make").chmod(0o755)
    done = subprocess.run(
        [ROOT / ".ci" / "run"],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.stdout.splitlines() == [f"make --no-print-directory test in {ROOT}"]
    assert done.returncode == code


def test_actions_of_others_are_pinned_by_their_content() -> None:
    for file in (ROOT / ".github" / "workflows").glob("*.yml"):
        text = file.read_text(encoding="utf-8")
        used = re.findall(r"uses: (\S+)", text)
        assert used
        assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", one) for one in used)
        assert "permissions:\n  contents: read\n" in text


@pytest.mark.parametrize("file", [".pre-commit-config.yaml", ".github/workflows/ci.yml"])
def test_hooks_and_workflows_call_targets_that_exist(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    called = re.findall(r"(?:entry|run): make (\S+)", text)
    assert called
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(re.search(rf"^{name}:", makefile, re.MULTILINE) for name in called)
