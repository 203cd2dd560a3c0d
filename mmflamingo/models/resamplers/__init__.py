"""Resamplers: any number of patch features to a fixed number of visual tokens."""

from .perceiver_resampler import PerceiverResampler

__all__ = ['PerceiverResampler']
