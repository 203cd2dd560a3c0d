"""A test: its loop, journal, protocol, predictions and scores."""
