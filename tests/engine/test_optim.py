import torch
from torch import nn

from mmflamingo.registry import OPTIM_WRAPPERS


def test_bfloat16_inside_the_context_only():
    model = nn.Linear(2, 1)
    wrapper = OPTIM_WRAPPERS.build(
        {'type': 'Bf16OptimWrapper', 'optimizer': torch.optim.SGD(model.parameters(), lr=0.1)}
    )
    before = model.weight.clone()
    with wrapper.optim_context(model):
        output = model(torch.ones(1, 2))
    assert output.dtype is torch.bfloat16
    wrapper.update_params(output.float().sum())
    assert model(torch.ones(1, 2)).dtype is torch.float32
    assert torch.allclose(model.weight, before - 0.1)
