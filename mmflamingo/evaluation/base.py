"""What all metrics of this project share: clear errors and a score for every sample."""

from collections import Counter
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

from mmengine.evaluator import BaseMetric


class SampleMetric(BaseMetric):
    """A metric that remembers what it gave each sample.

    After `evaluate()`, `sample_scores` holds on rank 0 the scores of each sample by its id, in the
    same unit as the metric itself. The names of the scores get a prefix only if one is given.
    """

    default_prefix = ''

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.sample_scores: dict[int | str, dict[str, float]] = {}

    def evaluate(self, size: int) -> dict[str, float]:
        self.sample_scores = {}  # those of an earlier evaluation
        return super().evaluate(size)

    def identity(self, sample: Mapping[str, Any], name: str) -> int | str:
        """An id of a sample: a number or a string."""
        is_id = isinstance(sample.get(name), Integral | str)
        return self._field(sample, name, 'The dataset fills it in.', is_id)

    def text(self, sample: Mapping[str, Any], name: str, advice: str) -> str:
        """A text of a sample, which may be empty."""
        return self._field(sample, name, advice, isinstance(sample.get(name), str))

    def texts(self, sample: Mapping[str, Any], name: str, advice: str) -> Sequence[str]:
        """A list of at least one text."""
        value = sample.get(name)
        is_list = isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
        return self._field(sample, name, advice, is_list and len(value) > 0)

    def _field(self, sample: Mapping[str, Any], name: str, advice: str, is_valid: bool) -> Any:
        if not is_valid:
            raise ValueError(
                f"{type(self).__name__}: sample {sample.get('sample_id')!r} has no '{name}' "
                f'(it is {sample.get(name)!r}). {advice}'
            )
        return sample[name]

    def check_unique(self, results: Sequence[Mapping[str, Any]], name: str) -> None:
        """Refuse an empty list, and two predictions for one image or question.

        Raises:
            ValueError: There are no results, or some of them share the value of the field.
        """
        if not results:
            raise ValueError(f'{type(self).__name__}: no predictions. Is the dataset empty?')
        counts = Counter(result[name] for result in results)
        repeated = [key for key, count in counts.items() if count > 1]
        if repeated:
            more = f' and {len(repeated) - 10} more' if len(repeated) > 10 else ''
            raise ValueError(
                f'{type(self).__name__}: more than one prediction for {name} '
                f'{", ".join(map(repr, repeated[:10]))}{more}. Give each {name} once: look for '
                'repeated entries in the annotation file of the dataset.'
            )
