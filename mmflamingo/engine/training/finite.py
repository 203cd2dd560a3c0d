"""NaN and infinity are neither trained on nor saved."""

import logging
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.logging import print_log
from torch import nn

from ..errors import RunError

MOST_NAMED = 5


class FiniteSteps:
    """Makes an optimizer wrapper leave out the steps whose loss or gradients hold NaN or infinity, on any rank.

    To be put before `OptimWrapper` among the base classes.

    Args:
        args, kwargs: Of the optimizer wrapper.
        max_skipped_steps: Most steps left out in a row; one more ends the training.
    """

    def __init__(self, *args, max_skipped_steps: int = 5, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.max_skipped_steps = max_skipped_steps
        self._skipped = 0  # in a row
        self._losses: list[torch.Tensor] = []  # whether those since the last step are finite

    def update_params(self, loss: torch.Tensor, *args, **kwargs) -> None:
        self._losses.append(torch.isfinite(loss.detach()).all())
        super().update_params(loss, *args, **kwargs)

    def step(self, **kwargs: Any) -> None:
        """Take the step, or leave it out.

        Raises:
            RunError: One step too many would be left out.
        """
        flags, self._losses = [*self._losses, *self._gradients()], []
        is_finite = torch.stack(flags).all().int() if flags else torch.ones((), dtype=torch.int)
        all_reduce(is_finite, 'min')
        if is_finite.item():
            self._skipped = 0
            super().step(**kwargs)
            return
        self._skipped += 1
        if self._skipped > self.max_skipped_steps:
            raise RunError(
                f'The losses or gradients of {self._skipped} steps in a row hold NaN or infinity; none of these steps was '
                'taken. Lower the learning rate, or check the data; optim_wrapper.max_skipped_steps sets how many are allowed.'
            )
        message = f'A step is left out: its loss or gradients hold NaN or infinity (in a row: {self._skipped}).'
        print_log(message, 'current', logging.WARNING)

    def _gradients(self) -> list[torch.Tensor]:
        """Whether the gradients of each parameter are finite."""
        parameters = (parameter for group in self.optimizer.param_groups for parameter in group['params'])
        return [torch.isfinite(parameter.grad).all() for parameter in parameters if parameter.grad is not None]


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
