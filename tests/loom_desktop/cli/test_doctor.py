from collections.abc import Callable
from pathlib import Path

from tests.loom_desktop.cli.conftest import Done, application, started

Run = Callable[..., Done]


def test_every_finding_has_a_name_a_state_a_detail_and_what_to_do(loom: Run) -> None:
    findings = loom("doctor", "--json").json
    assert {"display", "store", "settings", "models", "clipboard"} <= {f["name"] for f in findings}
    for one in findings:
        assert one.keys() == {"name", "state", "detail", "fix"}
        assert one["state"] in ("ok", "warn", "missing", "off")
        assert one["detail"]


def test_a_line_for_each_with_what_to_do(loom: Run) -> None:
    out = loom("doctor").out
    assert "✗ display: There is no display" in out
    assert "\n    Start it inside a desktop" in out


def test_the_running_application_is_asked(loom: Run, home: Path) -> None:
    with application(home):
        assert loom("doctor").code == 0


def test_a_broken_loom_toml_is_a_finding(loom: Run, home: Path) -> None:
    (home / "loom.toml").write_text("[attention\n")
    done = loom("doctor", "--json")
    assert done.code == 1
    (finding,) = done.json
    assert (finding["name"], finding["state"]) == ("settings", "missing")
    assert "line 1" in finding["detail"]


def test_a_terminal_that_shows_no_marks_gets_words(home: Path) -> None:
    with started("doctor", env={"PYTHONIOENCODING": "ascii"}) as process:
        out, err = process.communicate(timeout=40)
    assert (process.returncode, err) == (0, b"")
    assert b"\nmissing display: " in b"\n" + out
