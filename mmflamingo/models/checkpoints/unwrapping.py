"""The state dict in what was saved, whatever is around it."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

# Keys under which training code keeps a state dict. The first that is there counts: averaged weights only where there are no others.
WRAPPERS = (
    *('state_dict', 'model_state_dict', 'model', 'module', 'net', 'network', 'params'),
    *('ema_state_dict', 'state_dict_ema', 'model_ema', 'ema', 'params_ema'),
)
DEEPEST = 3  # wrappers in wrappers
# Names that wrappers of modules put in front of keys, or between them; no module of a model is called so.
MODULE_WRAPPERS = re.compile(
    r'^module\.|\b(_orig_mod|_forward_module|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.'
)
MOST_EXPANDED = 64 * 2**20  # bytes by which tensors may exceed their data


def unwrap(checkpoint: Mapping, source: str) -> dict[str, Tensor]:
    """The state dict in a checkpoint, without the names of module wrappers in its keys.

    Args:
        checkpoint: A state dict, alone or under one of WRAPPERS.
        source: Names it in the error.

    Raises:
        ValueError: There is none, two keys are the same without wrappers, or a tensor is not a plain one.
    """
    state_dict = _find(checkpoint, source)
    renamed = {key: MODULE_WRAPPERS.sub('', key) for key in state_dict}
    doubled = [key for key, count in Counter(renamed.values()).items() if count > 1]
    if doubled:
        raise ValueError(
            f'{source} has two values for {", ".join(doubled[:3])}: with and without the name of a wrapper.'
        )
    _check_plain(state_dict, source)
    return {renamed[key]: value for key, value in state_dict.items()}


def peelings(state_dict: Mapping[str, Tensor]) -> Iterator[Mapping[str, Tensor]]:
    """The state dict, then without the name that is in front of all its keys, such as `model.`, and so on."""
    while state_dict:
        yield state_dict
        first = next(iter(state_dict)).partition('.')[0] + '.'
        if not all(key.startswith(first) and key != first for key in state_dict):
            return
        state_dict = {key.removeprefix(first): value for key, value in state_dict.items()}


def _find(checkpoint: Mapping, source: str) -> Mapping[str, Tensor]:
    found = checkpoint
    for _ in range(DEEPEST):
        inner = next((found[key] for key in WRAPPERS if isinstance(found.get(key), Mapping) and found[key]), None)
        if inner is None:
            break
        found = inner
    strays = [key for key, value in found.items() if not isinstance(key, str) or not isinstance(value, Tensor)]
    if strays:
        raise ValueError(
            f'{source} is neither a state dict nor a dict with one under {", ".join(WRAPPERS[:3])} or the like: its '
            f'entries {", ".join(map(str, strays[:5]))} are not tensors.'
        )
    return found


def _check_plain(state_dict: Mapping[str, Tensor], source: str) -> None:
    expanded = 0
    for key, value in state_dict.items():
        if value.layout != torch.strided or value.is_quantized or value.is_meta or value.is_nested:
            raise ValueError(
                f'{source} keeps {key} in a form that is not read ({_form(value)}): save plain, dense tensors.'
            )
        expanded += max(0, value.nbytes - value.untyped_storage().nbytes())
        if expanded > MOST_EXPANDED:
            raise ValueError(
                f'{source} has little data for large tensors, such as {key} of {tuple(value.shape)}: it is not read.'
            )


def _form(value: Tensor) -> str:
    if value.is_meta:
        return 'without data'
    return 'quantised' if value.is_quantized else 'nested' if value.is_nested else str(value.layout)
