"""Scores of predictions that are already made."""

import logging
from collections.abc import Iterable, Sequence

from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from .predictions import Record, add_scores, data_sample

Scores = dict[str, float]


def score(records: Sequence[Record], metrics: Iterable[BaseMetric]) -> tuple[Scores, dict[str, str]]:
    """Score records by metrics, and put each sample's own scores into its record.

    Every metric sees all records, so this is for one process. A metric that fails is logged and costs no other.

    Args:
        records: Records of the prediction file, in the order of the dataset.
        metrics: Metrics of mmengine.

    Returns:
        Scores by name, and why a metric (by its type) or single scores (by their names) failed.
    """
    samples = [data_sample(record) for record in records]
    totals: Scores = {}
    failures: dict[str, str] = {}
    metrics = list(metrics)
    for metric in metrics:
        name = type(metric).__name__
        try:
            scores = _scores_of(metric, samples)
            if twice := totals.keys() & scores.keys():
                raise ValueError(f'another metric gives {sorted(twice)} too: give one of them a prefix.')
        except Exception as error:  # the predictions and the other scores must not be lost with this one
            failures[name] = str(error) or type(error).__name__
            print_log(f'{name} failed: {failures[name]}', 'current', logging.ERROR)
        else:
            totals |= scores
        failures |= getattr(metric, 'failures', {})  # of single scores, by their names
    add_scores(records, metrics)
    return totals, failures


def _scores_of(metric: BaseMetric, samples: list[dict]) -> Scores:
    metric.results.clear()
    metric.process(None, samples)
    scores = metric.compute_metrics(metric.results)
    metric.results.clear()
    return {f'{metric.prefix}/{name}' if metric.prefix else name: value for name, value in scores.items()}
