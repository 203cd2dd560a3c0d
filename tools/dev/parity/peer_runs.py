"""Whole test runs of mmpretrain by its own configs, in its environment: python peer_runs.py FOLDER.

Reads FOLDER/job.json; writes weights.pth, and predictions.json: for each run a list of samples with ids, pictures, shots
and what was predicted.
"""

import json
import random
import sys
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import default_collate
from mmengine.registry import init_default_scope

sys.path.insert(0, str(Path(__file__).parents[1]))
from parity.peer_mmpretrain import model_config  # noqa: E402
from parity.weights import fill  # noqa: E402

FIELDS = ('image_id', 'question_id', 'question', 'shots', 'img_path', 'pred_caption', 'pred_answer')


def small_config(name: str, job: dict, run: dict) -> Config:
    """mmpretrain's config of a run, with the small model, pictures of its size, and other files."""
    import mmpretrain

    cfg = Config.fromfile(Path(mmpretrain.__file__).parent / '.mim' / 'configs' / 'flamingo' / f'{name}.py')
    small = model_config(job)
    small['lang_encoder']['adapter']['only_attend_previous'] = False
    for part in ('tokenizer', 'vision_encoder', 'lang_encoder'):
        cfg.model[part] = small[part]  # update() would keep what the small one lacks
    cfg.model.generation_cfg.suppress_tokens = job['generation']['suppress_tokens']
    cfg.model.data_preprocessor = cfg.data_preprocessor
    dataset = cfg.val_dataloader.dataset
    dataset.update(run['dataset'])
    size = job['vision']['image_size']
    for transform in [*dataset.pipeline, *dataset.pipeline[0].get('transforms', [])]:
        transform.update({'ResizeEdge': {'scale': size}, 'CenterCrop': {'crop_size': size}}.get(transform.type, {}))
        if transform.type == 'PackInputs':
            transform.meta_keys = ['image_id', 'question_id', 'img_path']
    return cfg


def predict(model: torch.nn.Module, cfg: Config, batch_size: int) -> list[dict]:
    """All samples of a run's test set."""
    from mmpretrain.registry import DATASETS

    random.seed(0)
    np.random.seed(0)
    dataset = DATASETS.build(cfg.val_dataloader.dataset)
    written = []
    for start in range(0, len(dataset), batch_size):
        indices = range(start, min(start + batch_size, len(dataset)))
        for sample in model.test_step(default_collate([dataset[i] for i in indices])):
            written.append({key: sample.get(key) for key in FIELDS if sample.get(key) is not None})
    return written


def main(folder: Path) -> None:
    import mmpretrain.datasets  # noqa: F401
    import mmpretrain.models  # noqa: F401
    from mmpretrain.registry import MODELS

    init_default_scope('mmpretrain')
    job = json.loads((folder / 'job.json').read_text())
    predictions = {}
    for run in job['runs']:
        cfg = small_config(run['config'], job, run)
        model = MODELS.build(cfg.model).eval()
        fill(model)
        predictions[run['name']] = predict(model, cfg, job['batch_size'])
    torch.save({'state_dict': model.state_dict()}, folder / 'weights.pth')
    (folder / 'predictions.json').write_text(json.dumps(predictions, indent=1))


if __name__ == '__main__':
    main(Path(sys.argv[1]))
