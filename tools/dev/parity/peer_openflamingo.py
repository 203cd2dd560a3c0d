"""Runs OpenFlamingo, in its own environment: python peer_openflamingo.py FOLDER.

Reads FOLDER/job.json and inputs.pt, writes weights.pth (as OpenFlamingo's trainer would) and outputs.pt.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from parity.weights import fill  # noqa: E402

CLIP = 'ViT-parity'


def build(job: dict, folder: Path) -> tuple:
    """Model, image processor and tokenizer of OpenFlamingo's own factory."""
    import open_clip
    from open_flamingo import create_model_and_transforms

    vision = job['vision']
    tower = {key: vision[key] for key in ('width', 'layers', 'patch_size', 'image_size')}
    config = {
        'embed_dim': 16,
        'quick_gelu': True,
        'vision_cfg': {**tower, 'head_width': vision['width'] // vision['heads']},
        'text_cfg': {'context_length': 8, 'vocab_size': 16, 'width': 16, 'heads': 2, 'layers': 1},
    }
    (folder / 'clip').mkdir(exist_ok=True)
    (folder / 'clip' / f'{CLIP}.json').write_text(json.dumps(config))
    open_clip.add_model_config(folder / 'clip')
    model, image_processor, tokenizer = create_model_and_transforms(
        clip_vision_encoder_path=CLIP,
        clip_vision_encoder_pretrained=None,
        lang_encoder_path=job['lm'],
        tokenizer_path=job['tokenizer'],
        cross_attn_every_n_layers=job['xattn_every'],
        use_local_files=True,
    )
    return model.eval(), image_processor, tokenizer


@torch.no_grad()
def run(model: torch.nn.Module, case: dict, generation: dict) -> dict:
    """Forward pass and generation, with what flows between the parts."""
    seen = {}

    def keep(name: str, module: torch.nn.Module, pick=lambda out: out):
        return module.register_forward_hook(lambda module, args, out: seen.update({name: pick(out)}))

    hooks = [keep('features', model.vision_encoder, lambda out: out[1]), keep('visual tokens', model.perceiver)]
    for n, block in enumerate(model.lang_encoder.gated_cross_attn_layers):
        if block is not None:
            hooks.append(keep(f'block {n}', block))
    vision_x = case['images'].unsqueeze(2)
    text = {'lang_x': case['input_ids'], 'attention_mask': case['attention_mask']}
    logits = model(vision_x, **text).logits
    for hook in hooks:
        hook.remove()
    ids = model.generate(vision_x, **text, **generation)
    return {**seen, 'logits': logits, 'ids': ids[:, case['input_ids'].shape[1] :]}


def main(folder: Path, build: Callable[[dict, Path], tuple] = build) -> None:
    job = json.loads((folder / 'job.json').read_text())
    model, _, _ = build(job, folder)
    names = fill(model)
    state_dict = {f'module.{key}': value for key, value in model.state_dict().items()}
    torch.save({'epoch': 0, 'model_state_dict': state_dict}, folder / 'weights.pth')
    inputs = torch.load(folder / 'inputs.pt')
    outputs = {name: run(model, case, job['generation']) for name, case in inputs.items()}
    torch.save({'names': names, 'outputs': outputs}, folder / 'outputs.pt')


if __name__ == '__main__':
    main(Path(sys.argv[1]))
