"""Loom Desktop: write agents that live on your own computer.

from loom_desktop import Agent, Context, Event, capability
"""

TYPE_CHECKING = False  # ``typing`` is most of what ``loom --version`` would load
if TYPE_CHECKING:
    from loom_desktop.actions import Result as Result
    from loom_desktop.actions import capability as capability
    from loom_desktop.actions import tool as tool
    from loom_desktop.breaker import Breaker as Breaker
    from loom_desktop.bus import Aggregate as Aggregate
    from loom_desktop.bus import until as until
    from loom_desktop.event import Event as Event
    from loom_desktop.event import QoS as QoS
    from loom_desktop.loom import Loom as Loom
    from loom_desktop.runtime import Agent as Agent
    from loom_desktop.runtime import CapabilityContext as CapabilityContext
    from loom_desktop.runtime import Context as Context
    from loom_desktop.runtime.attention import Offer as Offer
    from loom_desktop.sources import Publish as Publish
    from loom_desktop.sources import Report as Report
    from loom_desktop.sources import Source as Source

_HOME = {  # public name -> the module it lives in, imported when the name is first used
    "Agent": "runtime",
    "Aggregate": "bus",
    "Breaker": "breaker",
    "CapabilityContext": "runtime",
    "Context": "runtime",
    "Event": "event",
    "Loom": "loom",
    "Offer": "runtime.attention",
    "Publish": "sources",
    "QoS": "event",
    "Report": "sources",
    "Result": "actions",
    "Source": "sources",
    "capability": "actions",
    "tool": "actions",
    "until": "bus.collaboration",
}
__all__ = sorted(_HOME)


def __dir__() -> list[str]:
    """With the names that were not used so far."""
    return sorted({*globals(), *_HOME})


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import gc
    import importlib

    collecting = gc.isenabled()
    gc.disable()  # what is imported stays: looking through it for garbage takes 5 ms of the start
    try:
        value: object = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    finally:
        if collecting:
            gc.enable()
    globals()[name] = value
    return value
