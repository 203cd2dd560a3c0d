from pathlib import Path
from runpy import run_path

import pytest
import torch

from mmflamingo.models.language.gated_xattn import GatedCrossAttentionBlock
from mmflamingo.models.media.media_context import MediaContext
from mmflamingo.models.media.media_index import preceding

TOOL = Path(__file__).parents[2] / 'tools' / 'converters' / 'fold_gates.py'


def test_open_gates_compute_the_same():
    torch.manual_seed(0)
    fold_gates = run_path(str(TOOL))['fold_gates']
    block = GatedCrossAttentionBlock(8, 6, dim_head=4, heads=2)
    with torch.no_grad():
        block.attn_gate.fill_(-0.1)
        block.ff_gate.fill_(2.0)
    media = MediaContext(torch.randn(1, 1, 3, 6), preceding, image_token_id=7)
    media.read(torch.tensor([[7, 1, 2]]), 0)
    x = torch.randn(1, 3, 8)
    before = block(x, media)
    state_dict = {f'blocks.0.{key}': value for key, value in block.state_dict().items()}
    fold_gates(state_dict, gate=1.0)
    assert block.attn_gate.item() == block.ff_gate.item() == 1.0
    torch.testing.assert_close(block(x, media), before)


@pytest.mark.parametrize(
    ('state_dict', 'gate', 'message'),
    [
        ({'a.attn_gate': 0.1, 'a.attn.to_out.weight': 1.0}, 0.0, '--gate is 0.0'),
        ({'a.attn_gate': 0.1, 'a.attn.to_out.weight': 1.0}, float('nan'), '--gate is nan'),
        ({'a.attn_gate': 0.1, 'a.attn.to_out.weight': 1e38}, 1e-4, 'would be infinite or NaN'),
        ({'a.attn_gate': 0.1}, 1.0, 'has a.attn_gate, but not a.attn.to_out.weight'),
        ({'a.b': 0.1}, 1.0, 'has no gates'),
    ],
)
def test_gates_that_cannot_be_folded(state_dict, gate, message):
    """A closed gate made infinite weights, silently."""
    fold_gates = run_path(str(TOOL))['fold_gates']
    with pytest.raises(ValueError, match=message):
        fold_gates({key: torch.tensor([value]) for key, value in state_dict.items()}, gate)
