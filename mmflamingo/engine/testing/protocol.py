"""What a score depends on: kept with every result, and compared before a broken run goes on."""

import hashlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import torch
import transformers
from mmengine.config import Config
from torch.utils.data import Dataset

from mmflamingo.paths import REPOSITORY
from mmflamingo.version import __version__

from ..errors import RunError
from ..loading.cache import cached_path, is_url
from .predictions import to_plain

FILE_NAME = 'protocol.json'
# Where files lie, and how fast things go, changes no prediction.
WITHOUT_INFLUENCE = ('data_root', 'resume', 'media_cache_bytes', 'media_store', 'cache_bytes')

Protocol = dict[str, Any]


def describe(cfg: Config, checkpoint: str | None, dataset: Dataset) -> Protocol:
    """Describe a test.

    Args:
        cfg: Its config.
        checkpoint: Path or URL of the weights.
        dataset: The set it predicts.

    Returns:
        What `describe_config` gives, and `data`: number and digest of queries and supports; `code`: versions.
    """
    data = {
        'samples': len(dataset),
        'sha256': _digest_of_records(dataset),
        'features_sha256': _digest_of_file(_features_file(cfg.test_dataloader.dataset)),
    }
    code = {
        'mmflamingo': __version__,
        'commit': _commit(),
        'torch': torch.__version__,
        'transformers': transformers.__version__,
    }
    return describe_config(cfg, checkpoint) | {'data': data, 'code': code}


def describe_config(cfg: Config, checkpoint: str | None) -> Protocol:
    """Describe what of a test is known before its data are read.

    Returns:
        `config`: model (prompts and decoding among it), dataset (shots and seed among it) and loop; `checkpoint`: path
        and digest; `name` of the published protocol, if it is one. All of it plain JSON.
    """
    described = {
        'name': cfg.get('protocol'),
        'config': {
            'model': cfg.get('model'),
            'dataset': cfg.test_dataloader.dataset,
            'test_cfg': cfg.get('test_cfg'),
            'seed': (cfg.get('randomness') or {}).get('seed'),
            **({'dtype': cfg.dtype} if cfg.get('dtype') else {}),
        },
        'checkpoint': {'path': checkpoint, 'sha256': _digest_of_file(checkpoint)},
    }
    return json.loads(json.dumps(described, default=to_plain))


def digest(protocol: Protocol) -> str:
    """Sixteen hexadecimal digits that stand for what predictions depend on; the versions of the code don't count."""
    lines = [f'{key}={json.dumps(value)}' for key, value in sorted(_leaves(protocol)) if not key.startswith('code.')]
    return hashlib.sha256('\n'.join(lines).encode()).hexdigest()[:16]


def check_same(former: Protocol, present: Protocol) -> list[str]:
    """Compare the protocol of a broken run with that of the run that is to go on with it.

    Returns:
        Differences that may matter: versions of the code.

    Raises:
        RunError: Lists the differences that do matter.
    """
    there, here = dict(_leaves(former)), dict(_leaves(present))
    changed = [key for key in dict.fromkeys([*there, *here]) if there.get(key) != here.get(key)]
    said = {key: f'{key}: {there.get(key)!r} there, {here.get(key)!r} here' for key in changed}
    grave = [sentence for key, sentence in said.items() if not key.startswith('code.')]
    if grave:
        raise RunError('\n  '.join(['The broken run was another one, so it can not go on as this one:', *grave[:20]]))
    return list(said.values())


def _leaves(node: object, key: str = '') -> Iterator[tuple[str, object]]:
    """Keys and values of nested dicts and lists, without what has no influence."""
    if isinstance(node, Mapping | list) and node:
        items = node.items() if isinstance(node, Mapping) else enumerate(node)
        for name, value in items:
            if name not in WITHOUT_INFLUENCE and f'{key}.{name}' != 'checkpoint.path':
                yield from _leaves(value, f'{key}.{name}' if key else str(name))
    else:
        yield key, node


def _digest_of_records(dataset: Dataset) -> str | None:
    """Digest of all queries and supports, without the folders they lie in; None for sets that have no records."""
    while not hasattr(dataset, 'get_query') and hasattr(dataset, 'dataset'):
        dataset = dataset.dataset
    if not hasattr(dataset, 'get_query'):
        return None
    sha256 = hashlib.sha256()
    queries = map(dataset.get_query, range(len(dataset)))
    supports = map(dataset.get_support, range(dataset.num_supports))
    for record in chain(queries, supports):
        fields = {name: value for name, value in record.items() if name != 'img_path'}
        sha256.update(json.dumps(fields, sort_keys=True, default=to_plain).encode())
    return sha256.hexdigest()


def _features_file(dataset: Mapping) -> str | None:
    """The file of image features by which shots are chosen, if the config names one."""
    selector = dataset.get('shot_selector')
    return selector.get('features') if isinstance(selector, Mapping) else None


def _digest_of_file(path: str | None) -> str | None:
    if path is None:
        return None
    local = cached_path(path) if is_url(path) else Path(path)
    sha256 = hashlib.sha256()
    with local.open('rb') as file:
        while block := file.read(1 << 20):
            sha256.update(block)
    return sha256.hexdigest()


def _commit() -> str | None:
    """The commit of this repository, and whether files were changed since; None for an installed package."""
    if not (REPOSITORY / '.git').exists():
        return None
    command = ['git', '-C', str(REPOSITORY), 'describe', '--always', '--dirty', '--abbrev=12']
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
