"""CLIPVisionTransformer against transformers and open_clip on their own weights."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from mmflamingo.models.backbones import CLIPVisionTransformer

from .report import TOLERANCE, Row
from .setups import VISION
from .weights import fill, uniform

NUM_PICTURES = 16


def compare() -> Iterator[Row]:
    """Rows for each system, activation and key layout."""
    size = VISION['image_size']
    pictures = torch.from_numpy(1.7 * uniform('pictures', (NUM_PICTURES, 3, size, size))).float()
    for act in ('quick_gelu', 'gelu'):
        for system, (state_dict, expected) in {
            'transformers CLIPVisionModel': _transformers(act, pictures, whole=False),
            'transformers CLIPModel': _transformers(act, pictures, whole=True),
            'open_clip': _open_clip(act, pictures),
        }.items():
            measured = (_ours(act, state_dict)(pictures) - expected).abs().max() / expected.abs().max()
            yield Row(system, f'ViT features, {act}', NUM_PICTURES, measured.item(), TOLERANCE)


def _ours(act: str, state_dict: dict[str, Tensor]) -> CLIPVisionTransformer:
    arch = {'embed_dims': VISION['width'], 'depth': VISION['layers'], 'heads': VISION['heads']}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'theirs.pth'
        torch.save(state_dict, path)
        size = {'img_size': VISION['image_size'], 'patch_size': VISION['patch_size']}
        return CLIPVisionTransformer(arch, **size, act=act, pretrained=str(path)).eval()


@torch.no_grad()
def _transformers(act: str, pictures: Tensor, whole: bool) -> tuple[dict[str, Tensor], Tensor]:
    from transformers import CLIPConfig, CLIPModel, CLIPVisionModel

    vision = {
        'hidden_size': VISION['width'],
        'intermediate_size': 4 * VISION['width'],
        'num_hidden_layers': VISION['layers'],
        'num_attention_heads': VISION['heads'],
        'image_size': VISION['image_size'],
        'patch_size': VISION['patch_size'],
        'hidden_act': act,
    }
    text = {
        'hidden_size': 8,
        'intermediate_size': 8,
        'num_hidden_layers': 1,
        'num_attention_heads': 2,
        'vocab_size': 9,
        'bos_token_id': 1,
        'eos_token_id': 2,
    }
    config = CLIPConfig(text_config=text, vision_config=vision)
    model = (CLIPModel(config) if whole else CLIPVisionModel(config.vision_config)).eval()
    fill(model)
    tower = model.vision_model if whole else model
    states = tower(pictures, output_hidden_states=True).hidden_states
    return model.state_dict(), states[-1][:, 1:]


@torch.no_grad()
def _open_clip(act: str, pictures: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    import open_clip

    tower = {key: VISION[key] for key in ('width', 'layers', 'patch_size', 'image_size')}
    vision = {**tower, 'head_width': VISION['width'] // VISION['heads'], 'output_tokens': True}
    text = {'context_length': 4, 'vocab_size': 9, 'width': 8, 'heads': 2, 'layers': 1}
    model = open_clip.CLIP(8, vision, text, quick_gelu=act == 'quick_gelu').eval()
    fill(model)
    state_dict = model.state_dict()
    model.visual.ln_post = torch.nn.Identity()  # since 2.23 the tokens come after it
    return state_dict, model.visual(pictures)[1]
