"""Geometry of one image."""

import mmcv
from mmcv.transforms import BaseTransform

from mmflamingo.registry import TRANSFORMS

EDGES = ('short', 'long', 'width', 'height')


@TRANSFORMS.register_module()
class ResizeEdge(BaseTransform):
    """Resize an image so that one edge has a given length; the aspect ratio stays.

    With the defaults, `ResizeEdge(224)` and `CenterCrop(224)` equal open_clip's transform bit by
    bit.

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
    """

    def __init__(
        self,
        scale: int,
        edge: str = 'short',
        backend: str = 'pillow',
        interpolation: str = 'bicubic',
    ) -> None:
        if edge not in EDGES:
            raise ValueError(f'edge={edge!r} is not known; choose of {EDGES}.')
        if not isinstance(scale, int) or scale < 1:
            raise ValueError(f'scale={scale!r} must be a positive integer.')
        self.scale = scale
        self.edge = edge
        self.backend = backend
        self.interpolation = interpolation

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
        results['img'] = mmcv.imresize(results['img'], size, interpolation=self.interpolation, backend=self.backend)
        results['img_shape'] = results['img'].shape[:2]
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(scale={self.scale}, edge={self.edge!r}, '
            f'backend={self.backend!r}, interpolation={self.interpolation!r})'
        )
