"""Suites: many tests, one table."""
