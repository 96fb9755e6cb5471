"""The table says what the file says, with its verdicts, and lands in its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.compare_table import (
    DEQUE,
    INLINE,
    LINES,
    OURS,
    SQLITE,
    bench_table,
    main,
    peers_table,
    placed,
)

HEAD = {"python": "3.11.7", "system": "Linux", "loop": "asyncio", "reps": 3}


def cells(table: str) -> list[list[str]]:
    rows = [line for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def run(**results: Any) -> dict[str, Any]:
    return HEAD | {"results": results}


def test_a_ratio_is_of_the_same_run_and_judged_by_its_target() -> None:
    table = peers_table(
        run(
            W1={
                OURS: {"per_s": 1_000_000},
                DEQUE: {"per_s": 2_500_000},
                "pyee": {"per_s": 250_000},
            },
            W4={OURS: {"load": {"p99_us": 260.0}}, DEQUE: {"load": {"p99_us": 200.0}}},
        )
    )
    assert cells(table) == [
        [
            "one topic, events/s",
            "1,000,000",
            "deque+Event",
            "2,500,000",
            "0.40x",
            ">= 0.35x",
            "pass",
        ],
        ["one topic, events/s", "1,000,000", "pyee", "250,000", "4.00x", ">= 5x", "miss"],
        ["latency under load, p99, us", "260", "deque+Event", "200", "1.30x", "<= 1.2x", "miss"],
        ["latency under load, p99, us", "260", "", "", "", "<= 1,000", "pass"],
    ]


def test_the_other_may_call_it_by_another_name() -> None:
    ours = {"plain_burst1000_per_s": 150_000, "encrypted_burst1000_per_s": 100_000}
    table = peers_table(run(W7={OURS: ours, SQLITE: {"commit1000_FULL_per_s": 500_000}}))
    assert [row[4:] for row in cells(table)] == [["0.30x", ">= 0.3x", "pass"], ["0.20x", "", ""]]


def test_growth_is_per_delivery() -> None:
    few = {"warm_per_s": 800_000, "deliveries_per_event": 2.5}
    many = {"warm_per_s": 500_000, "deliveries_per_event": 2.0}
    table = peers_table(run(**{"W3/S=10": {INLINE: few}, "W3/S=10000": {INLINE: many}}))
    assert cells(table)[0][4:] == ["2.00x", "<= 1.5x", "miss"]


def test_what_failed_or_was_not_measured_has_no_line_and_a_busy_machine_is_told() -> None:
    table = peers_table(
        run(W5={OURS: {"per_s": 10, "calib_ms": 20.0}, "autogen-core": {"error": "timeout"}},
            W6={OURS: {"bytes_per_idle_agent": 900, "calib_ms": 30.0}})
    )  # fmt: skip
    assert [row[0] for row in cells(table)] == ["idle subscriber, bytes"]
    assert "1 of 2 cells while the machine was busy" in table


def test_every_line_has_a_figure_that_the_harness_gives_or_the_adapter() -> None:
    assert {line.workload.partition("/")[0] for line in LINES} == {f"W{n}" for n in range(1, 8)}


def bench() -> dict[str, Any]:
    one = {
        "name": "bus, one topic", "unit": "us", "ours": 0.8, "floor": 0.32, "ratio": 2.5,
        "target": {"kind": "ratio", "at_most": 1 / 0.35}, "verdict": "pass", "disturbed": True,
        "note": "calm",
    }  # fmt: skip
    alone = one | {"floor": None, "ratio": None, "target": None, "verdict": "", "ours": 1234.5}
    machine = {"system": "Linux", "processors": 2, "python": "3.11.7", "load": [0.1, 0, 0]}
    return {"machine": machine, "figures": [one, alone]}


def test_our_own_figures_keep_their_verdict_and_their_doubt() -> None:
    assert cells(bench_table(bench())) == [
        ["bus, one topic", "0.8 us", "0.32 us", "2.50x", "<= 2.86x", "pass?", "calm"],
        ["bus, one topic", "1,234 us", "", "", "", "", "calm"],
    ]


def test_it_lands_between_its_marks_and_nowhere_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, file = tmp_path / "page.md", tmp_path / "bench.json"
    text = "before\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nafter\n"
    page.write_text(text)
    file.write_text(json.dumps(bench()))
    for _ in range(2):  # also over what it wrote before
        assert main([str(file), "--write", str(page)]) == 0
        drawn = bench_table(bench())
        assert page.read_text() == text.replace("old\n", f"\n{drawn}\n")
    assert drawn in capsys.readouterr().out
    with pytest.raises(ValueError, match="comparison: begin"):
        placed(text, "comparison", "x")


def test_a_file_of_something_else_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.json").write_text("{}")
    assert main([str(tmp_path / "x.json")]) == 2
    assert "neither" in capsys.readouterr().err
