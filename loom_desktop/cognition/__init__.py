"""Cognition: from what the person says to an answer, by a skill or by a model, step by step."""

from __future__ import annotations

from loom_desktop.cognition.step import Step as Step
from loom_desktop.cognition.thinking import How as How
from loom_desktop.cognition.thinking import Past as Past
from loom_desktop.cognition.thinking import Said as Said
from loom_desktop.cognition.thinking import Thinker as Thinker
from loom_desktop.cognition.thinking import World as World
