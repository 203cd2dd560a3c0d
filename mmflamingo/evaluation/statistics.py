"""How sure is a score? Intervals and tests from the scores of single samples."""

from collections.abc import Sequence

import numpy as np

RESAMPLES = 10_000
CHUNK = 500  # resamples at once, for the sake of memory


def bootstrap_interval(scores: Sequence[float], level: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """Percentile bootstrap interval of a mean over samples (Efron and Tibshirani, 1993, chapter 13).

    Args:
        scores: One score a sample.
        level: Probability that the interval is to cover, between 0 and 1.
        seed: Names the resamples.

    Raises:
        ValueError: There are fewer than two scores, one is not finite, or the level lies outside its range.
    """
    scores = _checked(scores)
    if len(scores) < 2:
        raise ValueError(f'No interval from {len(scores)} scores: it needs at least two samples.')
    if not 0 < level < 1:
        raise ValueError(f'level={level!r} must lie between 0 and 1.')
    rng = np.random.default_rng(seed)
    means = [scores[rng.integers(0, len(scores), (CHUNK, len(scores)))].mean(1) for _ in range(RESAMPLES // CHUNK)]
    tail = (1 - level) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
    return float(low), float(high)


def paired_test(scores: Sequence[float], others: Sequence[float], seed: int = 0) -> float:
    """p-value of two runs scoring the same samples equally well: a paired randomisation test with two sides.

    The sign of each sample's difference is drawn at random; p is how often the mean difference then is at least as
    large as the observed one (Noreen, 1989, section 2.3).

    Args:
        scores: One score a sample.
        others: Those of the other run, for the same samples in the same order.
        seed: Names the draws.

    Raises:
        ValueError: The numbers of samples differ, there are none, or a score is not finite.
    """
    if len(scores) != len(others) or not len(scores):
        raise ValueError(f'{len(scores)} scores and {len(others)} others: a paired test needs the same samples.')
    difference = _checked(scores) - _checked(others)
    observed = abs(difference.sum())
    rng = np.random.default_rng(seed)
    as_large = 0
    for _ in range(RESAMPLES // CHUNK):
        signs = rng.integers(0, 2, (CHUNK, len(difference)), dtype=np.int8) * 2.0 - 1
        as_large += int((abs(signs @ difference) >= observed - 1e-9).sum())
    return (1 + as_large) / (1 + RESAMPLES)


def _checked(scores: Sequence[float]) -> np.ndarray:
    """Scores as float64, all of them finite."""
    array = np.asarray(scores, dtype=np.float64)
    wrong = np.flatnonzero(~np.isfinite(array))
    if len(wrong):
        raise ValueError(f'{len(wrong)} of {len(array)} scores are not finite, the first of them number {wrong[0]}.')
    return array
