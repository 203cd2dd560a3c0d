import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmflamingo.engine import read_checkpoint


def test_train_resume_and_options(run_tool, toy_config, capfd):
    options = ['--amp', '--auto-scale-lr', '--work-dir', 'runs']
    assert run_tool('train', toy_config, *options) == 0
    assert 'Iter(train) [8/8]' in capfd.readouterr().out
    weights = read_checkpoint('runs/iter_4.pth')['state_dict']
    assert weights['body.weight'].dtype is torch.float32

    assert run_tool('train', toy_config, '--work-dir', 'runs', '--resume', 'runs/iter_4.pth') == 0
    assert 'resumed epoch: 0, iter: 4' in capfd.readouterr().out
    longer = ['--cfg-options', 'train_cfg.max_iters=10']
    assert run_tool('train', toy_config, '--work-dir', 'runs', '--resume', *longer) == 0
    assert 'iter: 8' in capfd.readouterr().out
    assert Path('runs/last_checkpoint').read_text().endswith('iter_10.pth')


def test_missing_checkpoint_to_resume(run_tool, toy_config, capfd):
    assert run_tool('train', toy_config, '--resume', 'nowhere.pth') == 2
    assert 'nowhere.pth' in capfd.readouterr().err


@pytest.mark.parametrize('ways', [['--resume'], ['--cfg-options', 'resume=True']])
def test_resume_in_an_empty_work_dir_starts_from_load_from(run_tool, toy_config, tmp_path, capfd, ways):
    """A1: schedulers always pass --resume; the first start was from random weights."""
    assert run_tool('train', toy_config, '--work-dir', 'before') == 0
    weights = read_checkpoint('before/iter_8.pth')['state_dict']
    config = tmp_path / 'second_stage.py'
    config.write_text(
        f"_base_ = {toy_config!r}\nload_from = 'before/iter_8.pth'\n"
        'optim_wrapper = dict(optimizer=dict(lr=0.0))\nparam_scheduler = None\n'
    )
    capfd.readouterr()
    assert run_tool('train', config, '--work-dir', 'empty', *ways) == 0
    shown = capfd.readouterr().out
    assert 'holds no checkpoint to resume: the training starts from the weights of before/iter_8.pth' in shown
    assert 'Iter(train) [2/8]' in shown
    for name, value in read_checkpoint('empty/iter_8.pth')['state_dict'].items():
        assert torch.equal(value, weights[name]), name
    assert run_tool('train', config, '--work-dir', 'empty', *ways) == 0  # the scheduler starts it once more
    assert 'is at iteration 8 of 8: nothing is left to train' in capfd.readouterr().out


def test_a_second_training_into_one_work_dir(run_tool, toy_config, tmp_path, capfd):
    """R17: it is refused before the model is built."""
    script = 'import sys, time; from mmflamingo.engine.testing.work_dir import claim\n'
    script += "lock = claim(sys.argv[1], 'train'); print('claimed', flush=True); time.sleep(60)"
    Path('runs').mkdir()
    first = subprocess.Popen([sys.executable, '-c', script, 'runs'], stdout=subprocess.PIPE, text=True)
    try:
        assert first.stdout.readline() == 'claimed\n'
        assert run_tool('train', toy_config, '--work-dir', 'runs') == 1
        assert f'runs is in use by process {first.pid}' in capfd.readouterr().err
        assert not list(Path('runs').glob('*/'))
    finally:
        first.kill()
        first.wait()


@pytest.mark.slow
def test_a_loss_that_is_nan_on_one_rank_is_a_step_that_none_takes(toy_config, tmp_path):
    """T4, with two real processes."""
    (tmp_path / 'nan_parts.py').write_text(
        'import os\nimport toy_parts\nforward, calls = toy_parts.ToyModel.forward, []\n'
        'def broken(self, inputs, data_samples=None, mode="tensor"):\n'
        '    calls.append(mode)\n'
        '    outputs = forward(self, inputs, data_samples, mode)\n'
        '    is_nan = os.environ["RANK"] == "1" and len(calls) == 3\n'
        '    return {"loss": outputs["loss"] * (float("nan") if is_nan else 1)}\n'
        'toy_parts.ToyModel.forward = broken\n'
    )
    config = tmp_path / 'nan.py'
    config.write_text(f"_base_ = {toy_config!r}\ncustom_imports = dict(imports=['toy_parts', 'nan_parts'])\n")
    root = Path(toy_config).parents[2]
    paths = f'{Path(toy_config).parent}:{root}:{tmp_path}'
    env = {**os.environ, 'PYTHONPATH': paths, 'PORT': '29618', 'CUDA_VISIBLE_DEVICES': '', 'OMP_NUM_THREADS': '1'}
    env['PATH'] = f'{Path(sys.executable).parent}:{env["PATH"]}'
    command = ['bash', root / 'tools' / 'dist_train.sh', config, '2', '--work-dir', tmp_path / 'run']
    said = subprocess.run(command, env=env, check=True, capture_output=True, text=True, timeout=300).stdout
    assert said.count('A step is left out') == 1 and '[8/8]' in said
    assert all(
        value.isfinite().all() for value in read_checkpoint(str(tmp_path / 'run/iter_8.pth'))['state_dict'].values()
    )
