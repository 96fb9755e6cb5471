"""@capability: a typed function with a name, a schema and an effect."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal, get_args, get_type_hints

import msgspec

Effect = Literal[
    "none",  # pure calculation
    "notify",  # card, speech, notification
    "read-local",
    "read-net",
    "write-own",  # a reminder, note or memory of Loom's: undoable, and it keeps its labels
    "write-reversible",
    "write-irreversible",
    "send",
    "execute",
    "spend",
    "settings",
]
"""What it does to the world; the policy goes by it (see ``policy``)."""


Resolve = Callable[[Any, dict[str, Any]], dict[str, Any]]
"""(ctx, the arguments as they were given) -> the arguments as they are meant, in plain data."""


class Capability(msgspec.Struct, frozen=True):
    """Something that can be done, and what is known of it before it is."""

    name: str
    description: str
    effect: Effect
    run: Callable[..., Any]
    arguments: type[msgspec.Struct]
    """Made from the signature: what the caller sends is checked against it."""
    timeout_s: float = 30.0
    idempotent: bool = False
    """Doing it twice is the same as once: it may be repeated after a crash."""
    paths: tuple[str, ...] = ()
    """Which arguments are paths: the policy asks whether they lie in a granted folder."""
    resolve: Resolve | None = None
    """Puts what is meant where an argument was left out, before the policy looks at it."""

    @property
    def wants_context(self) -> bool:
        """Whether its first parameter is ``ctx``."""
        return "ctx" in inspect.signature(self.run).parameters

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of the arguments, as models and MCP want it."""
        _, parts = msgspec.json.schema_components([self.arguments])
        schema: dict[str, Any] = parts[self.arguments.__name__]
        return schema

    def check(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments in the right types. Raises msgspec.ValidationError."""
        return msgspec.structs.asdict(msgspec.convert(arguments, self.arguments))


def capability(
    name: str,
    *,
    effect: Effect,
    timeout_s: float = 30.0,
    idempotent: bool = False,
    paths: tuple[str, ...] = (),
    resolve: Resolve | None = None,
) -> Callable[[Callable[..., Any]], Capability]:
    """Let agents, models and MCP clients call a function. A first parameter ``ctx`` is ours.

    Names are ``family.verb``; the types and the docstring of the function are its schema. A plain
    function must be quick: what waits or computes for long is ``async def``.
    """
    family, _, verb = name.partition(".")
    if not family.isidentifier() or not verb.isidentifier():
        raise ValueError(f"a capability is called family.verb, not {name!r}")
    if effect not in get_args(Effect):
        raise ValueError(f"{name}: {effect!r} is not an effect: {', '.join(get_args(Effect))}")

    def declare(function: Callable[..., Any]) -> Capability:
        # Context and Event of the public door are names that only a type checker sees.
        hints = get_type_hints(function, localns=_Anything())
        given = [p for p in inspect.signature(function).parameters.values() if p.name != "ctx"]
        fields = [
            (p.name, hints[p.name]) if p.default is p.empty else (p.name, hints[p.name], p.default)
            for p in given
        ]
        arguments = msgspec.defstruct(
            function.__name__,
            fields,
            kw_only=True,
            forbid_unknown_fields=True,
            module=function.__module__,
        )
        description = inspect.getdoc(function)
        if not description:
            raise ValueError(f"{name} needs a docstring: it is what a model and a person are told")
        return Capability(
            name, description, effect, function, arguments, timeout_s, idempotent, paths, resolve
        )

    return declare


class _Anything(dict[str, Any]):
    """Names that exist for type checkers only (``if TYPE_CHECKING``) stand for anything."""

    def __getitem__(self, key: str) -> Any:
        if key in {"CapabilityContext", "Context", "Event"}:
            return object
        raise KeyError(key)


tool = capability
"""The same, by the name it has at the LLM and MCP edge."""
