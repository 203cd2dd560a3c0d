"""Models by the names that the metafiles give them."""

import os
from collections.abc import Mapping
from contextlib import nullcontext
from difflib import get_close_matches
from fnmatch import fnmatch
from pathlib import Path
from threading import RLock

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from transformers.initialization import no_init_weights

from mmflamingo.engine.config.cli import load_config
from mmflamingo.engine.config.metafile import FILE_NAME, ZooModel, read_metafile
from mmflamingo.engine.config.preflight import check_files
from mmflamingo.engine.errors import CheckpointError, ConfigError, building_a_model
from mmflamingo.engine.loading.fit import load_state_dict_strictly, state_dict_for
from mmflamingo.engine.loading.safe import read_checkpoint
from mmflamingo.engine.placement import is_to_be_placed, place
from mmflamingo.files import plain_reason
from mmflamingo.models.checkpoints.fit import describe_keys, keys_without_source
from mmflamingo.models.flamingo import Flamingo
from mmflamingo.models.precision import DTYPES, cast_weights
from mmflamingo.paths import CONFIGS, REPOSITORY
from mmflamingo.registry import MODELS

BUILDING = RLock()  # mmengine's default scope is global, so one thread builds at a time


def list_models(pattern: str | None = None) -> list[str]:
    """Names of the models that `get_model` knows.

    Args:
        pattern: Shell-style pattern, such as 'flamingo-tiny*' or '*vqa*'; all by default.
    """
    return sorted(name for name in _zoo() if pattern is None or fnmatch(name, pattern))


def get_model(
    name: str | os.PathLike,
    pretrained: bool | str | os.PathLike = True,
    device: str | torch.device | None = None,
    dtype: str | torch.dtype | None = None,
    device_map: str | Mapping[str, int | str | torch.device] | None = None,
    max_memory: Mapping[int | str, int | str] | None = None,
    offload_folder: str | os.PathLike | None = None,
) -> Flamingo:
    """Builds a model, ready to predict.

    Args:
        name: One of `list_models()`, or the path of a config.
        pretrained: True for the weights that the model zoo names, a path or URL for others, False
            for random ones.
        device: Where the model is to run; the best device there is by default.
        dtype: Dtype of the parameters, such as `torch.bfloat16` or 'bfloat16'; the config's by default.
        device_map: Where its modules are to run, instead of `device`, for a model larger than one: 'auto', or a dict from
            names of modules to devices, see `mmflamingo.engine.placement.place`; the config's by default.
        max_memory: With 'auto', most memory of each device; the config's by default.
        offload_folder: Where modules on the disk are written to; the config's by default.

    Returns:
        Flamingo: In evaluation mode; its `cfg` is the whole config it was built from.

    Raises:
        ConfigError: No model has this name, it can't be placed so, or another argument can't be.
        MissingFilesError: Weights or tokenizer are not there; the message says how to get them.
        CheckpointError: The weights don't fit.
    """
    if not isinstance(pretrained, bool | str | os.PathLike) or pretrained == '':
        raise ConfigError(f'pretrained is {pretrained!r:.100}: give True, False, a path or a URL.')
    entry = _find(name)
    cfg = load_config(str(entry.config))
    dtype = _dtype(cfg.get('dtype') if dtype is None else dtype)
    placement = {'device_map': device_map, 'max_memory': max_memory, 'offload_folder': offload_folder}
    cfg.model.update({key: value for key, value in placement.items() if value is not None})
    if device is not None and cfg.model.get('device_map') is not None:
        raise ConfigError(f'Either device ({device}) or device_map says where a model is: leave one of them out.')
    device = _device(device)
    weights = entry.weights if pretrained is True else pretrained or None
    if pretrained is True and weights is None:
        raise ConfigError(f'The model zoo names no weights for {name}: give their path as `pretrained`.')
    check_files(Config({'model': _absolute(cfg.model), **_hints(cfg)}), weights and str(weights))
    with BUILDING:
        init_default_scope(cfg.get('default_scope', 'mmflamingo'))
        with building_a_model(), no_init_weights() if weights else nullcontext():
            model = MODELS.build(_absolute(cfg.model))
    if weights:
        state_dict = state_dict_for(model, read_checkpoint(str(weights)), str(weights))
        load_state_dict_strictly(model, state_dict, str(weights), assign=True, dtype=dtype)
    elif pretrained and keys_without_source(model):
        raise CheckpointError(f'These parameters have no weights:\n{describe_keys(keys_without_source(model))}')
    if dtype:
        cast_weights(model, dtype)
    if hasattr(model, 'after_loading'):
        model.after_loading()
    model.cfg = cfg
    if is_to_be_placed(model):
        return place(model.eval(), **model.placement)
    return model.to(device).eval()


def _dtype(dtype: str | torch.dtype | None) -> torch.dtype | None:
    """A dtype by its name or itself."""
    found = DTYPES.get(dtype) if isinstance(dtype, str) else dtype
    if dtype is None or (isinstance(found, torch.dtype) and found.is_floating_point):
        return found
    close = get_close_matches(str(dtype), DTYPES, n=1)
    meant = f" Did you mean '{close[0]}'?" if close else ''
    raise ConfigError(f'dtype is {dtype!r:.100}, it must be one of {", ".join(DTYPES)}.{meant}')


def _device(device: str | torch.device | None) -> torch.device:
    """A device that is there."""
    try:
        found = torch.device(device or get_device())
        torch.empty(0, device=found)
    except (RuntimeError, TypeError, AssertionError) as error:
        raise ConfigError(f'device is {device!r:.100}, which cannot be used: {plain_reason(error)}') from error
    return found


def _find(name: str | os.PathLike) -> ZooModel:
    if not isinstance(name, str | os.PathLike):
        raise ConfigError(
            f'No model is named by a {type(name).__name__}: give a name of list_models(), or a config file (.py).'
        )
    zoo = _zoo()
    if str(name) in zoo:
        return zoo[str(name)]
    path = Path(name)
    if path.suffix == '.py':
        known = {model.config.resolve(): model for model in zoo.values()}
        return known.get(path.resolve(), ZooModel(str(name), path, None))
    close = get_close_matches(str(name), zoo, n=3)
    hint = f' Did you mean {" or ".join(close)}?' if close else ''
    raise ConfigError(
        f'No model is named {name!r:.200}, and it is not a config file (.py).{hint} list_models() gives all names.'
    )


def _zoo() -> dict[str, ZooModel]:
    return {model.name: model for path in CONFIGS.glob(f'*/{FILE_NAME}') for model in read_metafile(path)}


def _hints(cfg: Config) -> dict:
    return {key: cfg[key] for key in cfg if key.startswith('how_to_get')}


def _absolute(node: object) -> object:
    """A part of a config with the paths of files that ship with the repository made absolute."""
    if isinstance(node, dict):
        return type(node)({key: _absolute(value) for key, value in node.items()})
    if isinstance(node, list | tuple):
        return type(node)(_absolute(value) for value in node)
    if isinstance(node, str) and '/' in node and not Path(node).exists() and (REPOSITORY / node).exists():
        return str(REPOSITORY / node)
    return node
