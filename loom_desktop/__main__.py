"""``loom``: without arguments and with a display the desktop application, else the command line.

A second start and ``loom popup`` talk to the running application before anything heavy is
imported; ``--version`` imports nothing at all.
"""

from __future__ import annotations

import os
import sys


def main(argv: list[str] | None = None) -> int:
    """The exit code: 0, 1 for what was told on stderr, 2 for a wrong use of the command."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments in (["--version"], ["-V"]):
        from loom_desktop.version import VERSION

        if sys.stdout is not None:  # closed
            sys.stdout.write(f"loom {VERSION}\n")
        return 0
    if not arguments or arguments == ["--hidden"]:
        if _display():
            from loom_desktop.door.client import show

            if not arguments and (code := show("popup")) is not None:
                return code  # it runs: its popup has come up, and nothing heavy was loaded
            return _shell(arguments)
        arguments = ["run"]
    if arguments == ["keyring-child"]:  # of a packaged Loom, which has no other Python to start
        from loom_desktop.keyring_child import main as ask

        return ask()
    if arguments == ["selfcheck"]:
        return _selfcheck()
    if arguments == ["popup"]:
        from loom_desktop.door.client import show

        if (code := show("popup", toggle=True)) is not None:
            return code
    if arguments in (["run"], ["run", "--hidden"]) and _display():
        return _shell(arguments[1:])
    from loom_desktop.cli import run

    return run(arguments)


def _display() -> bool:
    """Whether there is a screen to show windows on."""
    if os.environ.get("QT_QPA_PLATFORM"):
        return True
    return sys.platform in ("win32", "darwin") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


def _selfcheck() -> int:
    """Start the shell where nobody sees it, in a folder of its own, open each window, and end."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="loom-selfcheck-") as folder:
        os.environ["LOOM_HOME"] = folder
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        os.environ["DBUS_SESSION_BUS_ADDRESS"] = "disabled:"  # no key goes into the keyring
        code = _shell(["--selfcheck"])
        if code:
            log = os.path.join(folder, "logs", "loom.log")
            if os.path.exists(log):
                with open(log, encoding="utf-8") as lines:
                    sys.stderr.write(lines.read())
    sys.stdout.write("Loom starts, opens its windows and ends.\n" if not code else "It failed.\n")
    return code


def _shell(arguments: list[str]) -> int:
    """Start the shell: from the wheel, or from the folder beside this package in a checkout.

    The folder is loaded by its path, so that somebody's ``app.py`` is never run in its place.
    """
    from importlib.util import find_spec, module_from_spec, spec_from_file_location
    from pathlib import Path

    name = "loom_desktop._app"
    if find_spec(name) is None:
        folder = Path(__file__).resolve().parent.parent / "app"
        spec = spec_from_file_location(
            name, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        if spec is None or spec.loader is None or not folder.is_dir():
            sys.stderr.write("The windows of Loom are not installed. Use `loom run --headless`.\n")
            return 1
        module = module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    import importlib

    code: int = importlib.import_module(f"{name}.main").main(arguments)
    return code


if __name__ == "__main__":
    sys.exit(main())
