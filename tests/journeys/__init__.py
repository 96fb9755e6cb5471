"""Whole user stories, played with the real application on a screen of its own."""
