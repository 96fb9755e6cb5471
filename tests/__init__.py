"""The tests, and what they stand on: a private screen, a fake desktop, an accessibility driver."""
