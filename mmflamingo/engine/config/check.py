"""Reads a whole config before anything is built, and reports all its mistakes at once."""

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from reprlib import repr as shortly

import torch
from mmengine import registry as roots
from mmengine.config import Config
from mmengine.registry import Registry
from torch.utils.data import DataLoader

from mmflamingo import registry as ours
from mmflamingo.models.decoding.settings import find_setting_mistakes
from mmflamingo.models.precision import DTYPES
from mmflamingo.registry import registered

from ..errors import ConfigError
from .argument_types import PLAIN, find_misfits
from .hf_config import ALIKE, find_config_mistakes
from .loaders import find_loader_mistakes
from .sections import find_section_mistakes
from .signatures import accepted_arguments


def _registry(name: str) -> Registry:
    """This project's registry of a kind, or mmengine's where it has none of its own."""
    return getattr(ours if hasattr(ours, name) else roots, name)


# The registry that builds what stands in a section of the config, and under a key further in; the
# innermost counts. Other top-level keys are a config's own variables and build nothing.
REGISTRY_OF_SECTION = {
    'model': _registry('MODELS'),
    'data_preprocessor': _registry('MODELS'),
    'train_dataloader': _registry('DATASETS'),
    'val_dataloader': _registry('DATASETS'),
    'test_dataloader': _registry('DATASETS'),
    'val_evaluator': _registry('METRICS'),
    'test_evaluator': _registry('METRICS'),
    'default_hooks': _registry('HOOKS'),
    'custom_hooks': _registry('HOOKS'),
    'optim_wrapper': _registry('OPTIM_WRAPPERS'),
    'param_scheduler': _registry('PARAM_SCHEDULERS'),
    'visualizer': _registry('VISUALIZERS'),
    'train_cfg': _registry('LOOPS'),
    'val_cfg': _registry('LOOPS'),
    'test_cfg': _registry('LOOPS'),
    'log_processor': _registry('LOG_PROCESSORS'),
    'model_wrapper_cfg': _registry('MODEL_WRAPPERS'),
}
REGISTRY_OF_KEY = {
    'tokenizer': _registry('TOKENIZERS'),
    'prompts': _registry('PROMPTS'),
    'shot_selector': _registry('SHOT_SELECTORS'),
    'pipeline': _registry('TRANSFORMS'),
    'transforms': _registry('TRANSFORMS'),
    'sampler': _registry('DATA_SAMPLERS'),
    'batch_sampler': _registry('DATA_SAMPLERS'),
    'collate_fn': _registry('FUNCTIONS'),
    'optimizer': _registry('OPTIMIZERS'),
    'vis_backends': _registry('VISBACKENDS'),
    'init_cfg': _registry('WEIGHT_INITIALIZERS'),
}
# Arguments that the runner supplies, by root registry, and the model to its parts, by key.
SUPPLIED_BY_RUNNER = {
    roots.DATA_SAMPLERS: {'dataset', 'sampler', 'batch_size'},
    roots.LOOPS: {'runner', 'dataloader', 'evaluator'},
    roots.MODEL_WRAPPERS: {'module'},
    roots.OPTIMIZERS: {'params'},
    roots.OPTIM_WRAPPERS: {'optimizer'},
    roots.PARAM_SCHEDULERS: {'optimizer'},
    roots.VISBACKENDS: {'save_dir'},
    roots.VISUALIZERS: {'name'},
    roots.FUNCTIONS: {'data_batch', 'batch'},
}
SUPPLIED_BY_MODEL = {
    'data_preprocessor': {'tokenizer', 'prompts'},
    'resampler': {'dim'},
    'language_model': {'visual_dim', 'vocab_size', 'image_token_id'},
}
# Keys that are read before a part is built, beside its constructor's arguments.
READ_BEFORE = {
    roots.HOOKS: {'priority'},
    roots.LOOPS: {'by_epoch'},
    roots.OPTIM_WRAPPERS: {'constructor', 'paramwise_cfg'},
    roots.PARAM_SCHEDULERS: {'convert_to_iter_based'},
}
# Dicts of other libraries that may have a key `type` of their own meaning.
FOREIGN_KEYS = ('config', 'generation', 'env_cfg', 'backend_args')
DEFAULT_LOOPS = {'val_cfg': 'ValLoop', 'test_cfg': 'TestLoop'}  # of sections without a type
DATALOADER_KEYS = {'dataset', 'sampler', 'batch_sampler', 'collate_fn', 'num_batch_per_epoch'}


def check_config(cfg: Config | Mapping) -> None:
    """Check every part that a config names: its type is registered, and takes the arguments given.

    Raises:
        ConfigError: Lists each mistake with its full key and, where there is one, a near name that
            is right.
    """
    mistakes = list(find_mistakes(cfg))
    if mistakes:
        count = f'{len(mistakes)} mistake{"" if len(mistakes) == 1 else "s"}'
        raise ConfigError('\n  '.join([f'The config has {count}:', *mistakes]))


def find_mistakes(cfg: Config | Mapping) -> Iterator[str]:
    """Yield one sentence for each mistake in a config."""
    plain = cfg.to_dict() if isinstance(cfg, Config) else cfg
    for section, kind in REGISTRY_OF_SECTION.items():
        for path, node, innermost in _parts(plain.get(section), section, kind):
            if path.endswith('_dataloader'):
                yield from _check_dataloader(path, node)
            elif 'type' in node:
                yield from _check_part(path, node, innermost)
            yield from _check_names(path, node)
    yield from find_section_mistakes(plain)
    yield from _check_compile(plain.get('compile'))
    yield from _check_dtype(plain)


def _check_compile(options: object) -> Iterator[str]:
    if options is None or isinstance(options, bool):
        return
    if not isinstance(options, Mapping):
        yield f'compile is {options!r}, it must be True, False, or a dict of arguments of torch.compile.'
        return
    allowed = accepted_arguments(torch.compile).names - {'model'}
    for key in sorted(options.keys() - allowed):
        yield f'compile.{key} is not an argument of torch.compile.{_hint(key, allowed)}'


def _check_dtype(cfg: Mapping) -> Iterator[str]:
    name = cfg.get('dtype')
    if name is not None and name not in list(DTYPES):
        yield f'dtype is {name!r}, it must be one of {", ".join(DTYPES)}.'
    if name is not None and 'train_dataloader' in cfg:
        yield f'dtype = {name!r} is for tests only: train in mixed precision by --amp.'


def _parts(node: object, path: str, kind: Registry) -> Iterator[tuple[str, Mapping, Registry]]:
    """Yield the dicts of a section with their paths and the registries that build them."""
    if isinstance(node, Mapping):
        yield path, node, kind
        for key, value in node.items():
            if key not in FOREIGN_KEYS:
                yield from _parts(value, f'{path}.{key}', REGISTRY_OF_KEY.get(key, kind))
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            yield from _parts(value, f'{path}[{index}]', kind)


def _check_dataloader(path: str, node: Mapping) -> Iterator[str]:
    allowed = DATALOADER_KEYS | accepted_arguments(DataLoader).names
    for key in node:
        if key not in allowed:
            yield f'{path}.{key} is not an argument of a data loader.{_hint(key, allowed)}'
    yield from find_loader_mistakes(path, node)


def _check_names(path: str, node: Mapping) -> Iterator[str]:
    """What is named without a dict of its own, and what another library takes without a look."""
    selector = node.get('shot_selector')
    if isinstance(selector, str) and registered(ours.SHOT_SELECTORS, selector) is None:
        known = set(ours.SHOT_SELECTORS.module_dict)
        yield f'{path}.shot_selector = {selector!r} is not registered.{_hint(selector, known)}'
    elif isinstance(selector, Mapping) and 'type' not in selector:
        yield f'{path}.shot_selector is {shortly(selector)}, it needs a type.'
    if isinstance(steps := node.get('pipeline', []), PLAIN) and not isinstance(steps, list | tuple):
        yield f'{path}.pipeline is {shortly(steps)}, it must be a list of dicts.'
        steps = ()
    for place, step in enumerate(steps):
        if isinstance(step, PLAIN) and not isinstance(step, Mapping):
            yield f'{path}.pipeline[{place}] is {shortly(step)}, it must be a dict with a type.'
    if path.endswith('.prompts'):
        for task, prompt in node.items():
            if isinstance(prompt, PLAIN) and not isinstance(prompt, Mapping):
                yield f'{path}.{task} is {shortly(prompt)}, it must be a dict with a type.'
    if path in DEFAULT_LOOPS and 'type' not in node:
        yield from _check_part(path, {'type': DEFAULT_LOOPS[path], **node}, _registry('LOOPS'))
    config = node.get('config')
    if isinstance(config, Mapping) and 'model_type' in config:
        yield from find_config_mistakes(f'{path}.config', config)


def _check_part(path: str, node: Mapping, kind: Registry) -> Iterator[str]:
    target = node['type']
    if isinstance(target, str):
        # An evaluator may be named where metrics are expected.
        kinds = [kind, ours.EVALUATORS] if kind is ours.METRICS else [kind]
        target, kind = _look_up(target, kinds)
        if target is None:
            yield _unknown_type(path, node['type'], kinds)
            return
    yield from _check_arguments(path, node, target, _with_parents(kind)[-1])


def _last_key(path: str) -> str:
    return path.split('.')[-1].split('[')[0]


def _look_up(name: str, kinds: list[Registry]) -> tuple[Callable | None, Registry]:
    for kind in kinds:
        for ancestor in _with_parents(kind):
            ancestor.import_from_location()
        try:
            found = kind.get(name)
        except (RuntimeError, TypeError, ValueError):  # mmengine's ways to say that there is no such type
            found = None
        if found is not None:
            return found, kind
    return None, kinds[0]


def _unknown_type(path: str, name: str, kinds: list[Registry]) -> str:
    said = f'{path}.type = {name!r} is not registered.'
    found, elsewhere = _look_up(name, _all_registries())
    if found is not None:
        return f'{said[:-1]} as a {kinds[0].name}, but as a {elsewhere.name}.'
    names = {name for kind in kinds for r in _with_parents(kind) for name in r.module_dict}
    return said + _hint(name, names)


def _check_arguments(path: str, node: Mapping, target: Callable, root: Registry) -> Iterator[str]:
    name = getattr(target, '__name__', str(target))
    accepted = accepted_arguments(target)
    supplied = SUPPLIED_BY_RUNNER.get(root, set()) | SUPPLIED_BY_MODEL.get(_last_key(path), set())
    allowed = accepted.names | READ_BEFORE.get(root, set())
    given = {key for key in node if key not in ('type', '_scope_')}
    for key in sorted(given - allowed):
        # What is handed on may have names that are not known here, but hardly one like an own argument's.
        if not accepted.anything or get_close_matches(key, allowed, n=1, cutoff=ALIKE):
            yield f'{path}.{key} is not an argument of {name}.{_hint(key, allowed - supplied)}'
    for key in sorted(accepted.required - given - supplied):
        yield f'{path}.{key} is missing: {name} needs it.'
    for key, types in find_misfits(target, {key: value for key, value in node.items() if key in given}):
        yield f'{path}.{key} is {shortly(node[key])}, it must be {types}.'
    if root is _with_parents(ours.PROMPTS)[-1]:
        yield from _check_generation(f'{path}.generation', node.get('generation'))


def _check_generation(path: str, settings: object) -> Iterator[str]:
    if isinstance(settings, Mapping):
        yield from (f'{path}.{mistake}' for mistake in find_setting_mistakes(settings))


def _all_registries() -> list[Registry]:
    kinds = [*vars(ours).values(), *vars(roots).values()]
    return [kind for kind in kinds if isinstance(kind, Registry)]


def _with_parents(kind: Registry) -> list[Registry]:
    return [kind] if kind.parent is None else [kind, *_with_parents(kind.parent)]


def _hint(name: str, known: set[str]) -> str:
    close = get_close_matches(name, known, n=1)
    if close:
        return f" Did you mean '{close[0]}'?"
    return f' Known: {", ".join(sorted(known))}.' if 0 < len(known) <= 30 else ''
