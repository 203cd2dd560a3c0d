"""Can the metrics score a test's samples? Asked before anything is predicted."""

from collections.abc import Iterable

from mmengine.evaluator import BaseMetric
from torch.utils.data import Dataset

from mmflamingo.datasets.members import members
from mmflamingo.evaluation.base import SampleMetric

from ..errors import RunError


def check_references(metrics: Iterable[BaseMetric], dataset: Dataset) -> None:
    """Check that every query has what the metrics score it by: ids, references, types.

    Args:
        metrics: Metrics of mmengine; those of other projects are not asked.
        dataset: The test set, which may wrap others. Sets without `get_query` are not checked.

    Raises:
        RunError: A metric cannot score some of the queries: names them.
    """
    sets = [member for member in members(dataset) if hasattr(member, 'get_query')]
    for metric in metrics:
        if sets and isinstance(metric, SampleMetric):
            try:
                metric.check_dataset(part.get_query(index) for part in sets for index in range(len(part)))
            except ValueError as error:
                raise RunError(f'The test set cannot be scored as test_evaluator says.\n{error}') from error
