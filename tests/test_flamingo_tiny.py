"""The small Flamingo that ships with the repository."""

from pathlib import Path
from runpy import run_path

import pytest
import torch

from mmflamingo.engine.config.cli import load_config
from mmflamingo.engine.config.metafile import find_weights
from mmflamingo.engine.loading.safe import read_checkpoint
from mmflamingo.registry import MODELS

ROOT = Path(__file__).parent.parent
CONFIG = 'configs/flamingo/flamingo-tiny_zeroshot_caption.py'
FOLDER = ROOT / 'checkpoints' / 'flamingo-tiny'


@pytest.fixture(scope='module')
def checkpoint():
    return read_checkpoint(str(ROOT / find_weights(CONFIG)))


@pytest.fixture
def model(checkpoint, monkeypatch):
    monkeypatch.chdir(ROOT)
    model = MODELS.build(load_config(CONFIG).model).eval()
    model.load_state_dict({k: v.float() for k, v in checkpoint['state_dict'].items()})
    return model


def test_frozen_parts_came_out_of_the_training_as_they_went_in(checkpoint):
    digest = run_path(str(ROOT / 'tools' / 'converters' / 'publish_model.py'))['digest']
    frozen = checkpoint['meta']['frozen_sha256']
    assert set(frozen) == {'vision_backbone', 'language_model.lm'}
    for prefix, expected in frozen.items():
        assert digest(checkpoint['state_dict'], prefix) == expected


def test_all_of_it_is_at_most_20_mb():
    assert sum(path.stat().st_size for path in FOLDER.rglob('*') if path.is_file()) <= 20e6


@torch.inference_mode()
def test_closed_gates_leave_the_bare_language_model(model):
    torch.manual_seed(0)
    images, num_media = torch.randn(2, 2, 1, 3, 128, 128), torch.tensor([2, 1])
    image, bos = model.tokenizer.image_token_id, 0
    input_ids = torch.tensor([[bos, image, 300, 301, image, 302], [bos, 400, image, 401, 402, 403]])
    mask = torch.ones_like(input_ids)
    bare = model.language_model.lm(input_ids=input_ids, attention_mask=mask).logits
    assert not torch.equal(model(images, num_media, input_ids, mask), bare)
    for name, parameter in model.named_parameters():
        if name.endswith('_gate'):
            assert parameter.abs() > 0, f'{name} is still closed'
            parameter.zero_()
    assert torch.equal(model(images, num_media, input_ids, mask), bare)
