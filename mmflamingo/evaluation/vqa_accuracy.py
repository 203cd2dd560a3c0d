"""VQA accuracy as the official script computes it."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from ..registry import METRICS
from .answer_normalization import normalize, one_line
from .answer_stem import stem
from .base import SampleMetric


def vqa_accuracy(prediction: str, answers: Sequence[str], stemmed: bool = False) -> float:
    """How far annotators agree with a prediction, from 0 to 1.

    Each answer is left out once and the prediction gets a third of a point for every match among
    the others, one point at most; the mean over all answers is returned. With ten answers, 1, 2, 3
    and 4 matches give .3, .6, .9 and 1.

    Punctuation, numbers, articles and contractions are normalised only where the answers differ. With `stemmed`, answers
    that have one stem are equal.
    """
    prediction = one_line(prediction)
    answers = [one_line(answer) for answer in answers]
    if len(set(answers)) > 1:
        prediction = normalize(prediction)
        answers = [normalize(answer) for answer in answers]
    if stemmed:
        prediction, *answers = (stem(answer.lower()) for answer in (prediction, *answers))
    matches = [answer == prediction for answer in answers]
    return sum(min(1, (sum(matches) - match) / 3) for match in matches) / len(matches)


@METRICS.register_module()
class VQAAcc(SampleMetric):
    """VQA accuracy with the official leave-one-out rule, in points of 100.

    Scores: `acc`; `acc/<answer_type>` and `acc/question_type/<question_type>` for the types the
    annotation file has. Reads `pred_answer`, `gt_answer`, `answer_type` and `question_type`.

    The rule takes any number of answers, but with fewer than four, 100 points are out of reach.

    See https://visualqa.org/evaluation.html.

    Args:
        stemmed: Compare stems of words, as OK-VQA does (see `answer_stem.stem` for how this differs from its own).
    """

    def __init__(self, stemmed: bool = False, **kwargs) -> None:
        super().__init__(**kwargs)
        self.stemmed = stemmed

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        for sample in data_samples:
            prediction = self.text(sample, 'pred_answer', "The model's predict mode fills it in for task 'vqa'.")
            answers = self.texts(sample, 'gt_answer', 'On a split without answers use ReportVQA instead.')
            self.results.append(
                {
                    'sample_id': self.identity(sample, 'sample_id'),
                    'scores': {'acc': 100 * vqa_accuracy(prediction, answers, self.stemmed)},
                    'answer_type': sample.get('answer_type'),
                    'question_type': sample.get('question_type'),
                }
            )

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        self.check_unique(results, 'sample_id')
        self.sample_scores = {result['sample_id']: result['scores'] for result in results}
        groups = defaultdict(list)
        for result in results:
            score = result['scores']['acc']
            groups['acc'].append(score)
            if result['answer_type']:
                groups[f'acc/{result["answer_type"]}'].append(score)
            if result['question_type']:
                groups[f'acc/question_type/{result["question_type"]}'].append(score)
        return {name: sum(scores) / len(scores) for name, scores in groups.items()}
