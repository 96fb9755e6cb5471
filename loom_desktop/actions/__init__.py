"""Actions: capabilities, and the broker that is the only door to them."""

from loom_desktop.actions.broker import Broker as Broker
from loom_desktop.actions.broker import Call as Call
from loom_desktop.actions.broker import Result as Result
from loom_desktop.actions.capability import Capability as Capability
from loom_desktop.actions.capability import Effect as Effect
from loom_desktop.actions.capability import capability as capability
from loom_desktop.actions.capability import tool as tool
from loom_desktop.actions.consent import Consent as Consent
