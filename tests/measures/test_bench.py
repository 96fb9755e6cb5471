"""The bench itself: its arithmetic, its table, and that every measure runs. No time is asserted."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.measures import (
    bench,
    bus,
    engine,
    gap,
    idle,
    journal,
    markdown,
    paint,
    process,
    prompt,
    recall,
    tray,
    version,
)
from tests.measures.calm import Calm, calibrate
from tests.measures.figures import Figure, Target, figure, number, percentile, table
from tests.measures.outside import wait
from tests.measures.process import CannotRun, environment, told, use, whole_ms
from tests.measures.run import Run
from tests.measures.sample import pieces


# ---------------------------------------------------------------- arithmetic
@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1), (0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100)]
)
def test_a_percentile_is_the_nearest_rank(share: float, expected: float) -> None:
    assert percentile(range(100, 0, -1), share) == expected


def test_a_percentile_of_one_value_is_that_value_and_of_none_a_mistake() -> None:
    assert percentile([7.0], 0.99) == 7.0
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


@pytest.mark.parametrize(
    ("target", "ours", "floor", "met"),
    [
        (Target("value", 50), 50.0, None, True),
        (Target("value", 50), 50.1, 1000.0, False),
        (Target("over", 60), 70.0, 10.0, True),
        (Target("over", 60), 70.1, 10.0, False),
        (Target("ratio", 1.5), 15.0, 10.0, True),
        (Target("ratio", 1.5), 15.1, 10.0, False),
        (Target("ratio", 1.5), 1.0, 0.0, False),
    ],
)
def test_a_target_is_met_up_to_its_limit(
    target: Target, ours: float, floor: float | None, met: bool
) -> None:
    assert target.met(ours, floor) is met
    assert Figure("x", "ms", ours, floor, target).verdict == ("pass" if met else "miss")


@pytest.mark.parametrize("kind", ["over", "ratio"])
def test_a_target_against_a_floor_that_was_not_measured_is_a_mistake(kind: str) -> None:
    with pytest.raises(ValueError, match="needs a floor"):
        Target(kind, 1).met(1.0, None)  # type: ignore[arg-type]  # one of the two


def test_a_figure_is_the_median_of_both_sides_and_keeps_all_of_them() -> None:
    one = figure("start", "ms", [3, 1, 9], [2, 1, 3], target=Target("ratio", 1.4))
    assert (one.ours, one.floor, one.ratio, one.verdict) == (3, 2, 1.5, "miss")
    assert one.plain()["all_ours"] == [3, 1, 9]
    assert "all_ours" not in one.plain(samples=False)
    alone = figure("start", "ms", [1.0])
    assert (alone.floor, alone.ratio, alone.verdict) == (None, None, "")


def test_no_ratio_is_made_of_a_floor_of_nothing() -> None:
    assert figure("cpu", "%", [1.0], [0.0]).ratio is None


# ---------------------------------------------------------------- rounds and noise
class Loop:
    """A calibration whose times are said before."""

    def __init__(self, *times: float) -> None:
        self.times = iter(times)

    def __call__(self) -> float:
        return next(self.times, 10.0)


def counted(letter: str, log: list[str]) -> Callable[[], str]:
    def cell() -> str:
        log.append(letter)
        return f"{letter}{log.count(letter)}"

    return cell


def test_cells_take_turns_and_the_first_of_each_is_thrown_away() -> None:
    log: list[str] = []
    calm = Calm(rounds=2, repeats=2, loop=Loop())
    found = calm.interleave({"a": counted("a", log), "b": counted("b", log)})
    assert log == ["a", "b"] * 3
    assert found == {"a": ["a2", "a3"], "b": ["b2", "b3"]}
    assert (calm.discarded, calm.kept_disturbed) == (0, [])


def test_a_disturbed_cell_is_discarded_and_repeated() -> None:
    # before and after: a quiet, b disturbed, a quiet, b quiet
    calm = Calm(rounds=2, repeats=3, loop=Loop(10, 10, 10, 13.1, 10, 10, 10, 13))
    log: list[str] = []
    cells = {"a": counted("a", log), "b": counted("b", log)}
    assert calm.interleave(cells, warm=False) == {"a": ["a1", "a2"], "b": ["b2", "b3"]}
    assert log == ["a", "b", "a", "b", "b"], "one more of b, and then it is enough"
    assert (calm.discarded, calm.kept_disturbed) == (1, [])


def test_what_looked_calm_counts_as_disturbed_when_the_machine_gets_calmer() -> None:
    calm = Calm(rounds=2, repeats=0, loop=Loop(20, 20, 10, 10))
    assert calm.interleave({"a": counted("a", [])}, warm=False) == {"a": ["a2"]}
    assert calm.discarded == 1


def test_when_one_side_was_never_calm_all_of_both_is_kept_and_that_is_told() -> None:
    """Else a disturbed side would be compared with the calm rounds of the other."""
    a, b = (30, 30), (10, 10)
    calm = Calm(rounds=2, repeats=1, loop=Loop(*a, *b, *a, 30, 10, *a, *b), shortest_ms=10)
    log: list[str] = []
    cells = {"a": counted("a", log), "b": counted("b", log)}
    assert calm.interleave(cells, warm=False) == {"a": ["a1", "a2", "a3"], "b": ["b1", "b2", "b3"]}
    assert calm.kept_disturbed == ["a"]
    assert calm.discarded == 0


def test_cells_that_take_long_are_not_repeated_when_they_ask_for_that() -> None:
    calm = Calm(rounds=1, repeats=2, loop=Loop(*[30] * 6), shortest_ms=10)
    log: list[str] = []
    calm.interleave({"a": counted("a", log)}, warm=False, repeats=0)
    assert log == ["a"]


def test_the_fixed_loop_takes_time() -> None:
    assert 0.1 < calibrate() < 10_000


# ---------------------------------------------------------------- the table
def test_the_table_says_value_floor_ratio_target_and_verdict_in_columns() -> None:
    drawn = table(
        [
            figure("start", "ms", [130.4], [100], target=Target("ratio", 1.3), note="5 rounds"),
            figure("memory", "MB", [29.54], target=Target("value", 50)),
            figure("version", "ms", [17], [8], target=Target("over", 60)),
        ],
        [("paint", "not installed: Xvfb")],
    ).splitlines()
    assert len({len(line) for line in drawn[:5]}) == 1
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in drawn[:5]]
    assert cells[2] == ["start", "130 ms", "100 ms", "1.30x", "<= 1.3x", "miss", "5 rounds"]
    assert cells[3] == ["memory", "29.5 MB", "", "", "<= 50 MB", "pass", ""]
    assert cells[4][4:6] == ["<= floor + 60 ms", "pass"]
    assert drawn[-1] == "Not measured: paint: not installed: Xvfb"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.034, "0.034"), (4.0, "4"), (17.26, "17.3"), (1234.5, "1234")],
)
def test_a_number_has_the_digits_that_count(value: float, text: str) -> None:
    assert number(value) == text


# ---------------------------------------------------------------- programs
def test_programs_get_compiled_modules_and_nothing_of_the_person() -> None:
    env = environment(
        {"PYTHONDONTWRITEBYTECODE": "1", "LOOM_HOME": "/mine", "HOME": "/h"}, QT_QPA_PLATFORM="x"
    )
    assert env == {"HOME": "/h", "PYTHONPATH": str(process.ROOT), "QT_QPA_PLATFORM": "x"}


def test_a_program_says_when_it_was_ready_and_one_that_fails_is_told() -> None:
    say = "import time; print('{\"at\": %r}' % time.monotonic())"
    assert 0 < told([sys.executable, "-c", say], environment())["ms"] < 30_000
    for failing in ("raise SystemExit('no disk')", "pass"):
        with pytest.raises(CannotRun):
            told([sys.executable, "-c", failing], environment())
    assert whole_ms([sys.executable, "-c", "pass"], environment()) > 0
    with pytest.raises(CannotRun, match="no disk"):
        whole_ms([sys.executable, "-c", "raise SystemExit('no disk')"], environment())


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_a_process_uses_is_counted(tmp_path: Path) -> None:
    busy = "import time\nwhile time.process_time() < 0.2: pass\ntime.sleep(60)"
    with process.running([sys.executable, "-c", busy], environment(), tmp_path / "log") as (one, _):
        from tests.screen import wait_for

        wait_for(lambda: use(one.pid).cpu_s >= 0.2, "use of a processor")
        before = use(one.pid)
        assert before.threads == 1
        assert process.memory(one.pid).rss >= process.memory(one.pid).pss > 1
        spent = use(one.pid) - before
        assert 0 <= spent.cpu_s < 1
        assert spent.wakeups >= 0
    assert one.poll() is not None


def test_what_a_program_wrote_is_told_when_it_cannot_be_measured(tmp_path: Path) -> None:
    said = "import sys, time; print('no such display', flush=True); time.sleep(60)"
    log = tmp_path / "log"

    def in_vain() -> None:
        with process.running([sys.executable, "-c", said], environment(), log):
            wait(lambda: bool(process.tail(log)), "words", 10)
            raise CannotRun("no icon")

    with pytest.raises(CannotRun, match=r"no icon .*no such display"):
        in_vain()


@pytest.mark.parametrize("tokens", [1, 2, 3, 1_000, 4_000])
def test_the_sample_answer_has_as_many_tokens_as_asked_for(tokens: int) -> None:
    given = pieces(tokens)
    assert len(given) == math.ceil(tokens / 3)
    assert len("".join(given).split()) == tokens


# ---------------------------------------------------------------- each measure, once
Names = dict[str, str]
MEASURES = {
    "engine": (
        engine.measure,
        {"engine ready, existing store": "ratio", "engine memory, RSS": "value"},
    ),
    "version": (version.measure, {"loom --version": "over", "loom popup": "over"}),
    "tray": (
        tray.measure,
        {"start to visible tray icon": "ratio", "start to first hotkey answered": ""},
    ),
    "idle": (
        idle.measure,
        {
            "idle memory, RSS": "ratio",
            "idle memory, PSS": "",
            "idle processor time": "value",
            "idle wake-ups": "value",
        },
    ),
    "paint": (paint.measure, {"key to painted popup, p99": "value"}),
    "gap": (
        gap.measure,
        {"largest gap at 10,000 events/s": "ratio", "the same with a step of 80 ms": "ratio"},
    ),
    "markdown": (
        markdown.measure,
        {"markdown flush at 4,000 tokens, p50": "value", "markdown flush at 1,000": "value"},
    ),
    "bus": (
        bus.measure,
        {
            "bus, one topic": "ratio",
            "bus, fan-out, per delivery": "ratio",
            "bus, 1,000 subscriptions, per": "",
            "bus, 1,000 subscriptions, inline": "",
            "bus, inline, 10 to": "ratio",
            "bus, latency under load, p99": "ratio",
            "bus, the same in itself": "value",
            "bus, request and reply": "",
            "bus, a subscriber that has just run": "",
            "bus, a subscriber that ran, and sleeps": "value",
        },
    ),
    "journal": (
        journal.measure,
        {
            "durable, bursts of 1,000": "ratio",
            "durable, bursts, encrypted": "",
            "durable, one at a time": "",
            "journal of 5,000 ready": "value",
            "its replay": "ratio",
        },
    ),
    "recall": (
        recall.measure,
        {
            "2,000 memories, first search": "value",
            "each other search": "value",
            "the slowest in a hundred": "value",
            "nearest by a model's vectors": "value",
        },
    ),
    "prompt": (
        prompt.measure,
        {
            "prompt after 500 turns": "value",
            "the same for 100,000 tokens": "value",
            "an answer cancelled": "value",
        },
    ),
}
ON_A_SCREEN = {"version", "tray", "idle", "paint"}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path, Calm(rounds=1, repeats=0), quick=True)


def test_every_measure_is_tried() -> None:
    assert set(MEASURES) == set(bench.MEASURES)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "name",
    [pytest.param(one, marks=[pytest.mark.x11] * (one in ON_A_SCREEN)) for one in MEASURES],
)
def test_a_measure_runs_and_says_what_it_promises(name: str, run: Run) -> None:
    measure, promised = MEASURES[name]
    found = measure(run)
    for begins, kind in promised.items():
        one = next(one for one in found if one.name.startswith(begins))
        assert (one.target.kind if one.target else "") == kind
    for one in found:
        assert one.unit in ("ms", "us", "MB", "KB", "%", "/s")
        assert math.isfinite(one.ours)
        assert one.ours >= 0
        if one.unit in ("ms", "us", "MB", "KB"):
            assert one.ours > 0
            assert one.floor is None or one.floor > 0
        assert one.all_ours
        assert one.verdict in ("pass", "miss", "")


# ---------------------------------------------------------------- the command
@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three measures: one that works, one that cannot run here, one that is broken."""

    def fine(run: Run) -> list[Figure]:
        return [figure("start", "ms", [2.0], [1.0], target=Target("ratio", 1.3))]

    def cannot(run: Run) -> list[Figure]:
        raise CannotRun("not installed: Xvfb")

    def broken(run: Run) -> list[Figure]:
        raise ZeroDivisionError("somewhere")

    monkeypatch.setattr(engine, "measure", fine)
    monkeypatch.setattr(tray, "measure", cannot)
    monkeypatch.setattr(gap, "measure", broken)


def test_it_prints_json_and_a_table_and_writes_both(
    three: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "build" / "bench"
    code = bench.main([str(folder), "--quick", "--only", "engine", "--only", "tray"])
    assert code == 0, "a missed target and a measure that cannot run here are no failures"
    first, _, rest = capsys.readouterr().out.partition("\n\n")
    printed, written = json.loads(first), json.loads((folder / "bench.json").read_text())
    assert printed["figures"][0]["ratio"] == written["figures"][0]["ratio"] == 2.0
    assert written["figures"][0]["verdict"] == "miss"
    assert written["figures"][0]["all_ours"] == [2.0]
    assert written["not_run"] == [{"measure": "tray", "why": "not installed: Xvfb"}]
    assert {"system", "python", "processors", "load"} <= set(written["machine"])
    assert rest == (folder / "bench.md").read_text()
    assert "| start  |" in rest
    assert "Not measured: tray: not installed: Xvfb" in rest
    assert "too few rounds" in rest


def test_a_measure_that_breaks_costs_only_its_own_figures(
    three: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.main([str(tmp_path), "--quick", "--only", "gap", "--only", "engine"]) == 1
    written = json.loads((tmp_path / "bench.json").read_text())
    assert [one["measure"] for one in written["figures"]] == ["engine"]
    assert "ZeroDivisionError: somewhere" in written["not_run"][0]["why"]


def test_a_name_that_is_no_measure_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["--only", "coffee"])
    assert "coffee" in capsys.readouterr().err


def test_cells_that_were_never_calm_are_named_in_the_footnote() -> None:
    calm = Calm(rounds=1, repeats=0, loop=Loop(30, 30), shortest_ms=10)
    calm.interleave({"tray floor": lambda: 1}, warm=False)
    said = bench.report([], [], calm) | {"quick": False, "seconds": 1.0}
    assert "never calm during: tray floor" in bench.footnote(said)


def test_a_verdict_from_a_machine_that_was_never_calm_has_a_question_mark(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def loud(run: Run) -> list[Figure]:
        run.calm.kept_disturbed.append("engine")
        return [figure("start", "ms", [2.0], [1.0], target=Target("ratio", 1.3))]

    monkeypatch.setattr(engine, "measure", loud)
    assert bench.main([str(tmp_path), "--quick", "--only", "engine"]) == 0
    assert "| miss? |" in capsys.readouterr().out
    written = json.loads((tmp_path / "bench.json").read_text())["figures"][0]
    assert (written["verdict"], written["disturbed"]) == ("miss", True)
