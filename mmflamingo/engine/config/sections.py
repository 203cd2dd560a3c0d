"""What the runner reads of a config: its top-level keys, their types, and the dicts among them that no class takes."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from reprlib import repr as shortly
from typing import Any

from mmengine.runner import Runner

from mmflamingo.registry import RUNNERS, registered

from .argument_types import PLAIN, find_misfits, fits, type_name
from .signatures import accepted_arguments

# Keys that a config may have or leave out, and the types of their values; None leaves a key out.
RUNNER_KEYS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(('model', 'data_preprocessor', 'optim_wrapper', 'default_hooks'), (Mapping,)),
    **dict.fromkeys(('train_dataloader', 'val_dataloader', 'test_dataloader'), (Mapping,)),
    **dict.fromkeys(('train_cfg', 'val_cfg', 'test_cfg'), (Mapping,)),
    **dict.fromkeys(('val_evaluator', 'test_evaluator', 'param_scheduler'), (Mapping, list)),
    **dict.fromkeys(('auto_scale_lr', 'env_cfg', 'log_processor', 'visualizer'), (Mapping,)),
    **dict.fromkeys(('randomness', 'model_wrapper_cfg'), (Mapping,)),
    **dict.fromkeys(('custom_hooks', 'fresh_parameters'), (list,)),
    **dict.fromkeys(('work_dir', 'load_from', 'launcher', 'default_scope', 'experiment_name', 'runner_type'), (str,)),
    **dict.fromkeys(('find_unused_parameters', 'allow_random_weights'), (bool,)),
    'activation_checkpointing': (bool, list),
    'compile': (),  # any; see check.py
    'dtype': (str,),
    'log_level': (str, int),
    'resume': (bool, str),
}
LOG_LEVELS = ('DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL')
ENV_KEYS = {'cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'}


def find_section_mistakes(cfg: Mapping[str, Any]) -> Iterator[str]:
    """Yield one sentence for each top-level value of another type, and each unknown key of `env_cfg` and `randomness`."""
    for key, types in RUNNER_KEYS.items():
        value = cfg.get(key)
        if (
            types
            and value is not None
            and isinstance(value, PLAIN)
            and not any(fits(value, member) for member in types)
        ):
            yield f'{key} is {shortly(value)}, it must be {" or ".join(map(type_name, types))}.'
    yield from _find_strange_parts(cfg)
    if isinstance(level := cfg.get('log_level'), str) and level not in LOG_LEVELS:
        yield f'log_level is {level!r}, it must be one of {", ".join(LOG_LEVELS)}.'
    if isinstance(scope := cfg.get('default_scope'), str) and not scope.isidentifier():
        yield f'default_scope is {scope!r}, it must be the name of a package, such as mmflamingo.'
    if isinstance(kind := cfg.get('runner_type'), str) and registered(RUNNERS, kind) is None:
        yield f'runner_type is {kind!r}, which is not registered. Registered are {", ".join(RUNNERS.module_dict)}.'
    randomness = cfg.get('randomness')
    if isinstance(randomness, Mapping):
        yield from _find_unknown('randomness', randomness, accepted_arguments(Runner.set_randomness).names)
        for key, types in find_misfits(Runner.set_randomness, randomness):
            yield f'randomness.{key} is {shortly(randomness[key])}, it must be {types}.'
        seed = randomness.get('seed')
        if seed is not None and not fits(seed, int):
            yield f'randomness.seed is {shortly(seed)}, it must be int or None.'
    if isinstance(cfg.get('env_cfg'), Mapping):
        yield from _find_unknown('env_cfg', cfg['env_cfg'], ENV_KEYS)


def _find_unknown(section: str, given: Mapping[str, Any], known: set[str]) -> Iterator[str]:
    for key in sorted(given.keys() - known):
        close = get_close_matches(key, known, n=1)
        hint = f"Did you mean '{close[0]}'?" if close else f'Known: {", ".join(sorted(known))}.'
        yield f'{section}.{key} is not a setting of {section}. {hint}'


def _find_strange_parts(cfg: Mapping[str, Any]) -> Iterator[str]:
    """Yield one sentence for each hook and each metric that is not a dict; that their lists are, is for others to say."""
    default = cfg.get('default_hooks')
    named = default.items() if isinstance(default, Mapping) else ()
    parts = [(f'default_hooks.{name}', hook, ', or None') for name, hook in named if hook is not None]
    for key in 'custom_hooks', 'val_evaluator', 'test_evaluator':
        listed = cfg.get(key)
        if isinstance(listed, list | tuple):
            parts += [(f'{key}[{place}]', part, '') for place, part in enumerate(listed)]
    for path, part, more in parts:
        if isinstance(part, PLAIN) and not isinstance(part, Mapping):
            yield f'{path} is {shortly(part)}, it must be a dict with a type{more}.'
