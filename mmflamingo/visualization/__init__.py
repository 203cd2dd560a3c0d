"""Pictures of what a model saw, was asked and answered."""

from .visualizer import FlamingoVisualizer

__all__ = ['FlamingoVisualizer']
