"""The settings that a training depends on, kept in its checkpoints and compared when it is resumed."""

import json
from collections.abc import Iterator, Mapping

from mmengine.config import Config

KEY = 'settings'  # in a checkpoint's meta
SECTIONS = ('model', 'train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'randomness')
MOST_SHOWN = 10


def describe_settings(cfg: Config, ranks: int) -> str:
    """The settings as JSON.

    Args:
        cfg: Config of the training.
        ranks: Number of processes.
    """
    return json.dumps({name: cfg.get(name) for name in SECTIONS} | {'ranks': ranks}, default=str)


def changed_settings(meta: Mapping, present: str) -> str:
    """A message that lists the settings in which a training differs from a checkpoint's; empty if there are none.

    Args:
        meta: The checkpoint's.
        present: What `describe_settings` gives for the training.
    """
    try:
        there = dict(_leaves(json.loads(meta[KEY])))
    except (KeyError, TypeError, ValueError):  # mmengine's own checkpoints don't hold them
        return ''
    here = dict(_leaves(json.loads(present)))
    changed = [key for key in dict.fromkeys([*there, *here]) if there.get(key) != here.get(key)]
    if not changed:
        return ''
    shown = [f'{key}: {there.get(key)!r} there, {here.get(key)!r} here' for key in changed[:MOST_SHOWN]]
    more = [f'and {len(changed) - MOST_SHOWN} more'] if len(changed) > MOST_SHOWN else []
    return '\n  '.join(['The resumed checkpoint was trained with other settings:', *shown, *more])


def _leaves(node: object, key: str = '') -> Iterator[tuple[str, object]]:
    """Values of nested dicts and lists by their keys."""
    if isinstance(node, Mapping | list) and node:
        for name, value in node.items() if isinstance(node, Mapping) else enumerate(node):
            yield from _leaves(value, f'{key}.{name}' if key else str(name))
    else:
        yield key, node
