"""Memory: what is kept, how it is found again, and how sure one may be of it."""
