"""The prediction file: one JSON line a sample, with all that is needed to explain its score and to score it again."""

from collections.abc import Iterable, Iterator, Mapping
from numbers import Integral
from pathlib import Path
from typing import Any

from ..errors import RunError
from .plain_json import dumps, loads

FILE_NAME = 'predictions.jsonl'
# What a reader looks for first; the other fields of the data sample follow.
LEADING_FIELDS = ('sample_id', 'image_id', 'question_id', 'task', 'question', 'prompt')
# What a model may write: `pred_caption` or `pred_answer` is kept as `prediction`, `gt_...` as `references`.
OUTPUTS = ('answer', 'caption')
# What readers of the file rely on, where a record has the field.
FIELD_TYPES = {
    **dict.fromkeys(('img_path', 'question', 'prompt', 'prediction', 'output'), str),
    **dict.fromkeys(('references', 'generated'), str | list),
    **dict.fromkeys(('shots', 'bad_images'), list),
    'scores': dict,
}

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
    return dumps(record, f'The prediction of sample {record.get("sample_id")!r}') + '\n'


def read_records(path: str | Path) -> Iterator[Record]:
    """The records of a prediction file, one at a time.

    Raises:
        RunError: The file is missing, or a line is not a record, or of a sample that came before.
    """
    if not Path(path).is_file():
        raise RunError(f'{path} does not exist, or is not a file.')
    lines: dict[int | str, int] = {}
    with Path(path).open('rb') as file:
        for number, line in enumerate(file, 1):
            try:
                record = loads(line)
            except ValueError as error:
                raise RunError(f'{path}, line {number} is not valid JSON: {error}.') from error
            if fault := fault_of(record):
                raise RunError(f'{path}, line {number}: {fault}.')
            sample_id = record['sample_id']
            if sample_id in lines:
                raise RunError(f'{path}, line {number}: sample {sample_id!r} is in line {lines[sample_id]} already.')
            lines[sample_id] = number
            yield record


def fault_of(record: object) -> str | None:
    """What a value has, in a few words, that no record of a test has; None for a record."""
    if not isinstance(record, dict):
        return f'it is a {type(record).__name__}, not an object with the fields of a prediction'
    if not is_id(record.get('sample_id')):
        return f'sample_id is {record.get("sample_id")!r}, it must be a number or a text'
    for name, types in FIELD_TYPES.items():
        if not isinstance(record.get(name), types | None):
            return f'{name} is {record[name]!r:.80}, it must be of type {getattr(types, "__name__", types)}'
    shots = record.get('shots') or ()
    if not all(isinstance(shot, dict) and isinstance(shot.get('img_path'), str | None) for shot in shots):
        return 'shots must be a list of objects, each with an img_path that is a text or null'
    if not all(isinstance(path, str) for path in record.get('bad_images') or ()):
        return 'bad_images must be a list of paths'
    for name, value in (record.get('scores') or {}).items():
        if not isinstance(value, int | float) or isinstance(value, bool):
            return f'scores.{name} is {value!r:.80}, it must be a number'
    return None


def is_id(value: object) -> bool:
    """Whether a value can be the id of a sample."""
    return isinstance(value, Integral | str) and not isinstance(value, bool)


def bad_images(records: Iterable[Record]) -> list[str]:
    """The pictures that could not be read, each once, in the order in which they were met."""
    return list(dict.fromkeys(path for record in records for path in record.get('bad_images') or ()))


def add_scores(records: Iterable[Record], metrics: Iterable[object]) -> None:
    """Put each metric's scores of a sample into its record, where the metric keeps them."""
    tables = [table for metric in metrics if (table := getattr(metric, 'sample_scores', None))]
    for record in records:
        record['scores'] = {}
        for table in tables:
            record['scores'].update(table.get(record['sample_id'], {}))
