"""VQA accuracy as the official script computes it."""

from collections.abc import Sequence

from ..registry import METRICS
from .answer_normalization import normalize, one_line
from .answer_stem import stem
from .base import MeanMetric, Sample, Scores

FULL_CREDIT = 3  # matches among the other annotators
FEWEST_REFERENCES = FULL_CREDIT + 1


def vqa_accuracy(
    prediction: str, answers: Sequence[str], stemmed: bool = False, normalize_answers: bool = True
) -> float:
    """How far annotators agree with a prediction, from 0 to 1.

    Each answer is left out once and the prediction gets a third of a point for every match among
    the others, one point at most; the mean over all answers is returned. With ten answers, 1, 2, 3
    and 4 matches give .3, .6, .9 and 1.

    Punctuation, numbers, articles and contractions are normalised only where the answers differ; without
    `normalize_answers` in the prediction always, in the answers never. With `stemmed`, answers that have one stem are
    equal.
    """
    prediction = one_line(prediction)
    if not normalize_answers:
        prediction = normalize(prediction)
    else:
        answers = [one_line(answer) for answer in answers]
        if len(set(answers)) > 1:
            prediction = normalize(prediction)
            answers = [normalize(answer) for answer in answers]
    if stemmed:
        prediction, *answers = (stem(answer.lower()) for answer in (prediction, *answers))
    matches = [answer == prediction for answer in answers]
    return sum(min(1, (sum(matches) - match) / FULL_CREDIT) for match in matches) / len(matches)


@METRICS.register_module()
class VQAAcc(MeanMetric):
    """VQA accuracy with the official leave-one-out rule, in points of 100.

    Scores: `acc`; `acc/<answer_type>` and `acc/question_type/<question_type>` for the types the
    annotation file has. Reads `pred_answer`, `gt_answer`, `answer_type` and `question_type`.

    The rule needs four answers or more: with fewer, no prediction can get 100 points.

    See https://visualqa.org/evaluation.html.

    Args:
        stemmed: Compare stems of words, as OK-VQA does (see `answer_stem.stem` for how this differs from its own).
        normalize_answers: False normalises the prediction alone, always, and compares it with the answers as they are:
            the rule of VizWiz' own script.
        kwargs: Arguments of `MeanMetric`.
    """

    def __init__(self, stemmed: bool = False, normalize_answers: bool = True, **kwargs) -> None:
        super().__init__(**kwargs)
        self.stemmed = stemmed
        self.normalize_answers = normalize_answers

    def check_references(self, sample: Sample) -> None:
        super().check_references(sample)
        self.answers(sample)

    def answers(self, sample: Sample) -> Sequence[str]:
        answers = super().answers(sample)
        if len(answers) < FEWEST_REFERENCES:
            raise ValueError(
                f'VQAAcc: sample {sample.get("sample_id")!r} has {len(answers)} references; its leave-one-out rule needs '
                f'at least {FEWEST_REFERENCES}, as 100 points are out of reach with fewer. Use '
                "test_evaluator=dict(type='AnswerMatch'), which takes any number."
            )
        return answers

    def score_sample(self, sample: Sample) -> Scores:
        accuracy = vqa_accuracy(self.answer(sample), self.answers(sample), self.stemmed, self.normalize_answers)
        return {'acc': 100 * accuracy}

    def groups(self, sample: Sample) -> Sequence[str]:
        kinds = self.group(sample, 'answer_type'), self.group(sample, 'question_type')
        endings = [form.format(kind) for form, kind in zip(('{}', 'question_type/{}'), kinds, strict=True) if kind]
        return [*super().groups(sample), *endings]
