"""Configs: read, checked, joined with the command line, and the files they name."""
