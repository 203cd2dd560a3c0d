"""What all metrics of this project share: clear errors and a score for every sample."""

from collections.abc import Mapping, Sequence
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

    def field(self, sample: Mapping[str, Any], name: str, advice: str) -> Any:
        """A field that has to be there.

        Raises:
            ValueError: The field is absent, None or an empty list.
        """
        value = sample.get(name)
        if value is None or (not isinstance(value, str) and not value):
            raise ValueError(
                f"{type(self).__name__}: sample {sample.get('sample_id')!r} has no '{name}' "
                f'(it is {value!r}). {advice}'
            )
        return value

    def check_unique(self, results: Sequence[Mapping[str, Any]], name: str) -> None:
        """Refuse two predictions for one image or question.

        Raises:
            ValueError: A value of the field occurs in more than one result.
        """
        seen = set()
        for result in results:
            if result[name] in seen:
                raise ValueError(
                    f'{type(self).__name__}: more than one prediction for {name} '
                    f'{result[name]!r}. Give each {name} once: look for repeated entries in the '
                    'annotation file of the dataset.'
                )
            seen.add(result[name])
