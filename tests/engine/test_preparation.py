"""What a test prepares, every loop prepares (A19); shared memory is enough, or a run does not begin (R13)."""

from collections import namedtuple
from pathlib import Path

import pytest
import torch
from mmengine.registry import init_default_scope
from torch.utils.data import DataLoader, Dataset

from mmflamingo.engine import preparation
from mmflamingo.engine.config.cli import keep_sections, load_config
from mmflamingo.engine.config.metafile import find_weights
from mmflamingo.engine.errors import ConfigError, MissingFilesError, RunError
from mmflamingo.registry import RUNNERS

MIB = 2**20
CONFIG = 'configs/flamingo/flamingo-tiny_zeroshot_vqa.py'


@pytest.fixture
def val_cfg(toy_cfg):
    """The toy config, with its test set for validations."""
    toy_cfg.val_dataloader, toy_cfg.val_evaluator = toy_cfg.test_dataloader, toy_cfg.test_evaluator
    toy_cfg.val_cfg = dict(type='ValLoop')
    toy_cfg.train_cfg.val_interval = 4
    return toy_cfg


@pytest.mark.parametrize('run', ['train', 'val'])
def test_a_validation_set_is_prepared_once_before_the_first_step(val_cfg, build_runner, monkeypatch, run):
    events = []
    runner = build_runner(val_cfg)
    for name in ('check_media', 'provide_features', 'provide_lengths'):
        monkeypatch.setattr(preparation, name, lambda *given, name=name: events.append(name))
    runner.model.register_forward_pre_hook(lambda *_: events.append('forward'))
    getattr(runner, run)()
    start = ['provide_features'] * (run == 'train') + ['check_media', 'provide_features', 'provide_lengths', 'forward']
    assert events[: len(start)] == start and set(events[len(start) :]) == {'forward'}


def test_a_missing_picture_of_a_validation_is_found_before_the_training(val_cfg, build_runner, monkeypatch):
    monkeypatch.setattr('toy_parts.ToyDataset.media_paths', lambda _: ['nowhere.png'], raising=False)
    val_cfg.val_dataloader.dataset = dict(
        type='ConcatDataset', datasets=[dict(type='RepeatDataset', dataset=val_cfg.val_dataloader.dataset, times=1)]
    )
    monkeypatch.setattr('toy_parts.ToyDataset.full_init', lambda _: None, raising=False)
    monkeypatch.setattr('toy_parts.ToyDataset.get_data_info', lambda *_: {}, raising=False)
    runner = build_runner(val_cfg)
    with pytest.raises(MissingFilesError, match='1 of 1 images or videos are missing:\n  nowhere.png'):
        runner.train()
    assert not list(Path(runner.work_dir).glob('*.pth'))


def test_batches_by_length_in_validations(val_cfg, build_runner, monkeypatch):
    val_cfg.val_dataloader.batch_sampler = dict(type='LengthBatchSampler')
    monkeypatch.setattr(preparation, 'get_world_size', lambda: 2)
    with pytest.raises(ConfigError, match='works in tests only'):
        build_runner(val_cfg).val()
    monkeypatch.undo()
    with pytest.raises(ConfigError, match='ToyDataset has no get_data_info'):
        build_runner(val_cfg).val()


@pytest.mark.slow
def test_a_validation_chooses_shots_as_a_test_does(tmp_path):
    """RICES over two sets in one, by runner.val() and runner.test()."""
    cfg = load_config(CONFIG)
    keep_sections(cfg, 'test')
    init_default_scope('mmflamingo')
    rices = dict(type='rices', features_dir=str(tmp_path / 'features'))
    dataset = cfg.test_dataloader.dataset
    dataset.update(num_support_examples=8, num_query_examples=2, num_shots=2, shot_selector=rices)
    both = [dataset, {**dataset, 'seed': 1}]
    loader = {**cfg.test_dataloader, 'num_workers': 0, 'dataset': dict(type='ConcatDataset', datasets=both)}
    loader.pop('persistent_workers', None)
    cfg.test_dataloader, cfg.val_dataloader = loader, loader
    cfg.val_cfg, cfg.val_evaluator = dict(type='ValLoop'), cfg.test_evaluator
    cfg.work_dir, cfg.load_from, cfg.experiment_name = str(tmp_path), find_weights(CONFIG), tmp_path.name
    runner = RUNNERS.build(cfg)
    assert runner.val() == runner.test()


Usage = namedtuple('Usage', 'total used free')


class Pictures(Dataset):
    """Samples of 1 MiB; the last one has 2."""

    def __len__(self):
        return 9

    def __getitem__(self, index):
        torch.rand(1)
        return {'inputs': [torch.zeros((1 + (index == 8)) * MIB, dtype=torch.uint8)], 'id': index}


@pytest.mark.parametrize(
    ('workers', 'prefetch', 'ranks', 'free', 'fits'),
    [
        (2, None, '1', 41, True),  # 4 samples x 2 MiB x (2 workers x 2 batches + the one in use)
        (2, None, '1', 39, False),
        (2, 4, '1', 71, False),
        (2, None, '2', 79, False),
        (0, None, '1', 0, True),
        (8, None, '8', 2048, True),  # enough not to ask
    ],
)
def test_batches_in_flight_fit_into_shared_memory(monkeypatch, workers, prefetch, ranks, free, fits):
    loader = DataLoader(Pictures(), 4, num_workers=workers, prefetch_factor=prefetch)
    monkeypatch.setattr(preparation, 'disk_usage', lambda _: Usage(0, 0, free * MIB))
    monkeypatch.setenv('LOCAL_WORLD_SIZE', ranks)
    state = torch.random.get_rng_state()
    if fits:
        preparation.check_shared_memory(loader)
    else:
        with pytest.raises(
            RunError, match=rf'has {free} MiB .* {workers} workers .* docker run --shm-size=1g.*num_workers=0'
        ):
            preparation.check_shared_memory(loader)
    assert torch.equal(state, torch.random.get_rng_state())


def test_without_dev_shm(monkeypatch):
    monkeypatch.setattr(preparation, 'SHARED_MEMORY', '/nowhere')
    preparation.check_shared_memory(DataLoader(Pictures(), 4, num_workers=2))


@pytest.mark.parametrize('settings', [{}, {'timeout': 0}, {'timeout': 5}])
def test_loaders_have_a_timeout(toy_cfg, build_runner, settings):
    toy_cfg.train_dataloader.update(num_workers=1, **settings)
    runner = build_runner(toy_cfg)
    assert runner.train_dataloader.timeout == settings.get('timeout', 600)
    assert runner.test_dataloader.timeout == 0  # it has no workers
