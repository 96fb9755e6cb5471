from collections.abc import Callable
from pathlib import Path

from tests.loom_desktop.cli.conftest import Done, application

Run = Callable[..., Done]


def test_a_running_application_says_how_its_parts_stand(loom: Run, home: Path) -> None:
    with application(home):
        done = loom("health", "--json")
        assert (done.code, done.json["state"], done.json["ready"]) == (0, "ok", True), done.out
        lines = loom("health").out.splitlines()
        assert lines[0] == "ok: Everything works."
        assert "  store: ok" in lines


def test_an_application_that_is_not_well_fails(loom: Run, home: Path) -> None:
    (home / "loom.toml").write_text(
        '[store]\nencrypted = false\n[sources.files]\nenabled = true\nfolders = ["/nowhere/at/all"]'
    )
    with application(home):
        done = loom("health")
        assert done.code == 1, done.out
        assert done.out.startswith("degraded: source files:")


def test_without_one_it_fails_and_says_so(loom: Run) -> None:
    done = loom("health")
    assert (done.code, done.err.splitlines()[0]) == (1, "Loom does not run.")
