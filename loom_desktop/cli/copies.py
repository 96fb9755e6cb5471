"""loom backup, loom restore: everything Loom remembers, as a file and back."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loom_desktop.cli.talk import call, out, out_json
from loom_desktop.errors import UsageError

if TYPE_CHECKING:
    import click


def backup_command() -> click.Command:
    """A copy where the person wants it."""
    import click

    @click.command("backup")
    @click.argument("to")
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    def backup(to: str, as_json: bool) -> None:
        """Write a checked copy of everything Loom remembers to the file TO.

        It is encrypted with the same key, which is not in it, and Loom never removes it. On another
        computer it cannot be read without the key: that is in the system's keyring, in store.key
        beside Loom's data or, under your passphrase, in key.json there, which says where it is.
        """
        if not to.strip():
            raise UsageError("Say which file.", hint="Such as: loom backup ~/loom-copy.db")
        done = call("backup", to=_whole(to))
        if as_json:
            out_json(done)
        else:
            out(f"Everything is in {done['path']}, {_size(done['size_bytes'])}.")
            out(f"Bring it back with: loom restore {done['path']}")

    return backup


def restore_command() -> click.Command:
    """A copy put back."""
    import click

    @click.command("restore")
    @click.argument("copy", required=False)
    @click.option("--list", "listed", is_flag=True, help="The copies that Loom made by itself.")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
    def restore(copy: str | None, listed: bool, yes: bool, as_json: bool) -> None:
        """Put a COPY in the place of everything Loom remembers: a file, or a name of --list.

        What there was is kept beside the copies, and can be brought back the same way: what the
        last five restores took the place of. Forgetting something removes those too.
        """
        if listed or not (copy and copy.strip()):
            if not listed:
                raise UsageError("Say which copy.", hint="See them with: loom restore --list")
            _list(call("copies"), as_json)
            return
        path = _named(copy)
        if not yes:
            if not sys.stdin.isatty():
                raise UsageError(
                    "Nobody is there to be asked, and nothing was changed.", hint="Say --yes."
                )
            call("look_at_copy", path=path)
            out(f"Everything Loom remembers gives way to {path}.")
            out("What there is now is kept beside Loom's own copies.")
            if not click.confirm("Go on?"):
                out("Nothing was changed.")
                return
        done = call("restore", path=path)
        if as_json:
            out_json(done)
            return
        out("Restored. Windows that are open may still show what there was before.")
        out(f"That is kept as {done['kept']}")

    return restore


def _list(found: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        out_json(found)
        return
    for one in found:
        at = datetime.fromtimestamp(one["time"]).astimezone()
        what = " (before a restore)" if one["kind"] == "before-restore" else ""
        out(f"{at:%d %b %Y %H:%M}  {one['name']}  {_size(one['size_bytes'])}{what}")
    if found:
        out(f"Bring one back with: loom restore {found[0]['name']}")
    else:
        out("There are no copies yet. Loom makes one each hour in which something happened.")


def _named(copy: str) -> str:
    """The path in full of a file, or of a copy of Loom's own by its name."""
    if Path(copy).name == copy and not Path(copy).exists():
        for one in call("copies"):
            if one["name"] == copy:
                return str(one["path"])
    return _whole(copy)


def _whole(path: str) -> str:
    return str(Path(path).expanduser().absolute())


def _size(size_bytes: int) -> str:
    if size_bytes < 1_000_000:
        return f"{size_bytes / 1_000:.0f} kB"
    return f"{size_bytes / 1_000_000:.1f} MB"
