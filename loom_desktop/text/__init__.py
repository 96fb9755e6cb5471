"""What can be done with text and documents without any model: pure functions, no network."""
