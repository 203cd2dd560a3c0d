import io
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from torch.utils.data import DataLoader

from mmflamingo.engine.config import cli
from mmflamingo.engine.errors import CheckpointError, ConfigError, MissingFilesError


@pytest.mark.parametrize(
    ('error', 'code', 'said'),
    [
        (ConfigError('two mistakes'), 2, 'Error: two mistakes'),
        (MissingFilesError('no data'), 2, 'Error: no data'),
        (CheckpointError('too short'), 1, 'Error: too short'),
        (FileNotFoundError(2, 'No such file', 'a.json'), 1, "No such file: 'a.json'"),
        (KeyError('images'), 1, 'Error: images'),
        (ImportError('pip install it'), 1, 'Error: pip install it'),
    ],
)
def test_what_a_user_can_mend_ends_without_traceback(error, code, said, capsys):
    with pytest.raises(SystemExit) as caught, cli.user_errors():
        raise error
    assert caught.value.code == code
    shown = capsys.readouterr().err
    assert said in shown and 'Traceback' not in shown


def test_debug_and_bugs_keep_their_traceback(monkeypatch):
    with pytest.raises(ConfigError), cli.user_errors(debug=True):
        raise ConfigError('x')
    with pytest.raises(TypeError), cli.user_errors():
        raise TypeError('a bug')
    monkeypatch.setenv(cli.DEBUG_VARIABLE, '1')
    with pytest.raises(ConfigError), cli.user_errors():
        raise ConfigError('x')


def test_mistakes_are_told_by_one_rank(monkeypatch, capsys):
    monkeypatch.setenv('RANK', '1')
    monkeypatch.setenv('WORLD_SIZE', '2')
    with pytest.raises(SystemExit), cli.user_errors():
        raise ConfigError('told by rank 0')
    assert capsys.readouterr().err == ''
    with pytest.raises(SystemExit), cli.user_errors():
        raise ValueError('here only')
    assert 'Error on rank 1: here only' in capsys.readouterr().err


class Broken(torch.utils.data.Dataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        raise ValueError("image 'a.jpg' is cut off.\nRemove it.")


def test_message_out_of_a_worker():
    with pytest.raises(ValueError) as caught:
        list(DataLoader(Broken(), num_workers=1))
    assert cli.message_of(caught.value) == "image 'a.jpg' is cut off.\nRemove it."


def test_missing_config_names_a_near_one(tmp_path):
    (tmp_path / 'zeroshot.py').touch()
    with pytest.raises(MissingFilesError, match='Did you mean .*zeroshot.py'):
        cli.load_config(str(tmp_path / 'zerosshot.py'))
    with pytest.raises(MissingFilesError, match='does not exist either'):
        cli.load_config('nowhere/a.py')


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('model = dict(', 'SyntaxError'),
        ("_base_ = 'gone.py'", r'gone\.py'),
        ('a = 1 / 0', 'ZeroDivisionError'),
    ],
)
def test_config_that_cannot_be_read(tmp_path, text, said):
    (tmp_path / 'broken.py').write_text(text)
    with pytest.raises((ConfigError, MissingFilesError), match=rf'broken\.py(.|\n)*{said}'):
        cli.load_config(str(tmp_path / 'broken.py'))


def test_an_unknown_benchmark_lists_the_known(tmp_path):
    (tmp_path / 'datasets').mkdir()
    for name in 'okvqa', 'gqa':
        (tmp_path / f'datasets/{name}.py').touch()
    (tmp_path / 'a.py').write_text("_base_ = ['datasets/okvqq.py']")
    with pytest.raises(MissingFilesError, match=r'Did you mean .*okvqa\.py\? In .* there are: gqa\.py, okvqa\.py\.'):
        cli.load_config(str(tmp_path / 'a.py'))


def test_options_are_merged_and_checked(tmp_path):
    path = tmp_path / 'a.py'
    path.write_text('model = dict(width=1)\nhelper = 3')
    cfg = cli.load_config(str(path), {'model.width': 2, 'randomness.seed': 1})
    assert cfg.model.width == 2 and cfg.randomness.seed == 1
    with pytest.raises(ConfigError, match="no key 'modle'. Did you mean 'model'"):
        cli.load_config(str(path), {'modle.width': 2})
    with pytest.raises(ConfigError, match='helper is 3 in the config'):
        cli.load_config(str(path), {'helper.x': 2})


def test_sections_of_other_modes_are_dropped(toy_cfg):
    cli.keep_sections(toy_cfg, 'test')
    assert 'test_dataloader' in toy_cfg
    assert not {'train_dataloader', 'optim_wrapper', 'param_scheduler'} & set(toy_cfg)


def test_mixed_precision_without_a_gpu(toy_cfg, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    cli.use_amp_for_training(toy_cfg)
    cli.use_amp_for_testing(toy_cfg)
    assert toy_cfg.optim_wrapper.type == 'Bf16OptimWrapper'
    assert toy_cfg.test_cfg.fp16 is True


def test_scaled_learning_rate_needs_a_base():
    with pytest.raises(ConfigError, match='base_batch_size'):
        cli.scale_learning_rate(Config())
    cfg = Config(dict(auto_scale_lr=dict(base_batch_size=8)))
    cli.scale_learning_rate(cfg)
    assert cfg.auto_scale_lr.enable


def test_ctrl_c_ends_without_traceback(capfd):
    with pytest.raises(SystemExit) as end, cli.user_errors():
        raise KeyboardInterrupt
    assert end.value.code == 130 and capfd.readouterr().err == '\nInterrupted.\n'


@pytest.mark.parametrize('encoding', ['ascii', 'latin-1', 'utf-8'])
def test_a_terminal_shows_any_text(monkeypatch, encoding):
    """R20: tables with signs, and file names that are not UTF-8."""
    shown = io.BytesIO()
    monkeypatch.setattr(sys, 'stdout', io.TextIOWrapper(shown, encoding=encoding, write_through=True))
    monkeypatch.setattr(sys, 'stderr', io.StringIO())
    with cli.user_errors():
        print('81.4 ± 0.2 caf\udce9 日本')
    assert rb'caf\udce9' in shown.getvalue() and b'81.4' in shown.getvalue()


def test_the_log_file_takes_any_text(toy_cfg, build_runner, capfd):
    runner = build_runner(toy_cfg)
    runner.logger.info('caf\udce9 日本')
    assert 'Logging error' not in capfd.readouterr().err
    log = next(Path(runner.log_dir).glob('*.log')).read_text(encoding='utf-8')
    assert r'caf\udce9 日本' in log
