"""A toy model, dataset and metric: enough to run the tools and the runner in a second."""

import os
import time

import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from PIL import Image
from torch import nn
from torch.utils.data import Dataset

from mmflamingo.registry import DATASETS, METRICS, MODELS
from mmflamingo.structures import FlamingoDataSample


@DATASETS.register_module()
class ToyDataset(Dataset):
    """Captions of numbered pictures; sample i has id 100 + i and the input i, and takes some `seconds` to load."""

    metainfo = {'name': 'toy'}

    def __init__(self, num_samples=13, bad=(), img_dir=None, ann_file='', data_root='', seconds=0, dropped=()):
        self.num_samples = num_samples
        self.bad = bad
        self.dropped = dict(dropped)
        self.img_dir = img_dir
        self.seconds = seconds

    def __len__(self):
        return self.num_samples

    def __getitem__(self, index):
        time.sleep(self.seconds)
        record = {
            'task': 'caption',
            'sample_id': 100 + index,
            'image_id': index,
            'img_path': ['shot.png', self._picture(index)],
            'shots': [{'sample_id': 1, 'image_id': 1, 'img_path': 'shot.png', 'caption': 'one'}],
            'gt_caption': [f'number {index}', f'no. {index}'],
        }
        if index in self.bad:
            record['bad_images'] = [f'{index}.png']
        if index in self.dropped:
            record['dropped_shots'] = self.dropped[index]
        sample = FlamingoDataSample.from_record(record, ('task', 'sample_id', 'image_id'))
        return {'inputs': torch.tensor([float(index)]), 'data_samples': sample}

    def _picture(self, index):
        if self.img_dir is None:
            return f'{index}.png'
        path = os.path.join(self.img_dir, f'{index}.png')
        Image.new('RGB', (32, 24), (index * 10, 80, 120)).save(path)
        return path


@MODELS.register_module()
class ToyModel(BaseModel):
    """Adds a learned number to its input. `own_source` says that the head has weights already.

    It fails at the input `fail_at`, and runs out of memory with more samples than `memory`.
    """

    def __init__(self, width=1, own_source=False, fail_at=None, memory=None, data_preprocessor=None):
        super().__init__(data_preprocessor)
        self.body = nn.Linear(1, width)
        self.head = nn.Linear(width, 1)
        self.frozen = nn.Linear(1, 1).requires_grad_(False)
        self.own_source = own_source
        self.fail_at = fail_at
        self.memory = memory

    def loaded_prefixes(self):
        return {'head': 'head.pth'} if self.own_source else {}

    def forward(self, inputs, data_samples=None, mode='tensor'):
        inputs = torch.stack(list(inputs))
        if self.memory is not None and len(inputs) > self.memory:
            raise torch.OutOfMemoryError('no room in the toy')
        outputs = self.head(self.body(inputs)) + self.frozen(inputs)
        if mode == 'loss':
            return {'loss': (outputs - 3 * inputs).float().pow(2).mean()}
        for sample, value in zip(data_samples, inputs[:, 0].int().tolist(), strict=True):
            if value == self.fail_at:
                raise ValueError(f'sample {value} is beyond this model')
            sample.pred_text = f' number {value}<|endofchunk|>'
            sample.pred_caption = f'number {value}'
        return data_samples


@METRICS.register_module()
class BrokenMetric(BaseMetric):
    """A scorer whose jar is missing."""

    def process(self, data_batch, data_samples):
        pass

    def compute_metrics(self, results):
        raise FileNotFoundError('no such jar')


@METRICS.register_module()
class ToyMetric(BaseMetric):
    """Sum of the image ids, so that a sample left out or counted twice shows."""

    default_prefix = 'toy'
    sample_scores: dict = {}

    def __init__(self, words_file=None, **kwargs):
        super().__init__(**kwargs)

    def process(self, data_batch, data_samples):
        for sample in data_samples:
            score = {'id': float(sample['image_id'])}
            self.results.append({'sample_id': sample['sample_id'], 'scores': score})

    def compute_metrics(self, results):
        self.sample_scores = {result['sample_id']: result['scores'] for result in results}
        total = sum(scores['id'] for scores in self.sample_scores.values())
        return {'sum': total, 'count': len(results)}
