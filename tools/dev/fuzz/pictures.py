"""Kind `pictures`: files of another format, broken, huge, or no files at all."""

import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from .cases import Case
from .material import Material, outcome, write_configs
from .mutations import change_bytes


def make(material: Material, rng: Random, folder: Path) -> Case:
    """A picture of a query or a shot is replaced, and the questions are asked."""
    shutil.copytree(material.folder / 'data', folder / 'data')
    write_configs(folder, folder)
    path = folder / 'data' / 'pictures' / rng.choice(material.shown)
    name, is_same = rng.choice([_other_format, _other_format, _broken, _broken, _broken, _no_picture])(path, rng)
    work = material.test(folder, 'vqa.py', folder / 'work', checkpoint=str(material.folder / 'checkpoint.pth'))

    def judge() -> str | None:
        found = outcome(folder / 'work')
        if is_same is None:
            return None if found.samples else 'no samples'
        return material.vqa.difference(found) if is_same else f'{name}: no error'

    return Case(name, work, judge)


def _other_format(path: Path, rng: Random) -> tuple[str, bool | None]:
    """The same pixels, differently written."""
    picture = Image.open(path).convert('RGB')
    ways: dict[str, Callable[[], bytes]] = {
        'BMP': lambda: _saved(picture, 'BMP'),
        'TIFF': lambda: _saved(picture, 'TIFF', compression=rng.choice([None, 'tiff_lzw', 'tiff_deflate'])),
        'WebP': lambda: _saved(picture, 'WEBP', lossless=True),
        'PPM': lambda: _saved(picture, 'PPM'),
        'opaque RGBA': lambda: _saved(picture.convert('RGBA'), 'PNG'),
        'rotated back by EXIF': lambda: _with_orientation(picture),
        '16 bits a channel': lambda: _saved(
            Image.fromarray(np.asarray(picture.convert('L')).astype(np.uint16) * 257), 'PNG'
        ),
        'JPEG': lambda: _saved(picture, 'JPEG'),
        'CMYK JPEG': lambda: _saved(picture.convert('CMYK'), 'JPEG'),
        'GIF of two frames': lambda: _saved(picture, 'GIF', save_all=True, append_images=[picture]),
        'one bit': lambda: _saved(picture.convert('1'), 'PNG'),
    }
    name = rng.choice(list(ways))
    path.write_bytes(ways[name]())
    is_lossless = name in ('BMP', 'TIFF', 'WebP', 'PPM', 'opaque RGBA', 'rotated back by EXIF')
    return f'as {name}', True if is_lossless else None


def _saved(picture: Image.Image, kind: str, **settings: object) -> bytes:
    content = io.BytesIO()
    picture.save(content, kind, **{key: value for key, value in settings.items() if value is not None})
    return content.getvalue()


def _with_orientation(picture: Image.Image) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    return _saved(picture.transpose(Image.Transpose.ROTATE_90), 'PNG', exif=exif)


def _broken(path: Path, rng: Random) -> tuple[str, bool | None]:
    original = np.asarray(Image.open(path).convert('RGB'))
    name, content = change_bytes(path.read_bytes(), rng)
    path.write_bytes(content)
    try:  # what Pillow makes of it, who does not read on where a file is broken
        pixels = np.asarray(Image.open(io.BytesIO(content)).convert('RGB'))
    except Exception:
        return name, False
    return name, True if pixels.shape == original.shape and (pixels == original).all() else None


def _no_picture(path: Path, rng: Random) -> tuple[str, bool | None]:
    """Something else in the file's place."""
    name = rng.choice(['missing', 'folder', 'pipe', 'link to itself', 'dangling link', 'bomb', 'a text', '1 x 60000'])
    path.unlink()
    if name == 'folder':
        path.mkdir()
    elif name == 'pipe':
        os.mkfifo(path)
    elif name == 'link to itself':
        path.symlink_to(path)
    elif name == 'dangling link':
        path.symlink_to(path.with_name('none.png'))
    elif name == 'bomb':
        path.write_bytes(_saved(Image.new('1', (60_000, 60_000)), 'PNG'))
    elif name == 'a text':
        path.write_text('<html>404 Not Found</html>')
    elif name == '1 x 60000':
        Image.new('RGB', (60_000, 1), 'red').save(path)
    return name, None if name == '1 x 60000' else False
