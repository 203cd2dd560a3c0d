"""Losses of batches, also of those that hold nothing to learn."""

import logging

import torch.nn.functional as F
from mmengine.logging import print_log
from torch import Tensor


def token_loss(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean cross-entropy over tokens; 0, with a warning, where there is none to learn, which would be 0 / 0.

    Args:
        logits: (L, vocabulary), of the L tokens that count.
        targets: (L,), token ids.
        weights: (L,), how much each token counts, 0 or more; all alike by default.

    Returns:
        Tensor: Scalar.
    """
    if not len(targets) or (weights is not None and not weights.any()):
        print_log('A batch holds no text to learn; its loss is 0.', 'current', logging.WARNING)
        return 0 * logits.sum()
    if weights is None:
        return F.cross_entropy(logits, targets)
    return (F.cross_entropy(logits, targets, reduction='none') * weights).sum() / weights.sum()
