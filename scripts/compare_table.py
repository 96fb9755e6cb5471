"""Puts measured figures into a page, so that nobody copies them by hand.

python scripts/compare_table.py FILE                prints the table as markdown
python scripts/compare_table.py FILE --write PAGE   puts it between the marks of that page

FILE is what the comparison with other systems wrote with ``--json``, or build/bench.json.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

OURS, INLINE = "peer_adapter:LoomAdapter", "peer_adapter:LoomInlineAdapter"
DEQUE, AWAIT = "limit:deque+Event", "limit:await-call"
SQLITE, REDIS, NATS = "limit:sqlite", "redis-py+server", "nats-py+server"


class Line(NamedTuple):
    """One figure beside another of the same run. Without ``beside`` it stands for itself."""

    what: str
    workload: str
    key: str
    beside: str = ""
    target: float = 0.0
    """At least so many times the other; negative: at most."""
    ours: str = OURS
    beside_key: str = ""


LINES = (
    Line("one topic, events/s", "W1", "per_s", DEQUE, 0.35),
    Line("one topic, events/s", "W1", "per_s", "pyee", 5),
    Line("one topic, events/s", "W1", "per_s", "autogen-core", 75),
    Line("fan-out to ten, deliveries/s", "W2", "deliveries_per_s", "blinker", 2.5),
    Line("fan-out to ten, deliveries/s", "W2", "deliveries_per_s", AWAIT, 0.5),
    Line("1,000 subscriptions, events/s", "W3/S=1000", "warm_per_s", NATS, 4),
    Line("1,000 subscriptions, inline, events/s", "W3/S=1000", "warm_per_s", NATS, 6, INLINE),
    Line("latency under load, p99, us", "W4", "load.p99_us", DEQUE, -1.2),
    Line("latency under load, p99, us", "W4", "load.p99_us", "", -1_000),
    Line("request and reply, requests/s", "W5", "per_s", "autogen-core", 12),
    Line("100 agents, deliveries/s", "W6", "per_s", "pyee", 4),
    Line("100 agents, deliveries/s", "W6", "per_s", "autogen-core", 50),
    Line("100 agents, inline, deliveries/s", "W6", "per_s", "pyee", 4, INLINE),
    Line("100 agents, inline, deliveries/s", "W6", "per_s", "autogen-core", 50, INLINE),
    Line("idle subscriber, bytes", "W6", "bytes_per_idle_agent", "", -4_096),
    Line(
        "durable, bursts of 1,000, events/s", "W7", "plain_burst1000_per_s", SQLITE, 0.3, OURS,
        "commit1000_FULL_per_s",
    ),
    Line(
        "durable, bursts of 1,000, events/s", "W7", "plain_burst1000_per_s", REDIS, 5, OURS,
        "pipeline1000_always_per_s",
    ),
    Line(
        "the same, encrypted, events/s", "W7", "encrypted_burst1000_per_s", SQLITE, 0, OURS,
        "commit1000_FULL_per_s",
    ),
    Line("a journal of 1,000,000 ready, ms", "W7", "plain_ready_ms", "", -20),
)  # fmt: skip
DISTURBED = 1.3
"""A cell whose fixed loop took so many times the shortest of the run."""


def peers_table(said: Mapping[str, Any]) -> str:
    """Loom beside other systems; what was not measured has no line."""
    results: Mapping[str, Mapping[str, Any]] = said["results"]
    rows: list[tuple[str, ...]] = [("what", "Loom", "beside", "", "ratio", "target", "")]
    for line in LINES:
        row = _row(line, results.get(line.workload, {}))
        if row is not None:
            rows.append(row)
    growth = _growth(results)
    if growth is not None:
        rows.append(growth)
    loops = [
        cell["calib_ms"] for found in results.values() for cell in found.values()
        if "calib_ms" in cell
    ]  # fmt: skip
    restless = sum(one > DISTURBED * min(loops) for one in loops)
    system = said["system"].split("-")[0]  # what this computer's kernel is called is no figure
    foot = (
        f"{system}, Python {said['python']}, loop {said['loop']}, best of {said['reps']} "
        f"(durable: of one); {restless} of {len(loops)} cells while the machine was busy."
    )
    return f"{_markdown(rows)}\n\n{foot}\n"


def bench_table(said: Mapping[str, Any]) -> str:
    """What ``make bench`` measured."""
    rows = [("what", "ours", "floor", "ratio", "target", "", "note")]
    for one in said["figures"]:
        unit, target = one["unit"], one["target"]
        rows.append(
            (
                one["name"],
                f"{_number(one['ours'])} {unit}",
                "" if one["floor"] is None else f"{_number(one['floor'])} {unit}",
                "" if one["ratio"] is None else f"{one['ratio']:.2f}x",
                "" if target is None else _told(target, unit),
                one["verdict"] + "?" * (one["disturbed"] and one["verdict"] != ""),
                one["note"],
            )
        )
    machine = said["machine"]
    system = machine["system"].split("-")[0]
    foot = (
        f"{system}, {machine['processors']} processors, Python {machine['python']}, "
        f"load {machine['load'][0]}."
    )
    return f"{_markdown(rows)}\n\n{foot}\n"


def placed(page: str, name: str, table: str) -> str:
    """The page with the table between its marks. Raises ValueError when it has none."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    found = re.compile(rf"(?<={re.escape(begin)}\n).*?(?={re.escape(end)})", re.DOTALL)
    done, count = found.subn(lambda _: f"\n{table}\n", page, count=1)
    if not count:
        raise ValueError(f"the page has no line {begin}")
    return done


def main(argv: Sequence[str] | None = None) -> int:
    """0, or 2 for a file that is neither."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--write", type=Path, metavar="PAGE")
    chosen = parser.parse_args(argv)
    said: Mapping[str, Any] = json.loads(chosen.file.read_text(encoding="utf-8"))
    kinds: dict[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
        "results": ("comparison", peers_table),
        "figures": ("bench", bench_table),
    }
    known = [kind for key, kind in kinds.items() if key in said]
    if not known:
        sys.stderr.write(f"{chosen.file} has neither results nor figures\n")
        return 2
    name, table = known[0]
    drawn = table(said)
    print(drawn, end="")
    if chosen.write is not None:
        page = chosen.write.read_text(encoding="utf-8")
        chosen.write.write_text(placed(page, name, drawn), encoding="utf-8")
    return 0


def _row(line: Line, cells: Mapping[str, Any]) -> tuple[str, ...] | None:
    ours = _value(cells.get(line.ours), line.key)
    if ours is None:
        return None
    if not line.beside:
        met = ours <= -line.target
        return (line.what, _number(ours), "", "", "", f"<= {-line.target:,.0f}", _verdict(met))
    theirs = _value(cells.get(line.beside), line.beside_key or line.key)
    if not theirs:
        return None
    ratio, words, verdict = ours / theirs, "", ""
    if line.target > 0:
        words, verdict = f">= {line.target:g}x", _verdict(ratio >= line.target)
    elif line.target < 0:
        words, verdict = f"<= {-line.target:g}x", _verdict(ratio <= -line.target)
    name = line.beside.removeprefix("limit:")
    return (line.what, _number(ours), name, _number(theirs), f"{ratio:.2f}x", words, verdict)


def _growth(results: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...] | None:
    """What a delivery costs an inline handler with 10,000 subscriptions, beside ten."""
    rates = []
    for subscriptions in (10_000, 10):
        cell = results.get(f"W3/S={subscriptions}", {}).get(INLINE)
        rate, each = _value(cell, "warm_per_s"), _value(cell, "deliveries_per_event")
        if not rate or not each:
            return None
        rates.append(1e6 / (rate * each))
    many, few = rates
    return (
        "inline, us per delivery, 10,000 subscriptions", _number(many), "Loom with 10",
        _number(few), f"{many / few:.2f}x", "<= 1.5x", _verdict(many / few <= 1.5),
    )  # fmt: skip


def _value(cell: Mapping[str, Any] | None, key: str) -> float | None:
    found: Any = cell
    for part in key.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return float(found)


def _verdict(met: bool) -> str:
    return "pass" if met else "miss"


def _told(target: Mapping[str, Any], unit: str) -> str:
    if target["kind"] == "ratio":
        return f"<= {target['at_most']:.3g}x"
    over = "floor + " if target["kind"] == "over" else ""
    return f"<= {over}{target['at_most']:g} {unit}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _markdown(rows: Sequence[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, f"|{'---|' * len(rows[0])}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
