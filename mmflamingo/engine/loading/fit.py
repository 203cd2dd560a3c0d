"""Loads a checkpoint into a model only if it fits."""

from collections import defaultdict
from collections.abc import Mapping

import torch
from torch import nn

from mmflamingo.files.mapped import give_back, mapped_ranges
from mmflamingo.models.checkpoints import COMPUTED
from mmflamingo.models.checkpoints.fit import describe_bad_values, describe_misfits, fits, keys_without_source
from mmflamingo.models.checkpoints.unwrapping import peelings, unwrap

from ..errors import CheckpointError


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
        CheckpointError: Keys are missing, unexpected, of another shape or kind; or weights are not finite, or differ between
            two names of one parameter. The message lists them by group.
    """
    misfits = describe_misfits(model, state_dict)
    if misfits:
        raise CheckpointError(
            f'{source} does not fit the {type(model).__name__} of the config, nothing was loaded.\n'
            f'{misfits}\n{_advice(model, state_dict)}'
        )
    check_values(model, state_dict, source, dtype)
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


def state_dict_for(model: nn.Module, checkpoint: Mapping, source: str) -> dict[str, torch.Tensor]:
    """The state dict of a checkpoint in the keys of a model.

    Args:
        model: Its `translate_keys(state_dict)`, if it has one, reads the keys of other systems.
        checkpoint: A state dict, alone or under `state_dict` (OpenMMLab), `model_state_dict` (OpenFlamingo) and the like;
            names of wrappers in its keys, or one name in front of all of them, are dropped, and so are buffers that old
            versions of transformers kept.
        source: Where the checkpoint comes from, for the error message.

    Raises:
        CheckpointError: It has no state dict, or keys that can't be read.
    """
    own = model.state_dict().keys()
    translate = getattr(model, 'translate_keys', dict)
    try:
        state_dict = unwrap(checkpoint, source)
        translations = map(translate, peelings(state_dict))
        translated = next((known for known in translations if own & known.keys()), None) or translate(state_dict)
    except ValueError as error:
        text = str(error)
        raise CheckpointError(text if text.startswith(source) else f'{source}: {text}') from error
    return {key: value for key, value in translated.items() if key in own or not COMPUTED.fullmatch(key)}


def check_values(
    model: nn.Module, state_dict: Mapping[str, torch.Tensor], source: str, dtype: torch.dtype | None = None
) -> None:
    """Check weights that are about to be loaded; those that don't fit are passed over.

    Raises:
        CheckpointError: Some are not finite in the model's dtype, or differ between two names of one parameter.
    """
    if bad := describe_bad_values(model, state_dict, dtype):
        raise CheckpointError(
            f'{source} has weights that cannot be right, nothing was loaded.\n{bad}\n'
            'The file is damaged, its training diverged, or its numbers need a larger dtype: use another checkpoint or dtype.'
        )


def _advice(model: nn.Module, state_dict: Mapping[str, torch.Tensor]) -> str:
    wanted = model.state_dict()
    if not wanted.keys() & state_dict.keys():
        own = ', '.join([*wanted][:: max(1, len(wanted) // 2)][:2])
        return f'It is a checkpoint of another system: expected keys such as {own}, or those of a system that is translated.'
    misfits = [key for key, value in state_dict.items() if not fits(value, wanted.get(key))]
    parts = {key.split('.')[0] for key in [*misfits, *keys_without_source(model, state_dict)]}
    keys = ', '.join(sorted(f'model.{part}' for part in parts if hasattr(model, part)))
    return (
        f'Use the checkpoint that belongs to this config, or change {keys or "the config"} to match how it was trained.'
    )
