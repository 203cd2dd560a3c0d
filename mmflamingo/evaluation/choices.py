"""Scores of close-ended sets: accuracy, top-k accuracy and ROC-AUC."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..registry import METRICS
from .base import MeanMetric, Sample, SampleMetric, Scores, mean, shown
from .nextqa import groups_of_type


@METRICS.register_module()
class ChoiceAccuracy(MeanMetric):
    """How often the right choice is among the likeliest, in points of 100.

    Scores: `acc` for k = 1 and `acc_top{k}` for others; with `by`, `acc/<value>` too. A wrong choice with the right
    one's score counts as likelier, unless it comes later in the list. Reads `choices`, `choice_scores` and `gt_choice`.

    Args:
        topk: The numbers k.
        mean_of_groups: Each score is the mean of the groups' scores, as STAR has it, not that of all samples. Every
            sample must have the field `by`.
        kwargs: Arguments of `MeanMetric`, such as `by`.

    Raises:
        ValueError: There is no k, one is not a positive whole number, or `mean_of_groups` comes without `by`.
    """

    def __init__(self, topk: int | Sequence[int] = (1,), mean_of_groups: bool = False, **kwargs) -> None:
        super().__init__(**kwargs)
        self.topk = [topk] if isinstance(topk, int) else list(topk)
        if not self.topk or any(type(k) is not int or k < 1 for k in self.topk):
            raise ValueError(f'{type(self).__name__}: topk={topk!r} must be a whole number from 1, or a list of them.')
        if mean_of_groups and self.by is None:
            raise ValueError('ChoiceAccuracy: mean_of_groups needs `by`, the field that tells the group.')
        self.mean_of_groups = mean_of_groups

    def check_references(self, sample: Sample) -> None:
        super().check_references(sample)
        if 'choices' in sample:  # else the pipeline may add them
            self.right_choice(sample)

    def score_sample(self, sample: Sample) -> Scores:
        right, scores = self.right_choice(sample), self.choice_scores(sample)
        rank = int((scores > scores[right]).sum() + (scores[:right] == scores[right]).sum())
        return {'acc' if k == 1 else f'acc_top{k}': 100.0 * (rank < k) for k in self.topk}

    def groups(self, sample: Sample) -> Sequence[str]:
        groups = super().groups(sample)
        if self.mean_of_groups and not groups:
            self._field(sample, self.by, 'a text', 'mean_of_groups needs it of every sample.', False)
        return groups

    def compute_metrics(self, results: list[tuple]) -> Scores:
        means = super().compute_metrics(results)
        if self.mean_of_groups:
            for name in [name for name in means if '/' not in name]:
                means[name] = mean([value for group, value in means.items() if group.startswith(f'{name}/')])
        return means


@METRICS.register_module()
class NExTQAAccuracy(ChoiceAccuracy):
    """Accuracy of NExT-QA's multiple choice, by type of question as its script has it, in points of 100.

    Scores: `acc`; `acc/C`, `acc/T` and `acc/D` of causal, temporal and descriptive questions; `acc/<type>` (CW, CH, TN,
    TC, DC, DL, DO), where TP counts as TN. Reads `question_type` beside what `ChoiceAccuracy` reads.

    See https://github.com/doc-doc/NExT-QA (eval_mc.py).
    """

    def groups(self, sample: Sample) -> Sequence[str]:
        return [*super().groups(sample), *groups_of_type(self.group(sample, 'question_type'))]


@METRICS.register_module()
class ROCAUC(SampleMetric):
    """Area under the ROC curve of two choices, in points of 100.

    The chance that a random positive sample has a higher score than a random negative one, ties counting half. The
    score is how much likelier the positive choice is than the other. Reads `choices`, `choice_scores` and `gt_choice`.

    Args:
        positive: The choice that positive samples have.
        kwargs: Arguments of `SampleMetric`.
    """

    def __init__(self, positive: str = 'yes', **kwargs) -> None:
        super().__init__(**kwargs)
        self.positive = positive

    def check_references(self, sample: Sample) -> None:
        super().check_references(sample)
        if 'choices' in sample:  # else the pipeline may add them
            self._place(sample)
            self.right_choice(sample)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        for sample in data_samples:
            place, right = self._place(sample), self.right_choice(sample)
            scores = self.choice_scores(sample)
            margin = float(scores[place] - scores[1 - place])
            self.results.append((self.identity(sample, 'sample_id'), margin, right == place))

    def _place(self, sample: Sample) -> int:
        """The number of the positive choice."""
        choices = list(self.choices(sample))
        if len(choices) != 2 or choices.count(self.positive) != 1:
            raise ValueError(
                f'ROCAUC: sample {sample.get("sample_id")!r} has the choices {shown(choices)}; there must be two, one '
                f'of them {self.positive!r} (test_evaluator.positive).'
            )
        return choices.index(self.positive)

    def compute_metrics(self, results: list[tuple]) -> Scores:
        self.check_unique([sample_id for sample_id, _, _ in results])
        positives = [margin for _, margin, is_positive in results if is_positive]
        negatives = [margin for _, margin, is_positive in results if not is_positive]
        if not positives or not negatives:
            raise ValueError(
                f'ROCAUC: {len(positives)} samples are positive and {len(negatives)} negative; both kinds are needed.'
            )
        return {'roc_auc': 100 * roc_auc(positives, negatives)}


def roc_auc(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """The share of pairs in which the positive's score is the higher one (Mann-Whitney U), ties counting half.

    Raises:
        ValueError: There are none of one kind, or a score is NaN.
    """
    if not len(positives) or not len(negatives) or np.isnan(positives).any() or np.isnan(negatives).any():
        raise ValueError('ROC-AUC needs scores of both kinds, none of them NaN.')
    ordered = np.sort(negatives)
    below = np.searchsorted(ordered, positives, 'left')
    not_above = np.searchsorted(ordered, positives, 'right')
    return float((below + not_above).sum() / (2 * len(positives) * len(ordered)))
