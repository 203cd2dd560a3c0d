"""Weights of one part of the model, from a file of its own."""

from collections.abc import Callable, Mapping

from mmengine.runner import CheckpointLoader
from torch import Tensor, nn

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
        ValueError: The file does not fit.
    """
    checkpoint = CheckpointLoader.load_checkpoint(path, map_location='cpu')
    if check is not None:
        check(path, checkpoint)
    state_dict = checkpoint.get('state_dict', checkpoint)
    try:
        part.load_state_dict(translate(state_dict) if translate else _below(name, state_dict))
    except (RuntimeError, ValueError) as error:
        raise ValueError(f'model.{name}.pretrained={path!r} does not fit: {error}') from error


def _below(name: str, state_dict: StateDict) -> StateDict:
    prefix = f'{name}.'
    own = {key.removeprefix(prefix): value for key, value in state_dict.items() if key.startswith(prefix)}
    return own or state_dict
