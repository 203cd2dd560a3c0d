"""Parts of videos: a path with a fragment as of W3C's Media Fragments, `video.mp4#t=START,END` in seconds."""

MARK = '#t='


def clip_path(path: str, start: float | str, end: float | str) -> str:
    """The path of a part of a video."""
    return f'{path}{MARK}{float(start):g},{float(end):g}'


def split_clip(path: str) -> tuple[str, float, float]:
    """The file, and where the part begins and ends in seconds; a whole video goes from 0 to infinity.

    Raises:
        ValueError: The fragment is none, or the part ends before it begins.
    """
    file, mark, fragment = path.rpartition(MARK)
    if not mark:
        return path, 0.0, float('inf')
    try:
        start, end = map(float, fragment.split(','))
    except ValueError:
        raise ValueError(f"'{path}': write the part of a video as FILE{MARK}START,END, in seconds.") from None
    if not 0 <= start < end:
        raise ValueError(f"'{path}': a part from {start:g} to {end:g} seconds is empty. Correct the annotation file.")
    return file, start, end
