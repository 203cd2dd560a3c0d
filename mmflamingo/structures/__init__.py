"""What travels through the toolbox beside pixels."""

from .bounded_cache import BoundedCache
from .flamingo_data_sample import FlamingoDataSample

__all__ = ['BoundedCache', 'FlamingoDataSample']
