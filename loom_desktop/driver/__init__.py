"""Drivers: how each desktop is really listened to. A source chooses one, and reports which."""
