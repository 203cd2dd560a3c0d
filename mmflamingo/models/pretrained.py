"""Weights of one part of the model, from the checkpoint of another training."""

from mmengine.runner import CheckpointLoader
from torch import nn


def load_part(part: nn.Module, path: str, name: str) -> None:
    """Loads the weights of `part` from a file.

    Args:
        part: The module to fill.
        path: A checkpoint whose keys start with the name, or one that holds the part alone.
        name: The part's name in a model, such as 'vision_backbone'.

    Raises:
        ValueError: The file does not fit.
    """
    checkpoint = CheckpointLoader.load_checkpoint(path, map_location='cpu')
    state_dict = checkpoint.get('state_dict', checkpoint)
    prefix = f'{name}.'
    own = {key.removeprefix(prefix): value for key, value in state_dict.items() if key.startswith(prefix)}
    try:
        part.load_state_dict(own or state_dict)
    except RuntimeError as error:
        raise ValueError(f'model.{name}.pretrained={path!r} does not fit: {error}') from error
