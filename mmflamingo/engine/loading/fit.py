"""Does a checkpoint fit a model? One account of every key, loaded only if it does."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import nn

from ..errors import CheckpointError
from .mapped_files import give_back, mapped_ranges

EXAMPLES = 3
WRAPPERS = ('state_dict', 'model_state_dict')


def load_state_dict_strictly(
    model: nn.Module,
    state_dict: Mapping[str, torch.Tensor],
    source: str,
    assign: bool = False,
    dtype: torch.dtype | None = None,
) -> None:
    """Load a state dict into the model, or nothing of it.

    Weights are converted to the dtype of the model's parameters. Parts of the model that already
    have their weights from a file of their own (`model.loaded_prefixes()`) may be absent from the
    state dict.

    Args:
        model: The model that receives the weights.
        state_dict: Keys as in `model.state_dict()`.
        source: Where the weights come from, for the error message.
        assign: Let the state dict's tensors take the place of the model's on the same device, those of the same dtype
            as they are, so that no second copy is made. For models that have no optimizer yet.
        dtype: Float dtype to convert to instead, with `assign`.

    Raises:
        CheckpointError: Keys are missing, unexpected or of another shape; the message lists all
            three by group.
    """
    misfits = describe_misfits(model, state_dict)
    if misfits:
        raise CheckpointError(
            f'{source} does not fit the {type(model).__name__} of the config, nothing was loaded.\n'
            f'{misfits}\n{_advice(model, state_dict)}'
        )
    if assign:
        _assign(model, state_dict, dtype)
    else:
        model.load_state_dict(state_dict, strict=False)


@torch.no_grad()
def _assign(model: nn.Module, state_dict: Mapping[str, torch.Tensor], dtype: torch.dtype | None) -> None:
    """Puts tensors in the place of the model's, one after the other; a parameter with two names stays one."""
    wanted = model.state_dict(keep_vars=True)
    names = defaultdict(list)
    for name, own in wanted.items():
        names[id(own)].append(name)
    files = mapped_ranges()
    taken = {}
    for key, value in state_dict.items():
        own = wanted[key]
        if value.device == own.device:
            new = value.to(dtype if dtype and own.is_floating_point() else own.dtype)
            is_copy = new is not value
            if isinstance(own, nn.Parameter):
                new = nn.Parameter(new, own.requires_grad)
            taken |= dict.fromkeys(names[id(own)], new)
        else:
            own.copy_(value)
            is_copy = True
        if is_copy and value.device.type == 'cpu':
            give_back(value, files)
    model.load_state_dict(taken, strict=False, assign=True)


def unwrap(checkpoint: Mapping, source: str) -> dict[str, torch.Tensor]:
    """The state dict in a checkpoint, without `module.` in front of its keys; `source` names it in the error.

    Raises:
        CheckpointError: There is none.
    """
    state_dict = next((checkpoint[key] for key in WRAPPERS if key in checkpoint), checkpoint)
    strays = [key for key, value in state_dict.items() if not isinstance(value, torch.Tensor)]
    if strays:
        raise CheckpointError(
            f'{source} is neither a state dict nor a dict with one under {" or ".join(WRAPPERS)}: its '
            f'entries {", ".join(map(str, strays[:5]))} are no tensors.'
        )
    return {key.removeprefix('module.'): value for key, value in state_dict.items()}


def state_dict_for(model: nn.Module, checkpoint: Mapping, source: str) -> dict[str, torch.Tensor]:
    """The state dict of a checkpoint in the keys of a model.

    Args:
        model: Its `translate_keys(state_dict)`, if it has one, reads the keys of other systems.
        checkpoint: A state dict, alone or under `state_dict` (OpenMMLab) or `model_state_dict`
            (OpenFlamingo). `module.` in front of keys is dropped.
        source: Where the checkpoint comes from, for the error message.

    Raises:
        CheckpointError: It is neither, or has keys that can't be read.
    """
    state_dict = unwrap(checkpoint, source)
    if not hasattr(model, 'translate_keys'):
        return state_dict
    try:
        return model.translate_keys(state_dict)
    except ValueError as error:
        raise CheckpointError(f'{source}: {error}') from error


def describe_misfits(model: nn.Module, state_dict: Mapping[str, torch.Tensor]) -> str:
    """An indented list of what doesn't fit, empty if everything does."""
    wanted = model.state_dict()
    missing = keys_without_source(model, state_dict)
    unexpected = [key for key in state_dict if key not in wanted]
    reshaped = [key for key, value in state_dict.items() if key in wanted and value.shape != wanted[key].shape]
    lines = []
    if missing:
        lines += [f'  missing from the checkpoint: {_count(missing)}', *_by_group(missing)]
    if unexpected:
        lines += [f'  unexpected, not in the model: {_count(unexpected)}', *_by_group(unexpected)]
    if reshaped:
        shapes = [f'{key} {tuple(state_dict[key].shape)} (model: {tuple(wanted[key].shape)})' for key in reshaped]
        lines += [f'  of another shape: {_count(reshaped)}', *_by_group(shapes)]
    return '\n'.join(lines)


def _advice(model: nn.Module, state_dict: Mapping[str, torch.Tensor]) -> str:
    wanted = model.state_dict()
    if not wanted.keys() & state_dict.keys():
        own = ', '.join([*wanted][:: max(1, len(wanted) // 2)][:2])
        return f'It is a checkpoint of another system: expected keys such as {own}, or those of a system that is translated.'
    misfits = [key for key in state_dict if key not in wanted or state_dict[key].shape != wanted[key].shape]
    parts = {key.split('.')[0] for key in [*misfits, *keys_without_source(model, state_dict)]}
    keys = ', '.join(sorted(f'model.{part}' for part in parts if hasattr(model, part)))
    return (
        f'Use the checkpoint that belongs to this config, or change {keys or "the config"} to what it was trained with.'
    )


def keys_without_source(model: nn.Module, state_dict: Iterable[str] = ()) -> list[str]:
    """Keys of the model that neither the state dict nor a file of their own provides."""
    loaded = model.loaded_prefixes() if hasattr(model, 'loaded_prefixes') else ()
    prefixes = tuple(f'{prefix.rstrip(".")}.' for prefix in loaded)
    return [key for key in model.state_dict() if key not in state_dict and not key.startswith(prefixes)]


def describe_keys(keys: Sequence[str]) -> str:
    """How many keys, by their first names, with examples."""
    return '\n'.join([f'  {_count(keys)}', *_by_group(keys)])


def _count(keys: Sequence[str]) -> str:
    return f'{len(keys)} key{"" if len(keys) == 1 else "s"}'


def _by_group(keys: Sequence[str]) -> list[str]:
    """One line a group; a group is the first two names of a dotted key."""
    groups = defaultdict(list)
    for key in keys:
        names = key.split(' ')[0].split('.')
        groups['.'.join(names[: min(2, len(names) - 1)])].append(key)
    return [
        f'    {f"{group}.*" if group else "top level"}: {len(members)}, e.g. {", ".join(members[:EXAMPLES])}'
        for group, members in groups.items()
    ]
