"""Scores of free answers by how many references they equal."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from ..registry import METRICS
from .answer_normalization import normalize, one_line
from .base import SampleMetric


@METRICS.register_module()
class AnswerMatch(SampleMetric):
    """Share of full credit, in points of 100: `min(1, matching references / full_credit)`.

    With one reference and full_credit=1 this is the exact match of GQA, MSVD-QA and MSRVTT-QA; iVQA gives full credit
    for 2 of 5 annotators, A-OKVQA's direct answers for 3 of 10. The rules of these sets compare strings as they are,
    in lower case.

    Scores: `acc`, and `acc/<value>` with `by`. Reads `pred_answer` and `gt_answer`.

    Args:
        full_credit: So many matching references give the whole point.
        normalize: Compare without punctuation and articles and with digits for numbers, as VQAv2 does.
        by: Field of the samples to score by as well, such as 'question_type'.
    """

    def __init__(self, full_credit: int = 1, normalize: bool = False, by: str | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        if full_credit < 1:
            raise ValueError(f'AnswerMatch: full_credit={full_credit} must be at least 1.')
        self.full_credit = full_credit
        self.normalize = normalize
        self.by = by

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        for sample in data_samples:
            prediction = self.text(sample, 'pred_answer', "The model's predict mode fills it in for task 'vqa'.")
            answers = self.texts(sample, 'gt_answer', 'On a split without answers use ReportVQA instead.')
            plain = [self._plain(answer) for answer in answers]
            self.results.append(
                {
                    'sample_id': self.identity(sample, 'sample_id'),
                    'scores': {'acc': 100 * min(1.0, plain.count(self._plain(prediction)) / self.full_credit)},
                    'group': self.by and sample.get(self.by),
                }
            )

    def _plain(self, answer: str) -> str:
        return normalize(one_line(answer)) if self.normalize else one_line(answer).lower()

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        self.check_unique(results, 'sample_id')
        self.sample_scores = {result['sample_id']: result['scores'] for result in results}
        scores = defaultdict(list)
        for result in results:
            scores['acc'].append(result['scores']['acc'])
            if result['group'] is not None:
                scores[f'acc/{result["group"]}'].append(result['scores']['acc'])
        return {name: sum(own) / len(own) for name, own in scores.items()}
