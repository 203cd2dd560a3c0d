"""Reading pictures; a file that cannot be read is always named."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from os import PathLike, fspath
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import RLock
from typing import Any, BinaryIO
from urllib.parse import urlparse
from urllib.request import url2pathname

import numpy as np
from mmengine import fileio
from PIL import Image, ImageFile

from mmflamingo.files import Limits, check_regular, fetch
from mmflamingo.registry import TRANSFORMS

from .media import MAX_PIXELS, MediaLoader
from .pixels import SHAPES, pixels_of, pixels_of_array

# What pillow may read: no format whose files are programs (EPS) or need one.
FORMATS = (
    *('JPEG', 'PNG', 'WEBP', 'GIF', 'BMP', 'TIFF', 'MPO', 'AVIF', 'JPEG2000'),
    *('DIB', 'ICO', 'PCX', 'PPM', 'QOI', 'SGI', 'TGA'),
)
_PILLOW = RLock()


@TRANSFORMS.register_module()
class LoadImageFromFile(MediaLoader):
    """Load a picture as a person sees it: upright, on white where it is transparent, 8 bits a colour.

    `pixels.py` has the rules. The transform takes the place of mmcv's of this name. It refuses truncated files, PNGs with a
    wrong checksum, pipes and devices.

    Required Keys:

    - img_path: a path, or a URL

    Added Keys:

    - img: uint8 (H, W, 3), BGR
    - img_shape, ori_shape: (H, W)
    - bad_images (only for a file replaced by a blank picture): list of its path

    Args:
        on_bad_image, blank_size, max_pixels: See `MediaLoader`.
        timeout: Seconds for a picture from the web (http, https).
        max_bytes: Most bytes of a picture from the web.
        backend_args: Arguments of mmengine's file backend, for pictures elsewhere (S3, LMDB, ...).

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is not a readable picture.
    """

    kind = 'image'

    def __init__(
        self,
        on_bad_image: str = 'error',
        blank_size: tuple[int, int] = (224, 224),
        max_pixels: int = MAX_PIXELS,
        timeout: float = 60,
        max_bytes: int = 2**28,
        backend_args: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(on_bad_image, blank_size, max_pixels)
        for name, limit in {'timeout': timeout, 'max_bytes': max_bytes}.items():
            if isinstance(limit, bool) or not isinstance(limit, int | float) or not limit > 0:
                raise ValueError(f'{type(self).__name__}: {name}={limit!r} must be a positive number.')
        self.timeout = timeout
        self.max_bytes = max_bytes
        self.backend_args = backend_args

    def load(self, source: Any) -> np.ndarray:
        """Pixels (H, W, 3) of the picture at a path."""
        if not isinstance(source, str):
            raise ValueError('its path is not a text')
        # Pillow gets a file, not its path: it misreads turned TIFFs that it maps into memory.
        with self._opened(source) as file, _pillow(self.max_pixels), Image.open(file, formats=_formats()) as image:
            pixels = self._pixels(image)
            if image.format == 'PNG':  # pillow doesn't compare the checksums of pixels
                file.seek(0)
                Image.open(file, formats=['PNG']).verify()
            return pixels

    def _pixels(self, image: Image.Image) -> np.ndarray:
        self.check_size(*image.size)
        return pixels_of(image)

    def _opened(self, path: str) -> BinaryIO:
        if self.backend_args is None and path.lower().startswith(('http://', 'https://')):
            return self._from_web(path)
        if self.backend_args is not None or '://' in path:
            return BytesIO(fileio.get(path, self.backend_args))
        return check_regular(path).open('rb')

    def _from_web(self, url: str) -> BytesIO:
        names = {'answer_seconds': 'timeout', 'total_seconds': 'timeout', 'max_bytes': 'max_bytes'}
        with TemporaryDirectory() as folder:
            file = Path(folder) / 'picture'
            fetch(url, file, Limits(self.timeout, self.timeout, self.max_bytes, names))
            return BytesIO(file.read_bytes())


@TRANSFORMS.register_module()
class LoadImage(LoadImageFromFile):
    """LoadImageFromFile that also takes pictures which are in memory already.

    Required Keys:

    - img_path: a path, a URL (http, https or file), a PIL image at the frame to take, or an array: (H, W, 3) in BGR,
      (H, W, 4) in BGRA, or (H, W) in grey, of uint8, uint16, bool, or floats from 0 to 1
    """

    if_missing = 'Correct the path.'
    if_broken = 'Give another one.'

    def load(self, source: Any) -> np.ndarray:
        """Pixels (H, W, 3) of a picture from anywhere."""
        if isinstance(source, np.ndarray):
            return pixels_of_array(source)
        if isinstance(source, Image.Image):
            with _pillow(self.max_pixels):
                return self._pixels(source)
        if not isinstance(source, str | PathLike):
            raise ValueError(
                f'a {type(source).__name__} is not a picture: give a path, a URL, a PIL image, or an array {SHAPES}'
            )
        path = fspath(source)
        return super().load(url2pathname(urlparse(path).path) if path.startswith('file:') else path)


@contextmanager
def _pillow(max_pixels: int) -> Iterator[None]:
    """Have pillow refuse truncated files and decompression bombs, whatever another library told it.

    Its settings are global, so one thread reads at a time.
    """
    with _PILLOW:
        before = ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS
        ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS = False, max_pixels
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS = before


def _formats() -> list[str]:
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]
