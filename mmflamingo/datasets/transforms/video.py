"""Frames of videos, by PyAV."""

from functools import partial
from os import PathLike, fspath
from typing import Any

import numpy as np

from mmflamingo.files import check_regular
from mmflamingo.registry import TRANSFORMS

from ..clips import split_clip
from .media import MAX_FRAME_PIXELS, MediaLoader
from .video_file import import_av, read_frames
from .video_timeline import Timeline


@TRANSFORMS.register_module()
class LoadVideoFrames(MediaLoader):
    """Load a number of frames of a video, or of a part of it, as a player shows them.

    Without `fps` they are spread evenly: those that are on the screen in the middle of `num_frames` equal stretches of time.
    With it they are `1 / fps` seconds apart, around the middle; a video too short for that is sampled evenly. The Flamingo
    paper tests with 30 frames at 3 a second. Frames are turned and mirrored as the file says. Needs PyAV
    (`pip install mmflamingo[optional]`).

    Required Keys:

    - img_path: path of the video; `video.mp4#t=START,END` is a part of it, in seconds

    Added Keys:

    - img: list of `num_frames` arrays, uint8 (H, W, 3), BGR
    - img_shape, ori_shape: (H, W)
    - bad_images (only for a file replaced by blank frames): list of its path

    Args:
        num_frames: Frames to give; a shorter video repeats some.
        fps: Frames a second; None spreads them over the whole.
        on_bad_image, blank_size, max_pixels: See `MediaLoader`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not a readable video, is cut off, or has no frames in that part.
    """

    kind = 'video'

    def __init__(
        self,
        num_frames: int = 8,
        fps: float | None = None,
        on_bad_image: str = 'error',
        blank_size: tuple[int, int] = (224, 224),
        max_pixels: int = MAX_FRAME_PIXELS,
    ) -> None:
        super().__init__(on_bad_image, blank_size, max_pixels)
        if num_frames < 1:
            raise ValueError(f'num_frames={num_frames} must be positive.')
        if fps is not None and fps <= 0:
            raise ValueError(f'fps={fps} must be positive, or None.')
        self.num_frames = num_frames
        self.fps = fps

    def load(self, source: Any) -> list[np.ndarray]:
        """Frames of the video at a path."""
        import_av()
        if not isinstance(source, str | PathLike):
            raise ValueError(f'a {type(source).__name__} is not a video: give a path')
        path, start, end = split_clip(fspath(source))
        if '://' in path:
            raise ValueError('videos are read from local files only: download it first')
        file = check_regular(path)
        choose = partial(Timeline.choose, num_frames=self.num_frames, fps=self.fps, start=start, end=end)
        return read_frames(file, choose, self.check_size)

    def blank(self) -> list[np.ndarray]:
        """Grey frames."""
        return [super().blank()] * self.num_frames

    def __repr__(self) -> str:
        return f'{type(self).__name__}(num_frames={self.num_frames}, fps={self.fps})'
