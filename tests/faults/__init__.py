"""Faults: what becomes of the store and of the timers when the machine fails them.

Each suite has a ``run`` that answers with a ``Report``; the tests run a small number and
``make faults`` the long form. Each has a negative control: the same suite with its guard taken
away, which must find losses, or the suite has no teeth.
"""
