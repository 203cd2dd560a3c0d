"""Numbers that are not finite come from a broken model: no text and no choice may come of them."""

from collections.abc import Hashable, Sequence

from torch import Tensor
from transformers import LogitsProcessor

SHOWN = 3


def check_finite(is_finite: Tensor, sample_ids: Sequence[Hashable]) -> None:
    """Checks a batch.

    Args:
        is_finite: (B,), whether what the language model gave for a sample was finite.
        sample_ids: Ids of the B samples.

    Raises:
        ValueError: Names the samples for which it was not.
    """
    broken = [repr(sample_id) for sample_id, good in zip(sample_ids, is_finite.tolist(), strict=True) if not good]
    if broken:
        more = f' and {len(broken) - SHOWN} more' if len(broken) > SHOWN else ''
        raise ValueError(
            f'The language model gives NaN or infinite scores for sample {", ".join(broken[:SHOWN])}{more}: a weight may be '
            "broken, or the numbers too large for float16 (then set dtype='bfloat16' or 'float32')."
        )


class FiniteScores(LogitsProcessor):
    """Stops Hugging Face's `generate` at scores that are not finite.

    Args:
        sample_ids: Ids of the B samples; the rows of a sample are neighbours.
    """

    def __init__(self, sample_ids: Sequence[Hashable]) -> None:
        self.sample_ids = sample_ids

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Scores (B * n, vocabulary) as they are."""
        is_finite = scores.amax(-1).isfinite().unflatten(0, (len(self.sample_ids), -1)).all(1)
        check_finite(is_finite, self.sample_ids)
        return scores
