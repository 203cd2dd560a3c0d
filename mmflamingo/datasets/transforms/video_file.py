"""Reading a video file by PyAV: when its frames are shown, and the upright pixels of some of them."""

import struct
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from .cut_videos import missing_bytes
from .video_timeline import Timeline

# Files that hold their own frames. Playlists and scripts (HLS, DASH, concat, image2, ...) name other files and servers.
FORMATS = (
    *('mov,mp4,m4a,3gp,3g2,mj2', 'matroska,webm', 'avi', 'mpeg', 'mpegvideo', 'mpegts', 'm4v', 'h264', 'hevc', 'obu'),
    *(
        'ivf',
        'flv',
        'asf',
        'ogg',
        'gif',
        'apng',
        'mjpeg',
        'mxf',
        'nut',
        'rm',
        'dv',
        'vc1',
        'yuv4mpegpipe',
        'wav',
        'mp3',
        'flac',
    ),
)
OPTIONS = {'format_whitelist': ','.join(FORMATS), 'protocol_whitelist': 'file'}
# Frames without a container, which the middle of any file may look like; and names of files that have one.
RAW = ('m4v', 'h264', 'hevc', 'obu', 'mpegvideo', 'mjpeg', 'vc1')
CONTAINERS = ('.mp4', '.mov', '.mkv', '.webm', '.avi', '.3gp')
LOST = 0.1  # of its frames a sound file may lose when it is decoded, such as those before the first key frame


def import_av() -> ModuleType:
    """PyAV.

    Raises:
        ImportError: It is not installed; the message says how to install it.
    """
    try:
        import av
    except ImportError as error:
        raise ImportError(
            "Videos need PyAV, which is not installed: pip install 'mmflamingo[optional]' (or pip install av)."
        ) from error
    return av


def read_frames(
    path: Path, choose: Callable[[Timeline], list[int]], check_size: Callable[[int, int], None]
) -> list[np.ndarray]:
    """Frames (H, W, 3) of a video, uint8, BGR, turned and mirrored as the file says.

    Args:
        path: A regular file.
        choose: Gives the ascending stamps of the frames to take.
        check_size: Raises if a width and a height are too large.

    Raises:
        ValueError: The file holds no video frames, or not all that it should.
        av.FFmpegError: It can't be decoded, or it is none of `FORMATS`.
    """
    missing = missing_bytes(path)
    if missing:
        raise ValueError(f'it is cut off, its last {missing} bytes are missing')
    with _opened(path) as (container, stream):
        check_size(stream.codec_context.width, stream.codec_context.height)
        timeline = _timeline(container, stream)
    with _opened(path) as (container, stream):
        return _decode(container.decode(stream), timeline, choose(timeline), check_size)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """A container and its main video stream."""
    # An absolute path can't be taken for a protocol.
    av = import_av()
    try:
        container = av.open(str(path.absolute()), container_options=OPTIONS, metadata_errors='replace')
    except av.ArgumentError as error:
        raise ValueError('its format is unknown, or one that names other files instead of holding frames') from error
    with container:
        stream = container.streams.best('video')
        if stream is None:
            raise ValueError('it holds no video stream')
        if container.format.name in RAW and path.suffix.lower() in CONTAINERS:
            raise ValueError(f'it is damaged: it has no head of a {path.suffix} file')
        yield container, stream


def _timeline(container: Any, stream: Any) -> Timeline:
    """When the frames are shown; nothing is decoded. Files that don't tell (raw streams) get a constant rate."""
    packets = [
        (packet.pts, packet.duration or 0)
        for packet in container.demux(stream)
        if packet.size and not packet.is_discard
    ]
    if not packets:
        raise ValueError('it holds no video frames')
    if any(stamp is None for stamp, _ in packets):
        return Timeline(range(len(packets)), 1 / Fraction(stream.average_rate or 25), is_counted=True)
    durations = dict(packets)
    stamps = sorted(durations)
    return Timeline(stamps, Fraction(stream.time_base), durations[stamps[-1]])


def _decode(
    decoded: Iterator[Any], timeline: Timeline, wanted: Sequence[int], check_size: Callable[[int, int], None]
) -> list[np.ndarray]:
    """Pixels of the frames that are on the screen at ascending stamps."""
    chosen, shown, count = [], None, 0
    for count, frame in enumerate(decoded, 1):
        check_size(frame.width, frame.height)
        stamp = timeline.stamps[min(count, len(timeline.stamps)) - 1] if timeline.is_counted else frame.pts
        chosen += [shown or frame] * (bisect_left(wanted, stamp) - len(chosen))
        shown = frame
        if stamp >= wanted[-1]:
            break
    else:
        if count < (1 - LOST) * len(timeline.stamps):
            raise ValueError(f'it is damaged, only {count} of its {len(timeline.stamps)} frames can be decoded')
    chosen += [shown] * (len(wanted) - len(chosen))
    pixels = {id(frame): _upright(frame) for frame in chosen}
    return [pixels[id(frame)] for frame in chosen]


def _upright(frame: Any) -> np.ndarray:
    """A frame as players show it: its display matrix turns by right angles and mirrors, other angles are rounded."""
    pixels, data = frame.to_ndarray(format='bgr24'), frame.side_data.get('DISPLAYMATRIX')
    if data is None:
        return pixels
    # A point (x, y) is shown at (a x + c y, b x + d y), and where it is moved to in the end.
    a, b, _, c, d, *_ = struct.unpack('=9i', bytes(data))
    if abs(a) + abs(d) < abs(b) + abs(c):
        pixels, a, d = pixels.transpose(1, 0, 2), c, b
    return np.ascontiguousarray(pixels[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])
