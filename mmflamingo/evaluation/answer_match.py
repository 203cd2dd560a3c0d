"""Scores of free answers by how many references they equal."""

from collections.abc import Sequence

from ..registry import METRICS
from .answer_normalization import normalize, one_line
from .base import MeanMetric, Sample, Scores


@METRICS.register_module()
class AnswerMatch(MeanMetric):
    """Share of full credit, in points of 100: `min(1, matching references / full_credit)`.

    With one reference and full_credit=1 this is the exact match of GQA, MSVD-QA and MSRVTT-QA; iVQA gives full credit
    for 2 of 5 annotators, A-OKVQA's direct answers for 3 of 10. The rules of these sets compare strings as they are,
    in lower case.

    Scores: `acc`, and `acc/<value>` with `by`. Reads `pred_answer` and `gt_answer`.

    Args:
        full_credit: This many matching references give the whole point. A question with fewer references is an error.
        normalize: Compare without punctuation and articles and with digits for numbers, as VQAv2 does.
        kwargs: Arguments of `MeanMetric`, such as `by`.

    Raises:
        ValueError: full_credit is not a whole number from 1.
    """

    def __init__(self, full_credit: int = 1, normalize: bool = False, **kwargs) -> None:
        super().__init__(**kwargs)
        if type(full_credit) is not int or full_credit < 1:
            raise ValueError(f'AnswerMatch: full_credit={full_credit!r} must be a whole number from 1.')
        self.full_credit = full_credit
        self.normalize = normalize

    def check_references(self, sample: Sample) -> None:
        super().check_references(sample)
        self.answers(sample)

    def answers(self, sample: Sample) -> Sequence[str]:
        answers = super().answers(sample)
        if len(answers) < self.full_credit:
            raise ValueError(
                f'AnswerMatch: sample {sample.get("sample_id")!r} has {len(answers)} references, too few for '
                f'full_credit={self.full_credit}. Set test_evaluator.full_credit to at most {len(answers)}.'
            )
        return answers

    def score_sample(self, sample: Sample) -> Scores:
        prediction = self._plain(self.answer(sample))
        matches = [self._plain(answer) for answer in self.answers(sample)].count(prediction)
        return {'acc': 100 * min(1.0, matches / self.full_credit)}

    def _plain(self, answer: str) -> str:
        return normalize(one_line(answer)) if self.normalize else one_line(answer).lower()
