"""Scores of close-ended sets: accuracy, top-k accuracy and ROC-AUC."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..registry import METRICS
from .base import SampleMetric

ADVICE = 'Rank choices: the dataset must give them and the number of the right one (gt_choice).'


@METRICS.register_module()
class ChoiceAccuracy(SampleMetric):
    """How often the right choice is among the likeliest, in points of 100.

    Scores: `acc` for k = 1 and `acc_top{k}` for others; with `by`, `acc/<value>` too. A wrong choice with the right
    one's score counts as likelier, unless it comes later in the list. Reads `choice_scores` and `gt_choice`.

    Args:
        topk: The numbers k.
        by: Field of the samples to score by as well, such as 'question_type'.
        mean_of_groups: `acc` is the mean of the groups' accuracies, as STAR has it, not that of all samples.
    """

    def __init__(
        self, topk: Sequence[int] = (1,), by: str | None = None, mean_of_groups: bool = False, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        if mean_of_groups and by is None:
            raise ValueError('ChoiceAccuracy: mean_of_groups needs `by`, the field that tells the group.')
        self.topk = [topk] if isinstance(topk, int) else list(topk)
        self.by = by
        self.mean_of_groups = mean_of_groups

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        for sample in data_samples:
            scores = np.asarray(self._field(sample, 'choice_scores', ADVICE, bool(sample.get('choice_scores'))))
            right = self.right_choice(sample, len(scores))
            rank = int((scores > scores[right]).sum() + (scores[:right] == scores[right]).sum())
            names = {k: 'acc' if k == 1 else f'acc_top{k}' for k in self.topk}
            self.results.append(
                {
                    'sample_id': self.identity(sample, 'sample_id'),
                    'scores': {name: 100.0 * (rank < k) for k, name in names.items()},
                    'group': self.by and sample.get(self.by),
                }
            )

    def right_choice(self, sample: dict, count: int) -> int:
        """The number of a sample's right choice."""
        right = sample.get('gt_choice')
        return self._field(sample, 'gt_choice', ADVICE, isinstance(right, int) and 0 <= right < count)

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        self.check_unique(results, 'sample_id')
        self.sample_scores = {result['sample_id']: result['scores'] for result in results}
        scores = defaultdict(list)
        for result in results:
            for name, score in result['scores'].items():
                scores[name].append(score)
                if result['group'] is not None:
                    scores[f'{name}/{result["group"]}'].append(score)
        means = {name: sum(own) / len(own) for name, own in scores.items()}
        if self.mean_of_groups:
            groups = [value for name, value in means.items() if name.startswith('acc/')]
            means['acc'] = sum(groups) / len(groups)
        return means


@METRICS.register_module()
class ROCAUC(SampleMetric):
    """Area under the ROC curve of two choices, in points of 100.

    The chance that a random positive sample has a higher score than a random negative one, ties counting half. The
    score is how much likelier the positive choice is than the other. Reads `choices`, `choice_scores` and `gt_choice`.

    Args:
        positive: The choice that positive samples have.
    """

    def __init__(self, positive: str = 'yes', **kwargs) -> None:
        super().__init__(**kwargs)
        self.positive = positive

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        for sample in data_samples:
            choices = self.texts(sample, 'choices', ADVICE)
            if len(choices) != 2 or self.positive not in choices:
                raise ValueError(
                    f'ROCAUC: sample {sample.get("sample_id")!r} has the choices {choices}; there must be two, one of '
                    f'them {self.positive!r} (test_evaluator.positive).'
                )
            place = choices.index(self.positive)
            scores = self._field(sample, 'choice_scores', ADVICE, bool(sample.get('choice_scores')))
            right = self._field(sample, 'gt_choice', ADVICE, sample.get('gt_choice') in (0, 1))
            self.results.append(
                {
                    'sample_id': self.identity(sample, 'sample_id'),
                    'score': scores[place] - scores[1 - place],
                    'is_positive': right == place,
                }
            )

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        self.check_unique(results, 'sample_id')
        positives = [result['score'] for result in results if result['is_positive']]
        negatives = [result['score'] for result in results if not result['is_positive']]
        if not positives or not negatives:
            raise ValueError(
                f'ROCAUC: {len(positives)} samples are positive and {len(negatives)} negative, both must be there.'
            )
        return {'roc_auc': 100 * roc_auc(positives, negatives)}


def roc_auc(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """The share of pairs in which the positive's score is the higher one (Mann-Whitney U), ties counting half."""
    ordered = np.sort(negatives)
    below = np.searchsorted(ordered, positives, 'left')
    not_above = np.searchsorted(ordered, positives, 'right')
    return float((below + not_above).mean() / 2 / len(ordered))
