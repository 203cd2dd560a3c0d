"""What a test leaves when it has ended: a table of its metrics, and the file of `--out`."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.fileio import dump

from ..config.outputs import check_file
from ..errors import ConfigError
from .plain_json import dumps, write_whole
from .predictions import read_records

METRICS, PREDICTIONS = ('metrics', 'pred')
SUFFIXES = {METRICS: ('.json', '.yaml', '.yml', '.pkl'), PREDICTIONS: ('.jsonl', '.json', '.pkl')}


def metrics_table(metrics: Mapping[str, Any]) -> str:
    """The metrics below each other, numbers with two decimals."""
    header = ('metric', 'value')
    rows = [(name, f'{value:.2f}' if isinstance(value, float) else str(value)) for name, value in metrics.items()]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    head, *body = [f'{name:<{widths[0]}}  {value:>{widths[1]}}' for name, value in [header, *rows]]
    return '\n'.join([head, '-' * len(head), *body])


def check_out_file(path: str, item: str) -> Path:
    """Check before a run that `write_out_file` can write a file.

    Returns:
        Path: The file, see `check_file`.

    Raises:
        ConfigError: Its name has another ending, or it cannot be written.
    """
    if Path(path).suffix not in SUFFIXES[item]:
        raise ConfigError(
            f'--out {path}: with --out-item {item} its name must end in one of {", ".join(SUFFIXES[item])}.'
        )
    return check_file('--out', path)


def write_out_file(path: str | Path, item: str, metrics: Mapping[str, Any], predictions: Path) -> None:
    """Write the metrics, or all predictions, to the file of `--out`."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    if Path(path).suffix == '.json':
        content = dict(metrics) if item == METRICS else list(read_records(predictions))
        write_whole(Path(path), dumps(content, f'--out {path}'))
    elif item == METRICS:
        dump(dict(metrics), path)
    elif Path(path).suffix == '.jsonl':
        shutil.copyfile(predictions, path)
    else:
        dump(list(read_records(predictions)), path)
