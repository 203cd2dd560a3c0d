"""Few-shot evaluation: support and query sets disjoint by image, shots seeded per query.

Nothing here depends on the order of the annotation files, on batches, workers or ranks, nor on
which other queries are scored: every choice comes from a generator named by the seed and the id of
what is chosen for.
"""

import logging
from collections.abc import Sequence
from random import Random

from mmengine.logging import print_log

from mmflamingo.paths import below

from ..base import Record, check_same_writing, record_key, some
from .image_content import content_twins, image_of
from .shot_selection import build_selector
from .split import Twins, separate_by_image, shuffled, split_by_image


class FewShotMixin:
    """Adds shots to a `FlamingoDataset`, which comes after it among the base classes.

    With one annotation file its records are split into supports and queries that share no image,
    and both numbers must be there. With a separate support file they are upper limits, and supports
    whose image occurs in the query file are left out. Images with the same id or the same content
    are the same image.

    Shots of a query are chosen among the supports without the query's own image; all that is random
    in it comes from `Random(f'{seed}-{sample_id}')`. OpenFlamingo's zero shots are `num_shots=0,
    zero_shot_text_only=2`.

    Args:
        num_shots: Examples with their images before each query.
        num_support_examples: Size of the support set; None or -1 takes all there are.
        num_query_examples: Number of queries; None or -1 takes all there are.
        num_text_only_shots: Examples without their images, put before those with images.
        zero_shot_text_only: The same where `num_shots` is 0, so that a protocol's zero shots and its others differ in
            `num_shots` alone.
        seed: Names the split and the shots.
        shot_selector: How shots are chosen and ordered: a name or a config of SHOT_SELECTORS:
            'random', 'rices', 'class_balanced' or 'listed'. With 'listed' the support set is never
            cut down.
        find_twins: Look for images with the same content; the files' sizes and those of equal size
            are read.
        kwargs: Arguments of the dataset.
    """

    def __init__(
        self,
        *args,
        num_shots: int = 0,
        num_support_examples: int | None = 2048,
        num_query_examples: int | None = 5000,
        num_text_only_shots: int = 0,
        zero_shot_text_only: int = 0,
        seed: int = 0,
        shot_selector: str | dict = 'random',
        find_twins: bool = True,
        **kwargs,
    ) -> None:
        self.num_shots = _count('num_shots', num_shots)
        of_zero_shots = _count('zero_shot_text_only', zero_shot_text_only)
        self.num_text_only_shots = _count('num_text_only_shots', num_text_only_shots)
        if self.num_shots == 0 and self.num_text_only_shots == 0:
            self.num_text_only_shots = of_zero_shots
        self.num_support_examples = _limit('num_support_examples', num_support_examples)
        self.num_query_examples = _limit('num_query_examples', num_query_examples)
        self.seed = seed
        self.shot_selector = build_selector(shot_selector)
        self.find_twins = find_twins
        self.supports: list[Record] = []
        super().__init__(*args, **kwargs)

    def load_data_list(self) -> list[Record]:
        """Read the files, split supports from queries, and check that there are shots enough."""
        records, supports = super().load_data_list(), self.load_support_list()
        self._check_ids([*records, *(supports or ())])
        limits = self.num_support_examples, self.num_query_examples
        twins = self._twins([*records, *(supports or ())])
        if self.shot_selector.takes_all_supports:
            queries, self.supports = self._listed_sets(records, supports, limits[1])
        elif supports is None:
            queries, self.supports = split_by_image(records, *limits, self.seed, twins)
        else:
            queries, self.supports = separate_by_image(records, supports, *limits, self.seed, twins)
        self._check_outputs()
        self.shot_selector.prepare(queries, self.supports, self.num_examples)
        if twins and self.shot_selector.takes_all_supports:
            self._check_twins(queries, twins)
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
        chosen = [self.supports[i] for i in self.shot_selector.select(query, self.num_examples, rng)]
        shots = [self.as_shot(record, self.choose_output(record, rng)[0]) for record in chosen]
        with_images = self.shot_selector.arrange(shots[: self.num_shots], rng)
        text_only = self.shot_selector.arrange(shots[self.num_shots :], rng)
        return attach_shots(query, [drop_image(shot) for shot in text_only] + with_images)

    def media_paths(self) -> list[str]:
        """Paths of all pictures and videos that the queries and their shots may show, each once."""
        shown = self.supports if self.num_shots else ()
        return list(dict.fromkeys([*super().media_paths(), *(record['img_path'] for record in shown)]))

    @property
    def num_examples(self) -> int:
        """How many examples a query gets, with images and without."""
        return self.num_shots + self.num_text_only_shots

    def _twins(self, records: Sequence[Record]) -> Twins:
        twins = content_twins(records) if self.find_twins else {}
        if twins:
            print_log(
                f'{len(twins)} images have the content of another one (image ids {some(twins)}): they count as one image.',
                logger='current',
                level=logging.WARNING,
            )
        return twins

    def _check_ids(self, records: Sequence[Record]) -> None:
        """Raise if an id of the queries' file is written in another way than in the supports'."""
        for name in ('image_id', 'sample_id'):
            check_same_writing((record[name] for record in records), name.removesuffix('_id'), type(self).__name__)

    def _check_twins(self, queries: Sequence[Record], twins: Twins) -> None:
        """Raise if a query would see the content of its own image among its shots."""
        own = []
        for query in queries:
            shots = self.shot_selector.select(query, self.num_examples, Random())
            if image_of(query, twins) in {image_of(self.supports[i], twins) for i in shots}:
                own.append(query['sample_id'])
        if own:
            raise ValueError(f'{len(own)} queries have the content of their own image among their shots: {some(own)}.')

    def _listed_sets(
        self, records: Sequence[Record], supports: Sequence[Record] | None, num_query: int | None
    ) -> tuple[list[Record], list[Record]]:
        """Split the queries, for which supports are listed, from all that may be listed."""
        if supports is None:
            is_query = {record['sample_id']: self.shot_selector.lists.of(record) is not None for record in records}
            supports = [record for record in records if not is_query[record['sample_id']]]
            records = [record for record in records if is_query[record['sample_id']]]
        queries = shuffled(records, f'{self.seed}-queries')[:num_query]
        return sorted(queries, key=record_key), sorted(supports, key=record_key)

    def _check_outputs(self) -> None:
        without_output = sum(not self.has_output(record) for record in self.supports)
        if self.num_examples and without_output:
            raise ValueError(
                f'{without_output} of {len(self.supports)} supports have no caption or answer, so they '
                'cannot be shots. '
                'Take the support set from a split with annotations.'
            )

    def _support_img_prefix(self, data_prefix: dict[str, str] | None) -> str:
        if data_prefix is None:
            return self.data_prefix['img_path']
        if 'img_path' not in data_prefix:
            raise ValueError(
                f"support_data_prefix={data_prefix!r} needs the key 'img_path', the folder of the supports."
            )
        return below(self.data_root, data_prefix['img_path'])


class SupportFileMixin(FewShotMixin):
    """FewShotMixin for sets whose method `read_file` reads all there is of a split from one file.

    Args:
        support_ann_file: Annotation file of the support set; None splits `ann_file`.
        support_data_prefix: Its `img_path` is the folder of the support set's images or videos; `data_prefix` by
            default.
        kwargs: Arguments of `FewShotMixin` and of the dataset.
    """

    def __init__(
        self,
        *args,
        support_ann_file: str | None = None,
        support_data_prefix: dict[str, str] | None = None,
        **kwargs,
    ) -> None:
        self.support_ann_file = support_ann_file
        self.support_data_prefix = support_data_prefix
        super().__init__(*args, **kwargs)

    def load_support_list(self) -> list[Record] | None:
        """Read the support file, if there is one."""
        if self.support_ann_file is None:
            return None
        prefix = self._support_img_prefix(self.support_data_prefix)
        return self.read_file(self._under_root(self.support_ann_file), prefix, 'support_ann_file')


def attach_shots(query: Record, shots: Sequence[Record]) -> Record:
    """Give a query its shots; `img_path` becomes the list of their images, the query's last."""
    paths = [shot['img_path'] for shot in shots if shot['img_path'] is not None]
    return query | {'shots': list(shots), 'img_path': [*paths, query['img_path']]}


def drop_image(shot: Record) -> Record:
    """Make a text-only example of a shot."""
    return shot | {'img_path': None}


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
