"""Geometry of one image."""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, floor

import mmcv
import numpy as np
from mmcv.transforms import BaseTransform, CenterCrop
from PIL import Image

from mmflamingo.registry import TRANSFORMS

EDGES = ('short', 'long', 'width', 'height')
MAX_PIXELS = 2**24  # of a whole resized picture; a larger one is only made in part, or not at all
SUPPORT = 3  # pixels that a filter of pillow looks at on each side, at most


@TRANSFORMS.register_module()
class ResizeEdge(BaseTransform):
    """Resize an image so that one edge has a given length; the aspect ratio stays.

    With the defaults, `ResizeEdge(224)` and `CenterCrop(224)` equal open_clip's transform bit by
    bit. Where the result would have more than 2^24 pixels, as that of a picture of 1 x 60000, only the part that a
    CenterCrop right after it keeps is made (see `crop_early`).

    Required Keys:

    - img

    Modified Keys:

    - img
    - img_shape

    Args:
        scale: Length of the edge in pixels.
        edge: 'short', 'long', 'width' or 'height'.
        backend: 'pillow' (filters when it shrinks, as models are trained) or 'cv2'.
        interpolation: Name of the filter in the backend.

    Attributes:
        crop_size: Width and height that a CenterCrop right after it keeps; None if there is none.

    Raises:
        ValueError: An argument is wrong, or the result would be too large.
    """

    def __init__(
        self,
        scale: int,
        edge: str = 'short',
        backend: str = 'pillow',
        interpolation: str = 'bicubic',
    ) -> None:
        if edge not in EDGES:
            raise ValueError(f'edge={edge!r} is not known; choose one of {EDGES}.')
        if not isinstance(scale, int) or scale < 1:
            raise ValueError(f'scale={scale!r} must be a positive integer.')
        self.scale = scale
        self.edge = edge
        self.backend = backend
        self.interpolation = interpolation
        self.crop_size: tuple[int, int] | None = None

    def transform(self, results: dict) -> dict:
        """Resize `img`."""
        height, width = results['img'].shape[:2]
        fixed = {
            'short': min(width, height),
            'long': max(width, height),
            'width': width,
            'height': height,
        }[self.edge]
        # Cut like torchvision's Resize, and keep a line of pixels of extreme formats.
        size = tuple(max(1, self.scale * edge // fixed) for edge in (width, height))
        results['img'] = self._resize(results['img'], size)
        results['img_shape'] = results['img'].shape[:2]
        return results

    def _resize(self, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        if size[0] * size[1] <= MAX_PIXELS:
            return mmcv.imresize(image, size, interpolation=self.interpolation, backend=self.backend)
        if self.crop_size is None or self.backend != 'pillow':
            raise ValueError(
                f'A picture of {image.shape[1]} x {image.shape[0]} pixels would become one of {size[0]} x {size[1]}. Have '
                'CenterCrop follow ResizeEdge (backend pillow), or leave the picture out.'
            )
        return _resize_middle(image, size, self.crop_size, Image.Resampling[self.interpolation.upper()])

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(scale={self.scale}, edge={self.edge!r}, '
            f'backend={self.backend!r}, interpolation={self.interpolation!r})'
        )


def crop_early(transforms: Sequence) -> None:
    """Tell each ResizeEdge that a CenterCrop follows what this one keeps."""
    for resize, crop in pairwise(transforms):
        if isinstance(resize, ResizeEdge) and isinstance(crop, CenterCrop) and not crop.auto_pad:
            resize.crop_size = crop.crop_size


def _resize_middle(
    image: np.ndarray, size: tuple[int, int], crop_size: tuple[int, int], resampling: Image.Resampling
) -> np.ndarray:
    """The middle of an image (H, W, 3) resized to a width and a height; the rest isn't made."""
    kept, windows, box = [], [], []
    for edge, resized, crop in zip(image.shape[1::-1], size, crop_size, strict=True):
        kept.append(min(crop, resized))
        begin = round((resized - kept[-1]) / 2)  # as CenterCrop does
        first, last = begin * edge / resized, (begin + kept[-1]) * edge / resized
        margin = SUPPORT * max(1, edge / resized) + 1
        windows.append(slice(max(0, floor(first - margin)), ceil(last + margin)))
        box.append((first - windows[-1].start, last - windows[-1].start))  # small numbers: pillow's have 24 bits
    (left, right), (top, bottom) = box
    window = Image.fromarray(np.ascontiguousarray(image[windows[1], windows[0]]))
    return np.array(window.resize(tuple(kept), resampling, box=(left, top, right, bottom)))
