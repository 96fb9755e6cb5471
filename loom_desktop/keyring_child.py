"""The program that asks the system's keyring, for one question: a process of its own.

What a keyring needs (a D-Bus client, cryptography) is 12 MB that would stay in a process that asks
once a start, and a keyring that hangs cannot be ended in a thread. A question comes as JSON on
stdin: ``{"do", "service", "name", "value"}``. First a line says that the keyring is loaded, then
one answers: ``{"value"}``, or ``{"error": "none" | "refused", "what"}``. Nothing secret is in its
arguments or its environment.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def main() -> int:
    """Answer one question. Always 0: what went wrong is in the answer."""
    out = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # a backend that prints does not answer for us

    def tell(answer: dict[str, Any]) -> None:
        out.write(json.dumps(answer) + "\n")
        out.flush()

    try:
        import keyring

        tell({"loaded": True})  # from here on it may hang, and somebody looks at the clock
        backend = keyring.get_keyring()
        # below 1: "fail", "null" and those that write plain text
        if backend.priority < 1:
            tell({"error": "none", "what": type(backend).__module__})
            return 0
        tell({"value": _answer(backend, **json.loads(sys.stdin.buffer.readline()))})
    except Exception as error:  # whatever a backend raises: there are many
        tell({"error": "refused", "what": type(error).__name__})
    return 0


def _answer(keyring: Any, do: str, service: str, name: str, value: str) -> str | None:
    there: str | None = None if do == "keep" else keyring.get_password(service, name)
    if do == "delete" and there is not None:
        keyring.delete_password(service, name)
    if do == "keep" or (do == "first" and there is None):
        keyring.set_password(service, name, value)
        there = keyring.get_password(service, name)  # some lose it
    return there
