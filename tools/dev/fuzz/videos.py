"""Kind `videos`: broken and cut files of a video."""

import io
from pathlib import Path
from random import Random

import av
import numpy as np

from .cases import Case
from .material import Material, outcome
from .mutations import change_bytes

VIDEO = '1.mp4'


def make(material: Material, rng: Random, folder: Path) -> Case:
    """A video is changed, and a question is asked about it."""
    original = (material.folder / 'data' / 'videos' / VIDEO).read_bytes()
    name, content = change_bytes(original, rng)
    (folder / 'videos').mkdir()
    (folder / 'videos' / VIDEO).write_bytes(content)
    prefix = f'test_dataloader.dataset.data_prefix.img_path={folder / "videos"}'
    before, after = _frames(original), _frames(content)

    def judge() -> str | None:
        if after is None or len(after) < len(before):
            return f'{name}: no error, though {"nothing" if after is None else len(after)} of {len(before)} frames can be read'
        is_same = len(after) == len(before) and all(np.array_equal(*pair) for pair in zip(before, after, strict=True))
        return material.video.difference(outcome(folder / 'work')) if is_same else None

    return Case(name, material.test(material.folder, 'video.py', folder / 'work', prefix), judge)


def _frames(content: bytes) -> list[np.ndarray] | None:
    """All frames, by PyAV alone; None where it finds an error."""
    try:
        with av.open(io.BytesIO(content)) as file:
            return [frame.to_ndarray(format='rgb24') for frame in file.decode(video=0)]
    except Exception:
        return None
