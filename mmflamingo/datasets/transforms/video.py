"""Frames of videos, by PyAV."""

from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
from mmcv.transforms import BaseTransform

from mmflamingo.registry import TRANSFORMS

from ..clips import split_clip


@TRANSFORMS.register_module()
class LoadVideoFrames(BaseTransform):
    """Load a number of frames of a video, or of a part of it.

    Without `fps` they are spread evenly: the middle ones of `num_frames` equal parts. With it they are `1 / fps` seconds
    apart, around the middle; a video too short for that is sampled evenly. The Flamingo paper tests with 30 frames at 3 a
    second. Needs PyAV (`pip install mmflamingo[optional]`).

    Required Keys:

    - img_path: path of the video; `video.mp4#t=START,END` is a part of it, in seconds

    Added Keys:

    - img: list of `num_frames` arrays, uint8 (H, W, 3), BGR
    - img_shape, ori_shape: (H, W)

    Args:
        num_frames: Frames to give; a shorter video repeats some.
        fps: Frames a second; None spreads them over the whole.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not a video, or there are no frames in it or in that part.
    """

    def __init__(self, num_frames: int = 8, fps: float | None = None) -> None:
        if num_frames < 1:
            raise ValueError(f'num_frames={num_frames} must be positive.')
        if fps is not None and fps <= 0:
            raise ValueError(f'fps={fps} must be positive, or None.')
        self.num_frames = num_frames
        self.fps = fps

    def transform(self, results: dict) -> dict:
        """Load `img_path`."""
        av = _import_av()
        path, start, end = split_clip(results['img_path'])
        if not Path(path).is_file():
            raise FileNotFoundError(
                f"Video '{path}' does not exist. Put it there, or correct data_root and "
                "data_prefix['img_path'] of the dataset."
            )
        try:
            times = frame_times(av, path)
            first, last = bisect_left(times, start), bisect_left(times, end)
            if times and first == last:
                raise ValueError(
                    f"'{path}' has no frames from {start:g} to {end:g} seconds; its last one is at {times[-1]:.2f}."
                )
            frames = _decode(av, path, self._choose(times, first, last)) if times else []
        except av.FFmpegError as error:
            raise ValueError(f"'{path}' is not a readable video: {error}.") from error
        if not frames:
            raise ValueError(f"'{path}' holds no video frames.")
        results['img'] = frames
        results['img_shape'] = results['ori_shape'] = frames[0].shape[:2]
        return results

    def _choose(self, times: Sequence[float], first: int, last: int) -> list[int]:
        """Numbers of the frames to give, of those from `first` until before `last`."""
        if self.fps is not None:
            part = times[first:last]
            span = self.num_frames / self.fps
            if part[-1] - part[0] >= span:
                begin = (part[0] + part[-1] - span) / 2
                wanted = (begin + (number + 0.5) / self.fps for number in range(self.num_frames))
                return [first + bisect_left(part, time) for time in wanted]
        return [first + index for index in frame_indices(last - first, self.num_frames)]

    def __repr__(self) -> str:
        return f'{type(self).__name__}(num_frames={self.num_frames}, fps={self.fps})'


def frame_indices(total: int, num_frames: int) -> list[int]:
    """Cut `total` frames into equal parts and take the middle of each."""
    return [(2 * part + 1) * total // (2 * num_frames) for part in range(num_frames)]


def frame_times(av: ModuleType, path: str) -> list[float]:
    """When each frame of the first video stream is shown, in seconds from the first one; nothing is decoded.

    Files that don't tell (raw streams) get equal times by their rate.
    """
    with av.open(path) as container:
        if not container.streams.video:
            raise ValueError(f"'{path}' holds no video stream.")
        stream = container.streams.video[0]
        stamps = [packet.pts for packet in container.demux(stream) if packet.size]
        if any(stamp is None for stamp in stamps):
            return [number / float(stream.average_rate or 25) for number in range(len(stamps))]
        return [float((stamp - min(stamps)) * stream.time_base) for stamp in sorted(stamps)]


def _decode(av: ModuleType, path: str, indices: Sequence[int]) -> list[np.ndarray]:
    """Decode the frames of ascending `indices`; past the end the last one is repeated."""
    frames, frame = [], None
    with av.open(path) as container:
        for position, frame in enumerate(container.decode(video=0)):
            wanted = indices.count(position)
            if wanted:
                frames += [frame.to_ndarray(format='bgr24')] * wanted
            if len(frames) == len(indices):
                return frames
    if frame is not None:
        frames += [frame.to_ndarray(format='bgr24')] * (len(indices) - len(frames))
    return frames


def _import_av() -> ModuleType:
    try:
        import av
    except ImportError as error:
        raise ImportError(
            "Videos need PyAV, which is not installed: pip install 'mmflamingo[optional]' (or pip install av)."
        ) from error
    return av
