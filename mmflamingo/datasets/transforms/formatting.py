"""The last transform: pixels into one tensor, all else into a data sample."""

from collections.abc import Sequence

import numpy as np
import torch
from mmcv.transforms import BaseTransform

from mmflamingo.registry import TRANSFORMS
from mmflamingo.structures import FlamingoDataSample

META_KEYS = (
    'task',
    'sample_id',
    'sample_idx',
    'image_id',
    'img_path',
    'ori_shape',
    'img_shape',
    'bad_images',
)


@TRANSFORMS.register_module()
class PackInputs(BaseTransform):
    """Pack a record for the model.

    Required Keys:

    - img: an array (H, W, 3), a list of M such, or a list of M lists of F such

    Output:

    - inputs: uint8 tensor (M, F, 3, H, W), channels as loaded (BGR)
    - data_samples: FlamingoDataSample with every other key of the record

    Args:
        meta_keys: Keys that become meta information of the data sample; all others become data.
    """

    def __init__(self, meta_keys: Sequence[str] = META_KEYS) -> None:
        self.meta_keys = tuple(meta_keys)

    def transform(self, results: dict) -> dict:
        """Pack `img` and the rest."""
        record = {key: value for key, value in results.items() if key != 'img'}
        return {
            'inputs': _pack_pixels(results.get('img'), results.get('sample_id')),
            'data_samples': FlamingoDataSample.from_record(record, self.meta_keys),
        }

    def __repr__(self) -> str:
        return f'{type(self).__name__}(meta_keys={self.meta_keys})'


def _pack_pixels(images: object, sample_id: object) -> torch.Tensor:
    """Stack nested images to (M, F, 3, H, W)."""
    media = images if isinstance(images, list) else [images]
    media = [frames if isinstance(frames, list) else [frames] for frames in media]
    if images is None or not media or not all(media):
        raise ValueError(
            f'Sample {sample_id!r} has no image after the transforms. Load one, e.g. by LoadImageFromFile.'
        )
    if len({len(frames) for frames in media}) > 1:
        raise ValueError(
            f'The media of sample {sample_id!r} have different numbers of frames: '
            f'{[len(f) for f in media]}. '
            'Images and videos cannot be mixed in one sample.'
        )
    shapes = [frame.shape for frames in media for frame in frames]
    if len(set(shapes)) > 1:
        raise ValueError(
            f'The images of sample {sample_id!r} differ in shape after the transforms: '
            f'{list(dict.fromkeys(shapes))}. End the transforms with a fixed size, e.g. ResizeEdge '
            'and CenterCrop.'
        )
    dtype = media[0][0].dtype
    if len(shapes[0]) != 3 or shapes[0][2] != 3 or dtype != np.uint8:
        raise ValueError(
            f'The images of sample {sample_id!r} are {dtype} arrays of shape {shapes[0]}; '
            'uint8 of shape (H, W, 3) is needed, as LoadImageFromFile and LoadVideoFrames give it.'
        )
    pixels = torch.from_numpy(np.stack([np.stack(frames) for frames in media]))
    return pixels.permute(0, 1, 4, 2, 3).contiguous()
