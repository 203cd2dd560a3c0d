import pytest
import torch

from mmflamingo.models.backbones import CLIPVisionTransformer, HFVisionBackbone, OpenCLIPVisionBackbone

VISION = dict(layers=2, width=16, head_width=8, patch_size=4, image_size=8)
CONFIG = dict(embed_dim=8, vision_cfg=VISION)


@pytest.fixture
def pictures():
    torch.manual_seed(1)
    return torch.randn(3, 3, 8, 8)


def far_from_small(model):
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3)
    return model.eval()


@pytest.mark.parametrize('quick_gelu', [False, True])
@torch.no_grad()
def test_a_vit_of_open_clip_is_the_same_as_ours(quick_gelu, pictures, tmp_path):
    pytest.importorskip('open_clip')
    theirs = far_from_small(OpenCLIPVisionBackbone(config=CONFIG, quick_gelu=quick_gelu))
    torch.save(theirs.state_dict(), tmp_path / 'tower.pth')
    ours = CLIPVisionTransformer(
        arch={'embed_dims': 16, 'depth': 2, 'heads': 2},
        img_size=8,
        patch_size=4,
        act='quick_gelu' if quick_gelu else 'gelu',
        pretrained=str(tmp_path / 'tower.pth'),
    )
    assert theirs.embed_dims == 16
    torch.testing.assert_close(theirs(pictures), ours(pictures))
    again = OpenCLIPVisionBackbone(config=CONFIG, quick_gelu=quick_gelu, pretrained=str(tmp_path / 'tower.pth'))
    torch.testing.assert_close(again.eval()(pictures), theirs(pictures))


@pytest.mark.parametrize(
    ('vision', 'shape'),
    [
        (dict(timm_model_name='test_vit', timm_pool='avg', timm_proj='linear', image_size=160), (1, 100, 64)),
        (dict(timm_model_name='test_convnext', timm_pool='avg', timm_proj='linear', image_size=64), (1, 4, 64)),
        (dict(layers=[1, 1, 1, 1], width=8, image_size=64), (1, 4, 256)),
    ],
)
@torch.no_grad()
def test_towers_of_other_kinds(vision, shape):
    pytest.importorskip('open_clip')
    backbone = OpenCLIPVisionBackbone(config=dict(embed_dim=8, vision_cfg=vision)).eval()
    size = vision['image_size']
    features = backbone(torch.randn(1, 3, size, size))
    assert features.shape == shape
    assert backbone.embed_dims == shape[-1]


def test_unknown_models_of_open_clip():
    pytest.importorskip('open_clip')
    with pytest.raises(ValueError, match="no model 'ViT-L-41'.*ViT-L-14"):
        OpenCLIPVisionBackbone('ViT-L-41')
    with pytest.raises(ValueError, match='either `name` or `config`'):
        OpenCLIPVisionBackbone()


COMMON = dict(
    hidden_size=16, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, image_size=8, patch_size=4
)


@torch.no_grad()
def test_clip_of_transformers_is_the_same_as_ours(pictures, tmp_path):
    theirs = far_from_small(HFVisionBackbone(config=dict(model_type='clip_vision_model', **COMMON)))
    torch.save(theirs.tower.state_dict(), tmp_path / 'hf.pth')
    arch = {'embed_dims': 16, 'depth': 2, 'heads': 2}
    ours = CLIPVisionTransformer(arch=arch, img_size=8, patch_size=4, pretrained=str(tmp_path / 'hf.pth'))
    torch.testing.assert_close(theirs(pictures), ours(pictures))
    theirs.tower.save_pretrained(tmp_path / 'folder')
    again = HFVisionBackbone(str(tmp_path / 'folder')).eval()
    torch.testing.assert_close(again(pictures), theirs(pictures))


@pytest.mark.parametrize('model_type', ['siglip_vision_model', 'dinov2', 'vit'])
@torch.no_grad()
def test_patches_without_other_tokens(model_type, pictures):
    backbone = far_from_small(HFVisionBackbone(config=dict(model_type=model_type, **COMMON)))
    assert backbone(pictures).shape == (3, 4, 16)
    assert backbone.embed_dims == 16


def test_a_model_that_is_no_vision_transformer():
    with pytest.raises(ValueError, match='not a vision transformer'):
        HFVisionBackbone(config=dict(model_type='gpt2', n_embd=8, n_layer=1, n_head=1))


@pytest.mark.parametrize('family', ['ours', 'open_clip', 'hf'])
@torch.no_grad()
def test_pictures_come_to_the_dtype_of_the_weights(family, pictures):
    """A model of `get_model(dtype=torch.bfloat16)` gets float32 pictures."""
    if family == 'open_clip':
        pytest.importorskip('open_clip')
    backbone = {
        'ours': lambda: CLIPVisionTransformer({'embed_dims': 16, 'depth': 1, 'heads': 2}, img_size=8, patch_size=4),
        'open_clip': lambda: OpenCLIPVisionBackbone(config=CONFIG),
        'hf': lambda: HFVisionBackbone(
            config=dict(
                model_type='vit',
                hidden_size=16,
                num_hidden_layers=1,
                num_attention_heads=2,
                intermediate_size=32,
                image_size=8,
                patch_size=4,
            )
        ),
    }[family]()
    features = backbone.eval().to(torch.bfloat16)(pictures)
    assert features.dtype == torch.bfloat16
    assert features.shape == (3, 4, 16)
