"""loom ask, loom chat."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

from loom_desktop.cli.talk import clean, events, out, out_json
from loom_desktop.errors import LoomError, Unavailable, UsageError

if TYPE_CHECKING:
    import click

_MOST_BYTES = 4_000_001


def ask_command() -> click.Command:
    """One question, one answer."""
    import click

    @click.command("ask")
    @click.argument("text", nargs=-1)
    @click.option("--file", "-f", "files", multiple=True, help="A document that it is about.")
    @click.option(
        "--way",
        type=click.Choice(["direct", "thought", "react", "plan"]),
        default=None,
        help="How a model works on it: one answer, reasoning first, with tools, after a plan.",
    )
    @click.option("--copy", is_flag=True, help="Put the answer on the clipboard as well.")
    @click.option("--json", "as_json", is_flag=True, help="Print answer, route and trace as JSON.")
    def ask(
        text: tuple[str, ...], files: tuple[str, ...], way: str | None, copy: bool, as_json: bool
    ) -> None:
        """Ask something. Without TEXT it is read from standard input."""
        question = " ".join(text)
        if not question and not files and not sys.stdin.isatty():
            question = _read(_MOST_BYTES)
        if not question.strip() and not files:
            raise UsageError("There is no question.", hint='Write one: loom ask "2 + 2"')
        answered = _answer(question, [*files], 0, show=not as_json, way=way or "")
        if copy:
            _copy(answered["text"])
        if as_json:
            facts = ("route", "model", "seconds", "cost", "reason", "chips", "steps")
            said = {"answer": answered["text"], "route": answered["route"]}
            said |= {"trace": answered["trace"]} | {k: answered[k] for k in facts if k in answered}
            out_json(said)

    return ask


def chat_command() -> click.Command:
    """A conversation in the terminal."""
    import click

    @click.command("chat")
    def chat() -> None:
        """Talk. An empty line or Ctrl-D ends, /new begins anew, Ctrl-C stops an answer."""
        conversation, asked = 0, sys.stdin.isatty()
        if asked:
            out("Ask anything. An empty line ends.")
        while True:
            try:
                text = input("> " if asked else "").strip()
            except EOFError:
                if asked:
                    out()
                return
            if not text or text.lower() in ("/quit", "/exit", "quit", "exit", "bye"):
                return
            if text == "/help":
                out("An empty line or /quit ends, /new begins anew, Ctrl-C stops an answer.")
                continue
            if text == "/new":
                conversation = 0
                out("A new conversation.")
                continue
            try:
                conversation = _answer(text, [], conversation, show=True)["conversation"]
            except KeyboardInterrupt:
                out("\nStopped.")
            except LoomError as error:
                out(f"{error.message} {error.hint}".strip())

    return chat


def _answer(
    text: str, files: list[str], conversation: int, *, show: bool, way: str = ""
) -> dict[str, Any]:
    whole = _whole(files)
    return answer("ask", show=show, text=text, files=whole, conversation=conversation, way=way)


def answer(verb: str, *, show: bool, **arguments: Any) -> dict[str, Any]:
    """Do a verb that asks. The answer as it comes, and its facts, with the conversation that it is
    in. Raises what the engine says went wrong."""
    shown = ""
    with closing(events(verb, **arguments, door="cli")) as steps:
        for event in steps:
            topic, said = event["topic"], event["payload"]
            if topic == "chat.streamed" and show:
                sys.stdout.write(clean(said["text"]))
                sys.stdout.flush()
                shown += said["text"]
            elif topic == "chat.stepped" and show:
                _step(said)
            elif topic == "chat.answered":
                if show:
                    if not said["text"].startswith(shown):
                        _small("\nA better answer came:")
                        shown = ""
                    out(f"{clean(said['text'][len(shown) :])}\n")
                    _small(_line(said))
                thread = int(event["trace"], 16)
                return {**said, "trace": event["trace"], "conversation": thread}
            elif topic == "chat.failed":
                if shown:
                    out()
                raise Unavailable(said["message"], hint=said["hint"])
            elif topic == "chat.cancelled":
                raise Unavailable("It was stopped.")
    raise Unavailable("The answer did not come to its end.", hint="Try again.")


def _copy(text: str) -> None:
    """Write to the clipboard. pyperclip only writes here: it cannot see what is secret."""
    import pyperclip

    try:
        pyperclip.copy(text)
    except pyperclip.PyperclipException as error:
        raise Unavailable(
            "The answer could not be copied: there is no tool for the clipboard.",
            hint="Install xclip, or wl-clipboard on Wayland.",
        ) from error


def _read(most: int) -> str:
    raw = getattr(sys.stdin, "buffer", None)
    return raw.read(most).decode("utf-8", "replace") if raw else sys.stdin.read(most)


def _whole(files: list[str]) -> list[str]:
    from pathlib import Path

    return [str(Path(one).expanduser().absolute()) for one in files]


_LONGEST_STEP = 200


def _step(said: dict[str, Any]) -> None:
    """A line of what is done meanwhile; thoughts are not for a terminal."""
    kind, facts = said["kind"], said["facts"]
    if kind == "call":
        given = ", ".join(f"{name}: {value}" for name, value in facts["arguments"].items())
        _small(_short(f"· {facts['tool'].replace('-', '.')}  {given}"))
    elif kind == "result" and not facts["ok"]:
        _small(_short(f"· {facts['tool'].replace('-', '.')} was not done: {said['text']}"))
    elif kind == "plan":
        for line in said["text"].splitlines():
            _small(_short(f"  {line}"))
    elif kind == "limit":
        _small(said["text"])


def _short(line: str) -> str:
    line = " ".join(clean(line).split())
    return line if len(line) <= _LONGEST_STEP else line[: _LONGEST_STEP - 1] + "…"


def _line(said: dict[str, Any]) -> str:
    """Who answered: route, seconds, money."""
    cost = said.get("cost")
    about = "about " if said.get("estimated") else ""
    money = "cost unknown" if cost is None else f"{about}${cost:.4f}" if cost else ""
    return " · ".join(one for one in (said["route"], f"{said['seconds']:.1f} s", money) if one)


def _small(line: str) -> None:
    """In small type where there is one. What was said by others is cleaned, our own sign is not."""
    if sys.stdout.isatty():
        sys.stdout.write(f"\x1b[2m{clean(line)}\x1b[0m\n")
    else:
        out(f"({line})")
