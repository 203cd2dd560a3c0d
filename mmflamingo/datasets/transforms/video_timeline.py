"""Which frames of a video to take: those that are on the screen at the wanted times."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf

import numpy as np


@dataclass(frozen=True)
class Timeline:
    """When the frames of a video are shown.

    Attributes:
        stamps: When each frame appears, in ticks, ascending; one at least.
        tick: Seconds of a tick.
        last_ticks: How long the last frame is shown, in ticks; 0 if the file doesn't say.
        is_counted: The file says nothing; stamps are numbers of frames.
    """

    stamps: Sequence[int]
    tick: Fraction
    last_ticks: int = 0
    is_counted: bool = False

    @property
    def gap(self) -> Fraction:
        """Mean time between two frames, in ticks."""
        steps = len(self.stamps) - 1
        return Fraction(self.stamps[-1] - self.stamps[0], steps) if steps else Fraction(self.last_ticks or 1)

    @property
    def is_even(self) -> bool:
        """Whether the frame rate is constant: every frame appears within half a frame of its time at that rate."""
        stamps = np.asarray(self.stamps, dtype=np.float64) - self.stamps[0]
        gap = float(self.gap)
        return bool(np.abs(stamps - gap * np.arange(len(stamps))).max() < gap / 2)

    def choose(self, num_frames: int, fps: float | None = None, start: float = 0, end: float = inf) -> list[int]:
        """Stamps of the frames to take.

        Args:
            num_frames: How many.
            fps: Frames a second, around the middle of the part. None, or a part too short for that, spreads them: the
                middles of `num_frames` equal stretches of time.
            start, end: The part, in seconds from the first frame. At a constant rate it has the frames that appear in it;
                if there are none, and at other rates, it has those that are on the screen.

        Raises:
            ValueError: The video ends before the part begins.
        """
        gap, duration = self.gap, None if fps is None else self._ticks(1 / fps)
        if self.is_even:  # counted in frames, as files round their times
            first, last = (self._number_at(time) for time in (start, end))
            if first < last:
                return [self.stamps[int(t / gap)] for t in _middles(first * gap, last * gap, num_frames, duration)]
        stop = Fraction(self.stamps[-1] - self.stamps[0] + (self.last_ticks or gap))
        begin, stop = self._ticks(start), stop if end == inf else min(stop, self._ticks(end))
        if begin >= stop:
            last = float((self.stamps[-1] - self.stamps[0]) * self.tick)
            raise ValueError(f'it has no frames from {start:g} to {end:g} seconds; its last one is at {last:.2f}')
        times = _middles(begin, stop, num_frames, duration)
        return [self.stamps[bisect_right(self.stamps, self.stamps[0] + time) - 1] for time in times]

    def _number_at(self, seconds: float) -> int:
        """Number of the first frame that appears at a time or after it."""
        if seconds == inf:
            return len(self.stamps)
        return bisect_left(self.stamps, self.stamps[0] + self._ticks(seconds))

    def _ticks(self, seconds: float) -> Fraction:
        return Fraction(seconds).limit_denominator(10**6) / self.tick  # 0.1 is meant, not the float next to it


def _middles(begin: Fraction, stop: Fraction, num_frames: int, longest: Fraction | None) -> list[Fraction]:
    """Middles of equal stretches of time, which fill the time, or are of `longest` around its middle."""
    length = (stop - begin) / num_frames
    if longest is not None:
        length = min(length, longest)
    begin = (begin + stop - length * num_frames) / 2
    return [begin + length * (2 * part + 1) / 2 for part in range(num_frames)]
