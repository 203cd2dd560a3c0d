import importlib.util
import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmflamingo.engine.errors import RunError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tool(monkeypatch, toy_config, toy_parts_on_path):
    """The tool, with the toy config for each of its tasks."""
    spec = importlib.util.spec_from_file_location('emoji_controls', ROOT / 'tools' / 'dev' / 'emoji_controls.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def config_of(task, checkpoint, seed, shuffled, work_dir):
        cfg = Config.fromfile(toy_config)
        cfg.work_dir, cfg.load_from, cfg.experiment_name = str(work_dir), checkpoint, work_dir.name
        return cfg

    monkeypatch.setattr(module, 'config_of', config_of)
    return module


@pytest.fixture
def toy_parts_on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / 'tests' / 'engine'))


def save(path, seed):
    from toy_parts import ToyModel

    torch.manual_seed(seed)
    torch.save(ToyModel().state_dict(), path)
    return str(path)


def test_f3_a_finished_run_of_another_checkpoint_is_not_taken(tool, tmp_path):
    checkpoints = [save(tmp_path / f'{seed}.pth', seed) for seed in (0, 1)]
    folder = tool.run('vqa', checkpoints[0], 0, False, tmp_path)
    assert json.loads((folder / 'results.json').read_text())['metrics']['toy/count'] == 13
    assert tool.run('vqa', checkpoints[0], 0, False, tmp_path) == folder
    with pytest.raises(RunError, match='is another test.*\n  checkpoint.sha256: the file has other contents'):
        tool.run('vqa', checkpoints[1], 0, False, tmp_path)
