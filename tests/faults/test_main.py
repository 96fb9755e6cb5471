"""The long form: what it writes, and when it says that something is broken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults import __main__ as faults
from tests.faults.report import Report


def test_it_writes_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "build" / "faults.json"
    assert faults.main([str(file), "--only", "histories", "--histories", "20"]) == 0
    said = json.loads(file.read_text(encoding="utf-8"))
    assert [one["control"] for one in said["suites"]] == [False, True, True]
    assert said["suites"][0]["figures"]["histories"] == 20
    assert "bites" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "control", "code", "word"),
    [
        (["lost 3"], False, 1, "BROKEN"),
        ([], True, 1, "BLUNT"),
        ([], False, 0, "ok"),
        (["lost 3"], True, 0, "bites"),
    ],
)
def test_a_broken_promise_and_a_blunt_control_are_failures(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    wrong: list[str],
    control: bool,
    code: int,
    word: str,
) -> None:
    report = Report(suite="planted", wrong=wrong, control=control)
    monkeypatch.setitem(faults.SUITES, "leaks", lambda chosen, folder: iter([report]))
    assert faults.main([str(tmp_path / "faults.json"), "--only", "leaks"]) == code
    assert word in capsys.readouterr().out
