"""Scores of predictions that are already made."""

import logging
from collections.abc import Iterable, Sequence

from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from .plain_json import find_non_finite
from .predictions import Record, add_scores, bad_images, data_sample

Scores = dict[str, float]


def score(records: Sequence[Record], metrics: Iterable[BaseMetric]) -> tuple[Scores, dict[str, str]]:
    """Score records by metrics, and put each sample's own scores into its record.

    Every metric sees all records, so this is for one process. A metric that fails is logged and costs no other, and
    neither does one of several scorers in a metric: it reports those in `failures`, an error by the scorer's name.
    Pictures that could not be read are counted as `bad_images`.

    Args:
        records: Records of the prediction file, in the order of the dataset.
        metrics: Metrics of mmengine.

    Returns:
        Finite scores by name, and why a metric (by its type) or single scores (by their names) failed.
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
            metric.sample_scores = {}  # those of a part of the samples, or wrong ones
        else:
            totals |= scores
        failures |= getattr(metric, 'failures', {})  # of single scores, by their names
    add_scores(records, metrics)
    if unread := bad_images(records):
        totals['bad_images'] = len(unread)
    return totals, failures


def _scores_of(metric: BaseMetric, samples: list[dict]) -> Scores:
    metric.results.clear()
    metric.process(None, samples)
    scores = metric.compute_metrics(metric.results)
    metric.results.clear()
    for sample_id, own in (getattr(metric, 'sample_scores', None) or {}).items():
        if fault := find_non_finite(own):
            raise ValueError(f'sample {sample_id!r}: {fault}, a score must be a finite number.')
    if fault := find_non_finite(scores):
        raise ValueError(f'{fault}, a score must be a finite number.')
    return {f'{metric.prefix}/{name}' if metric.prefix else name: value for name, value in scores.items()}
