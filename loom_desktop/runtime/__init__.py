"""Agents at run time: who wakes on what, what they may do, and what reaches the person."""

from loom_desktop.runtime.agent import Agent as Agent
from loom_desktop.runtime.context import CapabilityContext as CapabilityContext
from loom_desktop.runtime.context import Context as Context
from loom_desktop.runtime.supervisor import Supervisor as Supervisor
