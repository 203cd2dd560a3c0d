import pytest
import torch

from mmflamingo.models.language.gated_xattn import GatedCrossAttentionBlock
from mmflamingo.models.media.media_context import MediaContext
from mmflamingo.models.media.media_index import MEDIA_INDEX

IMAGE = 9
INPUT_IDS = torch.tensor([[1, IMAGE, 3, IMAGE, 5], [1, 2, 3, IMAGE, 5]])


@pytest.fixture
def block():
    torch.manual_seed(0)
    block = GatedCrossAttentionBlock(dim=12, visual_dim=6, dim_head=4, heads=2)
    torch.nn.init.constant_(block.attn_gate, 0.7)
    torch.nn.init.constant_(block.ff_gate, -0.4)
    return block


@pytest.fixture
def media():
    media = MediaContext(torch.randn(2, 2, 3, 6), MEDIA_INDEX['preceding'], IMAGE)
    media.read(INPUT_IDS, past_length=0)
    return media


def attend(block, x, media):
    return block.attn(x, media.groups, *media.keys_values(block.attn))


def attend_one_by_one(attn, x, visual_tokens, index):
    """The definition: each token on its own, softmax over the latents of its medium."""
    out = torch.zeros(*x.shape)
    for b, t in torch.cartesian_prod(*map(torch.arange, x.shape[:2])).tolist():
        if index[b][t] == 0:
            continue
        query = attn.to_q(attn.norm(x[b, t])).view(2, 4)
        keys, values = attn.to_kv(visual_tokens[b, index[b][t] - 1]).view(3, 2, 2, 4).unbind(1)
        weights = torch.einsum('hd,khd->hk', query, keys).div(2).softmax(-1)
        out[b, t] = attn.to_out(torch.einsum('hk,khd->hd', weights, values).flatten())
    return out


def test_equals_the_definition(block, media):
    x = torch.randn(2, 5, 12)
    attended = attend_one_by_one(block.attn, x, media.visual_tokens, [[0, 1, 1, 2, 2], [0, 0, 0, 1, 1]])
    torch.testing.assert_close(attend(block, x, media), attended)
    expected = x + torch.tanh(torch.tensor(0.7)) * attended
    expected = expected + torch.tanh(torch.tensor(-0.4)) * block.ff(expected)
    torch.testing.assert_close(block(x, media), expected)


def test_a_token_without_medium_gets_exactly_0_and_its_feed_forward(block, media):
    x = torch.randn(2, 5, 12)
    assert attend(block, x, media)[media.groups.index == 0].eq(0).all()
    changed = (block(x, media) != x).any(-1)
    assert changed.all(), 'the feed-forward works on every token'


def test_a_batch_without_any_medium_in_its_text_stays_finite(block):
    media = MediaContext(torch.randn(2, 1, 3, 6), MEDIA_INDEX['preceding'], IMAGE)
    media.read(torch.ones(2, 4, dtype=torch.long), past_length=0)
    x = torch.randn(2, 4, 12, requires_grad=True)
    assert attend(block, x, media).eq(0).all()
    block(x, media).sum().backward()
    assert x.grad.isfinite().all()


@torch.no_grad()
def test_generated_tokens_find_the_keys_and_values_of_the_prompt(block):
    media = MediaContext(torch.randn(2, 2, 3, 6), MEDIA_INDEX['preceding'], IMAGE, prompt_length=5)
    shapes = []
    block.attn.to_kv.register_forward_hook(lambda module, args, _: shapes.append(args[0].shape))
    media.read(INPUT_IDS, past_length=0)
    block(torch.randn(2, 5, 12), media)
    x = torch.randn(4, 1, 12)  # two beams of each sample
    for past_length in (5, 6):
        media.read(torch.ones(4, 1, dtype=torch.long), past_length)
        attended = attend_one_by_one(block.attn, x, media.visual_tokens.repeat_interleave(2, 0), [[2], [2], [1], [1]])
        torch.testing.assert_close(attend(block, x, media), attended)
    assert shapes[0] == (4, 3, 6) and all(shape == (3, 6) for shape in shapes[1:]), 'only the definition projects again'


def test_training_projects_the_media_with_gradients(block, media):
    media.visual_tokens.requires_grad_(True)
    block(torch.randn(2, 5, 12), media).sum().backward()
    seen = media.visual_tokens.grad.abs().amax((-2, -1)) > 0
    assert seen.tolist() == [[True, True], [True, False]], 'no token sees the filling'


def test_state_dict_keys_are_the_reference_systems(block):
    assert set(block.state_dict()) == {
        'attn.norm.weight',
        'attn.norm.bias',
        'attn.to_q.weight',
        'attn.to_kv.weight',
        'attn.to_out.weight',
        'attn_gate',
        'ff.0.weight',
        'ff.0.bias',
        'ff.1.weight',
        'ff.3.weight',
        'ff_gate',
    }
    assert block.attn_gate.shape == (1,)


def test_gates_start_closed():
    block = GatedCrossAttentionBlock(dim=12, visual_dim=6)
    assert block.attn_gate.item() == block.ff_gate.item() == 0
    assert block.attn.to_q.weight.shape == (512, 12), '8 heads of 64 whatever the width'
