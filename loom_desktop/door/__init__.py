"""The door: the local socket through which the command line and a second start reach a running
Loom. Newline JSON with a version; the verbs are those of every door (``verbs``)."""
