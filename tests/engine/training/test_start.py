"""Where trainings start (A1, T1), and what they resume (R17)."""

import os
import shutil
from pathlib import Path

import pytest
import torch

from mmflamingo.engine import read_checkpoint
from mmflamingo.engine.errors import CheckpointError, ConfigError, RunError
from mmflamingo.engine.training.start import choose_start, find_newest, last_checkpoint

CHECKPOINT = {'meta': {'epoch': 0, 'iter': 4}, 'state_dict': {}, 'message_hub': {}, 'optimizer': {}}


def write(path, iteration=4, **changes):
    """A checkpoint of a training."""
    path.parent.mkdir(exist_ok=True)
    torch.save({**CHECKPOINT, 'meta': {'epoch': 0, 'iter': iteration}, **changes}, path)
    return str(path)


def start(work_dir, resume, load_from=None, max_iters=8):
    work_dir.mkdir(exist_ok=True)
    return choose_start(resume, load_from, work_dir, lambda meta: meta['iter'] >= max_iters)


class TestNothingToResume:
    @pytest.mark.parametrize('resume', [True, 'auto'])
    @pytest.mark.parametrize('has_state', [False, True])
    def test_the_weights_of_load_from_are_the_start(self, tmp_path, resume, has_state):
        """`has_state`: that of another, finished training, such as the stage before."""
        path = write(tmp_path / 'before.pth', 8)
        if not has_state:
            torch.save({'state_dict': {}}, path)
        chosen = start(tmp_path / 'empty', resume, path)
        assert (chosen.path, chosen.resumes) == (path, False)
        assert 'holds no checkpoint to resume' in chosen.warnings[0] and path in chosen.warnings[0]

    def test_without_load_from_it_starts_anew(self, tmp_path):
        chosen = start(tmp_path / 'empty', True)
        assert (chosen.path, chosen.resumes) == (None, False) and 'starts anew' in chosen.warnings[0]

    def test_auto_never_continues_load_from(self, tmp_path):
        assert not start(tmp_path / 'empty', 'auto', write(tmp_path / 'half.pth')).resumes


def test_true_continues_an_unfinished_load_from_as_in_mmengine(tmp_path):
    half = write(tmp_path / 'half.pth')
    assert start(tmp_path / 'empty', True, half).resumes
    newest = write(tmp_path / 'run' / 'iter_6.pth', 6)
    assert start(tmp_path / 'run', True, half).path == newest  # a job that is started again keeps what it has
    older = write(tmp_path / 'run' / 'iter_2.pth', 2)
    assert start(tmp_path / 'run', True, older).path == older  # asked for


def test_a_named_checkpoint_is_continued_or_it_is_an_error(tmp_path):
    path = write(tmp_path / 'run' / 'iter_2.pth')
    write(tmp_path / 'run' / 'iter_4.pth')
    assert (start(tmp_path / 'run', path).path, start(tmp_path / 'run', path).resumes) == (path, True)
    with pytest.raises(FileNotFoundError, match=r'nowhere\.pth'):
        start(tmp_path / 'run', 'nowhere.pth')
    torch.save({'state_dict': {}}, tmp_path / 'weights.pth')
    with pytest.raises(CheckpointError, match=r'no training .*\(no meta, message_hub\).*set load_from'):
        start(tmp_path / 'run', str(tmp_path / 'weights.pth'))
    without = write(tmp_path / 'best.pth', optimizer=None)
    torch.save({k: v for k, v in torch.load(without).items() if k != 'optimizer'}, without)
    assert 'no state of the optimizer' in start(tmp_path / 'run', without).warnings[0]


@pytest.mark.parametrize('resume', [None, 3, '', ['a']])
def test_what_resume_may_be(tmp_path, resume):
    with pytest.raises(ConfigError, match='give True, False'):
        start(tmp_path, resume)


class TestNewest:
    @pytest.fixture
    def run(self, tmp_path):
        for iteration in (2, 4, 10):
            write(tmp_path / 'run' / f'iter_{iteration}.pth', iteration)
        write(tmp_path / 'run' / 'best_acc_iter_12.pth')
        return tmp_path / 'run'

    @pytest.mark.parametrize(
        ('last', 'expected'),
        [
            ('iter_4.pth', 'iter_4.pth'),
            ('{run}/iter_4.pth', 'iter_4.pth'),
            ('runs/iter_4.pth', 'iter_4.pth'),  # relative to another folder, as mmengine writes it
            (None, 'iter_10.pth'),
            ('', 'iter_10.pth'),
            ('iter_6.pth', 'iter_10.pth'),
            ('/elsewhere/iter_6.pth', 'iter_10.pth'),
            ('..', 'iter_10.pth'),
        ],
    )
    def test_last_checkpoint_or_the_highest_number(self, run, last, expected):
        if last is not None:
            (run / 'last_checkpoint').write_text(last.format(run=run))
        found = find_newest(run)
        assert Path(found.path) == run / expected
        assert bool(found.warnings) == (last in ('iter_6.pth', '/elsewhere/iter_6.pth', '..'))

    @pytest.mark.parametrize('broken', ['cut', 'empty', 'text', 'gone', 'weights', 'folder'])
    def test_a_broken_one_gives_way_to_the_newest_sound_one(self, run, broken):
        (run / 'last_checkpoint').write_text('iter_10.pth')
        path = run / 'iter_10.pth'
        content = path.read_bytes()
        path.unlink()
        if broken in ('cut', 'empty', 'text'):
            path.write_bytes({'cut': content[:-90], 'empty': b'', 'text': b'<html>'}[broken])
        elif broken == 'weights':
            torch.save({'state_dict': {}}, path)
        elif broken == 'folder':
            path.mkdir()
        found = find_newest(run)
        assert Path(found.path) == run / 'iter_4.pth' and found.resumes
        assert 'iter_10.pth' in found.warnings[0] and found.warnings[-1].endswith('continues from ' + found.path + '.')

    def test_if_none_is_sound_nothing_is_trained(self, run):
        for path in run.glob('*.pth'):
            path.write_bytes(b'')
        with pytest.raises(RunError, match=r'(?s)can be resumed:.*iter_10.pth.*iter_2.pth.*Move them away'):
            find_newest(run)

    def test_a_copied_folder_resumes_its_own(self, run, tmp_path):
        (run / 'last_checkpoint').write_text(f'{run}/iter_4.pth')
        shutil.copytree(run, tmp_path / 'copy')
        assert last_checkpoint(tmp_path / 'copy') == tmp_path / 'copy' / 'iter_4.pth'

    def test_a_fresh_training_says_what_it_overwrites(self, run):
        assert 'up to iter_10.pth' in start(run, False).warnings[0]


class TestTrainings:
    """The same, by trainings."""

    @pytest.fixture
    def trained(self, toy_cfg, build_runner, tmp_path):
        build_runner(toy_cfg, work_dir=str(tmp_path / 'run'), **{'train_cfg.max_iters': 4}).train()
        return tmp_path / 'run'

    def test_last_checkpoint_is_relative_and_a_copy_resumes_itself(self, toy_cfg, build_runner, trained, tmp_path):
        assert (trained / 'last_checkpoint').read_text() == 'iter_4.pth'
        copy = tmp_path / 'copy'
        shutil.copytree(trained, copy)
        (trained / 'iter_4.pth').unlink()
        runner = build_runner(toy_cfg, work_dir=str(copy), resume='auto')
        runner.train()
        assert (copy / 'last_checkpoint').read_text() == 'iter_8.pth' and not (trained / 'iter_8.pth').exists()
        assert read_checkpoint(str(copy / 'iter_8.pth'))['meta']['iter'] == 8

    def test_other_settings_are_said(self, toy_cfg, build_runner, trained):
        changes = {'train_dataloader.batch_size': 3, 'optim_wrapper.optimizer.lr': 0.5}
        runner = build_runner(toy_cfg, work_dir=str(trained), resume=True, **changes)
        runner.train()
        log = Path(runner.log_dir, f'{runner.timestamp}.log').read_text()
        assert 'optim_wrapper.optimizer.lr: 0.01 there, 0.5 here' in log
        assert 'train_dataloader.batch_size: 2 there, 3 here' in log

    def test_the_schedule_of_a_longer_training_goes_on(self, toy_cfg, build_runner, trained):
        """mmengine takes its end from the checkpoint: the learning rate would stay at 0.0069."""
        runner = build_runner(toy_cfg, work_dir=str(trained), resume=True)
        runner.train()
        assert runner.optim_wrapper.get_lr()['lr'][0] < 0.002

    @pytest.mark.parametrize(
        'changes',
        [
            {'optim_wrapper.optimizer': dict(_delete_=True, type='SGD', lr=0.1)},
            {'optim_wrapper.paramwise_cfg': dict(custom_keys=dict(head=dict(lr_mult=2)))},
            {'model.width': 2},
        ],
    )
    def test_a_checkpoint_of_another_config(self, toy_cfg, build_runner, trained, changes):
        """What can't be continued is refused; another optimizer would take the state for its own."""
        cfg = toy_cfg.copy()
        cfg.merge_from_dict(changes)
        with pytest.raises(CheckpointError, match='does not fit'):
            build_runner(cfg, work_dir=str(trained), resume=True).train()

    def test_its_config_is_not_run(self, toy_cfg, build_runner, trained, tmp_path):
        checkpoint = read_checkpoint(str(trained / 'iter_4.pth'))
        checkpoint['meta']['config'] = f'import pathlib\npathlib.Path({str(tmp_path / "ran")!r}).touch()'
        torch.save(checkpoint, trained / 'iter_4.pth')
        build_runner(toy_cfg, work_dir=str(trained), resume=True).train()
        assert not (tmp_path / 'ran').exists()

    def test_fresh_parameters_are_never_fresh_again(self, toy_cfg, build_runner, trained):
        checkpoint = read_checkpoint(str(trained / 'iter_4.pth'))
        del checkpoint['state_dict']['body.bias']
        torch.save(checkpoint, trained / 'iter_4.pth')
        with pytest.raises(CheckpointError, match=r'missing from the checkpoint: 1 key'):
            build_runner(toy_cfg, work_dir=str(trained), resume=True, fresh_parameters=['body.bias']).train()


class TestSaving:
    def test_a_save_that_breaks_leaves_what_was_there(self, toy_cfg, build_runner, tmp_path, monkeypatch):
        """Killed between the removal of the oldest and the end of the write, mmengine would leave none."""
        runner = build_runner(toy_cfg, **{'default_hooks.checkpoint': dict(interval=2, max_keep_ckpts=1)})
        work_dir = Path(runner.work_dir)
        save, seen = torch.save, []

        def cut_off(checkpoint, file):
            seen.append(sorted(path.name for path in work_dir.glob('*.pth')))
            if len(seen) == 3:
                raise OSError(28, os.strerror(28))
            save(checkpoint, file)

        monkeypatch.setattr(torch, 'save', cut_off)
        with pytest.raises(OSError, match='No space left on device: .*iter_6.pth'):
            runner.train()
        assert seen == [[], ['iter_2.pth'], ['iter_4.pth']]
        assert [path.name for path in work_dir.glob('iter_*')] == ['iter_4.pth']
        assert Path(find_newest(work_dir).path).name == 'iter_4.pth'

    def test_the_best_of_a_copied_folder_is_its_own(self, toy_cfg, build_runner, tmp_path):
        """Resumed, mmengine would remove the best checkpoint of the folder that was copied."""
        cfg = toy_cfg.copy()
        cfg.merge_from_dict(
            {
                'val_dataloader': cfg.test_dataloader,
                'val_cfg': dict(type='ValLoop'),
                'val_evaluator': dict(type='ToyMetric'),
                'train_cfg.val_interval': 4,
                'default_hooks.checkpoint': dict(interval=4, save_best='toy/sum', rule='greater'),
            }
        )
        build_runner(cfg, work_dir=str(tmp_path / 'run'), **{'train_cfg.max_iters': 4}).train()
        best = tmp_path / 'run' / 'best_toy_sum_iter_4.pth'
        assert best.is_file()
        shutil.copytree(tmp_path / 'run', tmp_path / 'copy')
        runner = build_runner(cfg, work_dir=str(tmp_path / 'copy'), resume=True, **{'val_evaluator.type': 'ToyMetric'})
        runner.message_hub.update_info('best_score', 0)
        hook = next(hook for hook in runner.hooks if type(hook).__name__ == 'CheckpointHook')
        before = hook.before_train

        def forget_the_score(runner):
            before(runner)
            runner.message_hub.update_info('best_score', -1)

        hook.before_train = forget_the_score
        runner.train()
        assert best.is_file()
        assert [path.name for path in (tmp_path / 'copy').glob('best_*')] == ['best_toy_sum_iter_8.pth']
