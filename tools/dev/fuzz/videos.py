"""Kind `videos`: broken and cut files of a video."""

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
    frames, changed = _frames(material.folder / 'data' / 'videos' / VIDEO), _frames(folder / 'videos' / VIDEO)

    def judge() -> str | None:
        difference = material.video.difference(outcome(folder / 'work'))
        if difference is None or changed is None or name == 'bytes: cut':
            return difference and f'{name}, no error: {difference}'
        # A file whose tables name other frames is another video.
        is_same = len(frames) == len(changed) and all(map(np.array_equal, frames, changed))
        return difference if is_same else None

    return Case(name, material.test(material.folder, 'video.py', folder / 'work', prefix), judge)


def _frames(path: Path) -> list[np.ndarray] | None:
    """All frames by PyAV alone; None where it finds an error."""
    try:
        with av.open(str(path), metadata_errors='replace') as file:
            return [frame.to_ndarray(format='rgb24') for frame in file.decode(video=0)]
    except Exception:
        return None
