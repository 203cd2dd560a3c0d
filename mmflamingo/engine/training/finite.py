"""NaN and infinity are neither trained on nor saved."""

import torch
from torch import nn

from ..errors import RunError

MOST_NAMED = 5


def check_finite(model: nn.Module) -> None:
    """Check that a model can be saved.

    Raises:
        RunError: Values of it are NaN or infinite; the message names them.
    """
    broken = [
        name
        for name, value in model.state_dict().items()
        if value.is_floating_point() and not torch.isfinite(value).all()
    ]
    if broken:
        more = f' and {len(broken) - MOST_NAMED} more' if len(broken) > MOST_NAMED else ''
        raise RunError(
            f'The model is not saved: {", ".join(broken[:MOST_NAMED])}{more} hold NaN or infinity. '
            'Continue from the last checkpoint with a lower learning rate, and check the data.'
        )
