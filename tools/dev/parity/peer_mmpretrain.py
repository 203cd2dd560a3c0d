"""Runs mmpretrain's Flamingo, in its own environment: python peer_mmpretrain.py FOLDER.

Reads FOLDER/job.json and inputs.pt, writes weights.pth (as mmpretrain would) and outputs.pt.
"""

import json
import sys
from pathlib import Path

import torch
from mmengine.registry import init_default_scope

sys.path.insert(0, str(Path(__file__).parents[1]))
from parity.weights import fill  # noqa: E402


def model_config(job: dict) -> dict:
    """The model of mmpretrain's own configs in small."""
    vision = job['vision']
    return {
        'type': 'Flamingo',
        'tokenizer': {'type': 'LlamaTokenizer', 'name_or_path': job['tokenizer']},
        'vision_encoder': {
            'type': 'VisionTransformer',
            'arch': {
                'embed_dims': vision['width'],
                'num_layers': vision['layers'],
                'num_heads': vision['heads'],
                'feedforward_channels': 4 * vision['width'],
            },
            'img_size': vision['image_size'],
            'patch_size': vision['patch_size'],
            'pre_norm': True,
            'norm_cfg': {'type': 'LN', 'eps': 1e-5},
            'layer_cfgs': {'act_cfg': {'type': 'QuickGELU'}},
            'final_norm': False,
            'out_type': 'raw',
        },
        'lang_encoder': {
            'base': {'type': 'AutoModelForCausalLM', 'name_or_path': job['lm'], 'local_files_only': True},
            'adapter': {
                'type': 'FlamingoLMAdapter',
                'vis_hidden_size': vision['width'],
                'cross_attn_every_n_layers': job['xattn_every'],
                'use_media_placement_augmentation': False,
                'only_attend_previous': job['only_attend_previous'],
            },
        },
    }


@torch.no_grad()
def run(model: torch.nn.Module, case: dict, generation: dict) -> dict:
    """What `predict` does, on token ids, with what flows between its parts."""
    seen = {}
    layers = model.lang_encoder._get_decoder_layers()
    hooks = [
        layer.gated_cross_attn_layer.register_forward_hook(lambda module, args, out, n=n: seen.update({n: out}))
        for n, layer in enumerate(layers)
        if layer.gated_cross_attn_layer is not None
    ]
    images, text = case['images'], {key: case[key] for key in ('input_ids', 'attention_mask')}
    features = model.vision_encoder(images.flatten(0, 1))[-1][:, 1:]
    visual_tokens = model.extract_vision_feats(images)
    for layer in layers:
        layer.condition_vis_x(visual_tokens)
    logits = model.lang_encoder(**text, use_cache=False).logits
    for hook in hooks:
        hook.remove()
    many = model.extract_vision_feats(images.repeat_interleave(generation['num_beams'], 0))
    for layer in layers:
        layer.condition_vis_x(many)
    settings = {**model.generation_cfg, **generation}
    ids = model.lang_encoder.generate(**text, eos_token_id=model.eoc_token_id, **settings)
    model.lang_encoder.clear_conditioned_layers()
    blocks = {f'block {n}': out for n, out in seen.items()}
    new_ids = ids[:, text['input_ids'].shape[1] :]
    return {'features': features, 'visual tokens': visual_tokens, **blocks, 'logits': logits, 'ids': new_ids}


def main(folder: Path) -> None:
    import mmpretrain.models  # noqa: F401
    from mmpretrain.registry import MODELS

    init_default_scope('mmpretrain')
    job = json.loads((folder / 'job.json').read_text())
    model = MODELS.build(model_config(job)).eval()
    names = fill(model)
    torch.save({'state_dict': model.state_dict()}, folder / 'weights.pth')
    inputs = torch.load(folder / 'inputs.pt')
    outputs = {name: run(model, case, job['generation']) for name, case in inputs.items()}
    torch.save({'names': names, 'outputs': outputs}, folder / 'outputs.pt')


if __name__ == '__main__':
    main(Path(sys.argv[1]))
