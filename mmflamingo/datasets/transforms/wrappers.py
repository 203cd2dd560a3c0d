"""Transforms that run other transforms."""

from collections.abc import Sequence

from mmcv.transforms import BaseTransform
from mmengine.dataset import Compose

from mmflamingo.registry import TRANSFORMS

from ..base import build_transforms


@TRANSFORMS.register_module()
class ApplyToList(BaseTransform):
    """Run transforms on every element of a list, e.g. on the images of all shots and of the query.

    Each element travels alone, in a dict that holds nothing else. Wrappers nest: inside one over
    `img_path`, one over `img` treats the frames of a video.

    Required Keys:

    - the scatter key; a value that is no list counts as a list of one

    Added Keys:

    - the collate keys: lists of what the transforms left there
    - bad_images (only if there are some): paths of all elements' bad images

    Args:
        transforms: Transforms of one element, as configs or callables.
        scatter_key: The list to go through.
        collate_keys: Results to collect.
    """

    def __init__(
        self,
        transforms: Sequence,
        scatter_key: str = 'img_path',
        collate_keys: Sequence[str] = ('img',),
    ) -> None:
        self.transforms = Compose(build_transforms(transforms))
        self.scatter_key = scatter_key
        self.collate_keys = tuple(collate_keys)

    def transform(self, results: dict) -> dict:
        """Run the transforms on each element."""
        values = results[self.scatter_key]
        values = values if isinstance(values, list | tuple) else [values]
        items = [self.transforms({self.scatter_key: value}) for value in values]
        for key in self.collate_keys:
            results[key] = [item[key] for item in items]
        bad_images = [path for item in items for path in item.get('bad_images', ())]
        if bad_images:
            results['bad_images'] = bad_images
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(scatter_key={self.scatter_key!r}, '
            f'collate_keys={self.collate_keys}, transforms={self.transforms})'
        )
