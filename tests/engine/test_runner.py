import logging
from pathlib import Path

import pytest
import torch

from mmflamingo.engine.config.cli import keep_sections
from mmflamingo.engine.errors import CheckpointError, ConfigError, building_a_model


def test_resumed_training_equals_uninterrupted(toy_cfg, build_runner, tmp_path):
    whole = build_runner(toy_cfg, work_dir=str(tmp_path / 'whole')).train()
    half_way = str(tmp_path / 'whole' / 'iter_4.pth')
    overrides = {'work_dir': str(tmp_path / 'rest'), 'load_from': half_way, 'resume': True}
    resumed = build_runner(toy_cfg, **overrides).train()
    for key, value in whole.state_dict().items():
        assert torch.allclose(value, resumed.state_dict()[key]), key


def test_no_random_weights_are_tested_unawares(toy_cfg, build_runner):
    runner = build_runner(toy_cfg, allow_random_weights=False)
    with pytest.raises(CheckpointError, match=r'would be random:\n  6 keys\n    body\.\*: 2'):
        runner.test()


def test_checkpoint_must_fit_to_be_tested(toy_cfg, build_runner, tmp_path):
    torch.save({'state_dict': {'body.weight': torch.zeros(1, 1)}}, tmp_path / 'part.pth')
    runner = build_runner(toy_cfg, load_from=str(tmp_path / 'part.pth'))
    with pytest.raises(CheckpointError, match='part.pth does not fit'):
        runner.test()
    log = Path(runner.log_dir, f'{runner.timestamp}.log').read_text()
    assert 'The run broke off.' in log and 'Traceback' in log


def test_module_prefix_and_bare_state_dict(toy_cfg, build_runner, tmp_path, toy_model):
    state_dict = {f'module.{key}': value for key, value in toy_model.state_dict().items()}
    torch.save(state_dict, tmp_path / 'bare.pth')
    runner = build_runner(toy_cfg, load_from=str(tmp_path / 'bare.pth'), allow_random_weights=False)
    assert runner.test()['toy/count'] == 13
    assert torch.equal(runner.model.body.weight, toy_model.body.weight)


def test_dict_without_state_dict_is_named(toy_cfg, build_runner, tmp_path):
    torch.save({'epoch': 3, 'model': {}}, tmp_path / 'odd.pth')
    runner = build_runner(toy_cfg)
    with pytest.raises(CheckpointError, match=r'odd\.pth is neither.*epoch, model'):
        runner.load_checkpoint(str(tmp_path / 'odd.pth'))


def test_loading_what_fits_is_asked_for_and_logged(toy_cfg, build_runner, tmp_path):
    weights = {'body.weight': torch.full((1, 1), 7.0), 'other': torch.zeros(1)}
    torch.save(weights, tmp_path / 'part.pth')
    runner = build_runner(toy_cfg)
    runner.load_checkpoint(str(tmp_path / 'part.pth'), strict=False)
    assert runner.model.body.weight.item() == 7
    log = Path(runner.log_dir, f'{runner.timestamp}.log').read_text()
    assert 'unexpected, not in the model: 1 key' in log


def test_terminal_is_spared_the_setup_but_the_log_file_is_not(toy_cfg, build_runner, capfd):
    runner = build_runner(toy_cfg)
    runner.logger.info('to both')
    shown = capfd.readouterr()
    log = Path(runner.log_dir, f'{runner.timestamp}.log').read_text()
    assert 'System environment' in log and 'Hooks will be executed' in log and 'to both' in log
    assert 'System environment' not in shown.out + shown.err
    assert 'to both' in shown.out + shown.err
    assert all(handler.level <= logging.INFO for handler in runner.logger.handlers)


def test_fresh_parameters_need_not_be_in_the_checkpoint_to_start_from(toy_cfg, build_runner, toy_model, tmp_path):
    state_dict = toy_model.state_dict()
    del state_dict['body.bias']
    torch.save(state_dict, tmp_path / 'start.pth')
    source = {'load_from': str(tmp_path / 'start.pth')}
    with pytest.raises(CheckpointError, match=r'missing from the checkpoint: 1 key'):
        build_runner(toy_cfg, **source).train()
    trained = build_runner(toy_cfg, fresh_parameters=['body.bias'], **source).train()
    assert not torch.equal(trained.body.weight, toy_model.body.weight)
    with pytest.raises(CheckpointError, match=r"fresh_parameters names \['boy.bias'\]"):
        build_runner(toy_cfg, fresh_parameters=['boy.bias'], **source).train()


@pytest.mark.parametrize('run', ['test', 'train'])
def test_after_loading(toy_cfg, build_runner, toy_model, tmp_path, run):
    """The model is told when it has its weights, and before it runs."""
    torch.nn.init.constant_(toy_model.frozen.weight, 7.0)
    torch.save(toy_model.state_dict(), tmp_path / 'weights.pth')
    runner = build_runner(toy_cfg, load_from=str(tmp_path / 'weights.pth'))
    model, events = runner.model, []
    model.after_loading = lambda: events.append(model.frozen.weight.item()) or 'All is in its place.'
    model.register_forward_pre_hook(lambda *_: events.append('forward'))
    getattr(runner, run)()
    assert events[:2] == [7.0, 'forward'] and events.count(7.0) == 1
    assert 'All is in its place.' in Path(runner.log_dir, f'{runner.timestamp}.log').read_text()


def test_one_key_compiles_for_tests_and_trainings(toy_cfg, build_runner):
    toy_cfg.compile = {'backend': 'eager'}
    runner = build_runner(toy_cfg)
    assert runner.model._compiled_call_impl is None
    assert runner.test()['toy/count'] == 13
    assert runner.model._compiled_call_impl is not None
    compiled, plain = build_runner(toy_cfg).train(), build_runner(toy_cfg, compile=False).train()
    assert compiled._compiled_call_impl is not None and plain._compiled_call_impl is None
    assert compiled.state_dict().keys() == plain.state_dict().keys()


@pytest.mark.parametrize('options', [{'backend': 'indoctor'}, {'mode': 'fast'}])
def test_what_torch_compile_does_not_know_is_said(toy_cfg, build_runner, options):
    toy_cfg.compile = options
    with pytest.raises(ConfigError, match=f'torch.compile does not take compile = .*{options.popitem()[1]}'):
        build_runner(toy_cfg).test()


@pytest.mark.parametrize('section, count', [('train', 6), ('test', 3)])
def test_only_a_test_with_a_checkpoint_builds_without_initialisation(
    toy_cfg, build_runner, monkeypatch, section, count
):
    keep_sections(toy_cfg, section)
    filled, fill = [], torch.nn.init.kaiming_uniform_
    monkeypatch.setattr(torch.nn.init, 'kaiming_uniform_', lambda *args, **kwargs: filled.append(fill(*args, **kwargs)))
    build_runner(toy_cfg)
    assert len(filled) == 3
    build_runner(toy_cfg, load_from='weights.pth')
    assert len(filled) == count


def test_a_part_is_not_loaded_into_a_model_without_weights(toy_cfg, build_runner, tmp_path):
    keep_sections(toy_cfg, 'test')
    torch.save({'body.weight': torch.zeros(1, 1)}, tmp_path / 'part.pth')
    runner = build_runner(toy_cfg, load_from=str(tmp_path / 'part.pth'))
    with pytest.raises(CheckpointError, match='(?s)fits only in part.*missing.*without load_from'):
        runner.load_checkpoint(str(tmp_path / 'part.pth'), strict=False)


def test_one_key_names_the_dtype_of_a_test(toy_cfg, build_runner, toy_model, tmp_path):
    torch.save(toy_model.state_dict(), tmp_path / 'toy.pth')
    for key in ('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'auto_scale_lr'):
        toy_cfg.pop(key)
    runner = build_runner(toy_cfg, dtype='bfloat16', load_from=str(tmp_path / 'toy.pth'))
    runner.load_or_resume()
    assert {parameter.dtype for parameter in runner.model.parameters()} == {torch.bfloat16}
    assert torch.equal(runner.model.body.weight, toy_model.body.weight.bfloat16())


@pytest.mark.parametrize('section', ['train', 'test'])
def test_annotations_are_read_before_the_model_is_loaded(toy_cfg, build_runner, tmp_path, section):
    (tmp_path / 'a.json').write_text('{"data": [{"image_id": 1, "question_id": 2.5, "question": "why?"}]}')
    toy_cfg.model = dict(type='ToyModel', an_argument_that_it_lacks=1)
    toy_cfg[f'{section}_dataloader'].dataset = dict(
        type='mmflamingo.TextVQA', ann_file='a.json', data_root=str(tmp_path)
    )
    with pytest.raises(ValueError, match='entry 0 .question_id 2.5.: question_id is 2.5, it must be an id'):
        build_runner(toy_cfg)


def test_a_model_beyond_all_sizes_is_a_mistake_of_the_config():
    with pytest.raises(ConfigError, match=r'^The model of the config cannot be built: \w+Error: .+$'):
        with building_a_model():
            torch.nn.Linear(10**9, 10**12)
    with pytest.raises(KeyError), building_a_model():
        raise KeyError('a bug keeps its traceback')
