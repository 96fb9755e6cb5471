"""Loom Desktop."""
