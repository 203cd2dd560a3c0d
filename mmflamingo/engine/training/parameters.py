"""What a training changes and what it leaves as it is."""

from collections.abc import Collection

from torch import nn

from mmflamingo.models.checkpoints.fit import describe_keys, keys_without_source

from ..errors import CheckpointError, ConfigError


def describe_training(model: nn.Module) -> str:
    """How many parameters are trained and how many are frozen.

    Raises:
        ConfigError: None is trained.
    """
    trainable = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    frozen = sum(parameter.numel() for parameter in model.parameters() if not parameter.requires_grad)
    if not trainable:
        raise ConfigError(
            f'All {frozen:,} parameters of the {type(model).__name__} are frozen: nothing can be trained.'
        )
    return f'{trainable:,} parameters are trained, {frozen:,} are frozen.'


def check_frozen(model: nn.Module, loaded: Collection[str]) -> None:
    """Check that what a training leaves as it is has weights.

    Args:
        model: The model, with the weights from which the training starts.
        loaded: State-dict keys that a checkpoint provided; parts may have files of their own, see `keys_without_source`.

    Raises:
        CheckpointError: Frozen parameters are random.
    """
    names: dict[nn.Parameter, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):  # a tied one has several names
        names.setdefault(parameter, []).append(name)
    without_source = set(keys_without_source(model, loaded))
    random = [
        own[0] for parameter, own in names.items() if not parameter.requires_grad and not without_source.isdisjoint(own)
    ]
    if random:
        raise CheckpointError(
            'These parameters are frozen and have no weights, so they would stay random:\n'
            f'{describe_keys(random)}\n'
            'Name their weights (load_from, or `pretrained` of the part), or set allow_random_weights = True in the config.'
        )
