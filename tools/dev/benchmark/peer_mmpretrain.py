"""mmpretrain's Flamingo as a worker, in its own environment: python peer_mmpretrain.py FOLDER."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from mmengine.dataset import Compose, default_collate
from mmengine.registry import init_default_scope

sys.path.insert(0, str(Path(__file__).parents[1]))
from parity.peer_mmpretrain import model_config  # noqa: E402
from parity.weights import fill  # noqa: E402

from benchmark.serve import serve  # noqa: E402

# As its own configs have it
PIPELINE = [
    {
        'type': 'ApplyToList',
        'scatter_key': 'img_path',
        'transforms': [
            {'type': 'LoadImageFromFile'},
            {'type': 'ResizeEdge', 'scale': 224, 'interpolation': 'bicubic', 'backend': 'pillow'},
            {'type': 'CenterCrop', 'crop_size': (224, 224)},
        ],
        'collate_keys': ['img', 'scale_factor', 'ori_shape'],
    },
    {'type': 'PackInputs', 'algorithm_keys': ['gt_caption', 'shots'], 'meta_keys': ['image_id']},
]


def build(folder: Path) -> Callable[[list[dict]], list[str]]:
    import mmpretrain.datasets  # noqa: F401
    import mmpretrain.models  # noqa: F401
    from mmpretrain.registry import MODELS, TRANSFORMS

    init_default_scope('mmpretrain')
    job = json.loads((folder / 'job.json').read_text())
    config = {**model_config(job), **job['prompts'], 'generation_cfg': job['generation']}
    config['data_preprocessor'] = {'type': 'MultiModalDataPreprocessor', **job['pixels'], 'to_rgb': True}
    model = MODELS.build(config).eval()
    fill(model)
    torch.save({'state_dict': model.state_dict()}, folder / 'weights.pth')
    pipeline = Compose([TRANSFORMS.build(step) for step in PIPELINE])

    @torch.no_grad()
    def predict(records: list[dict]) -> list[str]:
        # A sample without shots has no key for them, or its prompt would be without text-only examples.
        records = [{key: value for key, value in record.items() if key != 'shots' or value} for record in records]
        batch = default_collate([pipeline(record) for record in records])
        return [sample.pred_caption for sample in model.test_step(batch)]

    return predict


if __name__ == '__main__':
    serve(build)
