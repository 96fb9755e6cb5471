"""Faults: what becomes of the store, the timers and a whole Loom when the machine fails them.

Each suite has a ``run`` that answers with a ``Report``; the tests run a small number and
``make faults`` the long form. Each has a negative control: the same suite with its guard taken
away, or a fault planted, which must be found, or the suite has no teeth.
"""
