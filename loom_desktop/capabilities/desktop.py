"""What Loom says about itself."""

from __future__ import annotations

from typing import Any

from loom_desktop import capability

_CHIPS = [
    {"label": "15% of 240", "ask": "What is 15% of 240?"},
    {"label": "Remind me", "ask": "Remind me tomorrow at 9 to "},
    {"label": "Summarise what I copied", "ask": "Summarise what I copied"},
]


@capability("desktop.help", effect="none", idempotent=True)
def help_text() -> dict[str, Any]:
    """What can be asked without a model."""
    return {
        "text": (
            "Without any model I can:\n\n"
            "- **remind** you: *remind me every weekday at half past eight to stretch*\n"
            "- **sum up** what you copied, or a file you drop here\n"
            "- **sort** files: *sort my downloads*, with undo\n"
            "- **calculate**: *15% of 240*, *10 km in miles*, *days until 1 May*\n"
            "- keep **notes**: *note: the key is under the mat*, *find notes about key*\n\n"
            "With a model I can talk about anything. Start Ollama, or name a model in Settings."
        ),
        "chips": _CHIPS,
    }


@capability("desktop.welcome", effect="none", idempotent=True)
def welcome() -> dict[str, Any]:
    """A short answer to thanks."""
    return {"text": "You are welcome."}
