"""The prediction file: one JSON line a sample, written as predictions are made."""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch

FILE_NAME = 'predictions.jsonl'
# Fields copied from the data sample as they are, where it has them.
COPIED_FIELDS = ('sample_id', 'image_id', 'question_id', 'task', 'question', 'prompt')

Record = dict[str, Any]


def prediction_record(sample: Mapping[str, Any]) -> Record:
    """What is kept of a predicted sample.

    Args:
        sample: A data sample of the model's prediction, as a dict.

    Returns:
        Its ids, `img_path` of the query, `shots` (ids and text), `question`, the `generated` text,
        the `prediction` parsed from it and the `references`.
    """
    record = {name: sample[name] for name in COPIED_FIELDS if name in sample}
    if sample.get('task') == 'vqa':
        record.setdefault('question_id', sample.get('sample_id'))
    paths = sample.get('img_path')
    record['img_path'] = paths[-1] if isinstance(paths, list | tuple) and paths else paths
    if sample.get('bad_images'):
        record['bad_images'] = sample['bad_images']
    record['shots'] = sample.get('shots', [])
    record['generated'] = sample.get('pred_text')
    record['prediction'] = sample.get('pred_answer', sample.get('pred_caption'))
    record['references'] = sample.get('gt_answer', sample.get('gt_caption', []))
    return record


def rank_path(folder: str | Path, rank: int) -> Path:
    """The file a process writes while the run goes on."""
    return Path(folder) / f'predictions.rank{rank}.jsonl'


def to_line(record: Record) -> str:
    """A record as one line of JSON."""
    return json.dumps(record, ensure_ascii=False, default=_to_plain) + '\n'


def read_records(path: str | Path) -> Iterator[Record]:
    """The records of a prediction file, one at a time."""
    with Path(path).open(encoding='utf-8') as file:
        for line in file:
            yield json.loads(line)


def merge_ranks(folder: str | Path, world_size: int) -> list[Record]:
    """All ranks' records in the order of the dataset, each sample once.

    The sampler deals samples to the ranks in turn, and repeats some at the end if their number
    doesn't divide.
    """
    ranks = [read_records(rank_path(folder, rank)) for rank in range(world_size)]
    dealt = (record for record in chain.from_iterable(zip_longest(*ranks)) if record is not None)
    merged = {}
    for record in dealt:
        merged.setdefault(record['sample_id'], record)
    return list(merged.values())


def add_scores(records: Iterable[Record], metrics: Iterable[object]) -> None:
    """Put each metric's scores of a sample into its record, where the metric keeps them."""
    tables = [table for metric in metrics if (table := getattr(metric, 'sample_scores', None))]
    for record in records:
        record['scores'] = {}
        for table in tables:
            record['scores'].update(table.get(record['sample_id'], {}))


def _to_plain(value: object) -> object:
    if isinstance(value, torch.Tensor | np.ndarray | np.generic):
        return value.tolist()
    return str(value)
