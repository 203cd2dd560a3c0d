from pathlib import Path

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
