"""Reading pictures; a file that can't be read is always named."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import mmcv.transforms
import numpy as np
import PIL.Image
import PIL.ImageOps
from PIL import ImageFile

from mmflamingo.registry import TRANSFORMS

BAD_IMAGE_POLICIES = ('error', 'blank')
# The seed's pixel mean (CLIP's), rounded, in BGR: after normalisation next to zero.
MEAN_GREY = (104, 117, 123)


@TRANSFORMS.register_module()
class LoadImageFromFile(mmcv.transforms.LoadImageFromFile):
    """mmcv's LoadImageFromFile that names the file it fails on, and can go on without it.

    Required Keys:

    - img_path

    Added Keys:

    - img: uint8 (H, W, 3), BGR
    - img_shape, ori_shape: (H, W)
    - bad_images (only for a file replaced by a blank picture): list of its path

    Args:
        on_bad_image: What a truncated or non-image file does: 'error' stops, 'blank' puts a
            mean-grey picture in its place and notes the path under `bad_images`. A file that does
            not exist always stops.
        blank_size: Height and width of the grey picture.
        imdecode_backend: 'pillow' refuses truncated files, 'cv2' accepts many of them.
        kwargs: Further arguments of mmcv's transform.
    """

    def __init__(
        self,
        on_bad_image: str = 'error',
        blank_size: tuple[int, int] = (224, 224),
        imdecode_backend: str = 'pillow',
        **kwargs,
    ) -> None:
        if on_bad_image not in BAD_IMAGE_POLICIES:
            raise ValueError(f'on_bad_image={on_bad_image!r} is not known; choose of {BAD_IMAGE_POLICIES}.')
        super().__init__(imdecode_backend=imdecode_backend, **kwargs)
        self.on_bad_image = on_bad_image
        self.blank_size = tuple(blank_size)

    def transform(self, results: dict) -> dict:
        """Load `img_path`."""
        path = results['img_path']
        if not isinstance(path, str):
            raise TypeError(
                f'LoadImageFromFile loads one image, but img_path is {path!r}. '
                'Wrap the transforms of an image in ApplyToList.'
            )
        try:
            with _truncated_files_refused():
                results = super().transform(results)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"Image '{path}' does not exist. Put it there, or correct data_root and "
                "data_prefix['img_path'] of the dataset."
            ) from error
        except Exception as error:  # decoders raise anything on hostile bytes
            if self.on_bad_image == 'error':
                raise ValueError(
                    f"'{path}' is not a readable image: {error}. Fetch it again, or set "
                    "on_bad_image='blank' in LoadImageFromFile to go on with a grey picture."
                ) from error
            results['img'] = np.full((*self.blank_size, 3), MEAN_GREY, dtype=np.uint8)
            results['img_shape'] = results['ori_shape'] = self.blank_size
            results['bad_images'] = [path]
        results['img'] = np.ascontiguousarray(results['img'])
        return results


@TRANSFORMS.register_module()
class LoadImage(LoadImageFromFile):
    """LoadImageFromFile that also takes pictures which are in memory already.

    Required Keys:

    - img_path: a path, a URL (http, https or file), a PIL image, or an array (H, W, 3), uint8, BGR
    """

    def transform(self, results: dict) -> dict:
        """Load `img_path`, or take it as it is."""
        image = results['img_path']
        if isinstance(image, str) and image.startswith('file:'):  # mmengine has no backend for these
            results['img_path'] = url2pathname(urlparse(image).path)
        if isinstance(image, Path):
            results['img_path'] = str(image)
        if not isinstance(image, PIL.Image.Image | np.ndarray):
            return super().transform(results)
        if isinstance(image, PIL.Image.Image):
            image = np.asarray(PIL.ImageOps.exif_transpose(image).convert('RGB'))[..., ::-1]
        results['img'] = np.ascontiguousarray(image)
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results


@contextmanager
def _truncated_files_refused() -> Iterator[None]:
    """Keep pillow from filling up truncated files, even if another library asked it to."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before
