"""What travels through the toolbox beside pixels."""

from .flamingo_data_sample import FlamingoDataSample

__all__ = ['FlamingoDataSample']
