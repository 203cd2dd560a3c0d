import pytest
import torch
import torch.nn.functional as F

from mmflamingo.models.losses import token_loss


@pytest.mark.parametrize('weights', [None, torch.tensor([1.0, 0.0, 3.0])])
def test_mean_over_tokens(weights):
    logits, targets = torch.randn(3, 5), torch.tensor([0, 4, 2])
    each = F.cross_entropy(logits, targets, reduction='none')
    expected = each.mean() if weights is None else (each[0] + 3 * each[2]) / 4
    torch.testing.assert_close(token_loss(logits, targets, weights), expected)


@pytest.mark.parametrize(('length', 'weights'), [(0, None), (0, torch.zeros(0)), (3, torch.zeros(3))])
def test_nothing_to_learn_is_a_loss_of_0_with_gradients(length, weights):
    """T4: it was NaN, with finite gradients."""
    logits = torch.randn(length, 5, requires_grad=True)
    loss = token_loss(logits, torch.zeros(length, dtype=torch.long), weights)
    loss.backward()
    assert loss.item() == 0 and torch.equal(logits.grad, torch.zeros(length, 5))
