"""Going back in the popup: the last question in other words, or once more, or a branch from here.

What is asked anew is asked in a branch: the conversation as it was stays in the history.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from loom_desktop.errors import LoomError

from .crossing import Engine
from .transcript import Message

if TYPE_CHECKING:
    from .popup import Popup

Call = tuple[str, dict[str, Any]]
"""A verb of the engine, and its arguments."""


class Again(QObject):
    """Of one popup. ``acts`` are its commands, by key."""

    def __init__(self, popup: Popup, engine: Engine) -> None:
        super().__init__(popup)
        self._popup, self._engine = popup, engine
        self.editing = False
        """What is sent next takes the place of the last question."""
        self.acts: dict[str, Callable[[], None]] = {
            "edit": self.edit,
            "again": self.repeat,
            "branch": self.branch,
        }
        popup.prompt.edit.textChanged.connect(self._typed)
        popup.notice.closed.connect(self.leave)
        popup.transcript.retry.connect(self.after_failure)

    def edit(self) -> None:
        """The last question into the input, to be changed and sent."""
        if (at := self._asked()) is None:
            return
        popup = self._popup
        popup.prompt.put(popup.transcript.messages[at].text)
        self.editing = True
        popup.tell(
            "info",
            self.tr("You are changing the last question."),
            self.tr("The answer comes in a branch. This conversation stays as it is."),
        )

    def send(self, text: str, files: tuple[str, ...]) -> None:
        """Ask what was changed."""
        self.leave()
        if (at := self._asked()) is not None:
            said = self._popup.transcript.messages
            shown = Message("user", text, files=(*said[at].files, *files))
            new = {"text": text, "files": list(files), "conversation": self._popup.conversation}
            self._popup.restart("edit", [*said[:at], shown], new)

    def leave(self) -> None:
        """What is sent next is a question of its own."""
        if self.editing:
            self.editing = False
            self._popup.notice.hide()

    def repeat(self) -> None:
        """The last question once more."""
        if (at := self._asked()) is not None:
            said = self._popup.transcript.messages
            new = {"conversation": self._popup.conversation}
            self._popup.restart("retry", said[: at + 1], new)

    def after_failure(self) -> None:
        """The failed turn once more, with all that came along and its labels; a question that was
        refused was no turn yet, and is put as it was."""
        kept = [m for m in self._popup.transcript.messages if m.role != "error"]
        while kept and kept[-1].role == "assistant":
            kept.pop()  # the part of an answer that broke off
        verb, arguments = self._popup.last_call
        self._popup.restart(verb, kept, arguments)

    def branch(self) -> None:
        """Go on in a conversation of its own with all that was said here."""
        popup = self._popup

        def made(answer: dict[str, int]) -> None:
            popup.open_conversation(answer["conversation"])
            popup.tell(
                "info",
                self.tr("This is a branch."),
                self.tr("The conversation that it comes from is in the history."),
            )

        def failed(error: LoomError) -> None:
            popup.tell("error", error.message, error.hint)

        if self._asked() is not None:
            self._engine.request("branch", made, failed, conversation=popup.conversation)

    def _asked(self) -> int | None:
        """Where the last question stands; None, and told, when there is none to go back to."""
        popup = self._popup
        said = popup.transcript.messages
        at = [number for number, one in enumerate(said) if one.role == "user"]
        if popup.transcript.streaming or not popup.conversation or not at:
            popup.tell("info", self.tr("There is no answered question here to go back to."))
            return None
        return at[-1]

    def _typed(self) -> None:
        if not self._popup.prompt.text:
            self.leave()
