import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from loom_desktop.errors import Unavailable
from loom_desktop.telemetry import logs
from loom_desktop.telemetry.logs import open_log

log = logging.getLogger("loom_desktop.test")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in root.handlers[:]:
        if handler not in handlers:
            root.removeHandler(handler)
            handler.close()
    root.setLevel(level)


def test_what_is_logged_is_in_the_file_with_who_said_it(tmp_path: Path) -> None:
    path = open_log(tmp_path / "logs")
    log.info("the %s broke", "thing")
    log.debug("not this")
    (line,) = path.read_text().splitlines()
    assert "INFO MainThread loom_desktop.test: the thing broke" in line
    assert (tmp_path / "logs").stat().st_mode & 0o777 == 0o700


def test_twice_is_once(tmp_path: Path) -> None:
    open_log(tmp_path / "logs")
    path = open_log(tmp_path / "logs")
    log.warning("once")
    assert path.read_text().count("once") == 1


def test_secrets_and_the_home_are_taken_out_of_tracebacks_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/somebody-special")
    path = open_log(tmp_path / "logs")
    key = "sk-" + "proj-abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH"
    try:
        raise OSError(f"Authorization: Bearer {key} in /home/somebody-special/file")
    except OSError:
        log.exception("it failed with %s", key)
    text = path.read_text()
    assert key not in text
    assert "somebody-special" not in text
    assert "~/file" in text
    assert "Traceback" in text


def test_it_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_BYTES", 2_000)
    path = open_log(tmp_path / "logs")
    for number in range(400):
        log.info("line %d of a long story", number)
    files = sorted(one.name for one in path.parent.iterdir())
    assert files == ["loom.log", "loom.log.1", "loom.log.2", "loom.log.3"]
    assert all(one.stat().st_size <= 2_100 for one in path.parent.iterdir())
    assert "line 399" in path.read_text()


def test_odd_characters_are_written(tmp_path: Path) -> None:
    path = open_log(tmp_path / "logs")
    log.info("half a character: %s, and a bell\x07", "\udcff")
    assert r"half a character: \udcff" in path.read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "logs").touch()
    with pytest.raises(Unavailable):
        open_log(tmp_path / "logs")


@pytest.mark.parametrize(
    ("wrong", "told"), [(OSError(28, "No space left on device"), False), (TypeError("%d"), True)]
)
def test_a_full_disk_is_not_told_with_every_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    wrong: Exception,
    told: bool,
) -> None:
    open_log(tmp_path / "logs")

    def fail(*_: object) -> None:
        raise wrong

    monkeypatch.setattr(logs._Masked, "format", fail)
    log.info("a line")
    assert ("Logging error" in capsys.readouterr().err) is told
