"""A keyring that the tests decide about, in a file: another process asks it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from keyring.backend import KeyringBackend  # noqa: TID253  # the fake stands in for one

FILE = "LOOM_TEST_KEYRING"


class FakeKeyring(KeyringBackend):
    """Keeps everything in a file; may be locked, refuse, or lose what it is given."""

    priority = 5

    def _state(self) -> dict[str, Any]:
        Path(os.environ[FILE]).with_suffix(".asked").touch()
        while True:
            state: dict[str, Any] = json.loads(Path(os.environ[FILE]).read_text("utf-8"))
            if state["refuses"]:
                raise RuntimeError("the collection is not there")
            if not state["locked"]:
                return state
            time.sleep(0.01)  # as long as somebody waits

    def get_password(self, service: str, username: str) -> str | None:
        found: str | None = self._state()["kept"].get(f"{service}/{username}")
        return found

    def set_password(self, service: str, username: str, password: str) -> None:
        state = self._state()
        print("a backend that talks")  # noqa: T201  # on the stdout of its process
        if not state["forgets"]:
            state["kept"][f"{service}/{username}"] = password
            Path(os.environ[FILE]).write_text(json.dumps(state), "utf-8")

    def delete_password(self, service: str, username: str) -> None:
        state = self._state()
        del state["kept"][f"{service}/{username}"]
        Path(os.environ[FILE]).write_text(json.dumps(state), "utf-8")


class SlowKeyring(FakeKeyring):
    """Takes its time to say whether it is one."""

    @property
    def priority(self) -> int:  # type: ignore[override]
        time.sleep(60)
        return 5


class Ring:
    """The same file, from the side of the test."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._write(kept={}, locked=False, refuses=False, forgets=False)

    @property
    def kept(self) -> dict[str, str]:
        """``service/name: value``."""
        kept: dict[str, str] = json.loads(self.path.read_text("utf-8"))["kept"]
        return kept

    @property
    def asked(self) -> bool:
        """Whether anything was ever asked of it."""
        return self.path.with_suffix(".asked").exists()

    def put(self, name: str, value: str) -> None:
        self.set(kept={**self.kept, name: value})

    def set(self, **changed: Any) -> None:
        self._write(**{**json.loads(self.path.read_text("utf-8")), **changed})

    def _write(self, **state: Any) -> None:
        draft = self.path.with_suffix(".draft")
        draft.write_text(json.dumps(state), "utf-8")
        draft.replace(self.path)
