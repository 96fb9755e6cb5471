"""Every error a person may see.

    LoomError
    ├── SettingsError        loom.toml says something we cannot follow
    ├── UsageError           a command or a form was filled in wrongly
    ├── NotFound             no such source, agent, capability, provider, card ...
    ├── Denied               the person, the policy, or nobody, said no
    ├── Unavailable          a model, device, file or network is not there now
    ├── TimedOut             it took longer than allowed
    └── NotUnderstood        a phrase or a document that we cannot make sense of

The message says what happened; the hint says what to do; the code is one of the standard ones.
They are raised anywhere and shown in one place per door (shell, CLI, socket). Whatever else is
raised is a bug.
"""

from typing import Literal

Code = Literal[
    "ACTION_OK",
    "ACTION_ERROR",
    "ACTION_TIMEOUT",
    "INVALID_PARAMS",
    "CAPABILITY_ERROR",  # the capability itself failed
    "PROVIDER_UNAVAILABLE",  # there is none of that name, or what it needs is not there
    "DENIED",
    "UNKNOWN",  # begun before a crash, outcome not known
]


class LoomError(Exception):
    """Something a person can understand went wrong."""

    code: Code = "ACTION_ERROR"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.hint)


def _rebuild(kind: type[LoomError], message: str, hint: str) -> LoomError:
    return kind(message, hint=hint)


class SettingsError(LoomError):
    """loom.toml says something we cannot follow."""


class UsageError(LoomError):
    """A command or a form was filled in wrongly."""

    code = "INVALID_PARAMS"


class NotFound(LoomError):
    """There is no such source, agent, capability, provider or card."""

    code = "PROVIDER_UNAVAILABLE"


class Denied(LoomError):
    """The person, the policy, or nobody, said no."""

    code = "DENIED"


class Unavailable(LoomError):
    """A model, device, file or network is not there now."""

    code = "PROVIDER_UNAVAILABLE"


class TimedOut(LoomError):
    """It took longer than allowed."""

    code = "ACTION_TIMEOUT"


class NotUnderstood(LoomError):
    """A phrase or a document that we cannot make sense of."""

    code = "INVALID_PARAMS"
