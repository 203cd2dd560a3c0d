"""What all metrics of this project share: clear errors, a score for every sample, means over groups."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric

Scores = dict[str, float]
Sample = Mapping[str, Any]

NO_ANSWER = "The model fills it in where the task's prompt has output='answer'."
NO_REFERENCES = 'On a split without answers use ReportVQA instead.'
NO_CHOICES = 'Rank choices: the dataset must give them and the number of the right one (gt_choice).'
SHOWN = 120  # characters of a value in a message
LISTED = 10  # ids in a message


class SampleMetric(BaseMetric):
    """A metric that remembers what it gave each sample.

    The names of the scores get a prefix only if one is given.

    Attributes:
        sample_scores (dict): On rank 0, after the evaluation, the scores of each sample by its id, in the unit of the
            metric itself.
        failures (dict[str, str]): What it could not compute though it was to, and why, by the name of the score. Other
            scores are given all the same.
    """

    default_prefix = ''
    key_name = 'sample_id'

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.sample_scores: dict[int | str, Scores] = {}
        self.failures: dict[str, str] = {}

    def evaluate(self, size: int) -> Scores:
        self.sample_scores, self.failures = {}, {}  # those of an earlier evaluation
        return super().evaluate(size)

    def check_dataset(self, samples: Iterable[Sample]) -> None:
        """Check that the metric can score a set, whatever is predicted.

        Args:
            samples: Records of all queries.

        Raises:
            ValueError: It can't: names the first ten samples and the number of all, or ids that come twice.
        """
        errors, ids = [], []
        for sample in samples:
            try:
                self.check_references(sample)
                ids.append(self.key(sample))
            except ValueError as error:
                errors.append(str(error))
        if errors:
            more = f'\nand {len(errors) - LISTED} more samples' if len(errors) > LISTED else ''
            raise ValueError('\n'.join(errors[:LISTED]) + more)
        self.check_unique(ids)

    def check_references(self, sample: Sample) -> None:
        """Check what the dataset gives of a sample, which can be done before anything is predicted.

        Raises:
            ValueError: The metric could not score the sample, whatever is predicted.
        """
        self.identity(sample, 'sample_id')

    def key(self, sample: Sample) -> int | str:
        """The id of which the metric takes one prediction only."""
        return self.identity(sample, self.key_name)

    def identity(self, sample: Sample, name: str) -> int | str:
        """An id of a sample: a number or a string. Whole floats, as pandas writes ids, count as ints."""
        value = sample.get(name)
        if isinstance(value, str):
            return value
        is_whole = isinstance(value, Integral) or (isinstance(value, Real) and float(value).is_integer())
        is_id = is_whole and not isinstance(value, bool)
        return int(self._field(sample, name, 'a whole number or a text', 'The dataset fills it in.', is_id))

    def text(self, sample: Sample, name: str, advice: str) -> str:
        """A text of a sample, which may be empty."""
        return self._field(sample, name, 'a text', advice, isinstance(sample.get(name), str))

    def texts(self, sample: Sample, name: str, advice: str) -> Sequence[str]:
        """A list of at least one text."""
        value = sample.get(name)
        is_list = isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
        return self._field(sample, name, 'a list of texts', advice, is_list and len(value) > 0)

    def answer(self, sample: Sample) -> str:
        """The predicted answer, which may be empty."""
        return self.text(sample, 'pred_answer', NO_ANSWER)

    def answers(self, sample: Sample) -> Sequence[str]:
        """The references of a question, at least one."""
        return self.texts(sample, 'gt_answer', NO_REFERENCES)

    def choices(self, sample: Sample) -> Sequence[str]:
        """The choices of a close-ended question."""
        return self.texts(sample, 'choices', NO_CHOICES)

    def right_choice(self, sample: Sample) -> int:
        """The number of the right one of a sample's choices."""
        value, count = sample.get('gt_choice'), len(self.choices(sample))
        is_number = isinstance(value, Integral) and not isinstance(value, bool) and 0 <= value < count
        return int(self._field(sample, 'gt_choice', f'a number from 0 to {count - 1}', NO_CHOICES, is_number))

    def choice_scores(self, sample: Sample) -> np.ndarray:
        """How likely each of a sample's choices is, in their order; all finite."""
        value, count = sample.get('choice_scores'), len(self.choices(sample))
        is_list = isinstance(value, list | tuple | np.ndarray) and len(value) == count
        is_valid = is_list and all(map(is_finite, value))
        what = f'a list of {count} finite numbers, one for each choice'
        advice = 'A score that is not finite comes from weights or pictures that hold NaN.' if is_list else NO_CHOICES
        return np.asarray(self._field(sample, 'choice_scores', what, advice, is_valid), dtype=np.float64)

    def group(self, sample: Sample, name: str) -> str:
        """A field that samples are grouped by, as a text; empty if the sample lacks it."""
        value = sample.get(name)
        is_name = value is None or (isinstance(value, str | Integral) and not isinstance(value, bool))
        value = self._field(sample, name, 'a text or a whole number', 'Scores are given by it.', is_name)
        return '' if value is None else str(value)

    def _field(self, sample: Sample, name: str, what: str, advice: str, is_valid: bool) -> Any:
        """A field of a sample, or an error that names both."""
        value = sample.get(name)
        if is_valid:
            return value
        who = f'{type(self).__name__}: sample {sample.get("sample_id")!r}'
        if value is None or (isinstance(value, Sequence) and len(value) == 0):
            raise ValueError(f"{who} has no '{name}' (it is {value!r}). {advice}")
        raise ValueError(f"{who} has '{name}' = {shown(value)}, which must be {what}. {advice}")

    def check_unique(self, ids: Sequence[int | str]) -> None:
        """Refuse an empty list, and two predictions for one image or question.

        Args:
            ids: The `key` of each sample.

        Raises:
            ValueError: There are no results, or some of them have the same id.
        """
        if not ids:
            raise ValueError(f'{type(self).__name__}: no predictions. Is the dataset empty?')
        repeated = [key for key, count in Counter(ids).items() if count > 1]
        if repeated:
            more = f' and {len(repeated) - LISTED} more' if len(repeated) > LISTED else ''
            raise ValueError(
                f'{type(self).__name__}: more than one prediction for {self.key_name} '
                f'{", ".join(map(repr, repeated[:LISTED]))}{more}. Give each {self.key_name} once: look for '
                'repeated entries in the annotation file of the dataset.'
            )


class MeanMetric(SampleMetric):
    """A metric that is the mean of its samples' scores, of all of them and of groups.

    A subclass says what one sample gets (`score_sample`), and may say by what groups its scores are given as well.

    Args:
        by: Field of the samples to score by as well, such as 'question_type'.
        kwargs: Arguments of `SampleMetric`.
    """

    def __init__(self, by: str | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.by = by

    def check_references(self, sample: Sample) -> None:
        super().check_references(sample)
        self.groups(sample)

    def score_sample(self, sample: Sample) -> Scores:
        """The scores of one sample by name, in points of 100."""
        raise NotImplementedError

    def groups(self, sample: Sample) -> Sequence[str]:
        """The endings of the names by which the sample's scores count too, such as 'yes/no' for `acc/yes/no`."""
        return [group] if self.by and (group := self.group(sample, self.by)) else []

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        for sample in data_samples:
            if sample.get('choice_scores') is not None:
                self.choice_scores(sample)  # an answer that was ranked by NaN is none
            self.results.append((self.identity(sample, 'sample_id'), self.score_sample(sample), self.groups(sample)))

    def compute_metrics(self, results: list[tuple]) -> Scores:
        self.check_unique([sample_id for sample_id, _, _ in results])
        self.sample_scores = {sample_id: scores for sample_id, scores, _ in results}
        self.failures = {}
        if self.by and not any(groups for _, _, groups in results):
            self.failures[f'by={self.by}'] = f'no sample has a field {self.by!r}'
        lists = defaultdict(list)
        for _, scores, groups in results:
            for name, score in scores.items():
                for ending in ('', *(f'/{group}' for group in groups)):
                    lists[name + ending].append(score)
        return {name: mean(scores) for name, scores in lists.items()}


def mean(scores: Sequence[float]) -> float:
    """The mean of at least one score, whatever their order."""
    return math.fsum(scores) / len(scores)


def is_finite(value: object) -> bool:
    """Whether a value is a number, and neither infinite nor NaN."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an int that no float holds
        return False


def shown(value: object) -> str:
    """A value as a message shows it."""
    text = repr(value)
    return text if len(text) <= SHOWN else f'{text[:SHOWN]}...'
