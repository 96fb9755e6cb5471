"""The shell: everything that imports Qt, and nothing that decides."""
