"""Queries and supports that share no image, chosen by seed and id."""

import logging
from collections.abc import Hashable, Mapping, Sequence
from random import Random

from mmengine.logging import print_log

from ..base import Record, record_key
from .image_content import image_of

Twins = Mapping[Hashable, Hashable]


def split_by_image(
    records: Sequence[Record], num_support: int | None, num_query: int | None, seed: int, twins: Twins
) -> tuple[list[Record], list[Record]]:
    """Split the records of one file into queries and supports that share no image.

    Args:
        records: All records, in any order.
        num_support: Number of supports; None takes all that the queries leave.
        num_query: Number of queries; None takes all that the supports leave.
        seed: Names the split.
        twins: Images that are one, see `content_twins`.
    """
    if num_support is None and num_query is None:
        raise ValueError(
            'One annotation file cannot give all its records to both sets: '
            'set num_support_examples or num_query_examples, or name a support file.'
        )
    ordered = shuffled(records, f'{seed}-split')
    if num_support is None:
        queries, supports = _take_apart(ordered, num_query, None, twins)
    else:
        supports, queries = _take_apart(ordered, num_support, num_query, twins)
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
    twins: Twins,
) -> tuple[list[Record], list[Record]]:
    """Choose queries and supports of two files, dropping supports of the query file's images."""
    query_images = {image_of(record, twins) for record in records}
    kept = [record for record in supports if image_of(record, twins) not in query_images]
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
    queries = shuffled(records, f'{seed}-queries')[:num_query]
    supports = shuffled(kept, f'{seed}-supports')[:num_support]
    return sorted(queries, key=record_key), sorted(supports, key=record_key)


def shuffled(records: Sequence[Record], name: str) -> list[Record]:
    """Records in an order that `name` and their ids tell."""
    shuffled = sorted(records, key=record_key)
    Random(name).shuffle(shuffled)
    return shuffled


def _take_apart(
    records: list[Record], count: int, other_count: int | None, twins: Twins
) -> tuple[list[Record], list[Record]]:
    """Take the first `count` records, then of the other images the first `other_count` ones."""
    taken = records[:count]
    images = {image_of(record, twins) for record in taken}
    others = [record for record in records[count:] if image_of(record, twins) not in images]
    return taken, others[:other_count]
