import pytest
import torch

from mmflamingo.models.resamplers import PerceiverResampler


def build(**kwargs):
    torch.manual_seed(0)
    settings = {'dim': 12, 'depth': 2, 'dim_head': 4, 'heads': 2, 'num_latents': 5, **kwargs}
    return PerceiverResampler(**settings)


def resample_by_definition(resampler, features):
    """One medium (F * V, D): softmax attention written out, latents among keys and values."""
    latents = resampler.latents
    for attn, ff in resampler.layers:
        normed = attn.norm_latents(latents)
        queries = attn.to_q(normed).view(-1, 2, 4)
        sources = torch.cat([attn.norm_media(features), normed])
        keys, values = attn.to_kv(sources).view(-1, 2, 2, 4).unbind(1)
        weights = torch.einsum('qhd,khd->hqk', queries, keys).div(2).softmax(-1)
        latents = latents + attn.to_out(torch.einsum('hqk,khd->qhd', weights, values).flatten(1))
        latents = latents + ff(latents)
    return resampler.norm(latents)


def test_equals_the_definition():
    resampler = build()
    features = torch.randn(2, 3, 2, 7, 12)
    visual_tokens = resampler(features)
    assert visual_tokens.shape == (2, 3, 5, 12)
    for b, m in torch.cartesian_prod(torch.arange(2), torch.arange(3)).tolist():
        expected = resample_by_definition(resampler, features[b, m].flatten(0, 1))
        torch.testing.assert_close(visual_tokens[b, m], expected)


def test_frames_have_an_order_only_with_embeddings():
    features = torch.randn(1, 1, 3, 7, 12)
    torch.testing.assert_close(build()(features), build()(features.flip(2)))
    ordered = build(max_frames=4)
    assert (ordered(features) - ordered(features.flip(2))).abs().max() > 1e-3
    expected = resample_by_definition(ordered, (features[0, 0] + ordered.frame_embs[:3, None]).flatten(0, 1))
    torch.testing.assert_close(ordered(features)[0, 0], expected)


def test_more_frames_than_embeddings_get_what_lies_between():
    resampler = build(max_frames=3)
    embs = resampler.frame_embs.detach()
    between = torch.stack([embs[0], (embs[0] + embs[1]) / 2, embs[1], (embs[1] + embs[2]) / 2, embs[2]])
    features = torch.randn(1, 1, 5, 7, 12)
    expected = resample_by_definition(resampler, (features[0, 0] + between[:, None]).flatten(0, 1))
    torch.testing.assert_close(resampler(features)[0, 0], expected)


def test_patches_have_places_only_with_embeddings():
    features = torch.randn(1, 1, 2, 4, 12)
    torch.testing.assert_close(build()(features), build()(features.flip(3)))
    placed = build(grid_size=2)
    assert (placed(features) - placed(features.flip(3))).abs().max() > 1e-3
    assert placed.patch_embs.shape == (4, 12)
    assert placed.patch_embs.pow(2).mean().sqrt().item() == pytest.approx(1, abs=0.01)
    larger = build(grid_size=2, max_frames=3, embs_scale=3.0)
    torch.testing.assert_close(larger.patch_embs, 3 * placed.patch_embs)
    torch.testing.assert_close(larger.frame_embs, 3 * build(max_frames=3).frame_embs)
    expected = resample_by_definition(placed, (features[0, 0] + placed.patch_embs).flatten(0, 1))
    torch.testing.assert_close(placed(features)[0, 0], expected)


def test_state_dict_keys_are_the_reference_systems():
    layer = {
        *(
            '0.norm_media.weight',
            '0.norm_media.bias',
            '0.norm_latents.weight',
            '0.norm_latents.bias',
        ),
        *('0.to_q.weight', '0.to_kv.weight', '0.to_out.weight'),
        *('1.0.weight', '1.0.bias', '1.1.weight', '1.3.weight'),
    }
    expected = {f'layers.{n}.{key}' for n in range(2) for key in layer}
    expected |= {'latents', 'norm.weight', 'norm.bias'}
    assert set(build().state_dict()) == expected
    assert set(build(max_frames=4).state_dict()) == expected | {'frame_embs'}
    assert set(build(grid_size=3).state_dict()) == expected | {'patch_embs'}


@pytest.mark.parametrize('size', ['depth', 'heads', 'dim_head', 'num_latents'])
@pytest.mark.parametrize('value', [0, -1, 2**63])
def test_sizes_that_can_only_be_a_slip(size, value):
    with pytest.raises(ValueError, match=rf'model.resampler: {size}={value}; sizes are whole numbers from 1 to 65,536'):
        PerceiverResampler(16, **{size: value})
