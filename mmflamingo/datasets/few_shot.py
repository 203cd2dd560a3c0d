"""Few-shot evaluation: support and query sets disjoint by image, shots seeded per query.

Nothing here depends on the order of the annotation files, on batches, workers or ranks, nor on
which other queries are scored: every choice comes from a generator named by the seed and the id of
what is chosen for.
"""

import logging
from array import array
from collections.abc import Hashable, Iterable, Sequence
from random import Random

from mmengine.logging import print_log

from .base import Record, record_key, some

SHOT_SELECTORS = ('random', 'listed')


class FewShotMixin:
    """Adds shots to a `FlamingoDataset`, which comes after it among the base classes.

    With one annotation file its records are split into supports and queries that share no image,
    and both numbers must be there. With a separate support file they are upper limits, and supports
    whose image occurs in the query file are left out.

    Shots of a query are drawn from the supports without the query's own image by
    `Random(f'{seed}-{sample_id}')`. OpenFlamingo's zero shots are `num_shots=0,
    num_text_only_shots=2`.

    Args:
        num_shots: Examples with their images before each query.
        num_support_examples: Size of the support set; None or -1 takes all there are.
        num_query_examples: Number of queries; None or -1 takes all there are.
        num_text_only_shots: Examples without their images, put before those with images.
        seed: Names the split and the shots.
        shot_selector: 'random', or 'listed': the first of the ids that a query lists itself under
            `support_image_ids` or `support_question_ids`. With 'listed' the support set is never
            cut down.
        kwargs: Arguments of the dataset.
    """

    def __init__(
        self,
        *args,
        num_shots: int = 0,
        num_support_examples: int | None = 2048,
        num_query_examples: int | None = 5000,
        num_text_only_shots: int = 0,
        seed: int = 0,
        shot_selector: str = 'random',
        **kwargs,
    ) -> None:
        if shot_selector not in SHOT_SELECTORS:
            raise ValueError(f'shot_selector={shot_selector!r} is not known; choose of {SHOT_SELECTORS}.')
        self.num_shots = _count('num_shots', num_shots)
        self.num_text_only_shots = _count('num_text_only_shots', num_text_only_shots)
        self.num_support_examples = _limit('num_support_examples', num_support_examples)
        self.num_query_examples = _limit('num_query_examples', num_query_examples)
        self.seed = seed
        self.shot_selector = shot_selector
        self.supports: list[Record] = []
        super().__init__(*args, **kwargs)

    def load_data_list(self) -> list[Record]:
        """Read the files, part supports from queries, and check that there are shots enough."""
        records, supports = super().load_data_list(), self.load_support_list()
        limits = self.num_support_examples, self.num_query_examples
        if self.shot_selector == 'listed':
            queries, self.supports = _listed_sets(records, supports, limits[1], self.seed)
        elif supports is None:
            queries, self.supports = split_by_image(records, *limits, self.seed)
        else:
            queries, self.supports = separate_by_image(records, supports, *limits, self.seed)
        self._pool = ShotPool((record_key(record), i) for i, record in enumerate(self.supports))
        self._by_id = {record['sample_id']: record for record in self.supports}
        self._check_shots(queries)
        return queries

    def load_support_list(self) -> list[Record] | None:
        """Read the separate support set; None if there is none."""
        raise NotImplementedError

    @property
    def num_supports(self) -> int:
        """How many records shots may be drawn from."""
        self.full_init()
        return len(self.supports)

    def get_support(self, idx: int) -> Record:
        """Return the idx-th record of the support set."""
        return self.supports[idx]

    def get_data_info(self, idx: int) -> Record:
        """Return the idx-th query with its shots; `img_path` lists all images, the query's last."""
        query = self.get_query(idx)
        rng = Random(f'{self.seed}-{query["sample_id"]}')
        num_examples = self.num_shots + self.num_text_only_shots
        if self.shot_selector == 'listed':
            examples = [self._by_id[i] for i in query.get('support_ids', ())[:num_examples]]
        else:
            chosen = self._pool.draw(rng, num_examples, query['image_id'])
            examples = [self.supports[i] for i in chosen]
        shots = [self.as_shot(record, self.choose_output(record, rng)[0]) for record in examples]
        with_images, text_only = shots[: self.num_shots], shots[self.num_shots :]
        return attach_shots(query, [drop_image(shot) for shot in text_only] + with_images)

    def _check_shots(self, queries: Sequence[Record]) -> None:
        num_examples = self.num_shots + self.num_text_only_shots
        asked = f'num_shots={self.num_shots} and num_text_only_shots={self.num_text_only_shots}'
        if self.shot_selector == 'listed':
            _check_lists(queries, self._by_id, num_examples, asked)
        elif num_examples > len(self.supports):
            raise ValueError(
                f'{asked} need {num_examples} supports, but the support set holds '
                f'{len(self.supports)}. '
                'Ask for fewer shots or enlarge num_support_examples.'
            )
        mute = sum(not self.has_output(record) for record in self.supports)
        if num_examples and mute:
            raise ValueError(
                f'{mute} of {len(self.supports)} supports have no caption or answer, so they '
                'cannot be shots. '
                'Take the support set from a split with annotations.'
            )

    def _support_img_prefix(self, data_prefix: dict[str, str] | None) -> str:
        if data_prefix is None:
            return self.data_prefix['img_path']
        return self._under_root(data_prefix['img_path'])


class ShotPool:
    """Examples ordered by image, so that a draw leaves those of one image out by a shift.

    Args:
        entries: `(record_key(record), index)` of each example, in any order.
    """

    def __init__(self, entries: Iterable[tuple[tuple, int]]) -> None:
        ordered = sorted(entries)
        self._indices = array('q', (index for _, index in ordered))
        self._spans: dict[Hashable, tuple[int, int]] = {}
        for position, ((_, image_id, *_), _) in enumerate(ordered):
            start, _ = self._spans.get(image_id, (position, position))
            self._spans[image_id] = start, position + 1

    def size_without(self, image_id: Hashable) -> int:
        """Count the examples of other images."""
        start, stop = self._spans.get(image_id, (0, 0))
        return len(self._indices) - (stop - start)

    def of_image(self, image_id: Hashable) -> list[int]:
        """Indices of the examples of one image."""
        start, stop = self._spans.get(image_id, (0, 0))
        return list(self._indices[start:stop])

    def draw(self, rng: Random, count: int, image_id: Hashable) -> list[int]:
        """Draw indices of other images, as `rng.sample` does from a list without this image."""
        start, stop = self._spans.get(image_id, (0, 0))
        places = rng.sample(range(self.size_without(image_id)), count)
        return [self._indices[p if p < start else p + stop - start] for p in places]


def attach_shots(query: Record, shots: Sequence[Record]) -> Record:
    """Give a query its shots; `img_path` becomes the list of their images, the query's last."""
    paths = [shot['img_path'] for shot in shots if shot['img_path'] is not None]
    return query | {'shots': list(shots), 'img_path': [*paths, query['img_path']]}


def drop_image(shot: Record) -> Record:
    """Make a text-only example of a shot."""
    return shot | {'img_path': None}


def split_by_image(
    records: Sequence[Record], num_support: int | None, num_query: int | None, seed: int
) -> tuple[list[Record], list[Record]]:
    """Split the records of one file into queries and supports that share no image.

    Args:
        records: All records, in any order.
        num_support: Number of supports; None takes all that the queries leave.
        num_query: Number of queries; None takes all that the supports leave.
        seed: Names the split.
    """
    if num_support is None and num_query is None:
        raise ValueError(
            'One annotation file cannot give all its records to both sets: '
            'set num_support_examples or num_query_examples, or name a support file.'
        )
    shuffled = _shuffled(records, f'{seed}-split')
    if num_support is None:
        queries, supports = _take_apart(shuffled, num_query, None)
    else:
        supports, queries = _take_apart(shuffled, num_support, num_query)
    if len(supports) < (num_support or 1) or len(queries) < (num_query or 1):
        num_images = len({record['image_id'] for record in records})
        raise ValueError(
            f'num_support_examples={num_support} and num_query_examples={num_query} were asked of '
            f'{len(records)} records of {num_images} images; disjoint by image they give '
            f'{len(supports)} supports '
            f'and {len(queries)} queries. Ask for fewer, or name a separate support file.'
        )
    return sorted(queries, key=record_key), sorted(supports, key=record_key)


def separate_by_image(
    records: Sequence[Record],
    supports: Sequence[Record],
    num_support: int | None,
    num_query: int | None,
    seed: int,
) -> tuple[list[Record], list[Record]]:
    """Choose queries and supports of two files, dropping supports of the query file's images."""
    query_images = {record['image_id'] for record in records}
    kept = [record for record in supports if record['image_id'] not in query_images]
    if len(kept) < len(supports):
        print_log(
            f'{len(supports) - len(kept)} of {len(supports)} supports are left out: their images are queries too.',
            logger='current',
            level=logging.WARNING,
        )
    if not kept:
        raise ValueError(
            f'All images of the {len(supports)} supports occur among the {len(records)} queries '
            '(compared by image id). Name a support file of other images.'
        )
    queries = _shuffled(records, f'{seed}-queries')[:num_query]
    supports = _shuffled(kept, f'{seed}-supports')[:num_support]
    return sorted(queries, key=record_key), sorted(supports, key=record_key)


def _listed_sets(
    records: Sequence[Record], supports: Sequence[Record] | None, num_query: int | None, seed: int
) -> tuple[list[Record], list[Record]]:
    """Part the queries, which list their supports, from all that may be listed."""
    if supports is None:
        supports = [record for record in records if 'support_ids' not in record]
        records = [record for record in records if 'support_ids' in record]
    queries = _shuffled(records, f'{seed}-queries')[:num_query]
    return sorted(queries, key=record_key), sorted(supports, key=record_key)


def _check_lists(queries: Sequence[Record], by_id: dict, num_examples: int, asked: str) -> None:
    """Raise if a query's list is too short, names unknown examples or its own image."""
    lists = {query['sample_id']: query.get('support_ids', ()) for query in queries}
    short = {key: len(ids) for key, ids in lists.items() if len(ids) < num_examples}
    if short:
        raise ValueError(
            f"shot_selector='listed': {asked} need {num_examples} listed supports, but "
            f'{len(short)} of '
            f'{len(queries)} queries list fewer: {some(f"{k}: {n}" for k, n in short.items())}.'
        )
    unknown = {i for ids in lists.values() for i in ids[:num_examples] if i not in by_id}
    if unknown:
        raise ValueError(
            f"shot_selector='listed': {len(unknown)} listed ids are not among the {len(by_id)} "
            f'supports: {some(unknown)}. Name the support file that holds them.'
        )
    own = [
        query['sample_id']
        for query in queries
        for i in lists[query['sample_id']][:num_examples]
        if by_id[i]['image_id'] == query['image_id']
    ]
    if own:
        raise ValueError(f"shot_selector='listed': {len(own)} queries list their own image: {some(own)}.")


def _shuffled(records: Sequence[Record], name: str) -> list[Record]:
    shuffled = sorted(records, key=record_key)
    Random(name).shuffle(shuffled)
    return shuffled


def _take_apart(records: list[Record], count: int, other_count: int | None) -> tuple[list[Record], list[Record]]:
    """Take the first `count` records, then of the other images the first `other_count` ones."""
    taken = records[:count]
    images = {record['image_id'] for record in taken}
    others = [record for record in records[count:] if record['image_id'] not in images]
    return taken, others[:other_count]


def _count(name: str, value: int) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError(f'{name}={value!r} must be an integer, 0 or more.')
    return value


def _limit(name: str, value: int | None) -> int | None:
    if value in (None, -1):
        return None
    if not isinstance(value, int) or value < 1:
        raise ValueError(f'{name}={value!r} must be a positive integer, or None or -1 for all.')
    return value
