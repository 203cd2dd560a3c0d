"""Weights of one part of the model, from a file of its own."""

from collections.abc import Callable, Mapping
from functools import partial

from mmengine.runner import CheckpointLoader
from torch import Tensor, nn

from .checkpoints.fit import describe_bad_values, describe_misfits
from .checkpoints.unwrapping import peelings, unwrap

StateDict = Mapping[str, Tensor]


def load_part(
    part: nn.Module,
    path: str,
    name: str,
    translate: Callable[[StateDict], StateDict] | None = None,
    check: Callable[[str, Mapping], None] | None = None,
) -> None:
    """Loads the weights of `part`.

    Args:
        part: The module to fill.
        path: A checkpoint: of the part alone, or of a model that has such a part.
        name: The part's name in a model, such as 'resampler'.
        translate: Finds the part's keys in the checkpoint; by default those below its name are taken.
        check: Raises if the path and what was read from it don't suit the part.

    Raises:
        ValueError: The file does not fit, or has weights that are not finite.
    """
    checkpoint = CheckpointLoader.load_checkpoint(path, map_location='cpu')
    if check is not None:
        check(path, checkpoint)
    own, find = part.state_dict().keys(), translate or partial(_below, name)
    try:
        state_dict = unwrap(checkpoint, path)
        found = next((known for known in map(find, peelings(state_dict)) if own & known.keys()), None) or find(
            state_dict
        )
    except ValueError as error:
        raise ValueError(f'model.{name}.pretrained={path!r} does not fit: {error}') from error
    misfits = describe_misfits(part, found) or describe_bad_values(part, found)
    if misfits:
        raise ValueError(f'model.{name}.pretrained={path!r} does not fit {type(part).__name__}:\n{misfits}')
    part.load_state_dict(found, strict=False)


def _below(name: str, state_dict: StateDict) -> StateDict:
    prefix = f'{name}.'
    own = {key.removeprefix(prefix): value for key, value in state_dict.items() if key.startswith(prefix)}
    return own or state_dict
