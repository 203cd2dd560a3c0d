"""RICES, retrieval of in-context examples by similarity (https://arxiv.org/abs/2109.05014; section A.2 of Flamingo's paper)."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from math import log
from random import Random

import torch
from torch import Tensor

from mmflamingo.paths import below
from mmflamingo.registry import SHOT_SELECTORS

from ..base import Record, some
from .image_features import ImageFeatures
from .shot_selection import ShotSelector

SIMILARITIES = ('image', 'text', 'both')
# Similarities are rounded so that equal ones are equal whatever computed them; the order of supports then decides.
DECIMALS = 9


@SHOT_SELECTORS.register_module('rices')
class RICES(ShotSelector):
    """Takes the supports that are most like the query; the most similar one last, next to the query.

    Images are compared by the cosine of their features, questions by the cosine of their words' TF-IDF weights. The
    search is exact.

    Args:
        by: 'image', 'text' (of questions), or 'both'.
        features: File of image features (tools/analysis/extract_features.py makes it, from any backbone). None: the
            model's own vision backbone computes them before the test, once; they are kept in `features_dir`.
        backbone: What must stand in the description of the features' backbone, if anything.
        features_dir: Folder of the features that are computed before a test.
        image_weight: Weight of the image's similarity where `by` is 'both', between 0 and 1; the text's is the rest.
        order, among: As of ShotSelector.

    Raises:
        ValueError: `by` is unknown, or the features come from another backbone.
    """

    def __init__(
        self,
        by: str = 'image',
        features: str | None = None,
        backbone: str | None = None,
        features_dir: str = 'work_dirs/features',
        image_weight: float = 0.5,
        order: str = 'reversed',
        among: str = 'supports',
    ) -> None:
        super().__init__(order, among)
        if by not in SIMILARITIES:
            raise ValueError(f"shot_selector='rices': by={by!r} is not known; choose one of {SIMILARITIES}.")
        self.features_dir = below(None, features_dir)
        self.weights = {'image': (1.0, 0.0), 'text': (0.0, 1.0), 'both': (image_weight, 1 - image_weight)}[by]
        self._features = None
        if features is not None and self.weights[0]:
            self._features = ImageFeatures.load(below(None, features))
            if backbone is not None and backbone not in self._features.backbone:
                raise ValueError(
                    f'{features} holds features of another backbone, {self._features.backbone!r}, not of {backbone!r}. '
                    'Extract them again, or correct shot_selector.backbone.'
                )

    def prepare(self, queries: Sequence[Record], supports: Sequence[Record], count: int) -> None:
        super().prepare(queries, supports, count)
        self._of_image = defaultdict(list)
        for index, record in enumerate(supports):
            self._of_image[record['image_id']].append(index)
        self._rows = torch.tensor([row for row, of_one in enumerate(self._of_image.values()) for _ in of_one])
        self._places = torch.tensor([index for of_one in self._of_image.values() for index in of_one])
        self._queries = dict.fromkeys(query['image_id'] for query in queries)
        if self.weights[1]:
            without_question = [record['sample_id'] for record in (*queries, *supports) if not record.get('question')]
            if without_question:
                raise ValueError(
                    f"shot_selector='rices': text is compared by questions, but {len(without_question)} records have none "
                    f"({some(without_question)}). Use by='image'."
                )
            self._words = WordIndex([record['question'] for record in supports])
        if self._features is not None:
            self.use_features(self._features)

    @property
    def needs_features(self) -> bool:
        """Whether image features are to be computed by a model before the first shot is chosen."""
        return bool(self.weights[0]) and self._features is None

    @property
    def features(self) -> ImageFeatures | None:
        """The image features by which shots are chosen; None where there are none, or none yet."""
        return self._features

    def use_features(self, features: ImageFeatures) -> None:
        """Compare images by these features.

        Raises:
            ValueError: Some image has none.
        """
        self._features = features
        self._vectors = features.of(list(self._of_image)).double()  # (images of supports, D)
        of_queries = features.of(list(self._queries)).double()
        self._queries = dict(zip(self._queries, of_queries, strict=True))

    def select(self, query: Record, count: int, rng: Random) -> list[int]:
        if count == 0:
            return []
        similarity = self._similarity(query).round(decimals=DECIMALS)
        similarity[self._of_image.get(query['image_id'], [])] = -torch.inf
        if self.takes_all_supports:
            listed = torch.tensor(self.candidates(query))
            return listed[similarity[listed].sort(descending=True, stable=True).indices[:count]].tolist()
        return similarity.sort(descending=True, stable=True).indices[:count].tolist()

    def _similarity(self, query: Record) -> Tensor:
        """(supports,), the higher the more alike."""
        similarity = torch.zeros(len(self._rows), dtype=torch.float64)
        image_weight, text_weight = self.weights
        if image_weight:
            if self._features is None:
                raise RuntimeError(
                    "shot_selector='rices' has no image features yet: tools/test.py computes them before a test; "
                    'elsewhere name a file of them as shot_selector.features.'
                )
            of_images = self._vectors @ self._queries[query['image_id']]
            similarity[self._places] += image_weight * of_images[self._rows]
        if text_weight:
            similarity += text_weight * self._words.similarity(query['question'])
        return similarity


class WordIndex:
    """Texts as bags of words, weighted by TF-IDF.

    Args:
        texts: The texts to compare others with.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        bags = [Counter(_words(text)) for text in texts]
        frequencies = Counter(word for bag in bags for word in bag)
        self._size = len(texts)
        self._idf = {word: log((1 + self._size) / (1 + n)) + 1 for word, n in frequencies.items()}
        entries = defaultdict(lambda: ([], []))
        for index, bag in enumerate(bags):
            for word, weight in self._weights(bag).items():
                entries[word][0].append(index)
                entries[word][1].append(weight)
        self._entries = {
            word: (torch.tensor(indices), torch.tensor(weights, dtype=torch.float64))
            for word, (indices, weights) in entries.items()
        }

    def similarity(self, text: str) -> Tensor:
        """(texts,), cosines with a text; its words that no text of the index has don't count."""
        similarity = torch.zeros(self._size, dtype=torch.float64)
        for word, weight in self._weights(Counter(_words(text))).items():
            indices, weights = self._entries[word]
            similarity[indices] += weight * weights
        return similarity

    def _weights(self, bag: Counter) -> dict[str, float]:
        weights = {word: n * self._idf[word] for word, n in bag.items() if word in self._idf}
        length = sum(weight**2 for weight in weights.values()) ** 0.5
        return {word: weight / length for word, weight in weights.items()}


def _words(text: str) -> list[str]:
    return re.findall(r'\w+', text.lower())
