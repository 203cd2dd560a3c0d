from pathlib import Path

import pytest
import toy_parts
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmflamingo.registry import RUNNERS

TOY_CONFIG = Path(__file__).with_name('toy_config.py')


@pytest.fixture
def toy_cfg(tmp_path):
    """The toy config, with a work dir of its own."""
    cfg = Config.fromfile(TOY_CONFIG)
    cfg.work_dir = str(tmp_path / 'work_dir')
    return cfg


@pytest.fixture
def build_runner():
    """Builds a runner; each test gets loggers and scopes of its own."""

    def build(cfg, **overrides):
        cfg = cfg.copy()
        cfg.merge_from_dict(overrides)
        cfg.experiment_name = f'toy-{len(DefaultScope._instance_dict)}'
        return RUNNERS.build(cfg)

    return build


@pytest.fixture
def toy_model():
    return toy_parts.ToyModel()
