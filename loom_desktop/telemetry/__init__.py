"""Telemetry: what Loom writes down about itself. It stays on this computer."""
