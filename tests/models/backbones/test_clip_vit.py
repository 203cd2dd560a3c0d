import json

import pytest
import torch
from safetensors.torch import save_file

from mmflamingo.models.backbones import CLIPVisionTransformer
from mmflamingo.models.backbones.clip_vit import ARCHS, sincos_grid
from mmflamingo.models.checkpoints import clip_activation

SMALL = {'embed_dims': 16, 'depth': 2, 'heads': 2}


def build(**kwargs):
    torch.manual_seed(0)
    return CLIPVisionTransformer(**{'arch': SMALL, 'img_size': 8, 'patch_size': 4, **kwargs}).eval()


def far_from_small(model):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3)
    return model.eval()


@pytest.fixture
def pictures():
    torch.manual_seed(1)
    return torch.randn(3, 3, 8, 8)


@pytest.mark.parametrize('act', ['quick_gelu', 'gelu'])
@pytest.mark.parametrize('whole', [False, True])
@torch.no_grad()
def test_equals_transformers_on_its_weights(act, whole, pictures, tmp_path):
    from transformers import CLIPConfig, CLIPModel, CLIPVisionModel

    text = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, vocab_size=9)
    vision = dict(hidden_size=16, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2)
    vision |= dict(image_size=8, patch_size=4, hidden_act=act)
    config = CLIPConfig(text_config=text, vision_config=vision)
    theirs = far_from_small(CLIPModel(config) if whole else CLIPVisionModel(config.vision_config))
    torch.save(theirs.state_dict(), tmp_path / 'hf.pth')
    ours = build(act=act, pretrained=str(tmp_path / 'hf.pth'))
    tower = theirs.vision_model if whole else theirs
    expected = tower(pictures, output_hidden_states=True).hidden_states[-1][:, 1:]
    torch.testing.assert_close(ours(pictures), expected)


@pytest.mark.parametrize('act', ['quick_gelu', 'gelu'])
@torch.no_grad()
def test_equals_open_clip_on_its_weights(act, pictures, tmp_path):
    open_clip = pytest.importorskip('open_clip')
    vision = dict(layers=2, width=16, head_width=8, patch_size=4, image_size=8, output_tokens=True)
    text = dict(context_length=4, vocab_size=9, width=8, heads=2, layers=1)
    theirs = far_from_small(open_clip.CLIP(8, vision, text, quick_gelu=act == 'quick_gelu'))
    torch.save(theirs.state_dict(), tmp_path / 'open_clip.pth')
    ours = build(act=act, pretrained=str(tmp_path / 'open_clip.pth'))
    theirs.visual.ln_post = torch.nn.Identity()
    torch.testing.assert_close(ours(pictures), theirs.visual(pictures)[1])


@torch.no_grad()
def test_openais_archive(pictures, tmp_path):
    open_clip = pytest.importorskip('open_clip')
    vision = dict(layers=2, width=16, head_width=8, patch_size=4, image_size=8)
    text = dict(context_length=4, vocab_size=9, width=8, heads=2, layers=1)
    theirs = far_from_small(open_clip.CLIP(8, vision, text, quick_gelu=True))
    torch.save(theirs.state_dict(), tmp_path / 'plain.pt')
    torch.jit.save(torch.jit.script(theirs), tmp_path / 'archive.pt')
    ours = build(pretrained=str(tmp_path / 'archive.pt'))
    assert torch.equal(ours(pictures), build(pretrained=str(tmp_path / 'plain.pt'))(pictures))
    with pytest.raises(ValueError, match='archive.pt was trained with quick_gelu .*correct model.vision_backbone.act'):
        build(act='gelu', pretrained=str(tmp_path / 'archive.pt'))


@pytest.mark.parametrize(
    ('file', 'content', 'wanted'),
    [
        ('config.json', {'model_type': 'clip', 'vision_config': {'hidden_act': 'quick_gelu'}}, 'quick_gelu'),
        ('config.json', {'model_type': 'clip_vision_model', 'hidden_act': 'gelu'}, 'gelu'),
        ('open_clip_config.json', {'model_cfg': {'quick_gelu': True}}, 'quick_gelu'),
        ('open_clip_config.json', {'model_cfg': {'embed_dim': 8}}, 'gelu'),
    ],
)
def test_the_config_beside_the_weights_tells_the_activation(tmp_path, file, content, wanted):
    (tmp_path / file).write_text(json.dumps(content))
    save_file(build().state_dict(), tmp_path / 'weights.safetensors')
    build(act=wanted, pretrained=str(tmp_path))
    other = 'gelu' if wanted == 'quick_gelu' else 'quick_gelu'
    with pytest.raises(ValueError, match=f'was trained with {wanted} .*the config says {other}: correct model'):
        build(act=other, pretrained=str(tmp_path / 'weights.safetensors'))


@pytest.mark.parametrize(('name', 'act'), [('clip-openai-pre.pth', 'gelu'), ('laion2b.pth', 'quick_gelu')])
def test_a_name_that_tells_another_activation_is_a_warning(tmp_path, monkeypatch, name, act):
    said = []
    monkeypatch.setattr(clip_activation, 'print_log', lambda message, *args, **kwargs: said.append(message))
    torch.save(build().state_dict(), tmp_path / name)
    build(act=act, pretrained=str(tmp_path / name))
    assert len(said) == 1 and 'correct model.vision_backbone.act' in said[0]
    build(act='gelu' if act == 'quick_gelu' else 'quick_gelu', pretrained=str(tmp_path / name))
    assert len(said) == 1


def test_reads_its_part_of_a_checkpoint(tmp_path):
    model = build()
    state = {f'vision_backbone.{key}': value + 1 for key, value in model.state_dict().items()}
    torch.save({'state_dict': {**state, 'resampler.x': torch.zeros(1)}}, tmp_path / 'whole.pth')
    loaded = build(pretrained=str(tmp_path / 'whole.pth'))
    torch.testing.assert_close(loaded.class_embedding, model.class_embedding + 1)


def test_positions_that_tell_places_apart(tmp_path):
    grid = sincos_grid(16, 3)
    assert grid.shape == (9, 16)
    torch.testing.assert_close(grid[0:3, :8], grid[0].expand(3, 16)[:, :8])  # one row
    torch.testing.assert_close(grid[0::3, 8:], grid[0].expand(3, 16)[:, 8:])  # one column
    assert torch.pdist(grid).min() > 0.5
    model = build()
    torch.save(model.state_dict(), tmp_path / 'vit.pth')
    marked = build(pretrained=str(tmp_path / 'vit.pth'), sincos_positions=True)
    added = marked.position_embedding - model.position_embedding
    torch.testing.assert_close(added, torch.cat([torch.zeros(1, 16), sincos_grid(16, 2)]))


def test_weights_that_do_not_fit(tmp_path):
    torch.save(build().state_dict(), tmp_path / 'other.pth')
    with pytest.raises(ValueError, match='model.vision_backbone.pretrained=.*does not fit'):
        build(img_size=16, pretrained=str(tmp_path / 'other.pth'))
    torch.save({'a': torch.zeros(1)}, tmp_path / 'none.pth')
    with pytest.raises(ValueError, match='holds 0 CLIP vision transformers'):
        build(pretrained=str(tmp_path / 'none.pth'))


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'arch': 'huge'}, "arch='huge' is unknown"),
        ({'act': 'relu'}, "act='relu' is unknown"),
        ({'patch_size': 3}, 'patch_size=3 does not divide img_size=8'),
    ],
)
def test_unusable_settings(changes, message):
    with pytest.raises(ValueError, match=message):
        build(**changes)


def test_pictures_of_another_size():
    with pytest.raises(ValueError, match='this backbone takes 8 x 8'):
        build()(torch.zeros(1, 3, 12, 12))


@pytest.mark.parametrize(
    'arch', [{'embed_dims': 32, 'deptQ': 1, 'heads': 2}, {'embed_dims': 32}, {'x': 1, **ARCHS['b']}]
)
def test_keys_of_an_arch_that_are_missing_or_unknown(arch):
    with pytest.raises(ValueError, match='must have the keys .*depth.*, and may have feedforward_dims'):
        CLIPVisionTransformer(arch)
