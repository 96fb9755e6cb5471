"""Which topics a pattern takes in, and whether a pattern is one."""

from loom_desktop.errors import UsageError


def matches(pattern: list[str], topic: list[str]) -> bool:
    """``*`` is exactly one segment, a last ``>`` is one or more."""
    for i, segment in enumerate(pattern):
        if segment == ">":
            return len(topic) > i
        if i >= len(topic) or segment not in ("*", topic[i]):
            return False
    return len(pattern) == len(topic)


def segments(pattern: str) -> list[str]:
    """The segments of a pattern. Raises UsageError: one that can never match is a mistake."""
    parts = pattern.split(".")
    if not all(parts) or ">" in parts[:-1]:
        raise UsageError(
            f"{pattern!r} is not a pattern of topics.",
            hint="Segments stand between dots; * is one of them, and > at the end is the rest.",
        )
    return parts
