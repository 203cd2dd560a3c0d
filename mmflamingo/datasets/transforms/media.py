"""What loading pictures and loading videos share: where they come from, and what a bad one does."""

import os
from reprlib import Repr
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from PIL import Image

from mmflamingo.files import plain_reason

ARTICLES = {'image': 'an', 'video': 'a'}
BAD_IMAGE_POLICIES = ('error', 'blank')
# The seed's pixel mean (CLIP's), rounded, in BGR: after normalisation next to zero.
MEAN_GREY = (104, 117, 123)
MAX_PIXELS = 178_956_970  # of a picture: where pillow stops, too; reading so many takes about 2 GB
MAX_FRAME_PIXELS = 2**25  # of a frame: 8K, of which 30 take 3 GB


class MediaLoader(BaseTransform):
    """Base of the transforms that load a medium, with one policy for bad ones.

    A subclass names its `kind` and says in `load` how a medium becomes pixels.

    Args:
        on_bad_image: What a medium that exists and cannot be read does: 'error' stops, 'blank' puts mean grey in its place
            and notes it under `bad_images`. One that does not exist, or must not be read, always stops.
        blank_size: Height and width of the grey.
        max_pixels: Most pixels of a picture or of a frame; a medium with more is a bad one.

    Raises:
        ValueError: An argument is not one of the allowed.
    """

    kind: str  # 'image' or 'video'
    # What to do about a medium that is missing, and about one that cannot be read.
    if_missing = "Put it there, or correct data_root and data_prefix['img_path'] of the dataset."
    if_broken = "Replace it, or set on_bad_image='blank' in {loader} to continue with a grey {kind}."

    def __init__(self, on_bad_image: str, blank_size: tuple[int, int], max_pixels: int) -> None:
        name = type(self).__name__
        if on_bad_image not in BAD_IMAGE_POLICIES:
            raise ValueError(f'{name}: on_bad_image={on_bad_image!r} is not known; choose one of {BAD_IMAGE_POLICIES}.')
        if len(blank_size) != 2 or not all(isinstance(edge, int) and edge > 0 for edge in blank_size):
            raise ValueError(f'{name}: blank_size={blank_size!r} must be a height and a width in pixels.')
        if isinstance(max_pixels, bool) or not isinstance(max_pixels, int) or max_pixels < 1:
            raise ValueError(f'{name}: max_pixels={max_pixels!r} must be a positive integer.')
        self.on_bad_image = on_bad_image
        self.blank_size = tuple(blank_size)
        self.max_pixels = max_pixels

    def load(self, source: Any) -> np.ndarray | list[np.ndarray]:
        """Pixels of a medium: one array (H, W, 3), or one a frame."""
        raise NotImplementedError

    def blank(self) -> np.ndarray | list[np.ndarray]:
        """What takes the place of a bad medium."""
        return np.full((*self.blank_size, 3), MEAN_GREY, dtype=np.uint8)

    def transform(self, results: dict) -> dict:
        """Load `img_path`."""
        source = results['img_path']
        if isinstance(source, list | tuple):
            raise TypeError(
                f'{type(self).__name__} loads one {self.kind}, but img_path is a list of {len(source)}. '
                f'Wrap the transforms of {ARTICLES[self.kind]} {self.kind} in ApplyToList.'
            )
        try:
            results['img'] = self.load(source)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise FileNotFoundError(
                f'{self.kind.capitalize()} {describe(source)} does not exist. {self.if_missing}'
            ) from error
        except (PermissionError, ImportError):  # nothing is wrong with the file itself
            raise
        except Exception as error:  # decoders raise anything on hostile bytes
            if self.on_bad_image == 'error':
                what_to_do = self.if_broken.format(loader=type(self).__name__, kind=self.kind)
                raise ValueError(
                    f'{describe(source)} is not a readable {self.kind}: {plain_reason(error)} {what_to_do}'
                ) from error
            results['img'] = self.blank()
            results['bad_images'] = [source if isinstance(source, str) else describe(source)]
        first = results['img'][0] if isinstance(results['img'], list) else results['img']
        results['img_shape'] = results['ori_shape'] = first.shape[:2]
        return results

    def check_size(self, width: int, height: int) -> None:
        """Raise if a picture or a frame has too many pixels, before it is decoded."""
        if width * height > self.max_pixels:
            raise ValueError(f'it has {width} x {height} pixels, the limit is {self.max_pixels} (max_pixels)')

    def __repr__(self) -> str:
        return f'{type(self).__name__}(on_bad_image={self.on_bad_image!r}, max_pixels={self.max_pixels})'


def describe(source: Any) -> str:
    """A medium for a message: its path, or what it is; never its values."""
    if isinstance(source, np.ndarray):
        return f'The array of shape {source.shape} and dtype {source.dtype}'
    if isinstance(source, Image.Image):
        return f'The PIL image of mode {source.mode!r} and size {source.size}'
    shortened = Repr()
    shortened.maxstring, shortened.maxother = 300, 100
    return shortened.repr(os.fspath(source) if isinstance(source, os.PathLike) else source)
