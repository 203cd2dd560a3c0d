"""WUPS: credit for answers that mean nearly the same, as NExT-QA's open-ended questions are scored."""

from collections.abc import Collection, Sequence
from math import prod
from pathlib import Path

from ..registry import METRICS
from .answer_normalization import one_line
from .base import MeanMetric, Sample, Scores
from .nextqa import groups_of_type
from .wordnet import WordNet

FAR = 0.1  # what is left of similarities below the threshold


def wups(words: Sequence[str], others: Sequence[str], wordnet: WordNet, threshold: float = 0.0) -> float:
    """How near two sets of words are, from 0 to 1: the lesser of both directions of `_covered`."""
    return min(_covered(words, others, wordnet, threshold), _covered(others, words, wordnet, threshold))


def _covered(words: Sequence[str], others: Sequence[str], wordnet: WordNet, threshold: float) -> float:
    """The product of each word's similarity to the nearest of the others; words that are like none don't count.

    If all of them are like none it is 0.
    """
    nearest = [max((_near(word, other, wordnet, threshold) for other in others), default=0.0) for word in words]
    like_some = [similarity for similarity in nearest if similarity > 0]
    return prod(like_some) if like_some else 0.0


def _near(word: str, other: str, wordnet: WordNet, threshold: float) -> float:
    similarity = wordnet.similarity(word, other)
    return similarity if similarity >= threshold else FAR * similarity


@METRICS.register_module()
class WUPS(MeanMetric):
    """Wu-Palmer similarity of the words of answers, in points of 100, by the rule of NExT-QA's script.

    Answers are reduced to lemmas and lose stop words. Counts and yes/no answers (`exact_types`) must then be equal. All others
    get the product of each word's similarity to the nearest word of the reference, in the worse of both directions. Of two
    references the better one counts.

    Scores: `WUPS`; with `question_type` (CW, CH, TN, TP, TC, DB, DC, DL, DO) `WUPS/<type>`, where TP counts as TN, and `WUPS/C`,
    `WUPS/T` and `WUPS/D` of causal, temporal and descriptive questions. Reads `pred_answer`, `gt_answer`, `question_type`.

    See https://github.com/doc-doc/NExT-OE (eval_oe.py, metrics.py).

    Args:
        stopwords_file: The set's `stopwords.txt`, one word a line; empty keeps all words.
        threshold: Similarities below it count a tenth. 0 is what is reported, 0.9 the other common value.
        exact_types: Types of questions whose answers must be equal.
        wordnet_dir: Folder of WordNet's files; see `WordNet`.
        kwargs: Arguments of `MeanMetric`.

    Raises:
        ImportError: nltk is not installed.
        FileNotFoundError: WordNet, the tagger's weights or the stop words are not there.
    """

    def __init__(
        self,
        stopwords_file: str = '',
        threshold: float = 0.0,
        exact_types: Collection[str] = ('DB', 'DC'),
        wordnet_dir: str | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= threshold <= 1:
            raise ValueError(f'WUPS: threshold={threshold} must lie between 0 and 1.')
        self.threshold = threshold
        self.exact_types = frozenset(exact_types)
        self.stopwords = _read_words(stopwords_file) if stopwords_file else frozenset()
        self.wordnet = WordNet(wordnet_dir)

    def check_references(self, sample: Sample) -> None:
        super().check_references(sample)
        self.answers(sample)

    def score_sample(self, sample: Sample) -> Scores:
        words, kind = self._words(self.answer(sample)), self.group(sample, 'question_type')
        return {'WUPS': 100 * max(self._score(words, self._words(answer), kind) for answer in self.answers(sample))}

    def groups(self, sample: Sample) -> Sequence[str]:
        return [*super().groups(sample), *groups_of_type(self.group(sample, 'question_type'))]

    def _score(self, words: Sequence[str], reference: Sequence[str], kind: str) -> float:
        if kind in self.exact_types:
            return float(words == reference)
        return wups(words, reference, self.wordnet, self.threshold)

    def _words(self, answer: str) -> list[str]:
        return [word for word in self.wordnet.lemmas(one_line(answer)) if word not in self.stopwords]


def _read_words(path: str) -> frozenset[str]:
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"stopwords_file: '{path}' does not exist. It is stopwords.txt of https://github.com/doc-doc/NExT-OE."
        )
    return frozenset(Path(path).read_text(encoding='utf-8').split())
