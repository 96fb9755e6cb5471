"""A catalogue: one file is one way to a language model."""
