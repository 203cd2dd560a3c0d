"""Settings of data loaders: those that cannot work are made to work, or refused before anything is built."""

from collections.abc import Callable, Iterator, Mapping
from math import inf
from typing import Any

from mmengine.dataset import InfiniteSampler

from mmflamingo.registry import DATA_SAMPLERS, registered

from ..errors import ConfigError
from .argument_types import PLAIN, fits

MOST_WORKERS = 1024  # processes; more would stop the machine
# Only workers need these; torch refuses them without.
OF_WORKERS = ('persistent_workers', 'prefetch_factor', 'timeout', 'multiprocessing_context')


def _is_count(low: int, high: float = inf) -> Callable[[Any], bool]:
    return lambda value: fits(value, int) and low <= value <= high


def _is_seconds(value: Any) -> bool:
    return fits(value, float) and value >= 0


def _is_flag(value: Any) -> bool:
    return fits(value, bool)


def _is_part(value: Any) -> bool:
    """A config of something to be built, or the thing itself."""
    return 'type' in value if isinstance(value, Mapping) else not isinstance(value, PLAIN)


RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    'dataset': (lambda value: bool(value) and _is_part(value), 'a dict with a type'),
    'sampler': (_is_part, 'a dict with a type'),
    'batch_sampler': (lambda value: value is None or _is_part(value), 'None or a dict with a type'),
    'collate_fn': (_is_part, 'a dict with a type'),
    'batch_size': (_is_count(1), 'an integer, 1 or more'),
    'num_workers': (_is_count(0, MOST_WORKERS), f'an integer from 0 to {MOST_WORKERS}'),
    'prefetch_factor': (lambda value: value is None or _is_count(1)(value), 'None or an integer, 1 or more'),
    'num_batch_per_epoch': (lambda value: value is None or _is_count(1)(value), 'None or an integer, 1 or more'),
    'timeout': (_is_seconds, 'a number of seconds, 0 or more'),
    'persistent_workers': (_is_flag, 'True or False'),
    'pin_memory': (_is_flag, 'True or False'),
    'drop_last': (_is_flag, 'True or False'),
}


def workable(loader: Mapping[str, Any]) -> dict[str, Any]:
    """A loader's settings without those that only workers need, where there are no workers.

    Raises:
        ConfigError: It has no dataset or no sampler.
    """
    missing = [key for key in ('dataset', 'sampler') if key not in loader]
    if missing:
        raise ConfigError(
            f'A data loader needs {" and ".join(missing)}; this one has {", ".join(loader) or "nothing"}.'
        )
    idle = () if loader.get('num_workers') else OF_WORKERS
    return {key: value for key, value in loader.items() if key not in idle}


def find_loader_mistakes(path: str, loader: Mapping[str, Any]) -> Iterator[str]:
    """Yield one sentence for each setting of a loader that cannot work, or that would lose samples in silence.

    Args:
        path: Its key in the config, such as 'test_dataloader'.
        loader: Its settings.
    """
    for key, (is_allowed, allowed) in RULES.items():
        if key in loader and not is_allowed(loader[key]):
            yield f'{path}.{key} is {loader[key]!r}, it must be {allowed}.'
    if 'shuffle' in loader:
        yield f'{path}.shuffle has no effect beside a sampler: set {path}.sampler.shuffle.'
    if not path.startswith('train'):
        yield from _find_losses(path, loader)
    elif loader.get('drop_last') and loader.get('batch_sampler'):
        yield f'{path}.drop_last cannot be combined with a batch_sampler: set {path}.batch_sampler.drop_last.'


def _find_losses(path: str, loader: Mapping[str, Any]) -> Iterator[str]:
    """Yield what keeps a test or a validation from seeing each sample once."""
    for key, part in ((path, loader), (f'{path}.batch_sampler', loader.get('batch_sampler'))):
        if isinstance(part, Mapping) and part.get('drop_last'):
            yield f'{key}.drop_last would leave the last samples out of the score: set it to False.'
    if loader.get('num_batch_per_epoch') is not None:
        yield (
            f'{path}.num_batch_per_epoch would leave samples out of the score: leave it out, and set the number of '
            'samples by the dataset (num_query_examples, indices).'
        )
    sampler = loader.get('sampler')
    if isinstance(sampler, Mapping) and _is_infinite(sampler.get('type')):
        yield f"{path}.sampler.type is {sampler['type']!r}, which never ends: use 'DefaultSampler'."


def _is_infinite(kind: Any) -> bool:
    found = registered(DATA_SAMPLERS, kind) if isinstance(kind, str) else kind
    return isinstance(found, type) and issubclass(found, InfiniteSampler)
