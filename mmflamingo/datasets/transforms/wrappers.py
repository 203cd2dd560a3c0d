"""Transforms that run other transforms."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.dataset import Compose

from mmflamingo.registry import TRANSFORMS
from mmflamingo.structures import BoundedCache

from ..base import build_transforms
from .geometry import crop_early


@TRANSFORMS.register_module()
class ApplyToList(BaseTransform):
    """Run transforms on every element of a list, e.g. on the images of all shots and of the query.

    Each element travels alone, in a dict that holds nothing else. Wrappers nest: inside one over
    `img_path`, one over `img` treats the frames of a video.

    Required Keys:

    - the scatter key; a value that is not a list counts as a list of one

    Added Keys:

    - the collate keys: lists of what the transforms left there
    - bad_images (only if there are some): paths of all elements' bad images

    Args:
        transforms: Transforms of one element, as configs or callables.
        scatter_key: The list to go through.
        collate_keys: Results to collect.
        cache_bytes: Keep results of up to this many bytes by path, so that a picture which is a shot of many queries is
            loaded once by each worker. For transforms that leave nothing to chance.
    """

    def __init__(
        self,
        transforms: Sequence,
        scatter_key: str = 'img_path',
        collate_keys: Sequence[str] = ('img',),
        cache_bytes: int = 0,
    ) -> None:
        self.transforms = Compose(build_transforms(transforms))
        crop_early(self.transforms.transforms)
        self.scatter_key = scatter_key
        self.collate_keys = tuple(collate_keys)
        self._cache = BoundedCache(cache_bytes)

    def transform(self, results: dict) -> dict:
        """Run the transforms on each element."""
        values = results[self.scatter_key]
        values = values if isinstance(values, list | tuple) else [values]
        items = [self._apply(value) for value in values]
        for key in self.collate_keys:
            results[key] = [item[key] for item in items]
        bad_images = [path for item in items for path in item.get('bad_images', ())]
        if bad_images:
            results['bad_images'] = bad_images
        return results

    def _apply(self, value: Any) -> dict:
        item = self._cache.get(value) if isinstance(value, str) else None
        if item is None:
            item = self.transforms({self.scatter_key: value})
            if isinstance(value, str) and self._cache.max_bytes:
                item = {key: item[key] for key in (*self.collate_keys, 'bad_images') if key in item}
                self._cache.put(value, item, sum(map(_freeze, item.values())))
        return item

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(scatter_key={self.scatter_key!r}, '
            f'collate_keys={self.collate_keys}, transforms={self.transforms})'
        )


def _freeze(value: Any) -> int:
    """Makes arrays read-only, and gives their size in bytes."""
    if isinstance(value, list | tuple):
        return sum(map(_freeze, value))
    if not isinstance(value, np.ndarray):
        return 0
    value.setflags(write=False)
    return value.nbytes
