"""The prediction file: one JSON line a sample, with all that is needed to explain its score and to score it again."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

FILE_NAME = 'predictions.jsonl'
# What a reader looks for first; the other fields of the data sample follow.
LEADING_FIELDS = ('sample_id', 'image_id', 'question_id', 'task', 'question', 'prompt')
# What a model may write: `pred_caption` or `pred_answer` is kept as `prediction`, `gt_...` as `references`.
OUTPUTS = ('answer', 'caption')

Record = dict[str, Any]


def prediction_record(sample: Mapping[str, Any]) -> Record:
    """What is kept of a predicted sample.

    Args:
        sample: A data sample of the model's prediction, as a dict.

    Returns:
        All of its fields. `img_path` is the query's alone, `generated` the text as the model wrote it, `output` says
        whether it is an answer or a caption, `prediction` is what was parsed from it, and `references` what it is
        scored against.
    """
    fields = dict(sample)
    record = {name: fields.pop(name) for name in LEADING_FIELDS if name in fields}
    if sample.get('task') == 'vqa':
        record.setdefault('question_id', sample.get('sample_id'))
    paths = fields.pop('img_path', None)
    record['img_path'] = paths[-1] if isinstance(paths, list | tuple) and paths else paths
    record['shots'] = fields.pop('shots', [])
    record['generated'] = fields.pop('pred_text', None)
    output = next((name for name in OUTPUTS if f'pred_{name}' in fields), None)
    record['output'] = output
    record['prediction'] = fields.pop(f'pred_{output}', None)
    record['references'] = fields.pop(f'gt_{output}', [])
    return record | dict(sorted(fields.items()))  # in the same order in every process


def data_sample(record: Mapping[str, Any]) -> dict[str, Any]:
    """The data sample of a record, as metrics receive it: `prediction_record` undone."""
    sample = dict(record)
    sample.pop('scores', None)
    output, prediction, references = (sample.pop(name, None) for name in ('output', 'prediction', 'references'))
    sample['pred_text'] = sample.pop('generated', None)
    return sample | ({f'pred_{output}': prediction, f'gt_{output}': references} if output else {})


def to_line(record: Record) -> str:
    """A record as one line of JSON."""
    return json.dumps(record, ensure_ascii=False, default=to_plain) + '\n'


def read_records(path: str | Path) -> Iterator[Record]:
    """The records of a prediction file, one at a time."""
    with Path(path).open(encoding='utf-8') as file:
        for line in file:
            yield json.loads(line)


def write_whole(path: Path, text: str) -> None:
    """Write a file that is there as a whole or not at all."""
    draft = path.with_name(f'{path.name}.part')
    with draft.open('w', encoding='utf-8') as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def add_scores(records: Iterable[Record], metrics: Iterable[object]) -> None:
    """Put each metric's scores of a sample into its record, where the metric keeps them."""
    tables = [table for metric in metrics if (table := getattr(metric, 'sample_scores', None))]
    for record in records:
        record['scores'] = {}
        for table in tables:
            record['scores'].update(table.get(record['sample_id'], {}))


def to_plain(value: object) -> object:
    """What JSON can't write, as something it can: tensors and arrays as lists, all else as text."""
    if isinstance(value, torch.Tensor | np.ndarray | np.generic):
        return value.tolist()
    return str(value)
