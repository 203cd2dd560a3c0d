"""What a score depends on: kept with every result, and compared before a broken run continues or a result is used."""

import hashlib
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import torch
import transformers
from mmengine.config import Config
from torch.utils.data import Dataset

from mmflamingo.paths import REPOSITORY
from mmflamingo.version import __version__

from ..errors import RunError
from .identity import digest_checkpoint, digest_features, digest_media, digest_named_files, digest_records
from .plain_json import to_plain

FILE_NAME = 'protocol.json'
# Where files lie, and how fast things go, changes no prediction.
WITHOUT_INFLUENCE = ('data_root', 'resume', 'media_cache_bytes', 'media_store', 'cache_bytes')
# Differences that nobody could name by their keys alone.
MEANING = {
    'data.sha256': 'the queries or supports differ (annotations, or how they are read)',
    'data.media_sha256': 'pictures or videos of the set have other contents',
    'data.features_sha256': 'the image features by which shots are chosen differ',
}
RESUMED = 'Cannot resume: the interrupted run had other settings or files. Restore them, or test without --resume:'
DIFFERENCES_SHOWN = 20

Protocol = dict[str, Any]


def describe(cfg: Config, checkpoint: str | None, dataset: Dataset) -> Protocol:
    """Describe a test.

    Args:
        cfg: Its config.
        checkpoint: Path or URL of the weights.
        dataset: The set it predicts.

    Returns:
        Plain JSON. `config`: model (prompts and decoding among it), dataset (shots and seed among it) and loop; `files`:
        digests of all files that these name; `checkpoint`: path and digest; `name` of the published protocol, if it is
        one; `data`: number and digest of queries and supports, digests of their pictures and of image features; `code`: versions.
    """
    config = {
        'model': cfg.get('model'),
        'dataset': cfg.test_dataloader.dataset,
        'test_cfg': cfg.get('test_cfg'),
        'seed': (cfg.get('randomness') or {}).get('seed'),
        **({'dtype': cfg.dtype} if cfg.get('dtype') else {}),
    }
    config = json.loads(json.dumps(config, default=to_plain), parse_constant=str)  # infinity as text
    return {
        'name': cfg.get('protocol'),
        'config': config,
        'files': digest_named_files(config),
        'checkpoint': {'path': checkpoint, 'sha256': digest_checkpoint(checkpoint)},
        'data': {
            'samples': len(dataset),
            'sha256': digest_records(dataset),
            'media_sha256': digest_media(dataset),
            'features_sha256': digest_features(dataset),
        },
        'code': {
            'mmflamingo': __version__,
            'commit': _commit(),
            'torch': torch.__version__,
            'transformers': transformers.__version__,
        },
    }


def digest(protocol: Protocol) -> str:
    """Sixteen hexadecimal digits that stand for what predictions depend on; the versions of the code don't count."""
    influences = sorted(_influences(protocol).items())
    lines = [f'{key}={json.dumps(value)}' for key, value in influences if not key.startswith('code.')]
    return hashlib.sha256('\n'.join(lines).encode()).hexdigest()[:16]


def check_same(former: Protocol, present: Protocol, complaint: str = RESUMED) -> list[str]:
    """Compare the protocol of an earlier run with that of the run which is to use its predictions.

    Args:
        former: Protocol of the earlier run; one from before files were noted is compared without them.
        present: Protocol of this run.
        complaint: First line of the error.

    Returns:
        Differences that may matter: versions of the code.

    Raises:
        RunError: Lists the differences that do matter.
    """
    if 'files' not in former:
        former, present = _without_files(former), _without_files(present)
    try:
        there, here = _influences(former), _influences(present)
    except (RecursionError, TypeError) as error:
        raise RunError(f'{complaint} its protocol is not one that a test writes.') from error
    changed = [key for key in dict.fromkeys([*there, *here]) if there.get(key) != here.get(key)]
    of_code = [key for key in changed if key.startswith('code.')]
    grave = [_difference(key, there.get(key), here.get(key)) for key in changed if key not in of_code]
    if grave:
        more = [f'and {len(grave) - DIFFERENCES_SHOWN} more'] if len(grave) > DIFFERENCES_SHOWN else []
        raise RunError('\n  '.join([complaint, *grave[:DIFFERENCES_SHOWN], *more]))
    return [_difference(key, there.get(key), here.get(key)) for key in of_code]


def _without_files(protocol: Protocol) -> Protocol:
    data = protocol.get('data')
    kept = {name: data.get(name) for name in ('samples', 'sha256')} if isinstance(data, Mapping) else data
    return {name: part for name, part in protocol.items() if name != 'files'} | {'data': kept}


def _influences(protocol: Protocol) -> dict[str, object]:
    """What is compared: all leaves, but not the path of a file whose contents are."""
    compared = {f'config.{key}' for key in protocol.get('files') or ()}
    return {key: value for key, value in _leaves(protocol) if key not in compared}


def _difference(key: str, there: object, here: object) -> str:
    if there is not None and here is not None and (key in MEANING or re.fullmatch('[0-9a-f]{64}', str(here))):
        return f'{key}: {MEANING.get(key, "the file has other contents")}'
    return f'{key}: {there!r} there, {here!r} here'


def _leaves(node: object, key: str = '') -> Iterator[tuple[str, object]]:
    """Keys and values of nested dicts and lists, without what has no influence."""
    if isinstance(node, Mapping | list) and node:
        items = node.items() if isinstance(node, Mapping) else enumerate(node)
        for name, value in items:
            if name not in WITHOUT_INFLUENCE and f'{key}.{name}' != 'checkpoint.path':
                yield from _leaves(value, f'{key}.{name}' if key else str(name))
    else:
        yield key, node


@cache
def _commit() -> str | None:
    """The commit of this repository, and whether files were changed since; None for an installed package."""
    if not (REPOSITORY / '.git').exists():
        return None
    command = ['git', '-C', str(REPOSITORY), 'describe', '--always', '--dirty', '--abbrev=12']
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
