from collections.abc import Callable
from pathlib import Path

from tests.loom_desktop.cli.conftest import Done, application

Run = Callable[..., Done]


def test_a_running_application_is_measured_and_nothing_of_it_stays(loom: Run, home: Path) -> None:
    with application(home):
        found = loom("bench", "--json").json
        assert found["bus"]["latency"]["count"] == 2_000
        assert found["journal"]["events_per_s"] > 0
        assert not found["encrypted"]
        lines = loom("bench").out.splitlines()
        assert lines[0] == "Bus, one subscriber, tracing on:"
        assert "Journal, not encrypted, synced to the disk:" in lines
        assert lines[-1].endswith("Nothing of this is kept.")
        assert loom("replay", "--json").json["events"] == []
        assert loom("health").code == 0


def test_without_one_there_is_nothing_to_measure(loom: Run) -> None:
    done = loom("bench")
    assert (done.code, done.err.splitlines()[0]) == (1, "Loom does not run.")
