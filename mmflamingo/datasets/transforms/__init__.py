"""From a record's files to the tensor of its pixels; importing it registers mmcv's own too."""

import mmcv.transforms  # noqa: F401

from .choices import AddChoices
from .formatting import PackInputs
from .geometry import ResizeEdge
from .loading import LoadImage, LoadImageFromFile
from .video import LoadVideoFrames
from .wrappers import ApplyToList

__all__ = ['AddChoices', 'ApplyToList', 'LoadImage', 'LoadImageFromFile', 'LoadVideoFrames', 'PackInputs', 'ResizeEdge']
