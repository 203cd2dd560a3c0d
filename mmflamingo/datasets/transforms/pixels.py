"""One rule for pixels: a picture as a person sees it, whatever file, mode or depth it comes in.

- Turned upright as its EXIF data say; of an animation the first frame.
- On white where it is transparent.
- 8 bits a colour stay as they are. Of 16 the upper 8 are taken: 0 to 65535 become 0 to 255. 1 bit becomes 0 or 255.
  Floats from 0 to 1 become 0 to 255, rounded; other floats and other integers have no stated range and are refused.
"""

import numpy as np
from PIL import Image, ImageOps

WHITE = (255, 255, 255)
DEEP_FORMATS = ('PNG', 'PPM')  # whose 16 bits older versions of pillow give as 32, in mode 'I'
BITS, PHOTOMETRIC, WHITE_IS_ZERO = 258, 262, 0  # tags of TIFF
SHAPES = '(H, W, 3) in BGR, (H, W, 4) in BGRA, or (H, W) in grey'


def pixels_of(image: Image.Image) -> np.ndarray:
    """The pixels (H, W, 3) of a PIL image, uint8, BGR.

    Raises:
        ValueError: The values have no stated range.
        OSError: The image's file is broken.
    """
    upright = ImageOps.exif_transpose(image)
    if image.mode in ('I', 'F') or image.mode.startswith('I;16'):
        upright = Image.fromarray(_eight_bits(_grey(upright, image)))
    return np.ascontiguousarray(np.asarray(_on_white(upright).convert('RGB'))[..., ::-1])


def pixels_of_array(array: np.ndarray) -> np.ndarray:
    """The pixels (H, W, 3), uint8, BGR, of an array: BGR, BGRA or grey.

    Raises:
        ValueError: It has another shape, or values of no stated range.
    """
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))) or not array.size:
        raise ValueError(f'it has the shape {array.shape}: give {SHAPES}')
    array = _eight_bits(array)
    if array.ndim == 3 and array.shape[2] == 3:
        return np.ascontiguousarray(array)
    return pixels_of(Image.fromarray(array if array.ndim == 2 else np.ascontiguousarray(array[..., [2, 1, 0, 3]])))


def _eight_bits(array: np.ndarray) -> np.ndarray:
    """Values of any stated range as uint8."""
    if array.dtype == np.uint8:
        return array
    if array.dtype == bool:
        return array.astype(np.uint8) * 255
    if array.dtype == np.uint16:
        return (array >> 8).astype(np.uint8)
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(f'its values are {array.dtype}, which has no stated range: give uint8')
    if not (array.min() >= 0 and array.max() <= 1):  # nor if one is NaN
        raise ValueError(
            f'its values are {array.dtype} from {array.min():g} to {array.max():g}, and floats must be from 0 to 1: scale '
            'them, or give uint8'
        )
    return np.rint(array * array.dtype.type(255)).astype(np.uint8)


def _grey(upright: Image.Image, image: Image.Image) -> np.ndarray:
    """Values of a deep grey image, uint16 or floats; `image` is as its file gave it, and knows what they mean."""
    if image.mode == 'F':
        return np.asarray(upright)
    if image.mode == 'I' and image.format not in DEEP_FORMATS:
        raise ValueError('its values are integers of 32 bits, which have no stated range: convert it to 8 or 16 bits')
    values = np.asarray(upright).astype(np.uint16)
    tags = getattr(image, 'tag_v2', {})
    if tags.get(BITS) == (12,):
        values = values << 4
    if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        values = 65535 - values
    hidden = image.info.get('transparency')
    return np.where(values == hidden, np.uint16(65535), values) if isinstance(hidden, int) else values


def _on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image
    image = image.convert('RGBA')
    ground = Image.new('RGB', image.size, WHITE)
    ground.paste(image, mask=image.getchannel('A'))
    return ground
