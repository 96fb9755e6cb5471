"""Ten seconds of the soak: every event is counted, and none is missing at the end."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from loom_desktop.event import QoS
from tests.faults import soak
from tests.faults.report import Report
from tests.faults.soak import Latencies, Numbers, Sent, Work, doomed

MINUTES = 0.12


async def test_what_is_sent_is_handled_and_nothing_is_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.CRITICAL):  # agents fail on purpose
        report = await soak.soak(tmp_path, MINUTES)
    assert report.wrong == []
    figures, sent = report.figures, round(MINUTES * soak.PER_MINUTE)
    assert (figures["agents"], figures["sent"], figures["drained"]) == (20, sent, 1)
    assert (figures["dropped"], figures["lost durable"], figures["left behind"]) == (0, 0, 0)
    assert (figures["dead"], figures["restarts"], figures["tasks left"]) == (3, 10, 0)
    urgent = sum(kind == "urgent" for kind in soak.SHARES)
    whole, more = divmod(sent, len(soak.SHARES))
    twice = whole * urgent + sum(kind == "urgent" for kind in soak.SHARES[:more])
    assert figures["handled"] == sent + twice - figures["dead"], "two agents get what is urgent"
    assert {f"{lane} p99 ms" for lane in ("realtime", "batched", "background", "durable")} <= {
        *figures
    }


def test_twenty_agents_of_every_kind() -> None:
    agents = Work().agents
    assert len({one.name for one in agents}) == len(agents) == 20
    assert sum(one.durable for one in agents) == 3
    assert set(QoS) == {*Work().took}


def test_numbers_are_a_set() -> None:
    had, model = Numbers(), set[int]()
    for number in (3, 0, 3, 700, 1, 0):
        had.add(number)
        model.add(number)
        assert len(had) == len(model)
    assert [number for number in range(800) if number in had] == sorted(model)


def test_a_percentile_is_at_most_six_percent_too_high_and_never_above_the_longest() -> None:
    took = Latencies()
    assert took.percentile_ms(0.99) == 0.0
    for number in range(1, 1_001):
        took.add(number / 1e6)
    for share in (0.01, 0.5, 0.99, 1.0):
        exact = share * 1_000 / 1e3
        assert exact <= took.percentile_ms(share) + 1e-9 <= exact * 1.07
    assert took.percentile_ms(1.0) == pytest.approx(1.0)
    assert took.longest == pytest.approx(1e-3)


def test_a_report_that_is_not_as_promised_ends_with_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def lossy(folder: Path, minutes: float) -> Report:
        return Report(suite=f"soak, {minutes:g} min", wrong=["kept-0 never had 3"])

    monkeypatch.setattr(soak, "soak", lossy)
    monkeypatch.setenv("SOAK_MINUTES", "2")
    monkeypatch.setattr(logging, "disable", lambda level: None)
    assert soak.main([str(tmp_path / "build" / "soak.json")]) == 1
    said = json.loads((tmp_path / "build" / "soak.json").read_text())
    assert (said["suite"], said["as_promised"]) == ("soak, 2 min", False)
    assert "kept-0 never had 3" in capsys.readouterr().out


def test_what_is_sent_is_shared_out_and_what_must_fail_is_known() -> None:
    class Nowhere:
        class bus:  # what is published goes nowhere
            @staticmethod
            def publish(event: object) -> None:
                pass

    sent = Sent()
    for _ in range(len(soak.SHARES) * 30):
        sent.next(Nowhere)  # type: ignore[arg-type]
    kept = [sent.topics[f"soak.kept.{n}"] for n in range(soak.KEPT)]
    assert kept == [20, 20, 20]
    assert sent.dead == sum(doomed(n) for count in kept for n in range(count)) == 3
    assert sent.failing == 1
