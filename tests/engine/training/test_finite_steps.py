"""NaN and infinity are neither trained on nor saved (T4)."""

from pathlib import Path

import pytest
import torch
from torch import nn

from mmflamingo.engine.config.check import find_mistakes
from mmflamingo.engine.errors import ConfigError, RunError
from mmflamingo.engine.training.finite import check_finite
from mmflamingo.engine.training.start import find_newest
from mmflamingo.registry import OPTIM_WRAPPERS

NAN, INF = float('nan'), float('inf')


@pytest.fixture(params=['OptimWrapper', 'Bf16OptimWrapper'])
def make(request):
    """A wrapper around an optimizer of one weight, and this weight."""

    def build(**settings):
        weight = nn.Parameter(torch.ones(1))
        optimizer = torch.optim.SGD([weight], lr=0.5)
        return OPTIM_WRAPPERS.build({'type': request.param, 'optimizer': optimizer, **settings}), weight

    return build


class BrokenGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, value):
        return value.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * INF


@pytest.mark.parametrize('broken', [lambda w: w * NAN, lambda w: w * INF, lambda w: -w * INF, BrokenGradient.apply])
def test_a_step_that_is_not_finite_is_left_out(make, broken):
    wrapper, weight = make(clip_grad=dict(max_norm=10.0))
    wrapper.update_params(broken(weight).sum())
    assert weight.item() == 1
    wrapper.update_params(weight.sum())
    assert weight.item() == 0.5


def test_a_loss_that_is_nan_with_gradients_that_are_not(make):
    wrapper, weight = make()
    wrapper.update_params(weight.sum() + NAN)
    assert weight.item() == 1


def test_one_of_several_accumulated_losses(make):
    wrapper, weight = make(accumulative_counts=2)
    wrapper.initialize_count_status(nn.Linear(1, 1), 0, 8)
    for added in (NAN, 0, 0, 0):
        wrapper.update_params(weight.sum() + added)
    assert weight.item() == 0.5


@pytest.mark.parametrize('most', [0, 2])
def test_too_many_in_a_row_end_the_training(make, most):
    wrapper, weight = make(max_skipped_steps=most)
    for _ in range(most):
        wrapper.update_params(weight.sum() * NAN)
    wrapper.update_params(weight.sum())  # counts afresh
    for _ in range(most):
        wrapper.update_params(weight.sum() * NAN)
    with pytest.raises(RunError, match=f'of {most + 1} steps in a row .*max_skipped_steps'):
        wrapper.update_params(weight.sum() * NAN)
    assert weight.item() == 0.5


def test_another_rank_s_loss_counts(make, monkeypatch):
    wrapper, weight = make()
    monkeypatch.setattr('mmflamingo.engine.training.finite.all_reduce', lambda flag, how: flag.zero_())
    wrapper.update_params(weight.sum())
    assert weight.item() == 1


def test_its_argument_is_known_to_the_config_check(toy_cfg):
    toy_cfg.optim_wrapper.max_skipped_steps = 3
    assert not list(find_mistakes(toy_cfg))
    toy_cfg.optim_wrapper.max_skiped_steps = 3
    assert "Did you mean 'max_skipped_steps'" in ''.join(find_mistakes(toy_cfg))


def test_what_is_not_finite_is_not_saved():
    model = nn.BatchNorm1d(2)
    check_finite(model)
    model.running_var[1] = INF
    model.weight.data[0] = NAN
    with pytest.raises(RunError, match='not saved: weight, running_var hold NaN or infinity'):
        check_finite(model)


def test_a_training_that_diverges_ends_with_sound_checkpoints(toy_cfg, build_runner):
    runner = build_runner(toy_cfg, **{'default_hooks.checkpoint.interval': 1, 'optim_wrapper.max_skipped_steps': 2})
    calls = []

    def diverge(module, arguments, outputs):
        calls.append(outputs)
        return {'loss': outputs['loss'] * (1 if len(calls) <= 3 else NAN)}

    runner.model.register_forward_hook(diverge)
    with pytest.raises(RunError, match='3 steps in a row'):
        runner.train()
    log = Path(runner.log_dir, f'{runner.timestamp}.log').read_text()
    assert log.count('A step is left out') == 2 and 'broke off at iteration 5 of 8' in log
    newest = find_newest(Path(runner.work_dir)).path
    assert all(torch.isfinite(value).all() for value in torch.load(newest)['state_dict'].values())


class TestParameters:
    """Kind 12: what is frozen has weights, and the counts are logged."""

    def test_frozen_parameters_without_weights(self, toy_cfg, build_runner):
        with pytest.raises(Exception, match=r'frozen and have no weights.*\n  2 keys\n    frozen') as caught:
            build_runner(toy_cfg, allow_random_weights=False).train()
        assert type(caught.value).__name__ == 'CheckpointError'

    def test_with_weights_they_are_counted(self, toy_cfg, build_runner, toy_model, tmp_path):
        torch.save(toy_model.state_dict(), tmp_path / 'start.pth')
        source = {'load_from': str(tmp_path / 'start.pth'), 'allow_random_weights': False}
        runner = build_runner(toy_cfg, **source)
        runner.train()
        log = Path(runner.log_dir, f'{runner.timestamp}.log').read_text()
        assert '4 parameters are trained, 2 are frozen.' in log

    def test_fresh_parameters_are_not_frozen_ones(self, toy_cfg, build_runner, toy_model, tmp_path):
        weights = toy_model.state_dict()
        del weights['frozen.bias']
        torch.save(weights, tmp_path / 'start.pth')
        source = {'load_from': str(tmp_path / 'start.pth'), 'allow_random_weights': False}
        with pytest.raises(Exception, match=r'no weights.*\n  1 key\n    frozen.*bias'):
            build_runner(toy_cfg, fresh_parameters=['frozen.bias'], **source).train()

    def test_a_file_of_the_parts_own_is_a_source(self, toy_cfg, build_runner):
        runner = build_runner(toy_cfg, allow_random_weights=False)
        runner.model.loaded_prefixes = lambda: {'frozen': 'frozen.pth'}
        runner.train()

    def test_tied_parameters_need_one_name(self, toy_cfg, build_runner, toy_model, tmp_path):
        torch.save(toy_model.state_dict(), tmp_path / 'start.pth')
        runner = build_runner(toy_cfg, load_from=str(tmp_path / 'start.pth'), allow_random_weights=False)
        load = runner.load_checkpoint

        def tie(*given, **more):
            checkpoint = load(*given, **more)
            runner.model.alias = nn.Linear(1, 1)
            runner.model.alias.weight, runner.model.alias.bias = runner.model.frozen.weight, runner.model.frozen.bias
            return checkpoint

        runner.load_checkpoint = tie
        runner.train()

    def test_nothing_to_train(self, toy_cfg, build_runner):
        runner = build_runner(toy_cfg)
        runner.model.requires_grad_(False)
        with pytest.raises(ConfigError, match='All 6 parameters of the ToyModel are frozen'):
            runner.train()
