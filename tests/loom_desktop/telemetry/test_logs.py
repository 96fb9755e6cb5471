import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from loom_desktop.errors import Unavailable
from loom_desktop.telemetry.logs import open_log


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    for handler in root.handlers[:]:
        if handler not in before:
            root.removeHandler(handler)
            handler.close()
    root.setLevel(level)


def test_what_is_logged_is_in_the_file_with_secrets_and_home_masked(tmp_path: Path) -> None:
    path = open_log(tmp_path / "logs")
    key = "sk-" + "a1B2c3D4" * 6
    logging.getLogger("loom_desktop.test").warning("with %s in %s", key, Path.home() / "x")
    text = path.read_text()
    assert "loom_desktop.test" in text
    assert key not in text
    assert "~/x" in text


def test_twice_is_the_same_as_once(tmp_path: Path) -> None:
    open_log(tmp_path)
    path = open_log(tmp_path)
    logging.getLogger("loom_desktop.test").error("once")
    assert path.read_text().count("once") == 1


def test_a_traceback_is_masked_too(tmp_path: Path) -> None:
    path = open_log(tmp_path)
    key = "sk-" + "a1B2c3D4" * 6
    try:
        raise ValueError(key)
    except ValueError:
        logging.getLogger("loom_desktop.test").exception("it failed")
    assert "ValueError" in path.read_text()
    assert key not in path.read_text()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable):
        open_log(tmp_path / "file" / "logs")
