"""WUPS: credit for answers that mean nearly the same, as NExT-QA's open-ended questions are scored."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from math import prod
from pathlib import Path
from typing import Any

from ..registry import METRICS
from .answer_normalization import one_line
from .base import SampleMetric
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
class WUPS(SampleMetric):
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
        kwargs: Arguments of `SampleMetric`.

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

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        for sample in data_samples:
            prediction = self.text(sample, 'pred_answer', "The model's predict mode fills it in for task 'vqa'.")
            answers = self.texts(sample, 'gt_answer', 'On a split without answers use ReportVQA instead.')
            kind = sample.get('question_type')
            words = self._words(prediction)
            score = max(self._score(words, self._words(answer), kind) for answer in answers)
            self.results.append(
                {
                    'sample_id': self.identity(sample, 'sample_id'),
                    'scores': {'WUPS': 100 * score},
                    'question_type': 'TN' if kind == 'TP' else kind,
                }
            )

    def _score(self, words: Sequence[str], reference: Sequence[str], kind: str | None) -> float:
        if kind in self.exact_types:
            return float(words == reference)
        return wups(words, reference, self.wordnet, self.threshold)

    def _words(self, answer: str) -> list[str]:
        return [word for word in self.wordnet.lemmas(one_line(answer)) if word not in self.stopwords]

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        self.check_unique(results, 'sample_id')
        self.sample_scores = {result['sample_id']: result['scores'] for result in results}
        scores = defaultdict(list)
        for result in results:
            kind, score = result['question_type'], result['scores']['WUPS']
            for name in ('WUPS', f'WUPS/{kind[0]}', f'WUPS/{kind}') if kind else ('WUPS',):
                scores[name].append(score)
        return {name: sum(own) / len(own) for name, own in scores.items()}


def _read_words(path: str) -> frozenset[str]:
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"stopwords_file: '{path}' does not exist. It is stopwords.txt of https://github.com/doc-doc/NExT-OE."
        )
    return frozenset(Path(path).read_text(encoding='utf-8').split())
