"""Checkpoints: read without running their code, fitted to a model, accounted for."""
